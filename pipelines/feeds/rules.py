"""What the columns of one row say together: one small function per rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from pipelines.feeds.casts import Fault, rows_where
from pipelines.feeds.compute import pc
from pipelines.feeds.json_rows import DECODER, canonical_json
from warehouse.feed_schemas import Feed


@dataclass(frozen=True, slots=True)
class Rows:
    """Typed columns (null where a cell is faulty) and, by column, whether the file gives a value at all."""

    columns: Mapping[str, pa.Array[Any]]
    given: Mapping[str, pa.Array[Any]]


Rule = Callable[[Rows], list[Fault]]


def row_faults(feed: Feed, rows: Rows) -> list[Fault]:
    """Faults of all rules that hold for this feed."""
    faults = [*_any_of(feed, rows)] if feed.any_of else []
    for start, end in feed.intervals:
        faults += _ordered(rows, start, end)
    for rule in RULES.get(feed.name, ()):
        faults += rule(rows)
    return faults


def _fault(column: str, mask: pa.Array[Any], what: str, allowed: str) -> list[Fault]:
    rows = rows_where(mask)
    return [Fault(column, rows, what, allowed)] if rows else []


def _any_of(feed: Feed, rows: Rows) -> list[Fault]:
    none_given = pc.invert(rows.given[feed.any_of[0]])
    for name in feed.any_of[1:]:
        none_given = pc.and_(none_given, pc.invert(rows.given[name]))
    return _fault(
        feed.any_of[0], none_given, "is empty, and so are its stand-ins", f"At least one of {', '.join(feed.any_of)}."
    )


def _ordered(rows: Rows, start: str, end: str) -> list[Fault]:
    mask = pc.less_equal(rows.columns[end], rows.columns[start])
    return _fault(end, mask, f"is not after {start}", f"A day after {start}; a last day is exclusive.")


def _churn_follows_start(rows: Rows) -> list[Fault]:
    mask = pc.less(rows.columns["churned_on"], rows.columns["started_on"])
    return _fault("churned_on", mask, "is before started_on", "The day of started_on or later.")


def _amount_has_the_sign_of_its_kind(rows: Rows) -> list[Fault]:
    kind, amount = rows.columns["kind"], rows.columns["amount"]
    credit = pc.equal(kind, "credit_note")
    either = pc.is_in(kind, value_set=pa.array(["credit_note", "one_off"]))
    charge = pc.and_(pc.invert(either), pc.is_valid(kind))
    allowed = "A credit_note is zero or negative; other kinds are zero or more, save one_off."
    return [
        *_fault("amount", pc.and_(credit, pc.greater(amount, 0)), "is positive in a credit_note", allowed),
        *_fault("amount", pc.and_(charge, pc.less(amount, 0)), "is negative", allowed),
    ]


def _pack_names_its_credits(rows: Rows) -> list[Fault]:
    pack = pc.equal(rows.columns["kind"], "credit_pack")
    allowed = "The credits bought, bonus included: without them a credit has no price."
    return [
        *_fault("credits", pc.and_(pack, pc.invert(rows.given["credits"])), "is empty in a credit_pack", allowed),
        *_fault("credits", pc.and_(pack, pc.equal(rows.columns["credits"], 0)), "is zero in a credit_pack", allowed),
    ]


def _fixed_pool_has_weights(rows: Rows) -> list[Fault]:
    fixed = pc.equal(rows.columns["driver"], "fixed")
    return _fault(
        "weights", pc.and_(fixed, pc.invert(rows.given["weights"])), "is empty with the driver fixed", WEIGHTS_ALLOWED
    )


def _weights_are_numbers(rows: Rows) -> list[Fault]:
    bad = [None if cell is None else not _is_weights(cell) for cell in rows.columns["weights"].to_pylist()]
    return _fault("weights", pa.array(bad, pa.bool_()), "does not share anything out", WEIGHTS_ALLOWED)


def _is_weights(text: str) -> bool:
    try:
        weights = [Decimal(canonical_json(value).strip('"')) for value in DECODER.decode(text).values()]
    except InvalidOperation:
        return False
    return all(weight.is_finite() and weight >= 0 for weight in weights) and sum(weights) > 0


def _window_is_of_a_year_at_most(rows: Rows) -> list[Fault]:
    longer = pc.greater(rows.columns["attribution_window_hours"], MOST_WINDOW_HOURS)
    return _fault(
        "attribution_window_hours", longer, "is more than a year", f"Hours, at most {MOST_WINDOW_HOURS} (366 days)."
    )


def _pair_differs(rows: Rows) -> list[Fault]:
    same = pc.equal(rows.columns["from_currency"], rows.columns["to_currency"])
    return _fault("to_currency", same, "is from_currency again", "Another currency.")


WEIGHTS_ALLOWED = 'An object of tenant and weight such as {"acme": 2, "beta": 1}: none negative, not all zero.'
MOST_WINDOW_HOURS = 8_784

RULES: Mapping[str, tuple[Rule, ...]] = {
    "tenants": (_churn_follows_start,),
    "revenue_lines": (_amount_has_the_sign_of_its_kind, _pack_names_its_credits),
    "task_outcomes": (_window_is_of_a_year_at_most,),
    "cost_pools": (_fixed_pool_has_weights, _weights_are_numbers),
    "fx": (_pair_differs,),
}
