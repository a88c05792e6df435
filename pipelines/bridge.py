"""Why the margin of two weeks differs: every bar, for the company or for any tenant, feature or model.

The bars of a view are sums of amounts stored to the pico-dollar, so those of all tenants add up to the company's.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from pipelines.economics.apportion import EXACT
from pipelines.economics.bridge import (
    BARS,
    FACTORS,
    Cells,
    Parts,
    at_fixed_volume,
    cost_effects,
    margin_points,
    revenue_points,
)
from warehouse.bridge_rows import BridgeCalls, BridgeCell, BridgePart, BridgeWeeks, Two
from warehouse.reader import Reader
from warehouse.rows import Period

LABELS = {
    "volume": "Volume",
    "response_cache": "Gateway cache",
    "retries": "Retries and steps",
    "tier_mix": "Model mix",
    "prompt_length": "Prompt length",
    "output_length": "Answer length",
    "prompt_cache": "Prompt cache",
    "price_step": "Price steps and tiers",
    "list_price": "Prices",
    "volume_new": "New in this week",
    "volume_lost": "Gone since last week",
    "coverage": "Priced in one week only",
    "drawdowns": "Commitments and allowances",
    "allocated": "Shared costs",
    "revenue_new": "Revenue: new tenants",
    "revenue_lost": "Revenue: lost tenants",
    "revenue_existing": "Revenue: the others",
}
"""What a person reads; a component of other cost is shown by its own name."""
_REVENUE = ("revenue_new", "revenue_lost", "revenue_existing")


class BridgeError(Exception):
    """The weeks cannot be compared, or nothing has the name that was asked for; the message says what there is."""


@dataclass(frozen=True)
class View:
    """Which part of the company; None is all of it; a model is every provider's of that name."""

    tenant_id: str | None = None
    feature: str | None = None
    model: str | None = None

    @property
    def has_revenue(self) -> bool:
        """Nobody pays for a feature or a model: their bridge is that of cost."""
        return self.feature is None and self.model is None

    def holds(self, tenant_id: str, feature: str | None, model: str | None) -> bool:
        return self.tenant_id in (None, tenant_id) and self.feature in (None, feature) and self.model in (None, model)


@dataclass(frozen=True)
class Bar:
    """One reason. `effect_usd`: what it did to the margin, 12 decimals; `points`: to gross margin, as a fraction."""

    name: str
    effect_usd: Decimal
    points: Decimal | None

    @property
    def label(self) -> str:
        return LABELS.get(self.name, self.name.replace("_", " ").capitalize())


@dataclass(frozen=True)
class MarginBridge:
    """The bars add up to the change of gross profit; of cost alone in a view without revenue, where `revenue_usd` is None."""

    bars: tuple[Bar, ...]
    cost_usd: tuple[Decimal, Decimal]
    revenue_usd: tuple[Decimal, Decimal] | None
    unpriced_attempts: Two
    partial_attempts: Two
    without_rate: Two

    @property
    def change_usd(self) -> Decimal:
        with localcontext(EXACT):
            return sum((bar.effect_usd for bar in self.bars), Decimal(0))


def bridge_of_week(reader: Reader, week: date | None, view: View) -> tuple[Period, MarginBridge]:
    """The week that holds `week`, by default the latest complete one, against the one before, both as known now.

    Raises BridgeError, NoSuchWeek, NothingPublished.
    """
    start = reader.weekly(week).week_start
    before = start - timedelta(days=7)
    known = reader.weeks()
    if before not in known:
        raise BridgeError(f"The week of {start} is the first in the data: there is none before it to compare with.")
    weeks = reader.bridge_weeks(Period.week(before), Period.week(start))
    _check_names(weeks, view)
    return Period.week(start), margin_bridge(weeks, [view])[0]


def margin_bridge(weeks: BridgeWeeks, views: Sequence[View]) -> list[MarginBridge]:
    """The bridge of each view. What is not counted (`unpriced_attempts` and the rest) is that of the company."""
    amounts = _amounts(weeks)
    return [_bridge(weeks, amounts, view) for view in views]


Cell = tuple[str, str | None]
"""A tenant's feature."""


@dataclass(frozen=True)
class CellSaving:
    """A feature of a tenant that both weeks have: what the later week's calls would have cost more, by factor.

    `saved_pico`: by factor of the bridge, volume left out; negative where they would have cost less. `cost_pico`: what they cost.
    """

    saved_pico: dict[str, int]
    cost_pico: int


def savings_by_cell(weeks: BridgeCalls, view: View) -> tuple[dict[Cell, CellSaving], dict[Cell, int]]:
    """At the volume of the later week: cells of the view that both weeks have, and the cost of those that it alone has."""
    cells = [cell for cell in weeks.cells if view.holds(cell.tenant_id, cell.feature, None)]
    parts = [part for part in weeks.parts if view.holds(part.tenant_id, part.feature, None)]
    effects = cost_effects(*at_fixed_volume(*_arrays(cells, parts)))
    own: dict[Cell, int] = defaultdict(int)
    sums: dict[Cell, dict[str, int]] = defaultdict(lambda: dict.fromkeys(FACTORS[1:], 0))
    rows = [(cell, cell.lookup_pico[1], row) for cell, row in zip(cells, effects.lookups, strict=True)]
    rows += [(part, sum(two[1] for two in part.cost_pico), row) for part, row in zip(parts, effects.parts, strict=True)]
    for place, cost_pico, row in rows:
        key = (place.tenant_id, place.feature)
        own[key] += cost_pico
        for factor, effect in zip(BARS, row, strict=True):
            if factor in sums[key]:
                sums[key][factor] += effect
    both = {(cell.tenant_id, cell.feature) for cell in cells if all(cell.calls)}
    alone = {(cell.tenant_id, cell.feature): 0 for cell in cells if cell.calls[1] and not cell.calls[0]}
    for row in weeks.coverage:
        key = (row.tenant_id, row.feature)
        if view.holds(row.tenant_id, row.feature, None) and row.cost_pico[1]:
            alone[key] = alone.get(key, 0) + row.cost_pico[1]
    return (
        {key: CellSaving(sums[key], own[key]) for key in sorted(both, key=str)},
        {key: cost + (0 if key in both else own[key]) for key, cost in alone.items()},
    )


@dataclass(frozen=True)
class _Amount:
    """An effect on margin of one tenant, feature and model."""

    key: tuple[str, str | None, str | None]
    bar: str
    effect_pico: int


def _bridge(weeks: BridgeWeeks, amounts: Iterable[_Amount], view: View) -> MarginBridge:
    sums: dict[str, int] = defaultdict(int)
    for amount in amounts:
        if view.holds(*amount.key):
            sums[amount.bar] += amount.effect_pico
    revenue = _revenue(weeks, view) if view.has_revenue else None
    cost = _cost(weeks, view)
    order = [*BARS, "coverage", "drawdowns", *sorted(sums.keys() - LABELS.keys()), "allocated"]
    found = {name: _usd(sums[name]) for name in order}
    points: dict[str, Decimal | None] = dict.fromkeys((*order, *_REVENUE))
    if revenue is not None:
        points |= {name: margin_points(effect, revenue) for name, effect in found.items()}
        of_revenue = _by_kind(weeks, view)
        found |= of_revenue
        whole, change = revenue_points(cost, revenue), revenue[1] - revenue[0]
        for name, effect in of_revenue.items():
            points[name] = None if whole is None else whole * effect / change if change else Decimal(0)
    bars = tuple(Bar(name, effect, points[name]) for name, effect in found.items())
    return MarginBridge(bars, cost, revenue, weeks.unpriced_attempts, weeks.partial_attempts, weeks.without_rate)


def _amounts(weeks: BridgeWeeks) -> list[_Amount]:
    """Every effect of cost, apart for each tenant, feature and model."""
    effects = cost_effects(*_arrays(weeks.cells, weeks.parts))
    found: list[_Amount] = []
    for part, row in zip(weeks.parts, effects.parts, strict=True):
        key = (part.tenant_id, part.feature, part.model)
        found += [_Amount(key, bar, effect) for bar, effect in zip(BARS, row, strict=True) if effect]
        found.append(_Amount(key, "drawdowns", _fall(part.drawdown_pico)))
    for cell, row in zip(weeks.cells, effects.lookups, strict=True):
        key = (cell.tenant_id, cell.feature, None)
        found += [_Amount(key, bar, effect) for bar, effect in zip(BARS, row, strict=True) if effect]
    found += [
        _Amount((row.tenant_id, row.feature, row.model), "coverage", _fall(row.cost_pico)) for row in weeks.coverage
    ]
    found += [
        _Amount((row.tenant_id, row.feature, row.model), row.component, _fall(row.cost_pico)) for row in weeks.costs
    ]
    return found


def _arrays(cells: Sequence[BridgeCell], parts: Sequence[BridgePart]) -> tuple[Cells, Parts]:
    numbers = {(cell.tenant_id, cell.feature): number for number, cell in enumerate(cells)}
    return (
        Cells(*(_weeks([getattr(cell, name) for cell in cells]) for name in ("calls", "served", "lookup_pico"))),
        _parts(parts, [numbers[part.tenant_id, part.feature] for part in parts]),
    )


def _parts(parts: Sequence[BridgePart], cells: Sequence[int]) -> Parts:
    own = np.array([[list(two) for two in part.cost_pico] for part in parts], dtype=object).reshape(-1, 5, 2)
    other = np.array([[list(two) for two in part.other_cost_pico] for part in parts], dtype=object).reshape(-1, 5, 2)
    # Each week at its own prices, and at those of the other week.
    costs = np.array([[own[..., 0], other[..., 1]], [other[..., 0], own[..., 1]]], dtype=object)
    tokens = np.array([[list(two) for two in part.tokens] for part in parts], dtype=np.int64).reshape(-1, 4, 2)
    return Parts(
        np.array(cells, dtype=np.int64),
        _weeks([part.attempts for part in parts]),
        tokens[:, :3].transpose(2, 0, 1),
        tokens[:, 3].transpose(1, 0),
        costs,
    )


def _weeks(twos: Sequence[Two]) -> Any:
    """As an array of 2 weeks by entries."""
    is_small = all(abs(value) < 2**62 for two in twos for value in two)
    return np.array(list(twos), dtype=np.int64 if is_small else object).reshape(-1, 2).transpose()


def _cost(weeks: BridgeWeeks, view: View) -> tuple[Decimal, Decimal]:
    """Cost of goods of the view in each week."""
    sums = [0, 0]
    for week in (0, 1):
        for part in weeks.parts:
            if view.holds(part.tenant_id, part.feature, part.model):
                sums[week] += sum(two[week] for two in part.cost_pico) + part.drawdown_pico[week]
        for cell in weeks.cells:
            if view.holds(cell.tenant_id, cell.feature, None):
                sums[week] += cell.lookup_pico[week]
        for row in (*weeks.coverage, *weeks.costs):
            if view.holds(row.tenant_id, row.feature, row.model):
                sums[week] += row.cost_pico[week]
    return _usd(sums[0]), _usd(sums[1])


def _revenue(weeks: BridgeWeeks, view: View) -> tuple[Decimal, Decimal]:
    rows = [row.revenue_pico for row in weeks.revenue if view.tenant_id in (None, row.tenant_id)]
    return _usd(sum(before for before, _ in rows)), _usd(sum(after for _, after in rows))


def _by_kind(weeks: BridgeWeeks, view: View) -> dict[str, Decimal]:
    sums = dict.fromkeys(_REVENUE, 0)
    for row in weeks.revenue:
        if view.tenant_id in (None, row.tenant_id):
            before, after = row.revenue_pico
            kind = "revenue_new" if before == 0 else "revenue_lost" if after == 0 else "revenue_existing"
            sums[kind] += after - before
    return {kind: _usd(pico) for kind, pico in sums.items()}


def _fall(two: Two) -> int:
    return two[0] - two[1]


def _usd(pico: int) -> Decimal:
    return Decimal(pico).scaleb(-12, EXACT)


def _check_names(weeks: BridgeWeeks, view: View) -> None:
    rows = (*weeks.parts, *weeks.costs, *weeks.coverage)
    known: dict[str, set[str | None]] = {
        "tenant": {row.tenant_id for row in (*rows, *weeks.cells, *weeks.revenue)},
        "feature": {row.feature for row in (*rows, *weeks.cells)},
        "model": {row.model for row in rows},
    }
    asked = {"tenant": view.tenant_id, "feature": view.feature, "model": view.model}
    for kind, name in asked.items():
        if name is not None and name not in known[kind]:
            names = sorted(filter(None, known[kind]))
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
            meant = f" Did you mean {' or '.join(near)}?" if near else ""
            some = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
            raise BridgeError(f"No {kind} '{name}' in either week.{meant} There: {some or 'none'}.")
