"""What alerts are judged by, read from the published marts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from pipelines.economics.alerting import Facts, Limit, Metric, TenantResult, Window
from pipelines.economics.finding import Finding
from pipelines.settings import Settings
from warehouse.reader import UNALLOCATED, UNATTRIBUTED, NoSuchWeek, Reader
from warehouse.rows import DataState, Period, TenantMargin, Week

PLAN = "plan"
"""Limit id of the month's planned inference cost."""
LTV_CAC = "ltv_cac"


def gather(
    reader: Reader,
    settings: Settings,
    hards: Mapping[tuple[str, date], Decimal],
    findings: Mapping[str, Finding] | None,
) -> Facts:
    """The facts of the rules that are switched on; `hards`: hard values as last seen. Raises NothingPublished, PublishError."""
    rules, state = settings.alerts.rules, reader.state()
    week = complete_week(reader)
    tenants_in, months = _tenant_window(settings, week, state), _whole_month(state)
    return Facts(
        limits=_plan(reader, settings, hards, state) if "limits" in rules else (),
        metrics=(
            *(_weekly(reader, week) if week is not None and "metrics" in rules else ()),
            *(_segments(reader, settings, months) if months is not None and "metrics" in rules else ()),
        ),
        tenants=_tenants(reader, settings, *tenants_in) if tenants_in is not None and "tenants" in rules else (),
        findings=findings if "findings" in rules else {},
        finding_min_usd=settings.alerts.finding_min_usd,
        has_week=week is not None or not {"metrics", "tenants"} & set(rules),
    )


def complete_week(reader: Reader) -> Week | None:
    """The weekly view of the latest complete week; None before there is one."""
    try:
        week = reader.weekly()
    except NoSuchWeek:
        return None
    return week if week.is_complete else None


def _plan(
    reader: Reader, settings: Settings, hards: Mapping[tuple[str, date], Decimal], state: DataState
) -> tuple[Limit, ...]:
    """The planned cost of the month that the data has reached, and of the month before while late requests reach it.

    The month before is judged by the plan that was last seen of it: a new plan is not meant for what is over.
    """
    if state.last_usage_date is None:
        return ()
    month = Period.month(state.last_usage_date)
    before = Period.month(month.start - timedelta(days=1))
    plans = {before: hards.get((PLAN, before.start)), month: settings.targets.month_cost_plan_usd}
    found: list[Limit] = []
    for period, plan_usd in plans.items():
        if plan_usd is None:
            continue
        spent = reader.inference_cost(period)
        found.append(
            Limit(
                limit_id=PLAN,
                label=f"Planned inference cost, month of {period.start:%Y-%m}",
                window_start=period.start,
                spent_usd=spent.cost_usd,
                is_lower_bound=spent.incomplete_requests > 0,
                hard_usd=plan_usd,
                thresholds_percent=settings.alerts.limit_thresholds_percent,
            )
        )
    return tuple(found)


def _weekly(reader: Reader, week: Week) -> list[Metric]:
    return [
        Metric(
            metric_id=row.metric_id,
            label=row.label,
            unit=row.unit,
            window="week",
            window_start=week.week_start,
            value=row.value,
            bound=row.bound,
            low=row.lower_bound,
            high=row.upper_bound,
            target=row.target,
            is_minimum=row.is_minimum,
            missing=row.missing,
        )
        for row in reader.targeted_metrics(week.week_start)
    ]


def _segments(reader: Reader, settings: Settings, month: Period) -> list[Metric]:
    """LTV/CAC of each segment in the last whole month: one good segment hides a bad one in the figure over all."""
    target = settings.targets.ltv_cac_min
    segments = reader.segment_values(month.start) if target is not None else []
    if target is None or not segments:
        return []
    bound = _month_bound(reader.tenant_margins(month))
    return [
        Metric(
            metric_id=f"{LTV_CAC}/{row.segment}",
            label=f"LTV/CAC, segment {row.segment}",
            unit="multiple",
            window="month",
            window_start=month.start,
            value=row.ltv_cac,
            bound=bound,
            low=None,
            high=None,
            target=target,
            is_minimum=True,
            missing=row.missing,
        )
        for row in segments
    ]


def _month_bound(rows: Sequence[TenantMargin]) -> str | None:
    """What a lifetime value is a bound of: missing prices make margins too good, missing rates may do either."""
    if any(row.unconverted_rows for row in rows):
        return "neither"
    return "at_most" if any(row.is_lower_bound for row in rows) else None


def _tenant_window(settings: Settings, week: Week | None, state: DataState) -> tuple[Window, Period] | None:
    if settings.alerts.tenant_window == "week":
        return None if week is None else ("week", Period.week(week.week_start))
    month = _whole_month(state)
    return None if month is None else ("month", month)


def _tenants(reader: Reader, settings: Settings, window: Window, period: Period) -> tuple[TenantResult, ...]:
    return tuple(
        TenantResult(
            tenant_id=row.tenant_id,
            name=row.name,
            window=window,
            window_start=period.start,
            revenue_usd=row.revenue_usd,
            cogs_usd=row.cogs_usd,
            margin_min=settings.targets.gross_margin_min,
            is_cost_complete=not row.is_lower_bound,
            is_converted=not row.unconverted_rows,
        )
        for row in reader.tenant_margins(period)
        if row.tenant_id not in (UNATTRIBUTED, UNALLOCATED)
    )


def _whole_month(state: DataState) -> Period | None:
    """The last month that the data has from its first day to its last, or None."""
    if state.first_usage_date is None or state.last_usage_date is None:
        return None
    month = Period.month(Period.month(state.last_usage_date).start - timedelta(days=1))
    return month if state.first_usage_date <= month.start else None
