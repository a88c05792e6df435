"""The forecast as tables and sentences for a terminal, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from pipelines.economics.figures import shown, shown_bound
from pipelines.economics.forecast import FEWEST_WEEKS, Score
from pipelines.forecast import Amount, Backtest, Line, MonthEnd, Outlook

_LABELS = {
    "revenue": "revenue",
    "cogs": "cost of goods",
    "gross_profit": "gross profit",
    "inference_cost": "inference cost",
}
_SHOWN = ("revenue", "cogs", "gross_profit", "inference_cost")
_BOUNDS = {"cogs": "at_least", "inference_cost": "at_least", "gross_profit": "at_most"}
"""Of what a history with requests without a price makes bounds."""


def as_text(found: Outlook, top: int) -> Iterator[Table | str]:
    """For a terminal, part by part; of the company with its `top` dearest tenants."""
    yield from _weeks(found)
    if found.month_end is not None:
        yield _month_end(found.month_end, found.incomplete)
    if found.tenant_id is None and top:
        yield from _tenants(found, top)
    yield _backtests(found.backtests)


def _table(title: str, *heads: str) -> Table:
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place else "left")
    return table


def _weeks(found: Outlook) -> Iterator[Table | str]:
    of = f"tenant {found.tenant_id}" if found.tenant_id else "the company"
    title = f"Forecast of {of} from the weeks {found.first} to {found.last}"
    table = _table(title, "days", *(_LABELS[name] for name in _SHOWN), "interval")
    for line in found.weeks:
        table.add_row(_days(line), *_cells(line.amounts, _SHOWN, found.incomplete))
    if len(found.weeks) > 1:
        table.add_section()
        table.add_row(_days(found.together), *_cells(found.together.amounts, _SHOWN, found.incomplete))
    yield table
    if found.incomplete:
        yield f"≥ and ≤: {found.incomplete:,} requests or lines of these weeks have no full price or rate.\n"


def _days(line: Line) -> str:
    return f"{line.start}\nto {line.end}"


def _cells(amounts: Mapping[str, Amount], names: Sequence[str], incomplete: int) -> list[str]:
    """An amount over its interval, and last how much of what comes the intervals hold."""
    listed = [amounts[name] for name in names]
    bounds = [_BOUNDS.get(name) if incomplete else None for name in names]
    cells = [
        f"{shown_bound(amount.value, 'usd', bound)}\n{_interval(amount)}"
        for amount, bound in zip(listed, bounds, strict=True)
    ]
    levels = sorted({amount.level for amount in listed if amount.level is not None})
    held = " to ".join(f"{level:.0%}" for level in dict.fromkeys([*levels[:1], *levels[-1:]]))
    return [*cells, held or f"none: {min(amount.origins for amount in listed)} origins"]


def _interval(amount: Amount) -> str:
    if amount.low is None or amount.high is None:
        return "–"
    return f"{_whole(amount.low)} to {_whole(amount.high)}"


def _whole(value: Decimal) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    return f"{sign}${size:,.0f}" if size >= 100 else shown(value, "usd")


def _month_end(month: MonthEnd, incomplete: int) -> str:
    bound = "at_least" if incomplete else None
    so_far, outlook = shown_bound(month.so_far_usd, "usd", bound), shown_bound(month.outlook.value, "usd", bound)
    told = f"Inference cost of {month.month:%B %Y}: {so_far} so far, {month.days_left} days left; at its end {outlook}"
    if month.outlook.level is not None:
        told += f", {month.outlook.level:.0%} interval {_interval(month.outlook)}"
    if month.plan_usd is not None:
        told += f". Plan {shown(month.plan_usd, 'usd')}: {'met' if month.is_met else 'not met'}."
    else:
        told += ". No plan is set (targets.month_cost_plan_usd)."
    if not month.is_whole:
        told += " The data begins after the first of the month."
    return told + "\n"


def _tenants(found: Outlook, top: int) -> Iterator[Table | str]:
    title = f"{found.together.start} to {found.together.end} by tenant, dearest first"
    table = _table(title, "tenant", *(_LABELS[name] for name in _SHOWN[:3]), "interval")
    for line in found.tenants[:top]:
        table.add_row(escape(line.tenant_id), *_cells(line.amounts, _SHOWN[:3], found.incomplete))
    yield table
    left = f"{len(found.tenants):,} tenants are forecast, each by itself: they do not add up to the company."
    if found.too_new:
        left += f" Too new, with fewer than {FEWEST_WEEKS} weeks: {len(found.too_new):,}."
    if found.gone:
        left += f" Without revenue or cost for four weeks: {len(found.gone):,}."
    yield left + "\n"


def _backtests(tests: Sequence[Backtest]) -> Table:
    table = _table(
        "How such forecasts did, made at the end of every week from what was known then",
        *("figure", "by", "weeks ahead", "origins", "error", "last week again", "inside", "claimed", "95% of it"),
    )
    for test in tests:
        for place, score in enumerate(test.scores):
            names = (_LABELS[test.series], test.method.replace("_", " ")) if place == 0 else ("", "")
            table.add_row(*names, *_scored(score))
    return table


def _scored(score: Score) -> list[str]:
    ends = score.coverage
    return [
        str(score.weeks_ahead),
        str(score.origins),
        shown(score.wape, "ratio") or "–",
        shown(score.naive_wape, "ratio") or "–",
        f"{score.covered} of {score.with_interval}" if score.with_interval else "–",
        "" if score.nominal is None else f"{score.nominal:.0%}",
        "" if ends is None else f"{ends[0]:.0%} to {ends[1]:.0%}",
    ]


def as_json(found: Outlook) -> dict[str, Any]:
    """Everything, with every tenant; amounts to the cent."""
    month = found.month_end
    return {
        "history": {"first": found.first, "last": found.last, "incomplete": found.incomplete},
        "tenant_id": found.tenant_id,
        "weeks": [_line(line) for line in found.weeks],
        "together": _line(found.together),
        "month_end": None
        if month is None
        else {
            "month": month.month,
            "inference_cost_so_far_usd": month.so_far_usd,
            "days_left": month.days_left,
            "outlook": vars(month.outlook),
            "plan_usd": month.plan_usd,
            "met": month.is_met,
            "is_whole": month.is_whole,
        },
        "tenants": [
            {"tenant_id": line.tenant_id, "weeks_of_history": line.weeks, **_amounts(line.amounts)}
            for line in found.tenants
        ],
        "tenant_methods": dict(found.tenant_methods),
        "too_new": list(found.too_new),
        "gone": list(found.gone),
        "backtests": [
            {
                "series": test.series,
                "method": test.method,
                "errors": dict(test.errors),
                "horizons": [_score(score) for score in test.scores],
            }
            for test in found.backtests
        ],
    }


def _line(line: Line) -> dict[str, Any]:
    return {"start": line.start, "end": line.end, **_amounts(line.amounts)}


def _amounts(amounts: Mapping[str, Amount]) -> dict[str, Any]:
    return {f"{name}_usd": vars(amount) for name, amount in amounts.items()}


def _score(score: Score) -> dict[str, Any]:
    ends = score.coverage
    return {
        "weeks_ahead": score.weeks_ahead,
        "origins": score.origins,
        "wape": score.wape,
        "naive_wape": score.naive_wape,
        "pinball": score.pinball,
        "covered": score.covered,
        "with_interval": score.with_interval,
        "nominal": score.nominal,
        "coverage_low": None if ends is None else Decimal(f"{ends[0]:.4f}"),
        "coverage_high": None if ends is None else Decimal(f"{ends[1]:.4f}"),
    }
