"""Providers' own cost reports -> rows of provider_bills: one file `bills_<provider>.py` each, told apart by shape."""

from __future__ import annotations

import pkgutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from pipelines.feeds.json_rows import Document, read_objects
from pipelines.feeds.problems import FeedError, Problem
from pipelines.feeds.raw import RawRows
from warehouse.feed_schemas import FEEDS

PICO_DOLLAR = Decimal((0, (1,), -12))
Page = dict[str, Any]
BillLine = dict[str, str | None]


@dataclass(slots=True)
class Report:
    """What one page is read into: `line` is where the page begins in the file."""

    file: str
    line: int
    problems: list[Problem] = field(default_factory=list)
    rounded: int = 0
    off_by: Decimal = Decimal(0)

    def refuse(self, column: str, value: object, what: str, allowed: str) -> None:
        """Note a problem of this page."""
        self.problems.append(Problem(self.file, what, allowed, self.line, column, str(value)))

    def amount(self, column: str, value: object, scale: int = 0) -> str | None:
        """`value` × 10^scale to twelve decimals as text; what is rounded away is added up, to be told."""
        try:
            exact = Decimal(str(value)).scaleb(scale, Context(prec=200))
            kept = exact.quantize(PICO_DOLLAR, ROUND_HALF_EVEN, Context(prec=38))
        except ArithmeticError:
            self.refuse(column, value, "is not an amount", "A decimal number.")
            return None
        if kept != exact:
            self.rounded += 1
            self.off_by += kept - exact
        return f"{kept:f}"


class BillReader(Protocol):
    """One provider's report."""

    def matches(self, page: Page) -> bool:
        """Whether the page has this report's shape."""
        ...

    def lines(self, page: Page, report: Report) -> Iterable[BillLine]:
        """Bill lines of a page, by column of provider_bills."""
        ...


def bill_readers() -> dict[str, BillReader]:
    """Provider -> reader, for every `bills_<provider>.py` in this folder."""
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return {
        name.removeprefix("bills_"): cast("BillReader", import_module(f"pipelines.feeds.{name}"))
        for name in names
        if name.startswith("bills_")
    }


def reader_of(page: object) -> BillReader | None:
    """The reader whose shape the page has."""
    if not isinstance(page, dict):
        return None
    return next((reader for reader in bill_readers().values() if reader.matches(cast("Page", page))), None)


def read_bills(path: Path, pages: Iterable[Document], problems: list[Problem]) -> RawRows:
    """Bill lines of all pages of a file as raw rows.

    The amounts cannot be mended at their source: finer ones are rounded, and a note tells by how much.
    Raises FeedError when a page is of no known shape.
    """
    items: list[Document] = []
    reports: list[Report] = []
    last: Page = {}
    for line, page in pages:
        reader = reader_of(page)
        if reader is None:
            allowed = f"Reports are read from {', '.join(bill_readers())}."
            raise FeedError([*problems, Problem(str(path), "is not a cost report as the first one is", allowed, line)])
        report, last = Report(str(path), line), cast("Page", page)
        items += [(line, dict(row)) for row in _numbered(reader.lines(last, report))]
        reports.append(report)
    problems += [problem for report in reports for problem in report.problems]
    raw = read_objects(path, items, (), problems)
    if not items:
        raw = RawRows(str(path), {}, raw.lines, problems)
    return RawRows(raw.file, raw.columns, raw.lines, raw.problems, _notes(reports, last))


def _numbered(lines: Iterable[BillLine]) -> list[BillLine]:
    """Lines that only their amount tells apart get a line_id, 2 and on, in the order of the report."""
    key = [name for name in FEEDS["provider_bills"].key if name != "line_id"]
    seen: Counter[tuple[str | None, ...]] = Counter()
    numbered: list[BillLine] = []
    for line in lines:
        place = tuple(line.get(name) for name in key)
        seen[place] += 1
        numbered.append(line if seen[place] == 1 else {**line, "line_id": str(seen[place])})
    return numbered


def _notes(reports: Sequence[Report], last: Page) -> list[str]:
    rounded = sum(report.rounded for report in reports)
    off_by = sum((report.off_by for report in reports), Decimal(0))
    notes = (
        [f"amount: {rounded:,} finer than 12 decimals were rounded half to even, together by {off_by:f}."]
        if rounded
        else []
    )
    if last.get("has_more") is True:
        notes.append("has_more is true on the last page: the report goes on in pages that are not in this file.")
    return notes
