"""Is what runs here what this release was written for?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from pipelines.doctor.check import Check
from pipelines.settings import Settings


def python(settings: Settings) -> Iterator[Check]:
    del settings
    yield Check("python", sys.version_info >= (3, 11), sys.version.split()[0], "use Python 3.11 or newer")


def packages(settings: Settings) -> Iterator[Check]:
    """Every requirement of the project, and the driver that the control database needs."""
    needed = [Requirement(text) for text in requires("margincall") or ()]
    is_postgres = settings.control_url.startswith("postgres")
    wanted = [
        need for need in needed if need.marker is None or (is_postgres and need.marker.evaluate({"extra": "postgres"}))
    ]
    wrong = [
        f"{need.name} {found}, wanted {need.specifier}" for need, found in _found(wanted) if not _fits(need, found)
    ]
    shown = ", ".join(f"{need.name} {found}" for need, found in _found(wanted) if need.name in _TOLD)
    mend = "install the locked packages: `make setup`" + (", and the postgres extra" if is_postgres else "")
    yield Check("packages", not wrong, "; ".join(wrong) or f"margincall {version('margincall')}, {shown}", mend)


_TOLD = ("duckdb", "dbt-core", "dagster", "streamlit", "genai-prices")


def _found(wanted: list[Requirement]) -> Iterator[tuple[Requirement, str]]:
    for need in wanted:
        try:
            yield need, version(need.name)
        except PackageNotFoundError:
            yield need, "missing"


def _fits(need: Requirement, found: str) -> bool:
    return found != "missing" and need.specifier.contains(found, prereleases=True)
