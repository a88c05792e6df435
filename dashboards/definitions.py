"""What each metric of the weekly view means, in one sentence with its formula; and the headings they are read under."""

from __future__ import annotations

GROUPS: dict[str, tuple[str, ...]] = {
    "Result": ("revenue", "total_inference_cost", "inference_cost_share_of_revenue", "gross_profit", "gross_margin"),
    "Unit cost": ("cost_per_active_user", "cost_per_successful_task", "margin_per_task"),
    "Tasks": ("success_rate", "outcome_completeness", "tokens_per_success", "p95_task_time_ms"),
    "Efficiency": ("gateway_cache_hit_rate", "small_or_mid_share"),
    "Tenants": (
        *("top20_cost_share_of_revenue", "top20_tenants_above_target", "tenants_under_water", "under_water_loss"),
        "unpaid_cost",
    ),
    "Rework": ("escalation_rate", "retry_waste", "failed_task_spend", "retry_waste_of_failed_tasks", "untasked_cost"),
    "Outlook": ("ltv_cac", "month_end_outlook"),
    "Trust in these figures": ("restated_since_shown", "priced_coverage", "unattributed_share"),
}

DEFINITIONS: dict[str, str] = {
    "revenue": "Recognised revenue of the week: each line spread evenly over its days of service.",
    "total_inference_cost": "All model calls at the prices paid, production or not, whether a tenant is known or not.",
    "inference_cost_share_of_revenue": "Total inference cost ÷ revenue.",
    "gross_profit": "Revenue − cost of goods. Cost of goods: production inference, embeddings, reranks, tools, vector search, "
    "human review, and shared pools spread over their days.",
    "gross_margin": "Gross profit ÷ revenue. Called AI gross margin until shared pools are loaded.",
    "cost_per_active_user": "Production inference ÷ distinct users with a production request in the week.",
    "cost_per_successful_task": "Cost of all production tasks that began in the week, failed and retried attempts included, "
    "÷ the successful ones.",
    "margin_per_task": "(Revenue of the tenants on the days they ran tasks, and of outcomes that are paid one by one − cost of "
    "their tasks) ÷ tasks.",
    "success_rate": "Successful tasks ÷ tasks with a known outcome.",
    "outcome_completeness": "Tasks with a known outcome ÷ all production tasks. Late outcomes still move the rows above.",
    "tokens_per_success": "Tokens in and out of all production tasks ÷ the successful ones.",
    "p95_task_time_ms": "95 of 100 tasks took no longer, first attempt to last; nearest rank, from 20 tasks on.",
    "gateway_cache_hit_rate": "Requests answered by the gateway's cache ÷ requests that looked there.",
    "small_or_mid_share": "Served production requests on small or mid models ÷ all served production requests.",
    "top20_cost_share_of_revenue": "Cost of goods of the dearest fifth of the tenants ÷ their MRR of the same days (a day is the "
    "month's price ÷ its days); their revenue where they have no MRR.",
    "top20_tenants_above_target": "How many of them alone are above the target of the row before; those that pay nothing are.",
    "tenants_under_water": "Tenants that pay something and cost more than they pay.",
    "under_water_loss": "What tenants under water cost beyond what they pay.",
    "unpaid_cost": "Cost of goods of tenants without revenue, such as free plans.",
    "escalation_rate": "Tasks handed to a person ÷ tasks with a known outcome.",
    "retry_waste": "Cost of attempts that a later attempt of the same call replaced.",
    "failed_task_spend": "Everything spent on tasks that failed.",
    "retry_waste_of_failed_tasks": "Replaced attempts within failed tasks: the overlap of the two rows above.",
    "untasked_cost": "Cost of model calls that belong to no task.",
    "ltv_cac": "Gross profit per paying tenant and month × expected lifetime (at most 60 months) ÷ acquisition cost per new "
    "customer "
    "of three months.",
    "month_end_outlook": "Inference cost of the month so far + the week's daily rate × the days left.",
    "restated_since_shown": "Last week's gross profit as known now − as it was when it was first shown here or in the report.",
    "priced_coverage": "Requests whose price is fully known ÷ all requests. Below 100%, costs are lower bounds.",
    "unattributed_share": "Inference cost that names no tenant ÷ total inference cost.",
}


def group_of(metric_id: str) -> str:
    return next((name for name, members in GROUPS.items() if metric_id in members), "Other")
