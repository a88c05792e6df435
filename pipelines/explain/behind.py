"""The rows that a term is made of: for each kind the SQL of all of them, the dearest first, and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.explain.terms import (
    ABOVE_TARGET,
    FAILED,
    SUPERSEDED,
    TASKED_DAYS,
    TENANT_WEEKS,
    TOP_TENANTS,
    UNDER_WATER,
    UNPAID,
    VALUED_TENANT,
)

Shape = Literal["request", "task", "row"]


@dataclass(frozen=True)
class Kind:
    """One kind of rows in a published table. `measure` is what is summed of them, None where nothing is.

    `shape`: requests and tasks are told with the file and line that they come from.
    """

    title: str
    sql: str
    order: str
    measure: str | None
    shape: Shape = "row"


@dataclass(frozen=True)
class Lines:
    """Lines of a business feed that a term rests on, the largest first, as they stand in the lake.

    `where` is a condition on the feed's columns; `$from`, `$until`, `$tenant`, `$tasks`, `$others` and `$zone` are bound to it.
    `tasks`: SQL of the task ids that `$tasks` stands for, `others` of those that `$others` does.
    """

    title: str
    feed: str
    where: str
    order: str
    columns: tuple[str, ...]
    tasks: str | None = None
    others: str | None = None


_COST = "cost_pico * 0.000000000001"
_TASK_ORDER = "cost_usd desc, task_id"
_EVENT_COLUMNS = ("event_id", "occurred_at", "tenant_id", "task_id", "component", "amount", "currency")
_GOODS = "component not in ('support', 'payment_fee')"


def _requests(
    title: str, where: str, *, order: str = "cost_pico desc nulls last, record_key", measured: bool = True
) -> Kind:
    sql = f"select * from fct_llm_request_priced where {where}"
    return Kind(title, sql, order, _COST if measured else None, "request")


def _tasks(title: str, where: str = "", *, order: str = _TASK_ORDER, measure: str | None = None) -> Kind:
    return Kind(title, f"select * from fct_task where {{tasks}}{where}", order, measure, "task")


def _tenants(title: str, where: str, measure: str) -> Kind:
    sql = f"{TENANT_WEEKS} select *, cogs_usd - revenue_usd as loss_usd from tenants where {where}"
    return Kind(title, sql, f"{measure} desc, tenant_id", measure)


def _of_tenants(title: str, tenants: str) -> Kind:
    return _requests(title, f"{{days}} and is_production and tenant_id in ({tenants})")


def _tenant_days(title: str, where: str, measure: str) -> Kind:
    sql = f"select tenant_id, usage_date, {measure} from fct_tenant_day where {where} and {measure} <> 0"
    return Kind(title, sql, f"{measure} desc, tenant_id, usage_date", measure)


_OF_TASKS = "task_id in (select task_id from fct_task where {tasks}"
_P95 = "(select percentile_disc(0.95) within group (order by duration_ms) from fct_task where {tasks})"
_WEEK = "{days}{who}"
_BY_TOKENS = "coalesce(input_tokens, 0) + coalesce(output_tokens, 0) desc, record_key"

KINDS: Mapping[str, Kind] = {
    "requests": _requests("Requests", _WEEK),
    "production_requests": _requests("Production requests", f"{_WEEK} and is_production"),
    "untasked_requests": _requests(
        "Production requests without a task", f"{_WEEK} and is_production and task_id is null"
    ),
    "unattributed_requests": _requests("Requests without a tenant", "{days} and tenant_id = 'unattributed'"),
    "unpriced_requests": _requests(
        "Requests without a price", f"{_WEEK} and pricing_status = 'unpriced'", order=_BY_TOKENS, measured=False
    ),
    "partial_requests": _requests(
        "Requests with a price for a part", f"{_WEEK} and pricing_status = 'partial'", order=_BY_TOKENS, measured=False
    ),
    "cache_hits": _requests(
        "Cache hits, by the tokens they saved",
        f"{_WEEK} and is_production and is_gateway_cache_hit and operation_name in ('chat', 'embeddings') "
        "and status in ('ok', 'cancelled')",
        order=_BY_TOKENS,
        measured=False,
    ),
    "larger_model_requests": _requests(
        "Requests that other models served, large or of unknown size",
        f"{_WEEK} and is_production and not coalesce(is_gateway_cache_hit, false) and status in ('ok', 'cancelled') "
        "and model_tier not in ('small', 'mid')",
        measured=False,
    ),
    "task_requests": _requests("Attempts of the tasks", f"{_OF_TASKS})"),
    "successful_task_requests": _requests("Attempts of successful tasks", f"{_OF_TASKS} and outcome = 'success')"),
    "task_requests_by_tokens": _requests(
        "Attempts with the most tokens", f"{_OF_TASKS})", order=_BY_TOKENS, measured=False
    ),
    "slowest_task_requests": _requests(
        "Attempts of the task at the percentile",
        f"{_OF_TASKS} and duration_ms = {_P95})",
        order="started_at, record_key",
    ),
    "top_tenant_requests": _of_tenants(
        "Production requests of these tenants", f"{TOP_TENANTS} select tenant_id from top"
    ),
    "under_water_requests": _of_tenants(
        "Production requests of these tenants", f"{TENANT_WEEKS} select tenant_id from tenants where {UNDER_WATER}"
    ),
    "unpaid_requests": _of_tenants(
        "Production requests of these tenants", f"{TENANT_WEEKS} select tenant_id from tenants where {UNPAID}"
    ),
    "month_requests": _requests(
        "Requests of the month", "usage_date >= date '{month}' and usage_date <= date '{last}'{who}"
    ),
    "failed_task_requests": _requests("Attempts of failed tasks", f"{_OF_TASKS}{FAILED})"),
    "superseded_requests": Kind(
        "Attempts that a later one replaced",
        f"select * from {SUPERSEDED.replace('{outcomes}', '')} where rank_from_last > 1",
        "cost_pico desc nulls last, record_key",
        _COST,
        "request",
    ),
    "superseded_failed_requests": Kind(
        "Attempts of failed tasks that a later one replaced",
        f"select * from {SUPERSEDED.replace('{outcomes}', FAILED)} where rank_from_last > 1",
        "cost_pico desc nulls last, record_key",
        _COST,
        "request",
    ),
    "users": Kind(
        "Active users",
        "select tenant_id, end_user_id, requests, cost_usd "
        "from fct_user_week where week_start = date '{start}'{who} and not is_service_account",
        "cost_usd desc nulls last, tenant_id, end_user_id",
        None,
    ),
    "tasks": _tasks("Tasks with all that they cost", measure="cost_usd"),
    "failed_tasks": _tasks("Failed tasks", FAILED, measure="cost_usd"),
    "successful_tasks": _tasks("Successful tasks", " and outcome = 'success'"),
    "escalated_tasks": _tasks("Escalated tasks", " and outcome = 'escalated'"),
    "tasks_by_tokens": _tasks(
        "Tasks with the most tokens",
        order="input_tokens + output_tokens desc, task_id",
        measure="input_tokens + output_tokens",
    ),
    "slowest_tasks": _tasks(
        "The task at the percentile, and the next shorter ones",
        f" and duration_ms <= {_P95}",
        order="duration_ms desc, task_id",
    ),
    "revenue_days": _tenant_days("Tenants' days with the most revenue", _WEEK, "revenue_usd"),
    "tasked_revenue_days": Kind(
        "Tenants' days with the most revenue, of those with tasks",
        f"select tenant_id, usage_date, sum(revenue_usd) as revenue_usd from fct_revenue_day where {TASKED_DAYS} group by all "
        "having sum(revenue_usd) <> 0",
        "revenue_usd desc, tenant_id, usage_date",
        "revenue_usd",
    ),
    "outcome_tasks": _tasks(
        "Tasks that are paid for one by one",
        f" and outcome_value_usd is not null and {VALUED_TENANT}",
        order="outcome_value_usd desc, task_id",
        measure="outcome_value_usd",
    ),
    "month_days": Kind(
        "Days of the month",
        "select usage_date, sum(inference_cost_usd) as inference_cost_usd from fct_tenant_day "
        "where usage_date >= date '{month}' and usage_date <= date '{last}'{who} group by usage_date",
        "inference_cost_usd desc, usage_date",
        "inference_cost_usd",
    ),
    "other_cost_days": Kind(
        "Other cost of goods by day, tenant, feature and component",
        "select usage_date, tenant_id, feature, component, sum(cost_usd) as cost_usd from fct_cost_day "
        "where {days}{who} and not is_model_call and is_cost_of_goods group by all",
        "cost_usd desc, usage_date, tenant_id, feature, component",
        "cost_usd",
    ),
    "pools": Kind(
        "Shared pools",
        "select pool_id, component, sum(cost_usd) as cost_usd from fct_shared_cost_day where {days} group by all",
        "cost_usd desc nulls last, pool_id, component",
        "cost_usd",
    ),
    "allocated_pools": Kind(
        "Shared pools, by what tenants bear of them",
        "select pool_id, component, sum(cost_usd) as cost_usd from fct_allocated_cost_day where {days}{who} group by all",
        "cost_usd desc nulls last, pool_id, component",
        "cost_usd",
    ),
    "top_tenants": Kind(
        "The dearest fifth of tenants",
        f"{TOP_TENANTS} select *, {ABOVE_TARGET} as is_above_target from held",
        "cogs_usd desc, tenant_id",
        "cogs_usd",
    ),
    "under_water_tenants": _tenants("Tenants under water", UNDER_WATER, "loss_usd"),
    "unpaid_tenants": _tenants("Tenants without revenue", f"{UNPAID} and cogs_usd > 0", "cogs_usd"),
    "customers_lost": Kind(
        "Customers lost",
        "select tenant_id, name, plan, segment, started_on, churned_on from dim_tenant where started_on < date '{before}' "
        "and churned_on >= date '{before}' and churned_on < date '{end}'",
        "churned_on desc, tenant_id",
        None,
    ),
    "acquisition_months": Kind(
        "Months of acquisition",
        "select * from fct_acquisition_month where month >= date '{months_from}' and month < date '{end}'",
        "month desc, segment nulls first",
        "sales_marketing_usd",
    ),
}
"""Rows of published tables by the name that terms know them by."""

LINES: Mapping[str, Lines] = {
    "revenue_lines": Lines(
        "Revenue lines whose service meets the week",
        "revenue_lines",
        "service_start < $until and service_end > $from and ($tenant is null or tenant_id = $tenant)",
        "amount desc, line_id",
        ("line_id", "tenant_id", "kind", "amount", "currency", "service_start", "service_end"),
    ),
    "cost_events": Lines(
        "Cost events of the week",
        "cost_events",
        f"""timezone($zone, occurred_at)::date >= $from and timezone($zone, occurred_at)::date < $until and {_GOODS}
            and (task_id is null or not list_contains($others, task_id))
            and ($tenant is null or tenant_id = $tenant or (tenant_id is null and list_contains($tasks, task_id)))""",
        "amount desc, event_id",
        _EVENT_COLUMNS,
        tasks="select task_id from fct_task where true{who}",
        others="select task_id from fct_task where not is_production",
    ),
    "task_events": Lines(
        "Cost events of the tasks",
        "cost_events",
        f"{_GOODS} and list_contains($tasks, task_id)",
        "amount desc, event_id",
        _EVENT_COLUMNS,
        tasks="select task_id from fct_task where {tasks}",
    ),
    "pool_lines": Lines(
        "Pools whose period meets the week",
        "cost_pools",
        f"period_start < $until and period_end > $from and {_GOODS}",
        "amount desc, pool_id",
        ("pool_id", "component", "amount", "currency", "period_start", "period_end"),
    ),
    "acquisition_lines": Lines(
        "Lines of the acquisition feed",
        "acquisition",
        "month >= $from - 85 and month < $until",
        "month desc, segment",
        ("month", "segment", "sales_marketing_usd", "new_customers"),
    ),
}
"""Lines of feeds by the name that terms know them by."""
