"""The formulas: one entry for each metric of the weekly view, whose definition they must equal (`weekly_metrics.sql`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.economics.formula import AtMost, Cut, Expression, Number, Operation, Rounded, Term


@dataclass(frozen=True)
class Need:
    """What has to be more than `least` (None: has to be there) for the figure to have a value; `text` names what is missing."""

    what: Expression
    text: str
    least: int | None = 0


@dataclass(frozen=True)
class Formula:
    """How one metric is worked out.

    `for_tenant` is the formula of one tenant where it differs, or in words why there is none and what there is instead.
    `at_least`, `at_most`: terms that make the value such a bound while they are not 0; with some of both it is neither.
    `lower`, `upper` enclose it while outcomes are unknown.
    `counts`: terms that say what the figure rests on, beside those.
    """

    sentence: str
    expression: Expression
    for_tenant: Expression | str | None = None
    needs: tuple[Need, ...] = ()
    at_least: tuple[str, ...] = ()
    at_most: tuple[str, ...] = ()
    lower: Expression | None = None
    upper: Expression | None = None
    counts: tuple[str, ...] = ()

    def asked_of(self) -> tuple[str, ...]:
        """Terms that are told beside those of the formula."""
        gaps = tuple(dict.fromkeys((*self.at_most, *self.at_least)))
        return (*(("requests",) if set(_CALLS) & set(gaps) else ()), *gaps, *self.counts)


_CALLS = ("unpriced_requests", "partial_requests")
_OF_TASKS = (*_CALLS, "unconverted_events")
_OF_GOODS = (*_OF_TASKS, "unconverted_pools")
_CHARGES, _CREDITS = "unconverted_charges", "unconverted_credits"
"""What can be without an amount; see `weekly_gaps` of the models."""

OUTCOME_TERMS = frozenset(
    {
        "successes",
        "failures",
        "escalations",
        "unknown_tasks",
        "failed_cost",
        "superseded_failed_cost",
        "outcome_revenue",
    }
)
"""Terms that grow while outcomes arrive: last week's are counted as they stood a week ago."""

_t = Term
_REVENUE, _INFERENCE = _t("revenue"), _t("inference_cost")
_OWN_COST = _t("production_inference") + _t("other_goods")
_COST = _OWN_COST + _t("shared_pools")
_PROFIT, _OWN_PROFIT = _REVENUE - _COST, _REVENUE - (_OWN_COST + _t("allocated_cost"))
_TASK_COST = _t("task_inference") + _t("task_other")
_JUDGED = _t("successes") + _t("failures")
_ACQUISITION = _t("acquisition_cost") + _t("free_tier_cost")
_LIFETIME = AtMost(60, Operation("÷", Number(3) * _t("customers_before"), _t("customers_lost")))

_HAS_REVENUE = Need(_REVENUE, "revenue in this week")
_HAS_TASKS = Need(_t("tasks"), "task ids in the logs")
_HAS_SUCCESS = Need(_t("successes"), "a successful task in this week")
_HAS_JUDGED = Need(_JUDGED, "a judged task in this week")

FORMULAS: Mapping[str, Formula] = {
    "revenue": Formula(
        "What was earned on the days of the week, each line spread over its days of service.",
        _REVENUE,
        at_least=(_CHARGES,),
        at_most=(_CREDITS,),
    ),
    "total_inference_cost": Formula(
        "What all model calls cost, in every environment; calls without a known price are not in it.",
        _INFERENCE,
        at_least=_CALLS,
    ),
    "inference_cost_share_of_revenue": Formula(
        "What share of revenue goes to the model providers, all environments.",
        _INFERENCE / _REVENUE,
        needs=(_HAS_REVENUE,),
        at_least=(*_CALLS, _CREDITS),
        at_most=(_CHARGES,),
    ),
    "gross_profit": Formula(
        "Revenue less all cost of goods: production inference, tools, retrieval, reviews and shared pools.",
        _PROFIT,
        for_tenant=_OWN_PROFIT,
        at_least=(_CHARGES,),
        at_most=(*_OF_GOODS, _CREDITS),
    ),
    "gross_margin": Formula(
        "The share of revenue that is left after all cost of goods.",
        _PROFIT / _REVENUE,
        for_tenant=_OWN_PROFIT / _REVENUE,
        needs=(_HAS_REVENUE,),
        at_least=(_CHARGES,),
        at_most=(*_OF_GOODS, _CREDITS),
    ),
    "cost_per_active_user": Formula(
        "Production inference for each person who made a production request in the week.",
        _t("production_inference") / _t("active_users"),
        needs=(Need(_t("active_users"), "end_user_id in the logs"),),
        at_least=_CALLS,
    ),
    "cost_per_successful_task": Formula(
        "The cost of all production tasks begun in the week, failed ones too, for each one that succeeded.",
        _TASK_COST / _t("successes"),
        needs=(_HAS_TASKS, _HAS_SUCCESS),
        lower=_TASK_COST / (_t("successes") + _t("unknown_tasks")),
        upper=_TASK_COST / _t("successes"),
        counts=("tasks", "unknown_tasks", "incomplete_tasks"),
        at_least=_OF_TASKS,
    ),
    "margin_per_task": Formula(
        "Revenue of tenants on the days on which they began tasks, and of tasks that are paid for one by one their own, less "
        "what the tasks cost, for each task.",
        (_t("tasked_revenue") + _t("outcome_revenue") - _TASK_COST) / _t("tasks"),
        needs=(_HAS_TASKS,),
        counts=("incomplete_tasks", "unvalued_successes"),
        at_least=(_CHARGES,),
        at_most=(*_OF_TASKS, _CREDITS),
    ),
    "success_rate": Formula(
        "Successes among the tasks whose outcome is known; escalated and abandoned tasks are failures.",
        _t("successes") / _JUDGED,
        needs=(_HAS_TASKS, _HAS_JUDGED),
        counts=("tasks", "unknown_tasks"),
    ),
    "outcome_completeness": Formula(
        "How many of the week's production tasks have a known outcome.",
        _JUDGED / _t("tasks"),
        needs=(_HAS_TASKS,),
        counts=("unknown_tasks",),
    ),
    "tokens_per_success": Formula(
        "Input and output tokens of all production tasks begun in the week for each one that succeeded.",
        _t("task_tokens") / _t("successes"),
        needs=(_HAS_TASKS, _HAS_SUCCESS),
        counts=("tasks", "unknown_tasks"),
    ),
    "p95_task_time_ms": Formula(
        "95 of 100 tasks took at most this long from the start of their first attempt to the end of their last.",
        _t("p95_task_time"),
        needs=(_HAS_TASKS, Need(_t("tasks"), "at least 20 tasks in this week", 19)),
    ),
    "gateway_cache_hit_rate": Formula(
        "Hits among the production lookups of calls that can be cached.",
        _t("cache_hits") / _t("cache_lookups"),
        needs=(Need(_t("cache_lookups"), "is_gateway_cache_hit in the logs"),),
    ),
    "small_or_mid_share": Formula(
        "The share of served production requests that a small or mid model served.",
        _t("small_or_mid_requests") / _t("served_requests"),
        needs=(Need(_t("served_requests"), "a served production request in this week"),),
    ),
    "top20_cost_share_of_revenue": Formula(
        "Cost of goods of the dearest fifth of tenants, rounded up, against what their MRR is worth on the same days; against "
        "revenue where a tenant has no MRR.",
        _t("top_tenants_cost") / _t("top_tenants_mrr"),
        for_tenant="It ranks tenants against each other. For one tenant: gross_profit, inference_cost_share_of_revenue.",
        needs=(Need(_t("top_tenants_mrr"), "MRR or revenue of the top-20% tenants"),),
        counts=("top_tenants", "top_tenants_above"),
        at_least=(*_OF_GOODS, _CREDITS),
        at_most=(_CHARGES,),
    ),
    "top20_tenants_above_target": Formula(
        "How many of the dearest fifth of tenants alone cost more than that share of their MRR; those that pay nothing too.",
        _t("top_tenants_above"),
        for_tenant="It counts tenants. For one tenant: gross_profit, inference_cost_share_of_revenue.",
        counts=("top_tenants", "top_tenants_cost", "top_tenants_mrr"),
    ),
    "tenants_under_water": Formula(
        "How many paying tenants cost more than they pay.",
        _t("under_water_tenants"),
        for_tenant="It counts tenants. For one tenant: under_water_loss, gross_profit.",
    ),
    "under_water_loss": Formula(
        "By how much the paying tenants that cost more than they pay do so, together.",
        _t("under_water_loss"),
        at_least=(*_OF_GOODS, _CHARGES, _CREDITS),
        at_most=(_CHARGES, _CREDITS),
    ),
    "unpaid_cost": Formula(
        "Cost of goods of tenants that bring in nothing.",
        _t("unpaid_cost"),
        at_least=(*_OF_GOODS, _CREDITS),
        at_most=(_CHARGES,),
    ),
    "escalation_rate": Formula(
        "Escalated tasks among those whose outcome is known.",
        _t("escalations") / _JUDGED,
        needs=(_HAS_TASKS, _HAS_JUDGED),
        counts=("tasks", "unknown_tasks"),
    ),
    "retry_waste": Formula(
        "What attempts of production tasks cost that a later attempt of the same logical call replaced.",
        _t("superseded_cost"),
        needs=(_HAS_TASKS,),
        at_least=_CALLS,
    ),
    "failed_task_spend": Formula(
        "What the tasks cost that are known to have failed, been escalated or abandoned.",
        _t("failed_cost"),
        needs=(_HAS_TASKS,),
        counts=("failures", "unknown_tasks", "incomplete_tasks"),
        at_least=_OF_TASKS,
    ),
    "retry_waste_of_failed_tasks": Formula(
        "The superseded attempts of failed tasks: what retry waste and spend of failed tasks have in common.",
        _t("superseded_failed_cost"),
        needs=(_HAS_TASKS,),
        counts=("failures", "unknown_tasks"),
        at_least=_CALLS,
    ),
    "untasked_cost": Formula(
        "What production calls cost that name no task.",
        _t("untasked_cost"),
        at_least=_CALLS,
    ),
    "ltv_cac": Formula(
        "Gross profit of a paying tenant in a month, times its lifetime in months, for each dollar that winning a customer cost.",
        # (profit / payers x 365/84 x lifetime) / (acquisition / won): 84 days of 7 are twelve months of 365/12
        (Cut(_PROFIT, 6) * Number(365) * _LIFETIME * _t("customers_won"))
        / (Cut(_ACQUISITION, 6) * Number(84) * _t("paying_tenants")),
        for_tenant="Lifetime and acquisition cost are those of all customers. For one tenant: gross_profit, gross_margin.",
        needs=(
            _HAS_REVENUE,
            Need(_PROFIT, "a positive margin (n/m)"),
            Need(_t("customers_won"), "new customers in three months"),
            Need(_t("customers_before"), "customers of three months ago"),
            Need(_ACQUISITION, "acquisition cost in three months"),
        ),
        at_least=(_CHARGES, _CREDITS),
        at_most=(*_OF_GOODS, _CHARGES, _CREDITS),
    ),
    "month_end_outlook": Formula(
        "The month's inference cost so far, and for each day left the average of the week's days.",
        _t("month_cost") + Rounded(_INFERENCE * _t("days_left") / _t("days_with_requests")),
        at_least=_CALLS,
    ),
    "restated_since_shown": Formula(
        "What has changed in last week's gross profit since somebody was first shown it.",
        _t("last_profit") - _t("shown_profit"),
        for_tenant="Only figures of the company are kept as shown. For one tenant: gross_profit.",
        needs=(Need(_t("shown_profit"), "last week's report", None), Need(_t("last_profit"), "last week", None)),
    ),
    "priced_coverage": Formula(
        "How many requests have a price for all that they used.",
        (_t("requests") - _t("unpriced_requests") - _t("partial_requests")) / _t("requests"),
        needs=(Need(_t("requests"), "a request in this week"),),
    ),
    "unattributed_share": Formula(
        "The part of inference cost that names no tenant.",
        _t("unattributed_cost") / _INFERENCE,
        for_tenant="It is the share that no tenant has. For what names none: total_inference_cost --tenant unattributed.",
        needs=(Need(_INFERENCE, "a priced request in this week"),),
    ),
}
"""Every metric of the weekly view by its id."""
