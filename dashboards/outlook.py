"""The next weeks as they are forecast, for the company, with what such forecasts were worth."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.markup import Column, Row
from dashboards.page import Page
from dashboards.source import Moved, reader
from pipelines.economics.figures import shown
from pipelines.forecast import Amount, Backtest, ForecastError, Line, MonthEnd, Outlook, outlook
from warehouse.rows import Period

WEEKS = 4
BOUNDS = {"at_least": "≥ ", "at_most": "≤ "}
_SERIES = {
    "revenue": ("Revenue", None),
    "cogs": ("Cost of goods", "at_least"),
    "gross_profit": ("Gross profit", "at_most"),
    "inference_cost": ("Inference cost", "at_least"),
}
"""Heading of each figure, and what requests without a price make of it."""


def show_outlook(page: Page) -> None:
    st.html(markup.heading("The next four weeks", "as weeks like the last ones would go on; nothing new is foreseen"))
    found = _outlook(page.marts.data_dir, page.marts.n, page.settings.targets.month_cost_plan_usd)
    if isinstance(found, str):
        st.html(markup.paragraph(found))
        return
    columns = [Column("", css="mc-name"), *(Column(label, True) for label, _ in _SERIES.values())]
    lines = [*found.weeks, found.together]
    st.html(markup.table(columns, [_row(line, found) for line in lines], label="Forecast", css="mc-narrow"))
    if found.month_end is not None:
        st.html(markup.paragraph(_month(found.month_end, found.incomplete)))
    st.html(markup.paragraph(_worth(found)))


@st.cache_data(show_spinner=False, max_entries=20)
def _outlook(data_dir: str, n: int, plan_usd: Decimal | None) -> Outlook | str:
    """Of version `n`; why there is none, where there is none. Raises Moved when another is published meanwhile."""
    source = reader(data_dir)
    try:
        found: Outlook | str = outlook(source, WEEKS, plan_usd=plan_usd, with_tenants=False)
    except ForecastError as error:
        found = str(error)
    if source.version().n != n:
        raise Moved
    return found


def _row(line: Line, found: Outlook) -> Row:
    is_whole = line is found.together
    name = "Together" if is_whole else text.span(Period.week(line.start))
    cells = [_cell(line.amounts[key], bound if found.incomplete else None) for key, (_, bound) in _SERIES.items()]
    return Row([name, *cells], "mc-total" if is_whole else "")


def _cell(amount: Amount, bound: str | None) -> markup.Text:
    """The amount over its interval."""
    value = f"{BOUNDS.get(bound or '', '')}{_dollars(amount.value)}"
    if amount.low is None or amount.high is None:
        return value
    return markup.stacked(value, f"{_dollars(amount.low)} to {_dollars(amount.high)}")


def _dollars(value: Decimal) -> str:
    """Whole dollars from a hundred on: a forecast knows no cents."""
    return text.dollars(value, 0) if abs(value) >= 100 else shown(value, "usd")


def _month(month: MonthEnd, incomplete: int) -> str:
    bound = "at_least" if incomplete else None
    end = f"{BOUNDS.get(bound or '', '')}{_dollars(month.outlook.value)}"
    told = f"Inference cost of {month.month:%B %Y} at its end: {end}"
    if month.outlook.low is not None and month.outlook.high is not None:
        told += f" ({_dollars(month.outlook.low)} to {_dollars(month.outlook.high)})"
    if month.plan_usd is None:
        return f"{told}; no plan is set."
    return f"{told}, plan {shown(month.plan_usd, 'usd')}: {'met' if month.is_met else 'not met'}."


def _worth(found: Outlook) -> str:
    """What the intervals hold, and how far such forecasts were off."""
    levels = {amount.level for line in found.weeks for amount in line.amounts.values() if amount.level is not None}
    since = text.span(Period(found.first, found.last + timedelta(days=1)))
    held = f"Intervals, below, hold {min(levels):.0%} of what comes or more" if levels else "Too short for intervals"
    errors = ", ".join(filter(None, (_error(test) for test in found.backtests if test.series in _SERIES)))
    tried = f" Tried on the weeks {since}, a week ahead it was off by {errors}." if errors else ""
    return f"{held}.{tried} margincall forecast shows more weeks, every tenant and how it was tried."


def _error(test: Backtest) -> str:
    label, _ = _SERIES[test.series]
    return f"{shown(test.scores[0].wape, 'ratio')} ({label.lower()})" if test.scores[0].wape is not None else ""
