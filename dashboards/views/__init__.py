"""The pages, one file each, found by discovery: a module with `TITLE`, `ICON` (Material Symbols), `ORDER` and `show(page)`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from dashboards.page import Page


class View(Protocol):
    TITLE: str
    ICON: str
    ORDER: int

    def show(self, page: Page) -> None: ...


@cache
def discover() -> dict[str, View]:
    """Views by the name of their file, in the order of the navigation."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    views = {name: cast(View, importlib.import_module(f"{__name__}.{name}")) for name in names}
    return dict(sorted(views.items(), key=lambda item: item[1].ORDER))
