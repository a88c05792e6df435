"""What the reader returns about users, concentration and lifetime value. Money is Decimal USD with 12 decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class PlanUsers:
    """Active users of a plan in a week. With `incomplete_requests` the costs are lower bounds."""

    plan: str
    active_users: int
    incomplete_requests: int
    cost_usd: Decimal
    cost_per_active_user_usd: Decimal
    median_user_cost_usd: Decimal
    p80_user_cost_usd: Decimal
    p90_user_cost_usd: Decimal
    revenue_usd: Decimal
    revenue_per_active_user_usd: Decimal


@dataclass(frozen=True)
class TopShare:
    """Share of a week's cost that the dearest `top_percent` of users or tenants make, rounded up to whole ones."""

    entity: str
    top_percent: int
    spenders: int
    top_spenders: int
    cost_usd: Decimal
    share_of_cost: Decimal


@dataclass(frozen=True)
class SegmentValue:
    """Lifetime value against acquisition cost of a segment in a month; `missing` names what a None waits for."""

    segment: str
    paying_tenants: int
    arpa_usd: Decimal | None
    gross_margin: Decimal | None
    monthly_churn: Decimal | None
    ltv_usd: Decimal | None
    cac_usd: Decimal | None
    ltv_cac: Decimal | None
    payback_months: Decimal | None
    is_alert: bool | None
    missing: str | None
