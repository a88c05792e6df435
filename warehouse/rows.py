"""What the reader returns: one frozen row type for each question. Money is Decimal USD with 12 decimals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Literal

Dimension = Literal[
    "usage_date",
    "tenant_id",
    "feature",
    "environment",
    "is_production",
    "provider_name",
    "model",
    "model_tier",
    "component",
    "is_model_call",
    "is_cost_of_goods",
]
"""What costs can be split by: the keys of `fct_cost_day`."""

_EXACT = Context(prec=76)
_TWELVE = Decimal("1e-12")


@dataclass(frozen=True)
class Period:
    """Days of the reporting zone from `start` up to, without, `end`."""

    start: date
    end: date

    @classmethod
    def month(cls, day: date) -> Period:
        """The calendar month that holds `day`."""
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1))

    @classmethod
    def week(cls, first: date) -> Period:
        """Seven days from `first`."""
        return cls(first, first + timedelta(days=7))

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)


@dataclass(frozen=True)
class WeeklyMetric:
    """One row of the weekly view. Values are exact; `missing` names the input that a row without a value waits for.

    `bound`, `last_bound`: at_least, at_most or neither where parts have no price or exchange rate; `lower_bound` and
    `upper_bound` enclose the value while outcomes are unknown.
    """

    metric_id: str
    label: str
    unit: str
    this_week: Decimal | None
    last_week: Decimal | None
    target: Decimal | None
    is_met: bool | None
    missing: str | None
    bound: str | None
    last_bound: str | None
    lower_bound: Decimal | None
    upper_bound: Decimal | None


@dataclass(frozen=True)
class Week:
    """The weekly view of one week; `week_end` is its last day."""

    week_start: date
    week_end: date
    is_complete: bool
    days_with_requests: int
    serving_n: int
    metrics: tuple[WeeklyMetric, ...]


@dataclass(frozen=True)
class TrendPoint:
    """A metric in one week, as known now."""

    week_start: date
    is_complete: bool
    metric_id: str
    label: str
    unit: str
    value: Decimal | None
    bound: str | None
    target: Decimal | None


@dataclass(frozen=True)
class DataState:
    """How far the published data reaches and what it rests on; no dates where no request has landed."""

    known_at: datetime | None
    first_usage_date: date | None
    last_usage_date: date | None
    requests: int
    price_book_id: str
    reporting_zone: str
    first_day_of_week: str


@dataclass(frozen=True)
class ToldTwice:
    """Requests of one source that another has logged too and that are counted there."""

    source: str
    counted_from: str
    requests: int

    def __str__(self) -> str:
        were = "request was" if self.requests == 1 else "requests were"
        logs = f"in two logs, {self.source} and {self.counted_from}"
        return f"{self.requests:,} {were} {logs}; counted once, from {self.counted_from}"


_GAPS = {
    "no_usage_unit": "contracts with an overage rate while revenue.usage_unit is none: nothing accrues before its invoice",
    "contract_without_allowance": "contracts with an overage rate and no allowance: nothing accrues by them",
    "usage_without_user": "requests of nobody under a contract per seat: they count for no seat",
    "credits_without_a_pack": "days on which more credits were burned than bought",
    "credit_rate_not_understood": "names in credit_rates that nothing is counted by",
    "line_without_rate": "invoice lines in a currency without a rate: they have no amount",
    "line_without_invoice_date": "invoice lines without invoiced_on: they are in no balance",
    "corrected_line_unknown": "lines that correct a line nobody sent",
}


@dataclass(frozen=True)
class RevenueGap:
    """What keeps revenue from being complete: its name, how many tenants it concerns, how many cases there are."""

    gap: str
    tenants: int
    cases: int

    def __str__(self) -> str:
        return f"{self.cases:,} {_GAPS.get(self.gap, self.gap)} (tenants: {self.tenants:,})"


@dataclass(frozen=True)
class RevenueMonth:
    """Revenue of a month by kind of line, all tenants, with the balances of `balance_on`."""

    month: date
    kind: str
    balance_on: date
    revenue_usd: Decimal
    accrued_usd: Decimal
    deferred_usd: Decimal
    unbilled_usd: Decimal


class GrossProfit:
    """What revenue and the two parts of its cost of goods make, for one tenant or for several as one."""

    revenue_usd: Decimal
    inference_cogs_usd: Decimal
    other_cogs_usd: Decimal

    @property
    def cogs_usd(self) -> Decimal:
        return self.inference_cogs_usd + self.other_cogs_usd

    @property
    def gross_profit_usd(self) -> Decimal:
        return self.revenue_usd - self.cogs_usd

    @property
    def gross_margin(self) -> Decimal | None:
        """Gross profit over revenue to 12 decimals, halves to even; None without revenue."""
        return quotient(self.gross_profit_usd, self.revenue_usd) if self.revenue_usd > 0 else None


@dataclass(frozen=True)
class TenantMargin(GrossProfit):
    """What a tenant brought in and cost in a period. `unattributed` and `shared` make the rows sum to the company.

    With unpriced, partial or unconverted rows the costs are lower bounds.
    """

    tenant_id: str
    name: str | None
    plan: str | None
    segment: str | None
    revenue_usd: Decimal
    inference_cogs_usd: Decimal
    other_cogs_usd: Decimal
    outside_cogs_usd: Decimal
    requests: int
    unpriced_requests: int
    partial_requests: int
    unconverted_rows: int

    @property
    def is_under_water(self) -> bool:
        """Paying, and dearer than what it pays."""
        return self.revenue_usd > 0 and self.cogs_usd > self.revenue_usd

    @property
    def is_lower_bound(self) -> bool:
        return bool(self.unpriced_requests or self.partial_requests or self.unconverted_rows)


@dataclass(frozen=True)
class CostLine:
    """Cost of one combination of the dimensions asked for; `key` in their order.

    `cost_usd` is the effective cost; before drawdowns it was `contracted_cost_usd`, and `list_cost_usd` without contracts.
    """

    key: tuple[Any, ...]
    cost_usd: Decimal
    requests: int
    unpriced_requests: int
    partial_requests: int
    unconverted_events: int
    input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    list_cost_usd: Decimal = Decimal(0)
    contracted_cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True)
class TenantDay:
    """A tenant's day."""

    usage_date: date
    revenue_usd: Decimal
    cogs_usd: Decimal
    requests: int


@dataclass(frozen=True)
class ResultDay:
    """Revenue and cost of a tenant's day. `cogs_usd` holds its part of shared cost; `inference_cost_usd` every environment.

    `incomplete` counts requests and lines in which a price or a rate is missing: costs are then lower bounds.
    """

    tenant_id: str
    usage_date: date
    revenue_usd: Decimal
    inference_cost_usd: Decimal
    cogs_usd: Decimal
    incomplete: int


@dataclass(frozen=True)
class SharedCost:
    """A tenant's part of the shared cost of goods of a period, by component."""

    tenant_id: str
    component: str
    cost_usd: Decimal
    unconverted_days: int


@dataclass(frozen=True)
class TaskCost:
    """Production tasks that began in a period. Where `incomplete_tasks` lack the price of a part, the cost is a lower bound."""

    key: tuple[str | None, ...]
    tasks: int
    successes: int
    failures: int
    unknowns: int
    incomplete_tasks: int
    cost_usd: Decimal

    @property
    def cost_per_success_usd(self) -> Decimal | None:
        """Cost of all tasks over the successful ones; None without a success."""
        return quotient(self.cost_usd, Decimal(self.successes)) if self.successes else None

    @property
    def lower_bound_usd(self) -> Decimal | None:
        """If every unknown outcome were a success."""
        judged = self.successes + self.unknowns
        return quotient(self.cost_usd, Decimal(judged)) if judged else None

    @property
    def upper_bound_usd(self) -> Decimal | None:
        """If none were; None where parts have no price, as then there is no upper bound."""
        return None if self.incomplete_tasks else self.cost_per_success_usd


@dataclass(frozen=True)
class UnpricedLine:
    """Requests of one model that have no price, or a price for a part only, and why."""

    provider_name: str | None
    model: str | None
    pricing_status: str
    pricing_reason: str | None
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Answer:
    """Columns and rows of a free query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def quotient(numerator: Decimal, denominator: Decimal) -> Decimal:
    """To 12 decimals, halves to even, as the models round it."""
    return _EXACT.divide(numerator, denominator).quantize(_TWELVE, rounding=ROUND_HALF_EVEN, context=_EXACT)
