"""What another price book would change, in dollars, and taking a newer one over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pipelines.building.dbt import NodeDone
from pipelines.building.lock import build_lock
from pipelines.building.prices import books
from pipelines.building.prices.answers import PriceQuestionError
from pipelines.building.prices.books import Candidate
from pipelines.building.prices.repricing import USED, Repriced, Used, repriced
from pipelines.building.prices.shadow import Compared, compare_costs, request_days
from pipelines.pricebook.book import PriceBook
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.litellm import LITELLM
from pipelines.pricebook.published import read_catalogue
from pipelines.settings import Settings
from warehouse import ledger_view
from warehouse.control import Control
from warehouse.ledger_view import PriceBookEntry
from warehouse.reader import NothingPublished, Reader

PUBLISHED, INSTALLED = "published", "installed"


@dataclass(frozen=True)
class Diff:
    """Two books over the requests of one month; `is_complete` where the data reaches the month's last day."""

    before_id: str
    after_id: str
    month: str
    is_complete: bool
    costs: Compared


@dataclass(frozen=True)
class Refresh:
    """What taking newer sources over changes, or has changed; `costs` of the days that it touches."""

    entry: PriceBookEntry | None
    chosen: Candidate
    change: Repriced
    costs: Compared | None
    is_applied: bool

    @property
    def is_same(self) -> bool:
        return self.chosen.is_in_force(self.entry)


def diff(
    settings: Settings,
    control: Control,
    before: str,
    after: str,
    month: str | None = None,
    progress: NodeDone = lambda *_: None,
) -> Diff:
    """Compare two books by name. Raises PriceQuestionError, PriceBookError, BuildError."""
    both = _named(settings, control, before), _named(settings, control, after)
    return diff_books(settings, control, *both, month, progress)


def diff_source(
    settings: Settings,
    control: Control,
    source: str,
    month: str | None = None,
    progress: NodeDone = lambda *_: None,
) -> Diff:
    """Compare genai-prices with another source of list prices. Raises PriceQuestionError, PriceBookError, BuildError."""
    if source != LITELLM:
        raise PriceQuestionError(f"Unknown source {source!r}. Known: {LITELLM}; it is compared with genai-prices.")
    return diff_books(settings, control, *books.source_books(settings, control), month, progress)


def diff_books(
    settings: Settings,
    control: Control,
    before: PriceBook,
    after: PriceBook,
    month: str | None,
    progress: NodeDone = lambda *_: None,
) -> Diff:
    """Compare two books over a month of the data, by default the last complete one."""
    days, is_complete = month_days(request_days(control), month)
    costs = compare_costs(settings, control, days, before, after, progress)
    return Diff(before.price_book_id, after.price_book_id, f"{days[0]:%Y-%m}", is_complete, costs)


def refresh(
    settings: Settings,
    control: Control,
    *,
    catalogue: Path | None = None,
    litellm: Path | None = None,
    apply: bool = False,
    progress: NodeDone = lambda *_: None,
) -> Refresh:
    """Take the installed catalogue (or a file) and LiteLLM's file as they are now; without `apply` only say what changes.

    Raises PriceBookError, BuildError, Locked.
    """
    entry = books.in_force(control)
    chosen = books.candidate(
        settings, control, catalogue=read_catalogue(catalogue) if catalogue else None, litellm=litellm, is_refresh=True
    )
    if chosen.is_in_force(entry):
        return Refresh(entry, chosen, Repriced(frozenset[date](), ()), None, is_applied=False)
    change, costs = Repriced(frozenset[date](), ()), None
    if entry is not None and (before := _as_adopted(settings, entry, apply)) is not None:
        change = repriced(_used(settings), before, chosen.book)
        if change.days:
            costs = compare_costs(settings, control, change.days, before, chosen.book, progress)
    if apply:
        with build_lock(settings.data_dir.resolve()):
            note = f"refresh to genai-prices {chosen.catalogue.version}"
            change = books.adopt(settings, control, chosen, note) or change
    return Refresh(entry, chosen, change, costs, is_applied=apply)


def month_days(known: Sequence[date], month: str | None) -> tuple[list[date], bool]:
    """Days with requests of a month, by default the last that the data covers to its end, else the newest.

    Raises PriceQuestionError.
    """
    months = sorted({f"{day:%Y-%m}" for day in known})
    if not months:
        raise PriceQuestionError("No request has landed, so there is nothing to price. `margincall ingest` lands logs.")
    if month is not None and month not in months:
        raise PriceQuestionError(f"No requests in {month!r}. Months in the data: {', '.join(months)}.")
    complete = [each for each in months if _end(each) <= max(known)]
    chosen = month or (complete or months)[-1]
    return [day for day in known if f"{day:%Y-%m}" == chosen], chosen in complete


def _end(month: str) -> date:
    """Last day of a month."""
    first = date.fromisoformat(f"{month}-01")
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _named(settings: Settings, control: Control, name: str) -> PriceBook:
    """A book by `published`, `installed`, its id or the beginning of its id."""
    entries = ledger_view.price_books(control)
    if name == INSTALLED:
        return books.candidate(settings, control, is_refresh=True).book
    if name == PUBLISHED and entries:
        return books.entry_book(settings, entries[0])
    found = {entry.price_book_id: entry for entry in entries if name and entry.price_book_id.startswith(name)}
    if len(found) == 1:
        return books.entry_book(settings, next(iter(found.values())))
    known = (
        ", ".join(dict.fromkeys(entry.price_book_id for entry in entries)) or "none yet: `margincall build` pins one"
    )
    why = "more than one begins so" if found else "no such price book"
    raise PriceQuestionError(f"{name!r}: {why}. Known: {PUBLISHED}, {INSTALLED}, {known}.")


def _as_adopted(settings: Settings, entry: PriceBookEntry, apply: bool) -> PriceBook | None:
    """The book in force; None where it is gone and another one is about to take its place."""
    try:
        return books.entry_book(settings, entry)
    except PriceBookError:
        if apply:
            return None
        raise


def _used(settings: Settings) -> list[Used]:
    """What is priced in the published version; nothing before the first."""
    reader = Reader(settings.data_dir)
    try:
        return sorted(Used(*row) for row in reader.query(USED).rows)
    except NothingPublished:
        return []
    finally:
        reader.close()
