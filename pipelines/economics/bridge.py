"""Why the cost of two weeks differs: the Shapley value of every factor, per tenant, feature and model.

A cell is a tenant and a feature. Its cost in a week is, over the models j and the kinds of input x (uncached, read from the
provider's cache, written to it),

    cost = T·l + T·m·a·Σ_j s_j·(i_j·Σ_x k_jx·u_jx + o_j·u_j,out + u_j,attempt)

with T logical calls, l what the gateway's cache costs per call, m the share served by a provider, a attempts per served call,
s_j the model's share of attempts, i_j and o_j input and output tokens per attempt, k_jx the kinds' shares of input and u unit
prices: u(b, w) is what the requests of week w cost per unit at the prices of week b. A factor's bar is the mean of what it adds
over all orders in which the nine could have changed (Shapley 1953), so that no order is preferred and the bars add up to the
change: cell by cell, hence for any tenant, feature or model.

Amounts are whole pico-dollars in and out; between, numpy's extended precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import factorial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FACTORS: Final = (
    "volume",
    "response_cache",
    "retries",
    "tier_mix",
    "prompt_length",
    "output_length",
    "prompt_cache",
    "price_step",
    "list_price",
)
"""What a cell of both weeks is taken apart into. `price_step`: the requests of each week reach other steps, tiers or regions at
the same prices; `list_price`: the same requests at other prices.
"""
BARS: Final = (*FACTORS, "volume_new", "volume_lost")
"""The bars of `cost_effects`, in their order; a cell of one week alone is whole in one of the last two."""

_OUTER, _INNER = FACTORS[:3], FACTORS[3:]
_SUBSETS = 1 << len(FACTORS)
_CHUNK = 512

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Cells:
    """Tenants' features, each an entry of arrays of shape (2 weeks, cells).

    `calls`: logical calls that the gateway's cache answered or that have an attempt in the week; `served`: those that have one;
    `lookup_pico`: what the gateway's cache cost.
    """

    calls: Array
    served: Array
    lookup_pico: Array

    @property
    def in_both(self) -> Array:
        """Whether a cell has calls in both weeks; shape (cells,)."""
        return np.asarray((self.calls > 0).all(axis=0))


@dataclass(frozen=True)
class Parts:
    """Models within cells. `cell`: each one's cell, shape (parts,).

    `attempts`, `output_tokens`: (2 weeks, parts); `input_tokens`: (2 weeks, parts, kinds). `cost_pico`: (2 books, 2 weeks, parts,
    kinds + 2), what the requests of a week cost at the prices of a week: per kind of input, then output, then what is charged
    by the attempt. Own cost is book = week.
    """

    cell: Array
    attempts: Array
    input_tokens: Array
    output_tokens: Array
    cost_pico: Array

    def own_cost_pico(self, week: int) -> Array:
        """What was paid; shape (parts,)."""
        return np.asarray(self.cost_pico[week, week].sum(axis=-1))


@dataclass(frozen=True)
class Effects:
    """Effects on margin in whole pico-dollars, with a column for each of BARS; a row sums to the fall of its cost exactly.

    `parts`: a row per part; `lookups`: a row per cell, of the gateway's cache's own cost.
    """

    parts: Array
    lookups: Array


def cost_effects(cells: Cells, parts: Parts) -> Effects:
    """Each bar of each part and of each cell's lookups. Raises ValueError for counts that no log has."""
    _check(cells, parts)
    unrounded = _unrounded(cells, parts)
    falls = _whole(parts.own_cost_pico(0)) - _whole(parts.own_cost_pico(1))
    of_lookups = _whole(cells.lookup_pico[0]) - _whole(cells.lookup_pico[1])
    return Effects(_rounded(unrounded.parts, falls), _rounded(unrounded.lookups, of_lookups))


def at_fixed_volume(cells: Cells, parts: Parts) -> tuple[Cells, Parts]:
    """The earlier week as it would have been with the later week's logical calls, cell by cell: what stood behind each stays.

    The bars of what comes out are then what the other factors did at the volume of the later week, and volume is nothing. Cells
    of one week alone stay as they are. Costs stay whole pico-dollars, each rounded half-even.
    """
    both = cells.in_both
    ratio = np.where(both, _per(cells.calls[1], cells.calls[0]), 1).astype(np.float64)
    calls = cells.calls.astype(np.float64)
    calls[0, both] = calls[1, both]
    served = cells.served.astype(np.float64)
    served[0] = np.minimum(served[0] * ratio, calls[0])
    attempts, inputs, outputs = (
        values.astype(np.float64) for values in (parts.attempts, parts.input_tokens, parts.output_tokens)
    )
    of_part = ratio[parts.cell]
    attempts[0] *= of_part
    inputs[0] *= of_part[:, None]
    outputs[0] *= of_part
    exact = [
        Fraction(int(after), int(before)) if is_both else Fraction(1)
        for before, after, is_both in zip(*cells.calls, both, strict=True)
    ]
    costs = parts.cost_pico.astype(object)
    for number, cell in enumerate(parts.cell):
        for book, kind in np.ndindex(2, costs.shape[-1]):
            costs[book, 0, number, kind] = _scaled(int(costs[book, 0, number, kind]), exact[int(cell)])
    lookups = cells.lookup_pico.astype(object)
    lookups[0] = [_scaled(int(value), factor) for value, factor in zip(lookups[0], exact, strict=True)]
    return Cells(calls, served, lookups), Parts(parts.cell, attempts, inputs, outputs, costs)


def _scaled(amount: int, factor: Fraction) -> int:
    return round(Fraction(amount) * factor)


def margin_points(effects: Decimal, revenue: tuple[Decimal, Decimal]) -> Decimal | None:
    """What a cost bar in dollars does to the gross margin as a fraction; None where a week has no revenue.

    With margin 1 - C/R the Shapley value of C is the mean of its effect at both revenues.
    """
    before, after = revenue
    if before <= 0 or after <= 0:
        return None
    return effects * (1 / before + 1 / after) / 2


def revenue_points(costs: tuple[Decimal, Decimal], revenue: tuple[Decimal, Decimal]) -> Decimal | None:
    """What the change of revenue does to the gross margin as a fraction, at the mean of both costs; as `margin_points`."""
    before, after = revenue
    if before <= 0 or after <= 0:
        return None
    return -(costs[0] + costs[1]) / 2 * (1 / after - 1 / before)


def _unrounded(cells: Cells, parts: Parts) -> Effects:
    """As `cost_effects`, in extended precision."""
    calls, served, lookups = (np.asarray(values, np.longdouble) for values in _of_cells(cells))
    both = cells.in_both
    weights = _weights()
    # What a call costs in the gateway's cache changes with how often the cache answers.
    per_call = _per(lookups, calls)
    lookup = np.zeros((len(both), len(BARS)), np.longdouble)
    values = [calls[s & 1] * per_call[s >> 1 & 1] for s in range(4)]
    changed = np.stack([values[s & 3] for s in range(_SUBSETS)], axis=-1) @ weights
    lookup[both, : len(FACTORS)] = -changed[both]
    _whole_cells(lookup, both, calls, -lookups)

    outer = _outer(calls, served, np.stack([np.bincount(parts.cell, week, len(both)) for week in parts.attempts]))
    found = np.zeros((len(parts.cell), len(BARS)), np.longdouble)
    attempts = parts.attempts.astype(np.longdouble)
    of_cell = np.stack([np.bincount(parts.cell, week, len(both)) for week in parts.attempts])[:, parts.cell]
    # A week in which no attempt was made has no mix of its own.
    share = np.where(of_cell > 0, _per(attempts, of_cell), _per(attempts, of_cell)[::-1])
    is_both = both[parts.cell]
    for start in range(0, len(parts.cell), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        inner = _inner(parts, attempts, share, chunk)
        of_outer = outer[:, parts.cell[chunk]]
        costs = np.stack([of_outer[s & 7] * inner[s >> 3] for s in range(_SUBSETS)], axis=-1)
        found[chunk, : len(FACTORS)] = -(costs @ weights) * is_both[chunk, None]
    own = np.stack([-parts.own_cost_pico(week).astype(np.longdouble) for week in (0, 1)])
    _whole_cells(found, is_both, calls[:, parts.cell], own)
    return Effects(found, lookup)


def _outer(calls: Array, served: Array, attempts: Array) -> Array:
    """T·m·a for every subset of its three factors; shape (8, cells)."""
    share = _per(served, calls)
    retries = _copied(_per(attempts.astype(np.longdouble), served), served > 0)
    return np.stack([calls[s & 1] * share[s >> 1 & 1] * retries[s >> 2 & 1] for s in range(8)])


def _inner(parts: Parts, attempts: Array, share: Array, chunk: slice) -> Array:
    """s·(i·Σ k·u + o·u_out + u_attempt) for every subset of its six factors; shape (64, parts of the chunk)."""
    tried = attempts[:, chunk]
    kinds = parts.input_tokens[:, chunk].astype(np.longdouble)
    inputs, outputs = kinds.sum(axis=-1), parts.output_tokens[:, chunk].astype(np.longdouble)
    input_each = _copied(_per(inputs, tried), tried > 0)
    output_each = _copied(_per(outputs, tried), tried > 0)
    kind_share = _copied(_per(kinds, inputs[..., None]), inputs > 0)
    # What was charged for a kind that was not counted is charged by the attempt.
    units = np.concatenate([kinds, outputs[..., None]], axis=-1)
    costs = parts.cost_pico[:, :, chunk].astype(np.longdouble)
    by_unit = np.where(units > 0, costs[..., :-1], 0)
    by_attempt = costs.sum(axis=-1) - by_unit.sum(axis=-1)
    price = np.stack([_copied(_per(by_unit[book], units), units > 0) for book in (0, 1)])
    attempt_price = np.stack([_copied(_per(by_attempt[book], tried), tried > 0) for book in (0, 1)])
    found: list[Array] = []
    for subset in range(1 << len(_INNER)):
        mix, prompt, output, cached, step, book = (subset >> bit & 1 for bit in range(len(_INNER)))
        at = price[book, step]
        of_input = input_each[prompt] * (kind_share[cached] * at[:, :-1]).sum(axis=-1)
        found.append(share[mix][chunk] * (of_input + output_each[output] * at[:, -1] + attempt_price[book, step]))
    return np.stack(found)


def _weights() -> Array:
    """What each subset's cost adds to each factor's Shapley value; shape (512, 9)."""
    count = len(FACTORS)
    found = np.zeros((_SUBSETS, count), np.longdouble)
    for subset in range(_SUBSETS):
        size = subset.bit_count()
        for factor in range(count):
            if subset >> factor & 1:
                found[subset, factor] = factorial(size - 1) * factorial(count - size)
            else:
                found[subset, factor] = -factorial(size) * factorial(count - size - 1)
    return np.asarray(found / factorial(count))


def _whole_cells(effects: Array, both: Array, calls: Array, own: Array) -> None:
    """Put what only one of the weeks has into its bar. `own`: effect on margin of each week's whole cost, (2, rows)."""
    effects[:, BARS.index("volume_new")] = np.where(~both & (calls[1] > 0), own[1], 0)
    effects[:, BARS.index("volume_lost")] = np.where(~both & (calls[0] > 0), -own[0], 0)


def _per(values: Array, units: Array) -> Array:
    return np.divide(values, units, out=np.zeros(np.broadcast(values, units).shape, np.longdouble), where=units > 0)


def _copied(values: Array, is_known: Array) -> Array:
    """Per week on the first axis: where only the other week knows a value, that one, so that it changes nothing."""
    known = is_known if is_known.ndim == values.ndim else is_known[..., None]
    return np.where(known, values, values[::-1])


def _rounded(values: Array, totals: Array) -> Array:
    """Whole numbers that add up to `totals` row by row: each rounded, the rest on the largest."""
    found = _whole(np.rint(values))
    rest = totals - found.sum(axis=1)
    largest = np.abs(values).argmax(axis=1)
    found[np.arange(len(found)), largest] += rest
    return found


def _whole(values: Array) -> Array:
    """Python's integers, which no sum overflows."""
    return np.array([int(value) for value in values.ravel()], dtype=object).reshape(values.shape)


def _of_cells(cells: Cells) -> tuple[Array, Array, Array]:
    return cells.calls, cells.served, cells.lookup_pico


def _check(cells: Cells, parts: Parts) -> None:
    shape = cells.calls.shape
    if any(values.shape != shape for values in _of_cells(cells)) or len(shape) != 2 or shape[0] != 2:
        raise ValueError(f"cells are arrays of 2 weeks each, all alike; found {[v.shape for v in _of_cells(cells)]}")
    if len(parts.cell) and not (parts.cell.min() >= 0 and parts.cell.max() < shape[1]):
        raise ValueError(f"a part names a cell that is none of the {shape[1]}")
    if (cells.served > cells.calls).any() or (cells.calls < 0).any():
        raise ValueError("a cell has more calls that were served than calls")
    of_cell = np.stack([np.bincount(parts.cell, week, shape[1]) for week in parts.attempts])
    if ((of_cell > 0) != (cells.served > 0)).any():
        raise ValueError("a cell has attempts in a week without a served call, or the other way round")
    idle = parts.attempts == 0
    if (parts.input_tokens.sum(axis=-1)[idle] != 0).any() or (parts.output_tokens[idle] != 0).any():
        raise ValueError("a part has tokens in a week without an attempt")
    if any((np.asarray(parts.cost_pico[:, week].sum(axis=(0, -1)))[idle[week]] != 0).any() for week in (0, 1)):
        raise ValueError("a part has a cost in a week without an attempt")
    if ((cells.calls == 0) & (cells.lookup_pico != 0)).any():
        raise ValueError("a cell has a cost of lookups in a week without a call")
