"""What each tenant agreed to: one contract per plan and validity, prices in whole cents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from sample_data.company import Company, Tenant
from sample_data.currency import usd_cents
from sample_data.period import Period
from sample_data.plan_changes import changes_on, monthly_cents, plan_on
from sample_data.planted import CREDIT_ROLES, Role

USAGE_CENTS_PER_TASK = 15
CREDITS_PER_TASK = {
    "support_reply": 2,
    "search_answer": 1,
    "draft_email": 1,
    "doc_summary": 4,
    "extraction": 1,
    "code_review": 40,
    "long_doc": 15,
}


@dataclass(frozen=True, slots=True)
class Contract:
    """`monthly_cents` and `overage_cents` are US cents; `credit_rates` is a JSON object or empty."""

    tenant_id: str
    plan: str
    valid_from: date
    valid_to: date | None
    monthly_cents: int
    seats: int
    allowance: int | None
    overage_cents: int
    credit_rates: str


def contracts_of(company: Company, period: Period) -> list[Contract]:
    """One row per validity; who changes the plan within the period has two."""
    rows: list[Contract] = []
    for tenant in (t for t in company.tenants if not t.is_internal):
        change = changes_on(tenant)
        if change and change < period.end:
            rows.append(_contract(tenant, tenant.started_on, change))
            rows.append(_contract(tenant, change, None))
        else:
            rows.append(_contract(tenant, tenant.started_on, tenant.churned_on))
    return rows


def allowance_on(tenant: Tenant, day: date) -> int | None:
    """Tasks included in a month, 0 where every task is paid for, None where tasks are without limit."""
    # The heavy team was promised unlimited use: no overage will ever pay for what it costs.
    if tenant.role in (Role.HEAVY_TEAM, Role.PER_OUTCOME, *CREDIT_ROLES):
        return None
    return 0 if tenant.role is Role.PAY_AS_YOU_GO else plan_on(tenant, day).allowance


def _contract(tenant: Tenant, valid_from: date, valid_to: date | None) -> Contract:
    plan, allowance = plan_on(tenant, valid_from), allowance_on(tenant, valid_from)
    overage_cents = USAGE_CENTS_PER_TASK if allowance == 0 else plan.overage_cents if allowance else 0
    return Contract(
        tenant_id=tenant.tenant_id,
        plan=plan.name,
        valid_from=valid_from,
        valid_to=valid_to,
        monthly_cents=usd_cents(tenant, monthly_cents(tenant, valid_from), valid_from),
        seats=tenant.seats if plan.seat_cents and tenant.role not in CREDIT_ROLES else 0,
        allowance=allowance,
        overage_cents=overage_cents,
        credit_rates=json.dumps(CREDITS_PER_TASK, separators=(",", ":")) if tenant.role in CREDIT_ROLES else "",
    )
