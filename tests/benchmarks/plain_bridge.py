"""The bridge once more, in fractions and loops, straight from its definition: what the vectorised one is compared with."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import factorial

import numpy as np

from pipelines.economics.bridge import FACTORS, Cells, Parts

Values = dict[str, tuple[Fraction, Fraction]]


def cell_effects(cells: Cells, parts: Parts, cell: int) -> list[Fraction]:
    """Effects on margin of one cell that has calls in both weeks: lookups and all its models together, by factor."""
    numbers = [number for number in range(len(parts.cell)) if parts.cell[number] == cell]
    found = [Fraction(0)] * len(FACTORS)
    known = _costs(cells, parts, cell, numbers)
    count = len(FACTORS)
    for position, _ in enumerate(FACTORS):
        others = [other for other in range(count) if other != position]
        for size in range(count):
            weight = Fraction(factorial(size) * factorial(count - size - 1), factorial(count))
            for chosen in combinations(others, size):
                before, after = frozenset(chosen), frozenset((*chosen, position))
                found[position] -= weight * (known[after] - known[before])
    return found


def _costs(cells: Cells, parts: Parts, cell: int, numbers: list[int]) -> dict[frozenset[int], Fraction]:
    """The cell's cost for every set of factors that have changed."""
    return {
        frozenset(chosen): _cost(cells, parts, cell, numbers, [int(f in chosen) for f in range(len(FACTORS))])
        for size in range(len(FACTORS) + 1)
        for chosen in combinations(range(len(FACTORS)), size)
    }


def _cost(cells: Cells, parts: Parts, cell: int, numbers: list[int], weeks: list[int]) -> Fraction:
    volume, cached, retries, mix, prompt, output, kinds, step, book = weeks
    calls, served, lookups = (
        [Fraction(int(values[week, cell])) for week in (0, 1)]
        for values in (cells.calls, cells.served, cells.lookup_pico)
    )
    tried = [Fraction(sum(int(parts.attempts[week, n]) for n in numbers)) for week in (0, 1)]
    each = _known([tried[week] / served[week] if served[week] else None for week in (0, 1)])
    reached = calls[volume] * served[cached] / calls[cached] * each[retries]
    cost = calls[volume] * lookups[cached] / calls[cached]
    for n in numbers:
        attempts = [Fraction(int(parts.attempts[week, n])) for week in (0, 1)]
        share = _known([attempts[week] / tried[week] if tried[week] else None for week in (0, 1)])
        amounts = [[Fraction(int(value)) for value in parts.input_tokens[week, n]] for week in (0, 1)]
        inputs = [sum(week, Fraction(0)) for week in amounts]
        outputs = [Fraction(int(parts.output_tokens[week, n])) for week in (0, 1)]
        input_each = _known([inputs[w] / attempts[w] if attempts[w] else None for w in (0, 1)])
        output_each = _known([outputs[w] / attempts[w] if attempts[w] else None for w in (0, 1)])
        of_input = Fraction(0)
        for kind in range(len(amounts[0])):
            share_of_kind = _known([amounts[w][kind] / inputs[w] if inputs[w] else None for w in (0, 1)])
            paid = [Fraction(int(parts.cost_pico[book, w, n, kind])) for w in (0, 1)]
            price = _known([paid[w] / amounts[w][kind] if amounts[w][kind] else None for w in (0, 1)])
            of_input += share_of_kind[kinds] * price[step]
        paid = [Fraction(int(parts.cost_pico[book, w, n, -2])) for w in (0, 1)]
        output_price = _known([paid[w] / outputs[w] if outputs[w] else None for w in (0, 1)])
        by_attempt = [
            Fraction(int(parts.cost_pico[book, w, n, -1]))
            + sum(
                (Fraction(int(parts.cost_pico[book, w, n, k])) for k, v in enumerate(amounts[w]) if not v), Fraction(0)
            )
            + (0 if outputs[w] else paid[w])
            for w in (0, 1)
        ]
        attempt_price = _known([by_attempt[w] / attempts[w] if attempts[w] else None for w in (0, 1)])
        each_attempt = input_each[prompt] * of_input + output_each[output] * output_price[step] + attempt_price[step]
        cost += reached * share[mix] * each_attempt
    return cost


def _known(weeks: list[Fraction | None]) -> tuple[Fraction, Fraction]:
    """A week that does not know a value has the other one's."""
    first, second = weeks
    found = first if first is not None else second, second if second is not None else first
    return found[0] or Fraction(0), found[1] or Fraction(0)


def random_weeks(cells: int, seed: int) -> tuple[Cells, Parts]:
    """Cells of one to three models with gaps of every kind: a model, a kind of tokens or all attempts missing in a week."""
    random = np.random.default_rng(seed)
    models = random.integers(1, 4, cells)
    cell = np.repeat(np.arange(cells), models)
    count = len(cell)
    attempts = random.integers(1, 2_000, (2, count)) * (random.random((2, count)) < 0.9)
    inputs = (
        random.integers(0, 3_000_000, (2, count, 3)) * (random.random((2, count, 3)) < 0.8) * (attempts > 0)[..., None]
    )
    outputs = random.integers(0, 200_000, (2, count)) * (random.random((2, count)) < 0.95) * (attempts > 0)
    units = np.concatenate([inputs, outputs[..., None], attempts[..., None]], axis=-1)
    prices = random.integers(0, 20_000_000, (2, 2, count, 5))
    served = np.stack([np.bincount(cell, week > 0, cells).astype(int) for week in attempts])
    served = served * random.integers(1, 300, (2, cells))
    calls = served + random.integers(1, 500, (2, cells))
    lookups = (calls - served) * random.integers(1, 10_000_000, (2, cells))
    return Cells(calls, served, lookups), Parts(cell, attempts, inputs, outputs, prices * units[None])
