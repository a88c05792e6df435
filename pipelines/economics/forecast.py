"""The next weeks from the weeks that were: of plain methods the one that missed least in a rolling backtest, and its misses.

A history is one amount per day, whole weeks of them, oldest first. Statistics are floats; what leaves the module as money is
rounded half-even to cents. A forecast made at an origin reads nothing after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt

from pipelines.economics.wilson import wilson

Floats = npt.NDArray[np.float64]
Method = Callable[[Floats, int], Floats]
"""From a history and a number of days to the amounts of those days."""

WEEK = 7
LOOK_BACK = 4
"""Weeks that a level and a weekday profile are taken from."""
TREND_WEEKS = 8
DAMPING = 0.9
FEWEST_WEEKS = 3
"""Of history before the first origin; a shorter one has no forecast."""
FEWEST_ORIGINS = 4
"""With fewer the widest interval that misses give would hold less than 60% of what comes."""
_TAIL = 10
"""One in ten beyond each end of an interval, where there are origins enough."""
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Span:
    """Days after an origin, from `start` up to, without, `end`; 0 is the first."""

    start: int
    end: int

    @property
    def days(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Miss:
    """What was forecast at an origin for a span, and what came. `scale`: what the weeks before had in so many days."""

    origin: int
    """Weeks of history before it."""
    span: Span
    forecast: float
    actual: float
    scale: float

    @property
    def is_over_by(self) -> int:
        """The week at whose end the actual amount was known."""
        return self.origin + -(-self.span.end // WEEK)

    @property
    def relative(self) -> float:
        return (self.actual - self.forecast) / self.scale


@dataclass(frozen=True)
class Range:
    """Where an amount will lie in `level` of all cases, if misses go on as they were at so many `origins`."""

    level: Decimal
    low: float
    high: float
    origins: int


@dataclass(frozen=True)
class Score:
    """How one span was forecast over all origins. `wape` is None where nothing came; coverage counts origins that had an interval
    made of earlier ones only."""

    span: Span
    origins: int
    wape: Decimal | None
    naive_wape: Decimal | None
    pinball: Decimal | None
    """Mean loss of the interval's two ends, as a share of what is usual; None without an interval."""
    covered: int
    with_interval: int
    nominal: Decimal | None
    """Mean level that those intervals claim."""

    @property
    def weeks_ahead(self) -> int:
        return self.span.end // WEEK

    @property
    def coverage(self) -> tuple[float, float] | None:
        """Wilson's interval of the share that was covered."""
        return wilson(self.covered, self.with_interval)


def seasonal_naive(history: Floats, days: int) -> Floats:
    """The last week again."""
    return _repeated(history[-WEEK:], days)


def weekday_median(history: Floats, days: int) -> Floats:
    """The median of the last four weeks' totals, spread over weekdays as those weeks were."""
    totals = _weeks(history[-LOOK_BACK * WEEK :])
    return float(np.median(totals)) * _repeated(_profile(history), days)


def damped_trend(history: Floats, days: int) -> Floats:
    """The last weeks' robust line of totals (Theil and Sen), whose slope fades by a tenth a week, over the same weekdays."""
    totals = _weeks(history[-TREND_WEEKS * WEEK :])
    if len(totals) < 2:
        return seasonal_naive(history, days)
    places = np.arange(len(totals))
    earlier, later = np.triu_indices(len(totals), 1)
    slope = float(np.median((totals[later] - totals[earlier]) / (later - earlier)))
    level = float(np.median(totals + slope * (len(totals) - 1 - places)))
    steps = np.cumsum(DAMPING ** np.arange(1, -(-days // WEEK) + 1))
    ahead = level + slope * steps
    if (history >= 0).all():
        ahead = np.maximum(ahead, 0)
    return np.repeat(ahead, WEEK)[:days] * _repeated(_profile(history), days)


METHODS: Mapping[str, Method] = {
    "seasonal_naive": seasonal_naive,
    "weekday_median": weekday_median,
    "damped_trend": damped_trend,
}
"""From the plainest to the boldest; of equal ones the first is chosen."""


def misses(history: Floats, method: Method, spans: Sequence[Span]) -> list[Miss]:
    """What the method would have forecast at the end of every week from the third on. Raises ValueError for a broken week."""
    if len(history) % WEEK:
        raise ValueError(f"{len(history)} days are not whole weeks")
    found: list[Miss] = []
    for origin in range(FEWEST_WEEKS, len(history) // WEEK):
        known, future = history[: origin * WEEK], history[origin * WEEK :]
        reached = [span for span in spans if span.end <= len(future)]
        if not reached:
            continue
        ahead = method(known, max(span.end for span in reached))
        usual = usual_day(known)
        found += [
            Miss(
                origin, span, float(ahead[span.start : span.end].sum()), float(future[span.start : span.end].sum()),
                usual * span.days,
            )
            for span in reached
        ]  # fmt: skip
    return found


def difference(one: Iterable[Miss], other: Iterable[Miss]) -> list[Miss]:
    """Misses of one series less another, as of revenue less cost: never scaled by their difference, which may be nothing."""
    others = {(miss.origin, miss.span): miss for miss in other}
    pairs = ((miss, others[miss.origin, miss.span]) for miss in one)
    return [
        Miss(a.origin, a.span, a.forecast - b.forecast, a.actual - b.actual, max(a.scale, b.scale)) for a, b in pairs
    ]


def chosen(histories: Sequence[Floats], spans: Sequence[Span]) -> tuple[str, dict[str, Decimal | None]]:
    """The method that misses least over all histories, origins and spans, and the error of each; else the plainest."""
    errors = {
        name: wape([miss for history in histories for miss in misses(history, method, spans)])
        for name, method in METHODS.items()
    }
    known = {name: error for name, error in errors.items() if error is not None}
    return (min(known, key=lambda name: known[name]) if known else next(iter(METHODS))), errors


def wape(found: Sequence[Miss]) -> Decimal | None:
    """Weighted absolute percentage error: Σ|actual − forecast| ÷ Σ|actual|, four digits; None where nothing came."""
    actual = sum(abs(miss.actual) for miss in found)
    return None if actual == 0 else share(sum(abs(miss.actual - miss.forecast) for miss in found) / actual)


def range_of(forecast: float, scale: float, found: Sequence[Miss], *, is_floored: bool) -> Range | None:
    """The interval of a forecast from earlier misses of the same span: their order statistics, and the level that these have.

    With n misses the k-th from either end leaves out k in n + 1 on each side. The forecast is always inside. None for fewer
    than `FEWEST_ORIGINS`, or without a scale. `is_floored`: of amounts that never were below zero.
    """
    relative = sorted(miss.relative for miss in found if miss.scale > 0)
    count = len(relative)
    if count < FEWEST_ORIGINS or scale <= 0:
        return None
    rank = max(1, (count + 1) // _TAIL)
    # Where all misses lie on one side the forecast itself still belongs inside.
    low, high = forecast + scale * min(relative[rank - 1], 0.0), forecast + scale * max(relative[-rank], 0.0)
    floor = 0.0 if is_floored else -np.inf
    return Range(share(1 - 2 * rank / (count + 1)), max(low, floor), max(high, floor), count)


def score(span: Span, found: Sequence[Miss], naive: Sequence[Miss], *, is_floored: bool) -> Score:
    """How this span was forecast, each origin's interval from misses that were known by then."""
    of_span = [miss for miss in found if miss.span == span]
    covered, losses, levels = 0, list[float](), list[Decimal]()
    for miss in of_span:
        earlier = [other for other in of_span if other.is_over_by <= miss.origin]
        made = range_of(miss.forecast, miss.scale, earlier, is_floored=is_floored)
        if made is None:
            continue
        # Sums of floats differ in their last digit.
        hair = 1e-9 * miss.scale
        covered += made.low - hair <= miss.actual <= made.high + hair
        levels.append(made.level)
        tail = (1 - float(made.level)) / 2
        ends = ((made.low, tail), (made.high, 1 - tail))
        losses.append(sum(_pinball(miss.actual, end, quantile) for end, quantile in ends) / 2 / miss.scale)
    return Score(
        span,
        len(of_span),
        wape(of_span),
        wape([miss for miss in naive if miss.span == span]),
        share(sum(losses) / len(losses)) if losses else None,
        covered,
        len(levels),
        share(float(sum(levels)) / len(levels)) if levels else None,
    )


def usual_day(history: Floats) -> float:
    """Mean size of a day's share of the last weeks' totals."""
    return float(np.abs(_weeks(history[-LOOK_BACK * WEEK :])).mean()) / WEEK if len(history) else 0.0


def begun(history: Floats) -> Floats:
    """The history without the whole weeks before anything happened."""
    filled = np.flatnonzero(history)
    return history[filled[0] // WEEK * WEEK :] if len(filled) else history[:0]


def cents(value: float) -> Decimal:
    """A statistic as money: dollars, half-even to the cent."""
    return Decimal(repr(float(value))).quantize(_CENT, ROUND_HALF_EVEN) + 0


def share(value: float) -> Decimal:
    return Decimal(f"{value:.4f}") + 0


def _pinball(actual: float, end: float, quantile: float) -> float:
    return max(quantile * (actual - end), (quantile - 1) * (actual - end))


def _weeks(history: Floats) -> Floats:
    return history.reshape(-1, WEEK).sum(axis=1)


def _profile(history: Floats) -> Floats:
    """Shares of the weekdays in the last weeks; even where these add up to nothing."""
    days = history[-LOOK_BACK * WEEK :].reshape(-1, WEEK).sum(axis=0)
    total = days.sum()
    return days / total if total else np.full(WEEK, 1 / WEEK)


def _repeated(week: Floats, days: int) -> Floats:
    return np.tile(week, -(-days // WEEK))[:days]
