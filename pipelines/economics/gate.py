"""Two runs of one evaluation suite compared, case by case: success, cost per success, tokens, time, each against a limit.

Every case weighs the same and its repeats share its weight, so that a case that was tried more often in one run does not move
the figures. Figures are exact; their intervals are bootstraps over cases, in floats.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Literal

import numpy as np

from pipelines.economics.apportion import EXACT
from pipelines.economics.intervals import DRAWS, FEWEST, Floats, Interval, Statistic, change_interval, ratio

MetricId = Literal["success_rate", "cost_per_success", "cost_per_task", "tokens_per_success", "p95_task_time"]
Verdict = Literal["passed", "over", "unknown"]
"""`unknown`: there is a limit and the figure cannot be held against it, which does not pass either."""
DecideBy = Literal["estimate", "interval"]

FEWEST_FOR_P95 = 20
"""Under so many tasks a 95th percentile is the slowest one."""
_P95 = Fraction(19, 20)
_PLACES = 12


@dataclass(frozen=True)
class Trial:
    """One task of a run: one attempt at a case.

    `is_success` is None where nobody judged it; `cost_usd` and `tokens` are lower bounds where they are not complete;
    `duration_ms` is None where the log does not say when it ended.
    """

    case_id: str
    cost_usd: Decimal
    is_success: bool | None = None
    is_cost_complete: bool = True
    tokens: int = 0
    is_tokens_complete: bool = True
    duration_ms: int | None = None


@dataclass(frozen=True)
class Case:
    """The trials of one case in both runs, at least one of each."""

    baseline: tuple[Trial, ...]
    candidate: tuple[Trial, ...]


@dataclass(frozen=True)
class Pairing:
    """Cases that both runs have, by id, and the ids of those that only one has."""

    cases: Mapping[str, Case]
    only_baseline: tuple[str, ...]
    only_candidate: tuple[str, ...]

    def trials(self, side: Literal["baseline", "candidate"]) -> list[tuple[Trial, ...]]:
        """The trials of one run, case by case, in one order for both."""
        return [getattr(case, side) for _, case in sorted(self.cases.items())]


@dataclass(frozen=True)
class Allowed:
    """What may be missing without failing: each says that somebody looked at it."""

    unpriced: bool = False
    unjudged: bool = False
    missing_cases: bool = False


@dataclass(frozen=True)
class Line:
    """One figure of both runs. Values are None where they have no denominator or are not known; `why` says which.

    `change` is relative, or absolute for a share; None where there is nothing to compare. A `*_bound` of at_least or at_most says
    that parts are not known. `is_sure`: whether the whole interval lies on the verdict's side of the limit; None without one.
    """

    metric_id: MetricId
    label: str
    unit: str
    is_relative: bool
    baseline: Decimal | None
    candidate: Decimal | None
    baseline_bound: str | None
    candidate_bound: str | None
    change: Decimal | None
    interval: Interval | None
    limit: Decimal | None
    verdict: Verdict | None
    is_sure: bool | None
    why: str


@dataclass(frozen=True)
class Comparison:
    """All figures, what else keeps the candidate from passing, and what a reader should know."""

    pairing: Pairing
    lines: tuple[Line, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = field(default=())

    @property
    def is_passed(self) -> bool:
        return not self.problems and all(line.verdict in (None, "passed") for line in self.lines)


def case_of(task_id: str, separator: str) -> str:
    """The case that a task tries: its id without a trailing separator and number. An empty separator: the id itself."""
    if not separator:
        return task_id
    return re.sub(rf"(?<=.){re.escape(separator)}\d+\Z", "", task_id, flags=re.DOTALL)


def paired(baseline: Iterable[Trial], candidate: Iterable[Trial]) -> Pairing:
    """Group both runs by case."""
    sides: list[dict[str, list[Trial]]] = []
    for trials in (baseline, candidate):
        grouped: dict[str, list[Trial]] = defaultdict(list)
        for trial in trials:
            grouped[trial.case_id].append(trial)
        sides.append(grouped)
    first, second = sides
    return Pairing(
        {name: Case(tuple(first[name]), tuple(second[name])) for name in sorted(first.keys() & second.keys())},
        tuple(sorted(first.keys() - second.keys())),
        tuple(sorted(second.keys() - first.keys())),
    )


def compare(
    pairing: Pairing,
    limits: Mapping[MetricId, Decimal],
    *,
    allowed: Allowed = Allowed(),
    decide_by: DecideBy = "estimate",
    draws: int = DRAWS,
) -> Comparison:
    """Hold the candidate against the baseline. A limit is the largest worsening that passes. Raises ValueError without a case."""
    if not pairing.cases:
        raise ValueError("no case is in both runs")
    before, after = (_facts(pairing.trials(side)) for side in ("baseline", "candidate"))
    lines = tuple(
        _line(metric, before, after, limits.get(metric.metric_id), allowed, decide_by, draws) for metric in _METRICS
    )
    problems: list[str] = []
    if pairing.only_baseline and not allowed.missing_cases:
        problems.append(f"{_counted(len(pairing.only_baseline), 'case')} of the baseline not in the candidate")
    if after.cost > 0 and after.successes == 0 and after.judged:
        problems.append("spend without success: no task of the candidate succeeded")
    return Comparison(pairing, lines, tuple(problems), tuple(_remarks(len(pairing.cases), before, after)))


@dataclass(frozen=True)
class _Facts:
    """One run: its trials case by case, and sums in which every case weighs one."""

    cases: list[tuple[Trial, ...]]
    tasks: int
    successes: Fraction
    judged: Fraction
    cost: Fraction
    tokens: Fraction
    unjudged: int
    unpriced: int
    untold: int
    """Tasks whose tokens are not complete."""
    unended: int

    @property
    def is_judged(self) -> bool:
        return bool(self.judged)

    @property
    def p95(self) -> Fraction | None:
        if self.unended or self.tasks < FEWEST_FOR_P95:
            return None
        weighed = sorted((t.duration_ms or 0, Fraction(1, len(trials))) for trials in self.cases for t in trials)
        reached = Fraction(0)
        for duration, weight in weighed:
            reached += weight
            if reached >= _P95 * len(self.cases):
                return Fraction(duration)
        return None  # no case; not reached otherwise


def _facts(cases: list[tuple[Trial, ...]]) -> _Facts:
    trials = [trial for case in cases for trial in case]
    return _Facts(
        cases,
        len(trials),
        sum(map(_successes, cases), Fraction(0)),
        sum(map(_judged, cases), Fraction(0)),
        sum(map(_cost, cases), Fraction(0)),
        sum(map(_tokens, cases), Fraction(0)),
        sum(t.is_success is None for t in trials),
        sum(not t.is_cost_complete for t in trials),
        sum(not t.is_tokens_complete for t in trials),
        sum(t.duration_ms is None for t in trials),
    )


Share = Callable[[Sequence[Trial]], Fraction]
"""A case's mean over its trials."""


def _successes(case: Sequence[Trial]) -> Fraction:
    return Fraction(sum(t.is_success is True for t in case), len(case))


def _judged(case: Sequence[Trial]) -> Fraction:
    return Fraction(sum(t.is_success is not None for t in case), len(case))


def _cost(case: Sequence[Trial]) -> Fraction:
    return sum((Fraction(t.cost_usd) for t in case), Fraction(0)) / len(case)


def _tokens(case: Sequence[Trial]) -> Fraction:
    return Fraction(sum(t.tokens for t in case), len(case))


def _one(case: Sequence[Trial]) -> Fraction:
    return Fraction(bool(case))


@dataclass(frozen=True)
class _Metric:
    metric_id: MetricId
    label: str
    unit: str
    top: Share | None
    """None: the percentile of times."""
    bottom: Share = _one
    is_worse_up: bool = True
    needs_price: bool = False
    needs_tokens: bool = False
    needs_outcome: bool = False

    @property
    def is_relative(self) -> bool:
        return self.unit != "ratio"

    def value(self, run: _Facts) -> Fraction | None:
        if self.top is None:
            return run.p95
        below = sum(map(self.bottom, run.cases), Fraction(0))
        return sum(map(self.top, run.cases), Fraction(0)) / below if below else None

    def bound(self, run: _Facts) -> str | None:
        """Parts that are not known make a cost a lower bound; tasks that nobody judged make it an upper one."""
        is_low = (self.needs_price and run.unpriced) or (self.needs_tokens and run.untold)
        is_high = self.bottom is _successes and run.unjudged
        if is_low and is_high:
            return None
        return "at_least" if is_low else "at_most" if is_high else None

    def statistic(self, run: _Facts) -> Statistic:
        if self.top is None:
            return _p95_of(run)
        tops = np.array([float(self.top(case)) for case in run.cases])
        bottoms = np.array([float(self.bottom(case)) for case in run.cases])
        return lambda drawn: ratio(drawn, tops, bottoms)


_METRICS = (
    _Metric("success_rate", "Success rate", "ratio", _successes, _judged, is_worse_up=False, needs_outcome=True),
    _Metric(
        "cost_per_success", "Cost per successful task", "usd", _cost, _successes, needs_price=True, needs_outcome=True
    ),
    _Metric("cost_per_task", "Cost per task", "usd", _cost, needs_price=True),
    _Metric(
        "tokens_per_success", "Tokens per successful task", "count", _tokens, _successes,
        needs_tokens=True, needs_outcome=True,
    ),
    _Metric("p95_task_time", "p95 task time", "ms", None),
)  # fmt: skip
METRICS: tuple[MetricId, ...] = tuple(metric.metric_id for metric in _METRICS)


def _p95_of(run: _Facts) -> Statistic:
    """The percentile of every draw: times in order, each with the weight that its case was drawn with."""
    weighed = sorted((t.duration_ms or 0, n, 1 / len(case)) for n, case in enumerate(run.cases) for t in case)
    times = np.array([float(time) for time, _, _ in weighed])
    places = np.array([place for _, place, _ in weighed])
    shares = np.array([share for _, _, share in weighed])

    def value(drawn: Floats) -> Floats:
        reached = np.cumsum(drawn[:, places] * shares, axis=1)
        # Thirds do not add up to one in floats.
        return times[np.argmax(reached >= float(_P95) * len(run.cases) - 1e-9, axis=1)]

    return value


def _line(
    metric: _Metric,
    before: _Facts,
    after: _Facts,
    limit: Decimal | None,
    allowed: Allowed,
    decide_by: DecideBy,
    draws: int,
) -> Line:
    first, second = metric.value(before), metric.value(after)
    change = _change(first, second, is_relative=metric.is_relative)
    interval = None
    if first is not None and second is not None:
        sides = metric.statistic(before), metric.statistic(after)
        interval = change_interval(len(before.cases), *sides, is_relative=metric.is_relative, draws=draws)
    verdict, is_sure, why = _judged_line(
        metric, before, after, (first, second, change), interval, limit, allowed, decide_by
    )
    return Line(
        metric.metric_id,
        metric.label,
        metric.unit,
        metric.is_relative,
        _decimal(first),
        _decimal(second),
        metric.bound(before),
        metric.bound(after),
        _decimal(change),
        interval,
        limit,
        verdict,
        is_sure,
        why,
    )


Values = tuple[Fraction | None, Fraction | None, Fraction | None]
Judged = tuple[Verdict | None, bool | None, str]
"""Verdict, whether the whole interval says so, and in words why a figure is missing or a verdict is what it is."""


def _judged_line(
    metric: _Metric,
    before: _Facts,
    after: _Facts,
    values: Values,
    interval: Interval | None,
    limit: Decimal | None,
    allowed: Allowed,
    decide_by: DecideBy,
) -> Judged:
    change = values[2]
    verdict, why = _incomparable(metric, before, after, values, allowed)
    if why:
        return (None if limit is None else verdict), None, why
    if limit is None or change is None:
        return None, None, ""
    is_over = (change if metric.is_worse_up else -change) > Fraction(limit)
    is_sure = _is_sure(metric, interval, limit, is_over=is_over)
    if is_over and decide_by == "interval" and is_sure is False:
        return "passed", False, "beyond the limit, but the interval reaches back over it"
    why = "perhaps by chance" if is_over and is_sure is False else ""
    return ("over" if is_over else "passed"), is_sure, why


def _incomparable(
    metric: _Metric, before: _Facts, after: _Facts, values: Values, allowed: Allowed
) -> tuple[Verdict | None, str]:
    """Why there is no change to hold against a limit, and the verdict that follows; no words where there is one."""
    first, second, change = values
    is_per_success = metric.bottom is _successes
    found: tuple[Verdict | None, str] = None, ""
    if unknown := _not_known(metric, before, after, allowed):
        found = "unknown", unknown
    elif is_per_success and second is None and after.is_judged:
        found = "over", "no task of the candidate succeeded"
    elif is_per_success and first is None and second is not None:
        found = "passed", "no task of the baseline succeeded"
    elif (first is None or second is None) and metric.needs_outcome:
        found = None, "no task has an outcome"  # and that was allowed
    elif first is None or second is None:
        found = "unknown", _no_p95(before, after)
    elif change is None:
        found = "over", "the baseline has none of it"
    return found


def _is_sure(metric: _Metric, interval: Interval | None, limit: Decimal, *, is_over: bool) -> bool | None:
    if interval is None:
        return None
    if metric.is_worse_up:
        mildest, worst = interval.low, interval.high
    else:
        mildest, worst = None if interval.high is None else -interval.high, -interval.low
    if is_over:
        return mildest is not None and mildest > limit
    return worst is not None and worst <= limit


def _not_known(metric: _Metric, before: _Facts, after: _Facts, allowed: Allowed) -> str:
    """What keeps a figure from being known, in the run that has it; empty where nothing does or where it was allowed."""
    for name, run in (("candidate", after), ("baseline", before)):
        if metric.needs_price and run.unpriced and not allowed.unpriced:
            return f"{_counted(run.unpriced, 'task')} of the {name} without a full price"
        if metric.needs_tokens and run.untold and not allowed.unpriced:
            return f"{_counted(run.untold, 'task')} of the {name} without all tokens"
        if metric.needs_outcome and run.unjudged and not allowed.unjudged:
            return f"{_counted(run.unjudged, 'task')} of the {name} without an outcome"
    return ""


def _no_p95(before: _Facts, after: _Facts) -> str:
    for name, run in (("candidate", after), ("baseline", before)):
        if run.unended:
            return f"{_counted(run.unended, 'task')} of the {name} without an end"
    return f"needs {FEWEST_FOR_P95} tasks in each run"


def _remarks(cases: int, before: _Facts, after: _Facts) -> Iterable[str]:
    if cases < FEWEST:
        yield f"{_counted(cases, 'case')} in both runs: too few for an interval, which needs {FEWEST}"
    if before.cost > 0 and before.successes == 0 and before.judged:
        yield "spend without success: no task of the baseline succeeded"
    for name, run in (("baseline", before), ("candidate", after)):
        counts = {"a full price": run.unpriced, "an outcome": run.unjudged, "all tokens": run.untold}
        lacking = [f"{count} without {what}" for what, count in counts.items() if count]
        if lacking:
            yield f"{name}: of {_counted(run.tasks, 'task')} {', '.join(lacking)}"


def _change(first: Fraction | None, second: Fraction | None, *, is_relative: bool) -> Fraction | None:
    if first is None or second is None:
        return None
    if not is_relative or first == second:
        return second - first
    return second / first - 1 if first else None


def _decimal(value: Fraction | None) -> Decimal | None:
    if value is None:
        return None
    exact = EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    return exact.quantize(Decimal(1).scaleb(-_PLACES), ROUND_HALF_EVEN, EXACT)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
