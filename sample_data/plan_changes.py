"""Which plan a tenant is on at a day: an upgrade in the middle of a paid month, a downgrade at the end of one."""

from __future__ import annotations

from datetime import date

from sample_data.company import Tenant
from sample_data.period import next_month
from sample_data.plans import PLANS, Plan
from sample_data.planted import CREDIT_ROLES, DOWNGRADE_FROM, UPGRADE_ON, Role

PLATFORM_FEE_CENTS = 20_000
"""What a tenant that pays by outcome pays a month all the same."""


def changes_on(tenant: Tenant) -> date | None:
    """First day of the tenant's second plan."""
    if tenant.role is Role.UPGRADER:
        return UPGRADE_ON
    if tenant.role is Role.DOWNGRADER:
        day = DOWNGRADE_FROM.replace(day=tenant.started_on.day)
        return day if day >= DOWNGRADE_FROM else next_month(day).replace(day=tenant.started_on.day)
    return None


def plan_on(tenant: Tenant, day: date) -> Plan:
    change = changes_on(tenant)
    if change is None or day < change:
        return tenant.plan
    return PLANS["pro" if tenant.role is Role.UPGRADER else "starter"]


def segment_on(tenant: Tenant, day: date) -> str:
    return "internal" if tenant.is_internal else plan_on(tenant, day).segment


def monthly_cents(tenant: Tenant, day: date) -> int:
    """Recurring price of a month, seats included, in the cents of the tenant's currency."""
    if tenant.role in CREDIT_ROLES:
        return 0
    if tenant.role is Role.PER_OUTCOME:
        return PLATFORM_FEE_CENTS
    plan = plan_on(tenant, day)
    return plan.price_cents + tenant.seats * plan.seat_cents
