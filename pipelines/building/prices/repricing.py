"""What another price book would change: which days hold rows that it prices otherwise, and at which prices.

Two books are compared where the warehouse has requests: for each name, price context and day seen there, what the name
means and the slices that hold on that day. Prices that nothing used mark no day.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.pricebook.book import PriceBook

Name = tuple[str, str]
"""Provider and model as logged, in lower case; a missing provider is ''."""
Facts = frozenset[tuple[Any, ...]]
_NOT_COMPARED = frozenset({"price_book_id", "valid_from", "valid_to"})
USED = """select distinct lower(coalesce(provider_name, '')), lower(coalesce(model, '')), price_context, day
    from fct_llm_request_priced where not coalesce(is_gateway_cache_hit, false)"""
PRICED_AS = """select lower(coalesce(provider_name, '')) as provider_name, lower(coalesce(model, '')) as model, day,
    price_provider, price_model from fct_llm_request_priced where not coalesce(is_gateway_cache_hit, false)"""
_ALWAYS = (date.min, date.max)


@dataclass(frozen=True, order=True)
class Used:
    """Requests of one name in one price context on one UTC day."""

    provider_name: str
    model: str
    context: str
    day: date

    @property
    def name(self) -> Name:
        return self.provider_name, self.model


@dataclass(frozen=True)
class ModelChange:
    """A name in one context whose price changes, with the slices of the latest such day in both books."""

    provider_name: str
    model: str
    context: str
    days: int
    first: date
    last: date
    before: tuple[Mapping[str, Any], ...]
    after: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Repriced:
    """Days with rows that the other book prices otherwise; `reasons` name what is changed besides single models."""

    days: frozenset[date]
    models: tuple[ModelChange, ...]
    reasons: tuple[str, ...] = ()


def used(database: duckdb.DuckDBPyConnection) -> list[Used]:
    """What has been priced, from `fct_llm_request_priced`; a gateway's hits have no price of a book."""
    return sorted(Used(*row) for row in database.execute(USED).fetchall())


def renamed(database: duckdb.DuckDBPyConnection, book: PriceBook) -> frozenset[date]:
    """Days with rows whose name now means another priced model than the one that they were priced as."""
    rows = database.execute(
        f"select distinct provider_name, model, day, price_provider, price_model from ({PRICED_AS})"
    ).fetchall()
    prices = PricesByDay(book, {(row[0], row[1]) for row in rows})
    return frozenset(
        day for *name, day, of, model in rows if (prices.meant((name[0], name[1]), day) or (None, None)) != (of, model)
    )


def repriced(rows: Iterable[Used], old: PriceBook, new: PriceBook) -> Repriced:
    """Compare two books over the rows that exist."""
    listed = list(rows)
    names = sorted({row.name for row in listed})
    before, after = PricesByDay(old, names), PricesByDay(new, names)
    changed: defaultdict[tuple[str, str, str], set[date]] = defaultdict(set)
    for row in listed:
        if before.facts(row.name, row.context, row.day) != after.facts(row.name, row.context, row.day):
            changed[row.provider_name, row.model, row.context].add(row.day)
    models = tuple(
        ModelChange(
            *key, len(days), min(days), max(days),
            before.slices(key[:2], key[2], max(days)), after.slices(key[:2], key[2], max(days)),
        )
        for key, days in sorted(changed.items())
    )  # fmt: skip
    starts = {**_changed_drawdowns(old, new), **_changed_capacity(old, new)}
    days = frozenset(day for found in changed.values() for day in found)
    if listed and starts:
        first, last = min(row.day for row in listed), max(row.day for row in listed)
        days |= _span(max(first, min(starts.values())), last)
    return Repriced(days, models, tuple(f"{name} from {start}" for name, start in sorted(starts.items())))


class PricesByDay:
    """A book's slices by name as logged, context and day."""

    def __init__(self, book: PriceBook, names: Iterable[Name]) -> None:
        self._aliases: defaultdict[Name, list[tuple[date, date, Name]]] = defaultdict(list)
        for row in book.names.table(names).to_pylist():
            span = (row["valid_from"] or _ALWAYS[0], row["valid_to"] or _ALWAYS[1])
            meant = (row["price_provider"], row["price_model"])
            self._aliases[row["provider_name"], row["model"]].append((*span, meant))
        wanted = {meant for spans in self._aliases.values() for *_, meant in spans}
        self._spans = {key: _Spans(rows) for key, rows in slices_by_model(book.slices, wanted).items()}

    def meant(self, name: Name, day: date) -> Name | None:
        """The priced model that a name means on a day."""
        return next((meant for start, end, meant in self._aliases.get(name, ()) if start <= day < end), None)

    def slices(self, name: Name, context: str, day: date) -> tuple[Mapping[str, Any], ...]:
        """Rows of the wide table that hold on this day; none where nothing has a price."""
        meant = self.meant(name, day)
        spans = self._spans.get((*meant, context)) if meant else None
        return spans.rows_on(day) if spans else ()

    def facts(self, name: Name, context: str, day: date) -> Facts:
        """All that the slices of a day say, without the book and the validity they stand in."""
        meant = self.meant(name, day)
        spans = self._spans.get((*meant, context)) if meant else None
        return spans.facts_on(day) if spans else frozenset()


class _Spans:
    """The slices of one model and context, cut at every day on which one of them begins or ends."""

    def __init__(self, rows: list[Mapping[str, Any]]) -> None:
        self.starts = sorted({row["valid_from"] for row in rows} | {row["valid_to"] for row in rows})
        self.rows = [tuple(row for row in rows if row["valid_from"] <= day < row["valid_to"]) for day in self.starts]
        self.facts = [frozenset(map(_facts, found)) for found in self.rows]

    def rows_on(self, day: date) -> tuple[Mapping[str, Any], ...]:
        position = bisect_right(self.starts, day) - 1
        return self.rows[position] if position >= 0 else ()

    def facts_on(self, day: date) -> Facts:
        position = bisect_right(self.starts, day) - 1
        return self.facts[position] if position >= 0 else frozenset()


def _facts(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for name, value in sorted(row.items()) if name not in _NOT_COMPARED)


def slices_by_model(slices: pa.Table, wanted: set[Name]) -> dict[tuple[str, str, str], list[Mapping[str, Any]]]:
    """Rows of the wide table of these priced models, by (provider, model, context)."""
    models = pa.array(sorted({model for _, model in wanted}), pa.string())
    found: defaultdict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in slices.filter(pc.is_in(slices["price_model"], value_set=models)).to_pylist():
        if (row["price_provider"], row["price_model"]) in wanted:
            found[row["price_provider"], row["price_model"], row["price_context"]].append(row)
    return found


def _changed_drawdowns(old: PriceBook, new: PriceBook) -> dict[str, date]:
    """Drawdowns that differ in anything, each with the first day of either version."""
    before, after = _drawdowns(old), _drawdowns(new)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    return {
        f"drawdown {name}": min(version[0] for version in (before.get(name), after.get(name)) if version)
        for name in changed
    }


def _drawdowns(book: PriceBook) -> dict[str, tuple[date, Facts]]:
    rows: defaultdict[str, set[tuple[Any, ...]]] = defaultdict(set)
    first: dict[str, date] = {}
    for table in (book.drawdowns, book.drawdown_segments, book.drawdown_models):
        for row in table.to_pylist():
            said = tuple((name, str(value)) for name, value in row.items() if name not in _NOT_COMPARED)
            rows[row["drawdown_id"]].add((*said, str(row.get("valid_from")), str(row.get("valid_to"))))
            if "valid_from" in row:
                first[row["drawdown_id"]] = min(row["valid_from"], first.get(row["drawdown_id"], date.max))
    return {name: (first[name], frozenset(found)) for name, found in rows.items()}


def _changed_capacity(old: PriceBook, new: PriceBook) -> dict[str, date]:
    """GPU pools whose paid amounts differ, each with the first day that does."""
    before, after = _capacity(old), _capacity(new)
    starts: dict[str, date] = {}
    for name, start, *_ in before ^ after:
        starts[f"GPU pool {name}"] = min(start, starts.get(f"GPU pool {name}", date.max))
    return starts


def _capacity(book: PriceBook) -> set[tuple[str, date, date, int]]:
    rows = book.capacity.to_pylist()
    return {(row["gpu_pool_id"], row["valid_from"], row["valid_to"], row["paid_pico_per_day"]) for row in rows}


def _span(first: date, last: date) -> frozenset[date]:
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))
