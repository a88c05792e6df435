"""What a model costs, as known today or at an earlier instant, and which requests have no price and might cost what."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from pipelines.building.prices import books
from pipelines.building.prices.repricing import Name, PricesByDay, slices_by_model
from pipelines.building.prices.view import PriceLine, price_lines
from pipelines.economics.pricing import CONTEXTS
from pipelines.pricebook.book import PriceBook
from pipelines.settings import Settings
from warehouse import control as db
from warehouse import ledger_view
from warehouse.control import Control
from warehouse.ledger_view import PriceBookEntry
from warehouse.reader import Period, Reader

NEAR = 3
_NEAR_ENOUGH = 0.6
_LOOKED_AT = 60
_PICO = Decimal("0.000000000001")


class PriceQuestionError(Exception):
    """What was asked for by name is not there; the message lists what is near, or all there is."""


@dataclass(frozen=True)
class BookThen:
    """A book, and the entry that says since when it is known; no entry: the first build would adopt it."""

    book: PriceBook
    entry: PriceBookEntry | None


@dataclass(frozen=True)
class ContextPrices:
    """Prices in one context; `is_own` is false where the standard prices stand in."""

    context: str
    is_own: bool
    is_free: bool
    source: str
    lines: list[PriceLine]


@dataclass(frozen=True)
class ModelPrices:
    """What a name means on a day, by which rules, and at which prices."""

    provider_name: str
    model: str
    price_provider: str
    price_model: str
    rule: str
    at: date
    contexts: list[ContextPrices]
    evidence_url: str | None


@dataclass(frozen=True)
class Uncovered:
    """Requests of one model without a full price; the estimate is at the price of the nearest known name, if one is near."""

    provider_name: str
    model: str
    status: str
    reason: str | None
    requests: int
    input_tokens: int
    output_tokens: int
    nearest: list[str]
    estimated_usd: Decimal | None


@dataclass(frozen=True)
class Coverage:
    """All requests of a period, those with a full price, and the rest by model and reason, most requests first."""

    requests: int
    priced: int
    first: date | None
    last: date | None
    lines: list[Uncovered]


def book_then(settings: Settings, control: Control, known_at: date | datetime | None = None) -> BookThen:
    """The book in force now, or at the end of a UTC day, or at an instant. Raises PriceQuestionError."""
    entries = ledger_view.price_books(control)
    if known_at is None:
        if not entries:
            return BookThen(books.candidate(settings, control).book, None)
        return BookThen(books.entry_book(settings, entries[0]), entries[0])
    until = _instant(known_at)
    found = next((entry for entry in entries if datetime.fromisoformat(entry.known_from) < until), None)
    if found is None:
        first = f"the first is known from {entries[-1].known_from}" if entries else "no build has chosen one yet"
        raise PriceQuestionError(f"No price book was known at {known_at.isoformat()}: {first}.")
    return BookThen(books.entry_book(settings, found), found)


def model_prices(
    control: Control, then: BookThen, model: str, provider: str | None = None, at: date | None = None
) -> list[ModelPrices]:
    """What a name means and costs on a day: for the provider asked for, else for each that it was logged with.

    Raises PriceQuestionError with the nearest known names.
    """
    day = at or datetime.now(UTC).date()
    name = model.strip().lower()
    table = db.seen_model
    logged = {
        row.provider_name.lower() for row in control.rows(sa.select(table)) if row.model.lower() == name
    }  # fmt: skip
    providers = sorted({provider.lower()} if provider is not None else logged or {""})
    found = [_prices(then.book, (each, name), day) for each in providers]
    known = [prices for prices in found if prices is not None]
    if not known:
        raise PriceQuestionError(_unknown(then, (providers[0], name)))
    return known


def nearest(book: PriceBook, name: Name) -> list[str]:
    """Priced models whose own names are near, as 'provider/model': those of the same provider, else of any."""
    provider, model = name
    text = model.rpartition("/")[2]

    def likeness(known: str) -> float:
        return difflib.SequenceMatcher(None, text, known.rpartition("/")[2].lower()).ratio()

    def is_makers(known: str) -> bool:
        """Whether it is the one that the bare name means, and not another seller's."""
        meant = book.names.resolve(None, known.rpartition("/")[2])
        return meant is not None and f"{meant.price_provider}/{meant.price_model}" == known

    for seller in dict.fromkeys((provider, "")):
        found = [known for known in book.names.nearest(seller, model, _LOOKED_AT) if likeness(known) >= _NEAR_ENOUGH]
        if found:
            return sorted(found, key=lambda known: (-likeness(known), not is_makers(known)))[:NEAR]
    return []


def coverage(then: BookThen, reader: Reader, period: Period | None = None) -> Coverage:
    """Requests without a full price in what is published. Raises NothingPublished."""
    where = f"where usage_date >= date '{period.start}' and usage_date < date '{period.end}'" if period else ""
    ((requests, priced, first, last),) = reader.query(
        f"""select count(*), count(*) filter (where pricing_status not in ('unpriced', 'partial')),
            min(usage_date), max(usage_date) from fct_llm_request_priced {where}"""
    ).rows
    rows = reader.query(
        f"""select lower(coalesce(provider_name, '')) as provider_name, lower(coalesce(model, '')) as model,
            pricing_status, pricing_reason, count(*) as requests, max(day) as last_day,
            {", ".join(f"sum(coalesce({name}, 0))::hugeint as {name}" for name in _TOKENS)}
        from fct_llm_request_priced {where or "where true"} and pricing_status in ('unpriced', 'partial')
        group by all order by requests desc, provider_name, model, pricing_reason"""
    )
    lines = [_uncovered(then.book, dict(zip(rows.columns, row, strict=True))) for row in rows.rows]
    return Coverage(requests, priced, first, last, lines)


_TOKENS = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)


def _uncovered(book: PriceBook, row: Mapping[str, Any]) -> Uncovered:
    name = (row["provider_name"], row["model"])
    is_unknown = row["pricing_reason"] == "unknown_model"
    near = nearest(book, name) if is_unknown and row["model"] else []
    estimate = _estimate(book, near[0], row) if near else None
    return Uncovered(
        *name, row["pricing_status"], row["pricing_reason"], row["requests"], int(row["input_tokens"]),
        int(row["output_tokens"]), near, estimate,
    )  # fmt: skip


def _estimate(book: PriceBook, near: str, row: Mapping[str, Any]) -> Decimal | None:
    """At the standard price of another model, lowest tier, on the last day of use."""
    provider, _, model = near.partition("/")
    standard = slices_by_model(book.slices, {(provider, model)}).get((provider, model, "standard"), [])
    found = [
        each for each in standard if each["tier_lo"] == 0 and each["valid_from"] <= row["last_day"] < each["valid_to"]
    ]
    if not found or found[0]["price_currency"] != "USD":
        return None
    price = found[0]
    reads, writes = int(row["cache_read_input_tokens"]), int(row["cache_creation_input_tokens"])
    reasoning = int(row["reasoning_output_tokens"])
    quantities = {
        "input": int(row["input_tokens"]) - reads - writes,
        "cache_read": reads,
        "cache_write_5m": writes,
        "output": int(row["output_tokens"]) - reasoning,
        "reasoning": reasoning,
    }
    priced = {name: price[f"{name}_num"] for name in quantities if price[f"{name}_num"] is not None}
    pico = sum(Decimal(max(quantities[name], 0) * num) for name, num in priced.items()) / price["price_block"]
    return (pico * _PICO).quantize(_PICO, ROUND_HALF_EVEN) if priced else None


def _prices(book: PriceBook, name: Name, day: date) -> ModelPrices | None:
    by_day = PricesByDay(book, [name])
    meant = by_day.meant(name, day)
    if meant is None:
        return None
    rows = book.names.table([name]).to_pylist()
    rule = next(row["rule"] for row in rows if (row["price_provider"], row["price_model"]) == meant)
    contexts = [_context(context, by_day.slices(name, context, day)) for context in CONTEXTS]
    return ModelPrices(*name, *meant, rule, day, [item for item in contexts if item], _evidence(book, meant))


def _context(context: str, slices: Iterable[Mapping[str, Any]]) -> ContextPrices | None:
    rows = list(slices)
    if not rows:
        return None
    is_own = any(row["has_context_price"] for row in rows)
    is_free = all(row["is_free"] for row in rows)
    return ContextPrices(context, is_own, is_free, rows[0]["price_source"], price_lines(rows))


def _evidence(book: PriceBook, meant: Name) -> str | None:
    own = book.components.filter(pc.equal(book.components["price_model"], pa.scalar(meant[1])))
    rows = own.select(["price_provider", "evidence_url"]).to_pylist()
    return next(
        (row["evidence_url"] for row in rows if row["price_provider"] == meant[0] and row["evidence_url"]), None
    )


def _unknown(then: BookThen, name: Name) -> str:
    near = nearest(then.book, name)
    asked = f"{name[1]!r} of {name[0]!r}" if name[0] else repr(name[1])
    hint = f"Nearest known: {', '.join(near)}." if near else "No known name is near."
    mend = "If it is one of them under another name, say so by an [[alias]] in the company's prices."
    return f"No price for {asked} in book {then.book.price_book_id}. {hint} {mend if near else ''}".strip()


def _instant(at: date | datetime) -> datetime:
    """The instant up to which something was known: of a day, its end."""
    if isinstance(at, datetime):
        return at.replace(tzinfo=at.tzinfo or UTC) + timedelta(seconds=1)
    return datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=1)
