"""What the formulas are made of: each term is one number that one query over the published marts gives.

In the SQL, `{days}` is the week's dates, `{who}` the tenant, `{tasks}` the production tasks begun in the week by that tenant,
`{start}`, `{last}`, `{end}` the first day, the last and the day after, `{month}` the first of the month of the last.
Dollars are exact decimals: 0.000000000001 makes them of whole pico-dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from warehouse.connection import literal
from warehouse.reader import UNALLOCATED, UNATTRIBUTED

KNOWN_WINDOW = timedelta(days=84)
"""Customers are counted over twelve weeks and the week itself; see `int_week_customer_measure`."""


@dataclass(frozen=True)
class TermSource:
    """Where a term comes from. `unit`: usd, count or ms; `table` None: not from the marts.

    `behind`: kinds of rows that it is the sum of, as `behind.KINDS` names them.
    """

    label: str
    unit: str
    table: str | None
    sql: str
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scope:
    """The week, of one tenant or of all, as text for the SQL of terms and rows."""

    start: date
    tenant_id: str | None

    @property
    def end(self) -> date:
        return self.start + timedelta(days=7)

    @property
    def last(self) -> date:
        return self.start + timedelta(days=6)

    def sql(self, template: str) -> str:
        """A template's statement on one line, as a person can paste it."""
        who = "" if self.tenant_id is None else f" and tenant_id = {literal(self.tenant_id)}"
        tasks = f"is_production and task_date >= date '{self.start}' and task_date < date '{self.end}'{who}"
        words = " ".join(template.split())
        return words.format(
            days=f"usage_date >= date '{self.start}' and usage_date < date '{self.end}'",
            who=who,
            tasks=tasks,
            start=self.start,
            last=self.last,
            end=self.end,
            month=self.last.replace(day=1),
            before=self.start - KNOWN_WINDOW,
            months_from=self.start - KNOWN_WINDOW - timedelta(days=1),
            week_before=self.start - timedelta(days=7),
        )


TENANT_WEEKS = f"""with tenants as (
    select tenant_id, sum(cogs_usd) as cogs_usd, sum(revenue_usd) as revenue_usd from (
        select usage_date, tenant_id, cogs_usd, revenue_usd from fct_tenant_day
        union all select usage_date, tenant_id, cost_usd, 0 from fct_allocated_cost_day)
    where {{days}} and tenant_id not in ('{UNATTRIBUTED}', '{UNALLOCATED}'){{who}} group by tenant_id)"""
TOP_TENANTS = f"""{TENANT_WEEKS}, top as (
    select * from tenants where cogs_usd > 0 order by cogs_usd desc, tenant_id
    limit (select (count(*) + 4) // 5 from tenants where cogs_usd > 0)),
dates as (
    select day::date as day, day(last_day(day)) as month_days
    from range(date '{{start}}', date '{{end}}', interval 1 day) as days(day), mart_data_state
    where day between first_usage_date and last_usage_date),
recurring as (
    select tenant_id, sum(pico) as pico from (
        select tenant_id, sum(mrr_usd * 1000000000000)::hugeint // month_days as pico
        from dates join dim_tenant_mrr on valid_from <= day and (valid_to is null or valid_to > day)
        where tenant_id in (select tenant_id from top) group by tenant_id, month_days)
    group by tenant_id),
held as (
    select top.*, case when pico > 0 then pico * 0.000000000001 else revenue_usd end as held_usd
    from top left join recurring using (tenant_id))"""
ABOVE_TARGET = """cogs_usd > held_usd * (select any_value(target) from mart_weekly_unit_economics
    where metric_id = 'top20_cost_share_of_revenue')"""
SUPERSEDED = """(select *, row_number() over (
        partition by task_id, logical_call_id order by started_at desc, record_key desc) as rank_from_last
    from fct_llm_request_priced where task_id in (select task_id from fct_task where {tasks}{outcomes}))"""
VALUED_TENANT = """tenant_id in (select tenant_id from fct_task where is_production and outcome_value_usd is not null)
    and tenant_id in (select tenant_id from fct_revenue_day where kind = 'outcome')"""
TASKED_DAYS = f"""(tenant_id, usage_date) in (select (tenant_id, task_date) from fct_task where {{tasks}})
    and not (kind = 'outcome' and {VALUED_TENANT})"""
UNDER_WATER = "revenue_usd > 0 and cogs_usd > revenue_usd"
UNPAID = "revenue_usd <= 0"
FAILED = " and outcome in ('failure', 'escalated', 'abandoned')"


def _days(label: str, expression: str, unit: str = "count", behind: tuple[str, ...] = ()) -> TermSource:
    """A sum over tenants' days."""
    return TermSource(
        label, unit, "fct_tenant_day", f"select {expression} from fct_tenant_day where {{days}}{{who}}", behind
    )


def _tasks(label: str, expression: str, unit: str = "count", behind: tuple[str, ...] = ()) -> TermSource:
    """A sum over production tasks, each in the week of its first attempt."""
    return TermSource(label, unit, "fct_task", f"select {expression} from fct_task where {{tasks}}", behind)


def _tenants(label: str, expression: str, where: str, unit: str, behind: tuple[str, ...]) -> TermSource:
    sql = f"{TENANT_WEEKS} select {expression} from tenants where {where}"
    return TermSource(label, unit, "fct_tenant_day", sql, behind)


def _lines(label: str, where: str) -> TermSource:
    """Days of revenue lines that have no amount."""
    sql = f"select coalesce(sum(unconverted_lines), 0) as unconverted from fct_revenue_day where {{days}}{{who}} and {where}"
    return TermSource(label, "count", "fct_revenue_day", sql)


def _usd(column: str, name: str) -> str:
    return f"coalesce(sum({column}), 0) as {name}"


def _pico(column: str, name: str) -> str:
    return f"coalesce(sum({column}), 0) * 0.000000000001 as {name}"


def _count(condition: str, name: str) -> str:
    return f"count(*) filter (where {condition}) as {name}"


_FAILED = FAILED.removeprefix(" and ")

TERMS: Mapping[str, TermSource] = {
    # Money of the week
    "revenue": _days("revenue", _usd("revenue_usd", "revenue_usd"), "usd", ("revenue_days", "revenue_lines")),
    "inference_cost": _days(
        "inference cost, all environments", _usd("inference_cost_usd", "inference_cost_usd"), "usd", ("requests",)
    ),
    "production_inference": TermSource(
        "production inference",
        "usd",
        "fct_cost_day",
        f"select {_usd('cost_usd', 'cost_usd')} from fct_cost_day where {{days}}{{who}} and is_model_call and is_cost_of_goods",
        ("production_requests",),
    ),
    "other_goods": TermSource(
        "other cost of goods",
        "usd",
        "fct_cost_day",
        f"select {_usd('cost_usd', 'cost_usd')} from fct_cost_day where {{days}}{{who}} and not is_model_call "
        "and is_cost_of_goods",
        ("other_cost_days", "cost_events"),
    ),
    "shared_pools": TermSource(
        "shared pools",
        "usd",
        "fct_shared_cost_day",
        f"select {_usd('cost_usd', 'cost_usd')} from fct_shared_cost_day where {{days}}",
        ("pools", "pool_lines"),
    ),
    "allocated_cost": TermSource(
        "its part of shared cost",
        "usd",
        "fct_allocated_cost_day",
        f"select {_usd('cost_usd', 'cost_usd')} from fct_allocated_cost_day where {{days}}{{who}}",
        ("allocated_pools", "pool_lines"),
    ),
    "untasked_cost": _days(
        "production inference without a task",
        _pico("without_task_cost_pico", "cost_usd"),
        "usd",
        ("untasked_requests",),
    ),
    "unattributed_cost": TermSource(
        "inference cost that names no tenant",
        "usd",
        "fct_tenant_day",
        f"select {_usd('inference_cost_usd', 'inference_cost_usd')} from fct_tenant_day where {{days}} "
        f"and tenant_id = '{UNATTRIBUTED}'",
        ("unattributed_requests",),
    ),
    # Requests of the week
    "requests": _days("requests", "coalesce(sum(requests), 0) as requests"),
    "unpriced_requests": _days(
        "requests without a price", "coalesce(sum(unpriced_requests), 0) as requests", behind=("unpriced_requests",)
    ),
    "partial_requests": _days(
        "requests with a price for a part",
        "coalesce(sum(partial_requests), 0) as requests",
        behind=("partial_requests",),
    ),
    "unconverted_events": _days(
        "cost events without an exchange rate", "coalesce(sum(unconverted_events), 0) as unconverted"
    ),
    "unconverted_charges": _lines("days of revenue lines without an exchange rate", "kind <> 'credit_note'"),
    "unconverted_credits": _lines("days of credit notes without an exchange rate", "kind = 'credit_note'"),
    "unconverted_pools": TermSource(
        "days of shared pools without an exchange rate",
        "count",
        "fct_shared_cost_day",
        "select count(*) as days from fct_shared_cost_day where {days} and cost_usd is null",
    ),
    "cache_hits": _days("cache hits", "coalesce(sum(cache_hits), 0) as cache_hits", behind=("cache_hits",)),
    "cache_lookups": _days("cache lookups", "coalesce(sum(cache_lookups), 0) as cache_lookups"),
    "small_or_mid_requests": _days(
        "requests served by small or mid models", "coalesce(sum(small_or_mid_requests), 0) as requests"
    ),
    "served_requests": _days(
        "requests served by a model", "coalesce(sum(served_requests), 0) as requests", behind=("larger_model_requests",)
    ),
    "active_users": TermSource(
        "active users",
        "count",
        "fct_user_week",
        "select count(*) as users from fct_user_week where week_start = date '{start}'{who} and not is_service_account",
        ("users",),
    ),
    # Tasks begun in the week
    "tasks": _tasks("tasks", "count(*) as tasks"),
    "successes": _tasks(
        "successful tasks",
        _count("outcome = 'success'", "tasks"),
        behind=("successful_tasks", "successful_task_requests"),
    ),
    "failures": _tasks(
        "failed tasks, escalated and abandoned ones too",
        _count(_FAILED, "tasks"),
        behind=("failed_tasks", "failed_task_requests"),
    ),
    "escalations": _tasks("escalated tasks", _count("outcome = 'escalated'", "tasks"), behind=("escalated_tasks",)),
    "unknown_tasks": _tasks("tasks without a known outcome", _count("outcome = 'unknown'", "tasks")),
    "incomplete_tasks": _tasks(
        "tasks with a part that has no price",
        _count("unpriced_attempts + partial_attempts + unconverted_events > 0", "tasks"),
    ),
    "task_inference": _tasks(
        "model calls of all tasks", _usd("llm_cost_usd", "cost_usd"), "usd", ("task_requests", "tasks")
    ),
    "task_other": _tasks(
        "tools, retrieval, reviews of all tasks", _usd("other_cost_usd", "cost_usd"), "usd", ("task_events",)
    ),
    "task_tokens": _tasks(
        "tokens of all tasks",
        "coalesce(sum(input_tokens + output_tokens), 0) as tokens",
        behind=("tasks_by_tokens", "task_requests_by_tokens"),
    ),
    "failed_cost": TermSource(
        "cost of failed tasks",
        "usd",
        "fct_task",
        f"select {_usd('cost_usd', 'cost_usd')} from fct_task where {{tasks}}{FAILED}",
        ("failed_tasks", "failed_task_requests"),
    ),
    "superseded_cost": _tasks(
        "superseded attempts", _usd("superseded_cost_usd", "cost_usd"), "usd", ("superseded_requests",)
    ),
    "superseded_failed_cost": TermSource(
        "superseded attempts of failed tasks",
        "usd",
        "fct_task",
        f"select {_usd('superseded_cost_usd', 'cost_usd')} from fct_task where {{tasks}}{FAILED}",
        ("superseded_failed_requests",),
    ),
    "tasked_revenue": TermSource(
        "revenue of tenants on days with tasks of theirs, without that of the tasks themselves",
        "usd",
        "fct_revenue_day",
        f"select {_usd('revenue_usd', 'revenue_usd')} from fct_revenue_day where {TASKED_DAYS}",
        ("tasked_revenue_days", "revenue_lines"),
    ),
    "outcome_revenue": TermSource(
        "what the outcomes of tasks earned, of tenants whose outcomes say it",
        "usd",
        "fct_task",
        f"select {_usd('outcome_value_usd', 'revenue_usd')} from fct_task where {{tasks}} and {VALUED_TENANT}",
        ("outcome_tasks",),
    ),
    "unvalued_successes": TermSource(
        "successes of these tenants that do not say what they are worth",
        "count",
        "fct_task",
        f"select count(*) as tasks from fct_task where {{tasks}} and {VALUED_TENANT} and outcome = 'success' "
        "and outcome_value_usd is null",
    ),
    "p95_task_time": _tasks(
        "95th percentile of task times, nearest rank",
        "percentile_disc(0.95) within group (order by duration_ms) as duration_ms",
        "ms",
        ("slowest_tasks", "slowest_task_requests"),
    ),
    # Tenants of the week
    "top_tenants_cost": TermSource(
        "cost of the dearest fifth of tenants",
        "usd",
        "fct_tenant_day",
        f"{TOP_TENANTS} select {_usd('cogs_usd', 'cogs_usd')} from top",
        ("top_tenants", "top_tenant_requests"),
    ),
    "top_tenants_mrr": TermSource(
        "MRR of the same tenants for the same days, revenue where there is none",
        "usd",
        "dim_tenant_mrr",
        f"{TOP_TENANTS} select {_usd('held_usd', 'held_usd')} from held",
    ),
    "top_tenants": TermSource(
        "tenants in the dearest fifth", "count", "fct_tenant_day", f"{TOP_TENANTS} select count(*) as tenants from top"
    ),
    "top_tenants_above": TermSource(
        "of these above the target each",
        "count",
        "dim_tenant_mrr",
        f"{TOP_TENANTS} select count(*) as tenants from held where {ABOVE_TARGET}",
        ("top_tenants",),
    ),
    "under_water_tenants": _tenants(
        "tenants under water",
        "count(*) as tenants",
        UNDER_WATER,
        "count",
        ("under_water_tenants", "under_water_requests"),
    ),
    "under_water_loss": _tenants(
        "cost above revenue of tenants under water",
        "coalesce(sum(cogs_usd - revenue_usd), 0) as loss_usd",
        UNDER_WATER,
        "usd",
        ("under_water_tenants", "under_water_requests"),
    ),
    "unpaid_cost": _tenants(
        "cost of goods of tenants without revenue",
        _usd("cogs_usd", "cogs_usd"),
        UNPAID,
        "usd",
        ("unpaid_tenants", "unpaid_requests"),
    ),
    "paying_tenants": TermSource(
        "paying tenants",
        "count",
        "fct_tenant_day",
        "select count(*) as tenants from (select tenant_id from fct_tenant_day where {days} group by tenant_id "
        "having sum(revenue_usd) > 0)",
    ),
    # Three months
    "customers_before": TermSource(
        "customers twelve weeks before",
        "count",
        "dim_tenant",
        "select count(*) as tenants from dim_tenant where started_on < date '{before}' "
        "and (churned_on is null or churned_on >= date '{before}')",
    ),
    "customers_lost": TermSource(
        "of these lost since",
        "count",
        "dim_tenant",
        "select count(*) as tenants from dim_tenant where started_on < date '{before}' "
        "and churned_on >= date '{before}' and churned_on < date '{end}'",
        ("customers_lost",),
    ),
    "customers_won": TermSource(
        "customers won in three months",
        "count",
        "fct_acquisition_month",
        "select coalesce(sum(new_customers), 0) as customers from fct_acquisition_month "
        "where month >= date '{months_from}' and month < date '{end}'",
    ),
    "acquisition_cost": TermSource(
        "acquisition cost of three months",
        "usd",
        "fct_acquisition_month",
        "select coalesce(sum(sales_marketing_usd), 0) as sales_marketing_usd from fct_acquisition_month "
        "where month >= date '{months_from}' and month < date '{end}'",
        ("acquisition_months", "acquisition_lines"),
    ),
    "free_tier_cost": TermSource(
        "cost of free plans in these months, where it counts as acquisition",
        "usd",
        "fct_cost_day",
        f"select {_usd('cost_usd', 'cost_usd')} from fct_cost_day where is_production and not is_cost_of_goods "
        "and component not in ('support', 'payment_fee') and date_trunc('month', usage_date) >= date '{months_from}' "
        "and usage_date < date '{end}'",
    ),
    # The month
    "month_cost": TermSource(
        "inference cost of the month up to the week's last day",
        "usd",
        "fct_tenant_day",
        f"select {_usd('inference_cost_usd', 'inference_cost_usd')} from fct_tenant_day "
        "where usage_date >= date '{month}' and usage_date <= date '{last}'{who}",
        ("month_days", "month_requests"),
    ),
    "days_left": TermSource(
        "days left in that month",
        "count",
        None,
        "select date_diff('day', date '{last}', last_day(date '{last}')) as days",
    ),
    "days_with_requests": TermSource(
        "days of the week that have requests",
        "count",
        "fct_tenant_day",
        "select count(distinct usage_date) as days from fct_tenant_day where {days} and requests > 0",
    ),
    # The week before, as known now and as it was shown
    "last_profit": TermSource(
        "gross profit of the week before, as known now",
        "usd",
        "mart_weekly_unit_economics",
        "select this_week from mart_weekly_unit_economics where metric_id = 'gross_profit' "
        "and week_start = date '{week_before}'",
    ),
    "shown_profit": TermSource("gross profit of the week before, when it was first shown", "usd", None, ""),
}
"""Every term by its name."""
