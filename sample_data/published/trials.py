"""Tasks that were tried several times: which numbers of passes a published pass^k stands for.

pass^k (tau-bench) is the chance that k trials of a task all pass, estimated from T trials of each of n tasks: a task that
passed j times adds C(j, k) / C(T, k) to the sum over tasks, which is divided by n.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import comb

from sample_data.published.cells import Published


def pass_k_of(tasks_by_passes: Mapping[int, int], trials: int, k: int) -> Fraction:
    """pass^k in per cent of tasks of which so many passed so many of their trials."""
    tasks = sum(tasks_by_passes.values())
    hits = sum(count * comb(passes, k) for passes, count in tasks_by_passes.items())
    return Fraction(100 * hits, comb(trials, k) * tasks)


def passes_from_pass_k(tasks: int, trials: int, pass_k: Mapping[int, Published]) -> dict[int, int] | None:
    """How many tasks passed how many of their trials, from pass^1 to pass^T; None where no whole numbers give these rates.

    From the top down each rate has one unknown: of T trials all passed in n · pass^T tasks, and so on.
    """
    if sorted(pass_k) != list(range(1, trials + 1)):
        return None
    found: dict[int, int] = {}
    for k in range(trials, 0, -1):
        hits = Fraction(pass_k[k].value) * tasks * comb(trials, k) / 100
        found[k] = round(hits - sum(count * comb(passes, k) for passes, count in found.items()))
    found[0] = tasks - sum(found.values())
    is_possible = min(found.values()) >= 0
    is_met = all(rate.is_met_by(pass_k_of(found, trials, k)) for k, rate in pass_k.items())
    return found if is_possible and is_met else None


def passes_in_order(tasks: int, trials: int, passed: int) -> dict[int, int]:
    """The same where only the sum is published: the first tasks pass every time."""
    every_time, rest = divmod(passed, trials)
    found = {trials: every_time, rest: 1} if rest else {trials: every_time}
    return found | {0: tasks - sum(found.values())}
