"""What is wrong or odd between tables of the company's price file that are each right by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

from pipelines.pricebook.company import CompanyAlias, Dated, Discount, GpuPool, Override
from pipelines.pricebook.patterns import patterns_meet

Rows = Mapping[str, Sequence[tuple[str, Any]]]
"""Section -> its tables, each behind the place where it stands."""


def are_at_once(one: Dated, other: Dated) -> bool:
    """Whether two tables hold on one day."""
    return one.valid_from < other.valid_to and other.valid_from < one.valid_to


def overlaps(rows: Rows) -> Iterable[str]:
    """Tables of one section that say something about the same thing at the same time."""
    for section, what in (
        ("override", _same_price),
        ("discount", _same_order),
        ("gpu_pool", _same_gpus),
        ("alias", _same_name),
    ):
        for (place, one), (other_place, other) in combinations(rows[section], 2):
            if are_at_once(one, other) and (subject := what(one, other)):
                yield f"{other_place}: overlaps {other_place.rpartition(': ')[2].split()[0]} {place.split()[-1]} on {subject}"


def _same_price(one: Override, other: Override) -> str | None:
    same = set(one.prices) & set(other.prices)
    is_one_model = (one.provider, one.model) == (other.provider, other.model) and set(one.context) & set(other.context)
    # A step above N ends where a higher one of the same model begins: only equal steps overlap.
    is_one_time = one.tier_lo == other.tier_lo and one.dow_mask & other.dow_mask
    meets = any(a[0] < b[1] and b[0] < a[1] for a in one.windows for b in other.windows)
    return (
        f"{', '.join(sorted(same))} of {one.provider} {one.model}"
        if same and is_one_model and is_one_time and meets
        else None
    )


def _same_order(one: Discount, other: Discount) -> str | None:
    contexts = set(one.context) & set(other.context) or not one.context or not other.context
    is_one_scope = patterns_meet(one.provider, other.provider) and patterns_meet(one.model, other.model) and contexts
    same = [component for component in one.components if component in other.components]
    if one.order != other.order or not is_one_scope or not same:
        return None
    return f"{one.model} at the same order {one.order}; give each its own order"


def _same_gpus(one: GpuPool, other: GpuPool) -> str | None:
    if one.id == other.id:
        return f"the pool {one.id}"
    meeting = [(a, b) for a in one.models for b in other.models if patterns_meet(a, b)]
    return f"models: {meeting[0][0]} and {meeting[0][1]} can be one name" if meeting else None


def _same_name(one: CompanyAlias, other: CompanyAlias) -> str | None:
    return f"{one.provider} {one.model}" if (one.provider, one.model) == (other.provider, other.model) else None


def repeated_ids(rows: Rows) -> Iterable[str]:
    """Drawdowns under an id that another one has."""
    for (place, one), (other_place, other) in combinations(rows["drawdown"], 2):
        if one.id == other.id:
            yield f"{other_place}: the id {one.id!r} is that of drawdown {place.split()[-1]}"


def gaps(rows: Rows) -> Iterable[str]:
    """Days between two tables of one series on which neither holds."""
    series: dict[tuple[object, ...], list[tuple[Dated, str]]] = {}
    for section in ("override", "gpu_pool", "alias"):
        for place, row in rows[section]:
            subject = {
                "override": lambda r: (
                    r.provider,
                    r.model,
                    r.context,
                    r.tier_lo,
                    r.dow_mask,
                    r.windows,
                    tuple(r.prices),
                ),
                "gpu_pool": lambda r: (r.id,),
                "alias": lambda r: (r.provider, r.model),
            }[section](row)
            series.setdefault((section, *subject), []).append((row, place))
    for dated in series.values():
        ordered = sorted(dated, key=lambda item: item[0].valid_from)
        for (earlier, _), (later, place) in pairwise(ordered):
            if earlier.valid_to < later.valid_from:
                yield f"{place}: nothing holds from {earlier.valid_to} to {later.valid_from}, between two of one series"
