"""Which price book is in force, and how another one comes into force: its sources pinned in the lake, its days marked.

lake/price_book/catalogue-<sha>.json  litellm-<sha>.json  company-<sha>.toml   sources, kept as they were
lake/price_book/<price_book_id>/                                               the book that was built from them

The catalogue and LiteLLM's file stay as they were at the first build until `prices refresh --apply` takes newer ones, so
that an upgrade prices nothing anew by itself. The company's file is configuration: a change makes a new book by itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa

from pipelines import pricebook
from pipelines.building.prices.repricing import Repriced, renamed, repriced, used
from pipelines.building.prices.view import component_changes
from pipelines.economics import pricing
from pipelines.pricebook.book import PriceBook, build_price_book, load_price_book, write_price_book
from pipelines.pricebook.company import CompanyPrices
from pipelines.pricebook.company_file import read_company_prices
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.litellm import LiteLLMPrices, read_litellm_prices
from pipelines.pricebook.naming import Names
from pipelines.pricebook.published import Catalogue, installed_catalogue, read_catalogue, write_catalogue
from pipelines.settings import Settings
from warehouse import control as db
from warehouse import ledger_view
from warehouse.connection import warehouse
from warehouse.control import Control, now_text
from warehouse.lake import fsync_folder, write_atomically
from warehouse.ledger_view import NewerCatalogue, PriceBookEntry, PriceChange

_SOURCES = "sources.json"


@dataclass(frozen=True)
class SourceFile:
    """A price file as it was read; its copy is pinned with the book that is built from it."""

    path: Path
    data: bytes

    @property
    def sha(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Candidate:
    """A book that is, or could be, in force, and what it was built from."""

    book: PriceBook
    catalogue: Catalogue
    litellm: SourceFile | None
    company: SourceFile | None
    installed_sha: str
    is_read_back: bool
    """Whether the book was found as written before, not derived anew."""

    def is_in_force(self, entry: PriceBookEntry | None) -> bool:
        """Whether the entry stands for this book; the sources count too, as they say what a name means."""
        return entry is not None and (self.book.price_book_id, self.catalogue.sha, _sha(self.litellm)) == (
            entry.price_book_id,
            entry.catalogue_sha,
            entry.litellm_sha,
        )


def books_folder(settings: Settings) -> Path:
    return settings.data_dir.resolve() / "lake" / "price_book"


def in_force(control: Control) -> PriceBookEntry | None:
    """The newest book; None before the first build."""
    return next(iter(ledger_view.price_books(control)), None)


def candidate(
    settings: Settings,
    control: Control,
    *,
    catalogue: Catalogue | None = None,
    litellm: Path | None = None,
    company: Path | None = None,
    is_refresh: bool = False,
) -> Candidate:
    """The book that the settings ask for: of pinned sources and of the company's file as it is now.

    A refresh takes the installed catalogue and LiteLLM's file as it is now. What is given counts before all that.
    Raises PriceBookError.
    """
    entry, folder = in_force(control), books_folder(settings)
    installed = installed_catalogue()
    if catalogue is None:
        is_installed = is_refresh or entry is None or entry.catalogue_sha == installed.sha
        catalogue = installed if is_installed or entry is None else _pinned_catalogue(folder, entry)
    named = litellm or settings.pricing.litellm_prices
    is_pinned = entry is not None and entry.litellm_sha is not None and not (is_refresh or litellm)
    if named is not None and is_pinned and entry is not None:
        named = _pinned(folder, f"litellm-{entry.litellm_sha}.json", "LiteLLM's prices")
    chosen = _read(named), _read(company or settings.pricing.company_prices)
    is_kept = entry is not None and entry.catalogue_sha == catalogue.sha and not is_refresh
    installed_sha = entry.installed_sha if is_kept and entry is not None else installed.sha
    book, is_read_back = _book(folder, catalogue, *chosen)
    return Candidate(book, catalogue, *chosen, installed_sha, is_read_back)


def adopt(settings: Settings, control: Control, chosen: Candidate, note: str = "") -> Repriced | None:
    """Put a book into force and mark the days that it prices otherwise; None where it is in force already.

    Files first, then one transaction: killed anywhere, the next call does the same again. The caller holds the build lock.
    """
    entry = in_force(control)
    if chosen.is_in_force(entry):
        if not chosen.is_read_back:  # a comment was edited, or the release is newer; next time it is read back
            _mark(control, _renamed(settings, chosen.book))
            _pin(books_folder(settings), chosen)
        return None
    _pin(books_folder(settings), chosen)
    change, why_all = _what_changes(settings, entry, chosen.book)
    with control.write() as connection:
        connection.execute(sa.insert(db.price_book).values(**_entry(chosen, note or _note(entry, chosen))))
        if why_all is not None:
            connection.execute(sa.insert(db.dirty_all).values(reason=why_all))
        elif change.days:
            connection.execute(sa.insert(db.dirty_day), _rows(change.days))
    return change


def entry_book(settings: Settings, entry: PriceBookEntry) -> PriceBook:
    """A book as it was adopted. Raises PriceBookError where its files are gone or damaged."""
    folder = books_folder(settings)
    catalogue = installed_catalogue()
    if catalogue.sha != entry.catalogue_sha:
        catalogue = _pinned_catalogue(folder, entry)
    litellm = entry.litellm_sha and _pinned(folder, f"litellm-{entry.litellm_sha}.json", "LiteLLM's prices")
    company = entry.company_sha and _pinned(folder, f"company-{entry.company_sha}.toml", "the company's prices")
    names = _names(catalogue, _read(litellm or None), _read(company or None))
    return _loaded(folder / entry.price_book_id, names)


@dataclass(frozen=True)
class Checked:
    """A company's file that can be used: how many entries of each kind it has, and what looks odd."""

    entries: dict[str, int]
    warnings: list[str]
    price_book_id: str


def check_company(settings: Settings, control: Control, path: Path) -> Checked:
    """Build the book with this file of the company's. Raises PriceBookError listing every problem."""
    prices = read_company_prices(path)
    kinds = ("overrides", "discounts", "drawdowns", "gpu_pools", "aliases", "azure_deployments")
    chosen = candidate(settings, control, company=path)
    book = chosen.book
    if chosen.is_read_back:  # what is odd is not written with a book
        book = build_price_book(chosen.catalogue, litellm=_litellm(chosen.litellm), company=prices)
    return Checked({kind: len(getattr(prices, kind)) for kind in kinds}, list(book.warnings), book.price_book_id)


def compare_installed(settings: Settings, control: Control, chosen: Candidate, *, is_news: bool) -> str | None:
    """Store what a newer installed catalogue would change, for whoever looks; a sentence where one is installed.

    Without `is_news` what was found before is told again. The caller holds the build lock, and `chosen` is in force.
    """
    installed = installed_catalogue()
    known = ledger_view.newer_catalogue(control)
    if installed.sha in (chosen.catalogue.sha, chosen.installed_sha):
        if known is not None:
            _store_newer(control, None)
        return None
    is_known = known is not None and (known.catalogue_sha, known.price_book_id) == (
        installed.sha,
        chosen.book.price_book_id,
    )
    if is_news or not is_known or known is None:
        try:
            other, _ = _book(books_folder(settings), installed, chosen.litellm, chosen.company)
        except PriceBookError as error:
            return f"{_head(installed, chosen)} it cannot be used: {error.problems[0]}"
        with warehouse(settings.data_dir.resolve() / "warehouse.duckdb") as database:
            known = _newer(installed, chosen, repriced(used(database), chosen.book, other))
        _store_newer(control, known)
    reach = f"{_counted(known.models, 'model')} in use on {_counted(known.days, 'day')}"
    would = f"change {reach}. See `margincall prices refresh`." if known.days else "change no price that was used."
    return f"{_head(installed, chosen)} it would {would}"


def _head(installed: Catalogue, chosen: Candidate) -> str:
    return f"genai-prices {installed.version} is installed, prices are pinned to {chosen.catalogue.version}:"


def _newer(installed: Catalogue, chosen: Candidate, change: Repriced) -> NewerCatalogue:
    changes = tuple(
        PriceChange(
            model.provider_name, model.model, model.context, part.component, part.where, part.unit,
            f"{part.before.list_price:f}" if part.before else None, f"{part.after.list_price:f}" if part.after else None,
        )
        for model in change.models for part in component_changes(model.before, model.after)
    )  # fmt: skip
    models = len({(model.provider_name, model.model) for model in change.models})
    facts = (installed.sha, installed.version, chosen.book.price_book_id, now_text())
    return NewerCatalogue(*facts, days=len(change.days), models=models, changes=changes)


def _store_newer(control: Control, newer: NewerCatalogue | None) -> None:
    with control.write() as connection:
        connection.execute(sa.delete(db.newer_catalogue))
        if newer is not None:
            values = asdict(newer)
            told = {name: values.pop(name) for name in ("days", "models", "changes")}
            connection.execute(sa.insert(db.newer_catalogue).values(**values, changes=json.dumps(told)))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def source_books(settings: Settings, control: Control) -> tuple[PriceBook, PriceBook]:
    """Two books of list prices: of the catalogue in force alone, and of LiteLLM's file alone. Raises PriceBookError."""
    chosen = candidate(settings, control)
    if chosen.litellm is None:
        raise PriceBookError(
            ["no file of LiteLLM's prices: name one as litellm_prices under [pricing] of the configuration"]
        )
    nothing = Catalogue((), "none", "none")
    return build_price_book(chosen.catalogue), build_price_book(nothing, litellm=_litellm(chosen.litellm))


def _mark(control: Control, days: Iterable[date]) -> None:
    rows = _rows(days)
    if rows:
        with control.write() as connection:
            connection.execute(sa.insert(db.dirty_day), rows)


def _rows(days: Iterable[date]) -> list[dict[str, str]]:
    return [{"day": day.isoformat()} for day in sorted(days)]


def _renamed(settings: Settings, book: PriceBook) -> frozenset[date]:
    """Days whose names a newer release reads otherwise, though no price is another."""
    path = settings.data_dir.resolve() / "warehouse.duckdb"
    if not path.exists():
        return frozenset()
    with warehouse(path) as database:
        return renamed(database, book) if _is_priced(database) else frozenset()


def _is_priced(database: duckdb.DuckDBPyConnection) -> bool:
    found = database.execute("select 1 from duckdb_tables() where table_name = 'fct_llm_request_priced'")
    return bool(found.fetchall())


def _what_changes(settings: Settings, entry: PriceBookEntry | None, book: PriceBook) -> tuple[Repriced, str | None]:
    """Days to mark, or a reason to mark everything."""
    nothing = Repriced(frozenset[date](), ())
    path = settings.data_dir.resolve() / "warehouse.duckdb"
    if not path.exists():
        return nothing, None  # the next build is a full one
    if entry is None:
        return nothing, "no price book was recorded"
    try:
        before = entry_book(settings, entry)
    except (PriceBookError, OSError):
        return nothing, "the price book in force is gone"
    with warehouse(path) as database:
        return (repriced(used(database), before, book) if _is_priced(database) else nothing), None


def _book(
    folder: Path, catalogue: Catalogue, litellm: SourceFile | None, company: SourceFile | None
) -> tuple[PriceBook, bool]:
    """The book of these sources, and whether it was read back: built from the same before, by the same code."""
    key = _key(catalogue, litellm, company)
    names = _names(catalogue, litellm, company)
    for known in folder.glob(f"*/{_SOURCES}"):
        if json.loads(known.read_text()) == key:
            with suppress(PriceBookError):  # a damaged book is derived anew
                return _loaded(known.parent, names), True
    return _derived(catalogue, litellm, company), False


@lru_cache(maxsize=4)
def _derived(catalogue: Catalogue, litellm: SourceFile | None, company: SourceFile | None) -> PriceBook:
    """A process that serves several data folders, or compares several files, derives each book once."""
    return build_price_book(catalogue, litellm=_litellm(litellm), company=_company(company))


def _loaded(folder: Path, names: Names) -> PriceBook:
    if not folder.is_dir():
        raise PriceBookError([f"{folder}: the price book is gone; restore lake/price_book from a backup"])
    return load_price_book(folder, names)


def _pin(folder: Path, chosen: Candidate) -> None:
    """Write a book and its sources; each file appears whole or not at all, the list of sources last."""
    folder.mkdir(parents=True, exist_ok=True)
    pinned = folder / f"catalogue-{chosen.catalogue.sha}.json"
    if not pinned.exists():
        write_catalogue(chosen.catalogue, pinned)
    for kind, file, ending in (("litellm", chosen.litellm, "json"), ("company", chosen.company, "toml")):
        if file is not None:
            write_atomically(folder / f"{kind}-{file.sha}.{ending}", file.data)
    home = folder / chosen.book.price_book_id
    write_price_book(chosen.book, home)
    key = _key(chosen.catalogue, chosen.litellm, chosen.company)
    write_atomically(home / _SOURCES, json.dumps(key, indent=1).encode())
    fsync_folder(folder)


def _key(catalogue: Catalogue, litellm: SourceFile | None, company: SourceFile | None) -> dict[str, str | None]:
    shas = {"catalogue": catalogue.sha, "litellm": _sha(litellm), "company": _sha(company)}
    return {**shas, "version": catalogue.version, "code": _code()}


@cache
def _code() -> str:
    """Digest of the code that derives a book from its sources."""
    digest = hashlib.sha256(Path(pricing.__file__).read_bytes())
    for path in sorted(Path(pricebook.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _entry(chosen: Candidate, note: str) -> Mapping[str, Any]:
    return {
        "price_book_id": chosen.book.price_book_id,
        "known_from": now_text(),
        "catalogue_version": chosen.catalogue.version,
        "catalogue_sha": chosen.catalogue.sha,
        "litellm_sha": _sha(chosen.litellm),
        "company_sha": _sha(chosen.company),
        "installed_sha": chosen.installed_sha,
        "note": note,
    }


def _note(entry: PriceBookEntry | None, chosen: Candidate) -> str:
    if entry is None:
        return "first build"
    if entry.company_sha != _sha(chosen.company):
        return "the company's prices changed"
    if entry.litellm_sha != _sha(chosen.litellm):
        return "LiteLLM's prices were named, or are no longer"
    return "this release derives the same prices otherwise"


def _pinned_catalogue(folder: Path, entry: PriceBookEntry) -> Catalogue:
    return read_catalogue(
        _pinned(folder, f"catalogue-{entry.catalogue_sha}.json", "the catalogue"), entry.catalogue_version
    )


def _pinned(folder: Path, name: str, what: str) -> Path:
    path = folder / name
    if not path.exists():
        mend = "restore lake/price_book from a backup, or pin what is installed: `margincall prices refresh --apply`"
        raise PriceBookError([f"{path}: {what} in force is gone; {mend}"])
    return path


def _read(path: Path | None) -> SourceFile | None:
    try:
        return None if path is None else SourceFile(path, path.read_bytes())
    except OSError as error:
        raise PriceBookError([f"{path}: {error.strerror}; [pricing] of the configuration names it"]) from None


def _sha(file: SourceFile | None) -> str | None:
    return file.sha if file else None


def _litellm(file: SourceFile | None) -> LiteLLMPrices | None:
    return read_litellm_prices(file.path) if file else None


def _company(file: SourceFile | None) -> CompanyPrices | None:
    return read_company_prices(file.path) if file else None


def _names(catalogue: Catalogue, litellm: SourceFile | None, company: SourceFile | None) -> Names:
    return Names(catalogue, _litellm(litellm), _company(company))
