"""The next weeks as the published marts have them coming: revenue, cost and profit, in total and by tenant, and the month end.

The history is whole weeks, up to the last complete one of the weekly view. Tenants and the total are forecast each by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from pipelines.economics import forecast as model
from pipelines.economics.figures import rounded
from pipelines.economics.forecast import METHODS, WEEK, Floats, Miss, Range, Score, Span, cents
from warehouse.reader import Reader
from warehouse.rows import Period, ResultDay

SERIES = ("revenue", "cogs", "inference_cost")
GROSS_PROFIT = "gross_profit"
_CHOSEN_BY = 200
"""Of so many tenants, the dearest, the method for all of them is chosen."""
PLANNED = "inference_cost"
"""Of the month-end outlook, as in the weekly view: all environments."""


class ForecastError(Exception):
    """Nothing can be forecast; the message says what is missing."""


class UnknownTenant(ForecastError):
    """The data has no such tenant; the message says so."""


@dataclass(frozen=True)
class Amount:
    """A forecast amount in USD to the cent, with its interval where misses are enough for one."""

    value: Decimal
    low: Decimal | None
    high: Decimal | None
    level: Decimal | None
    origins: int

    @property
    def has_interval(self) -> bool:
        return self.level is not None


@dataclass(frozen=True)
class Line:
    """One stretch of days to come: [start, end]. Gross profit is revenue less cost of goods."""

    start: date
    end: date
    amounts: Mapping[str, Amount]


@dataclass(frozen=True)
class TenantLine:
    """All forecast weeks of one tenant together; `weeks`: of history since its first day."""

    tenant_id: str
    weeks: int
    amounts: Mapping[str, Amount]


@dataclass(frozen=True)
class MonthEnd:
    """The month of the first forecast day: what it cost so far and will have cost. `so_far_usd` is exact."""

    month: date
    so_far_usd: Decimal
    days_left: int
    outlook: Amount
    plan_usd: Decimal | None
    is_whole: bool
    """Whether the data has the month from its first day on."""

    @property
    def is_met(self) -> bool | None:
        return None if self.plan_usd is None else self.outlook.value <= self.plan_usd


@dataclass(frozen=True)
class Backtest:
    """One series of the company: the method chosen, the error of every method, and how each week ahead was forecast."""

    series: str
    method: str
    errors: Mapping[str, Decimal | None]
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Outlook:
    """Everything that is forecast. Lists of tenants: those too new to forecast, and those without an amount for four weeks."""

    first: date
    last: date
    tenant_id: str | None
    weeks: tuple[Line, ...]
    together: Line
    month_end: MonthEnd | None
    tenants: tuple[TenantLine, ...]
    tenant_methods: Mapping[str, str]
    too_new: tuple[str, ...]
    gone: tuple[str, ...]
    backtests: tuple[Backtest, ...]
    incomplete: int
    """Requests and lines of the history without a full price or rate: costs are then at least what is said."""


def outlook(
    reader: Reader,
    weeks: int,
    *,
    tenant: str | None = None,
    plan_usd: Decimal | None = None,
    with_tenants: bool = True,
) -> Outlook:
    """Forecast the `weeks` after the last complete week. Raises ForecastError, and what the reader raises."""
    period = _whole_weeks(reader)
    days = reader.result_days(period)
    if tenant is not None:
        days = [day for day in days if day.tenant_id == tenant]
        if not days:
            raise UnknownTenant(f"No tenant {tenant} in the weeks from {period.start} to {period.last}.")
    return forecast(
        days, period, weeks, tenant=tenant, plan_usd=None if tenant else plan_usd, with_tenants=with_tenants
    )


def forecast(
    days: Sequence[ResultDay],
    period: Period,
    weeks: int,
    *,
    tenant: str | None = None,
    plan_usd: Decimal | None = None,
    with_tenants: bool = True,
) -> Outlook:
    """The outlook from these days of a period of whole weeks. Raises ForecastError where it is too short."""
    total = _histories(days, period)
    left = len(model.begun(_both(total)))
    known = {name: history[len(history) - left :] for name, history in total.items()}
    count = left // WEEK
    if count < model.FEWEST_WEEKS:
        raise ForecastError(
            f"A forecast needs {model.FEWEST_WEEKS} complete weeks of revenue or cost; there are {count}."
        )
    spans = [Span(n * WEEK, (n + 1) * WEEK) for n in range(weeks)]
    methods = {name: model.chosen([history], spans) for name, history in known.items()}
    names = {name: method for name, (method, _) in methods.items()}
    tests = tuple(_backtest(known, names, methods, series, spans) for series in (*SERIES, GROSS_PROFIT))
    lines = tuple(_line(known, names, span, period.end) for span in spans)
    together = _line(known, names, Span(0, weeks * WEEK), period.end)
    month_end = _month_end(days, period, known, names, plan_usd) if tenant is None else None
    nobody: Tenants = ((), {}, (), ())
    by_tenant = _by_tenant(days, period, weeks, spans) if tenant is None and with_tenants else nobody
    incomplete = sum(day.incomplete for day in days)
    return Outlook(period.start, period.last, tenant, lines, together, month_end, *by_tenant, tests, incomplete)


def _whole_weeks(reader: Reader) -> Period:
    """Complete weeks without a gap, up to the last one; the first week of the data may lack its first days."""
    complete = sorted({point.week_start for point in reader.trend() if point.is_complete})
    first_usage = reader.state().first_usage_date
    complete = [week for week in complete if first_usage is not None and week >= first_usage]
    if not complete:
        raise ForecastError(f"A forecast needs {model.FEWEST_WEEKS} complete weeks of revenue or cost; there are none.")
    unbroken = unbroken_end(complete)
    return Period(unbroken[0], unbroken[-1] + timedelta(days=WEEK))


def unbroken_end(weeks: Sequence[date]) -> Sequence[date]:
    """The last of these ascending weeks that follow one another: a week without any request would be read as one of no cost."""
    start = len(weeks) - 1
    while start > 0 and weeks[start] - weeks[start - 1] == timedelta(days=WEEK):
        start -= 1
    return weeks[start:]


def _histories(days: Iterable[ResultDay], period: Period) -> dict[str, Floats]:
    """The days of each series; statistics from here on, so floats."""
    found = {name: np.zeros(period.days) for name in SERIES}
    for day in days:
        place = (day.usage_date - period.start).days
        amounts = (day.revenue_usd, day.cogs_usd, day.inference_cost_usd)
        for name, amount in zip(SERIES, amounts, strict=True):
            found[name][place] += float(amount)
    return found


def _both(histories: Mapping[str, Floats]) -> Floats:
    return sum((np.abs(history) for history in histories.values()), np.zeros(len(histories["revenue"])))


def _line(known: Mapping[str, Floats], names: Mapping[str, str], span: Span, start: date) -> Line:
    days = timedelta(days=span.start), timedelta(days=span.end - 1)
    return Line(start + days[0], start + days[1], _amounts(known, names, span))


def _amounts(known: Mapping[str, Floats], names: Mapping[str, str], span: Span) -> dict[str, Amount]:
    """Every series and gross profit over one span."""
    values: dict[str, float] = {}
    missed: dict[str, list[Miss]] = {}
    found: dict[str, Amount] = {}
    for name, history in known.items():
        method = METHODS[names[name]]
        values[name] = float(method(history, span.end)[span.start :].sum())
        missed[name] = model.misses(history, method, [span])
        scale = model.usual_day(history) * span.days
        is_floored = bool((history >= 0).all())
        made = model.range_of(values[name], scale, missed[name], is_floored=is_floored)
        found[name] = _amount(values[name], made, missed[name])
    both = model.difference(missed["revenue"], missed["cogs"])
    scale = max(model.usual_day(known[name]) for name in ("revenue", "cogs")) * span.days
    profit = values["revenue"] - values["cogs"]
    found[GROSS_PROFIT] = _amount(profit, model.range_of(profit, scale, both, is_floored=False), both)
    return found


def _amount(value: float, made: Range | None, found: Sequence[Miss]) -> Amount:
    if made is None:
        return Amount(cents(value), None, None, None, len(found))
    return Amount(cents(value), cents(made.low), cents(made.high), made.level, made.origins)


def _backtest(
    known: Mapping[str, Floats],
    names: Mapping[str, str],
    methods: Mapping[str, tuple[str, Mapping[str, Decimal | None]]],
    series: str,
    spans: Sequence[Span],
) -> Backtest:
    def missed(name: str, method: str) -> list[Miss]:
        return model.misses(known[name], METHODS[method], spans)

    plain = next(iter(METHODS))
    if series == GROSS_PROFIT:
        found = model.difference(missed("revenue", names["revenue"]), missed("cogs", names["cogs"]))
        naive = model.difference(missed("revenue", plain), missed("cogs", plain))
        method, errors, is_floored = "revenue less cogs", dict[str, Decimal | None](), False
    else:
        found, naive = missed(series, names[series]), missed(series, plain)
        method, errors = methods[series]
        is_floored = bool((known[series] >= 0).all())
    scores = tuple(model.score(span, found, naive, is_floored=is_floored) for span in spans)
    return Backtest(series, method, errors, scores)


def _month_end(
    days: Sequence[ResultDay],
    period: Period,
    known: Mapping[str, Floats],
    names: Mapping[str, str],
    plan_usd: Decimal | None,
) -> MonthEnd:
    """The month that the first day to come lies in."""
    month = Period.month(period.end)
    span = Span(0, (month.end - period.end).days)
    so_far = sum((day.inference_cost_usd for day in days if day.usage_date >= month.start), Decimal(0))
    rest = _amounts({name: known[name] for name in SERIES}, names, span)[PLANNED]
    whole = rounded(so_far, 2)
    outlook = Amount(
        whole + rest.value,
        None if rest.low is None else whole + rest.low,
        None if rest.high is None else whole + rest.high,
        rest.level,
        rest.origins,
    )
    return MonthEnd(month.start, so_far, span.days, outlook, plan_usd, period.start <= month.start)


Tenants = tuple[tuple[TenantLine, ...], Mapping[str, str], tuple[str, ...], tuple[str, ...]]


def _by_tenant(days: Iterable[ResultDay], period: Period, weeks: int, spans: Sequence[Span]) -> Tenants:
    """Dearest first. One method for all tenants of a series: a tenant's own weeks are too few to choose by."""
    grouped: dict[str, list[ResultDay]] = defaultdict(list)
    for day in days:
        grouped[day.tenant_id].append(day)
    known: dict[str, dict[str, Floats]] = {}
    too_new: list[str] = []
    gone: list[str] = []
    for tenant, own in grouped.items():
        histories = _histories(own, period)
        begun = model.begun(_both(histories))
        if not len(begun):
            continue
        if not begun[-model.LOOK_BACK * WEEK :].any():
            gone.append(tenant)
        elif len(begun) // WEEK < model.FEWEST_WEEKS:
            too_new.append(tenant)
        else:
            known[tenant] = {name: history[len(history) - len(begun) :] for name, history in histories.items()}
    dearest = sorted(known.values(), key=lambda own: -float(own["cogs"].sum()))[:_CHOSEN_BY]
    names = {name: model.chosen([own[name] for own in dearest], spans)[0] for name in SERIES}
    together = Span(0, weeks * WEEK)
    lines = [
        TenantLine(tenant, len(own["revenue"]) // WEEK, _amounts(own, names, together)) for tenant, own in known.items()
    ]
    lines.sort(key=lambda line: (-line.amounts["cogs"].value, line.tenant_id))
    return tuple(lines), names, tuple(sorted(too_new)), tuple(sorted(gone))
