"""Files for other people's tools. One module per export, found by discovery: a module of this package that has an `EXPORT`.

An export reads the published marts only and writes one folder: its CSV files and a `manifest.json` that says what they hold. The
same data gives the same bytes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from warehouse.reader import Period, Reader


class ExportError(Exception):
    """The export cannot be written; the message says why and what to do."""


class UnknownExport(Exception):
    """No export of that name; the message lists those there are."""


@dataclass(frozen=True)
class WrittenFile:
    """One file as it was written. `totals`: the sum of every column that may be summed, as a reader of the file would find it."""

    name: str
    rows: int
    sha256: str
    totals: dict[str, Decimal]


@dataclass(frozen=True)
class Written:
    """A folder with its files, and its manifest as data."""

    folder: Path
    files: list[WrittenFile]
    manifest: dict[str, Any]


class Write(Protocol):
    """Write the export of a period to the folder `label` under `out`; amounts get `decimals` places.

    Raises ExportError, NothingPublished, PublishError, OSError.
    """

    def __call__(self, reader: Reader, out: Path, period: Period, *, label: str, decimals: int) -> Written: ...


@dataclass(frozen=True)
class Export:
    """One kind of export."""

    name: str
    description: str
    files: Mapping[str, str]
    """File name -> what it holds; `{every}` in a name is `monthly` or `weekly`."""
    write: Write


@cache
def discover() -> Mapping[str, Export]:
    """Every export, by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    exports = [module.EXPORT for module in modules if hasattr(module, "EXPORT")]
    return {export.name: export for export in sorted(exports, key=lambda export: export.name)}


def named(name: str) -> Export:
    """The export of that name. Raises UnknownExport."""
    known = discover()
    if name not in known:
        raise UnknownExport(f"Unknown export {name!r}. Known exports: {', '.join(known)}.")
    return known[name]
