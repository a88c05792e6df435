"""The company: its features, plans, tenants, their users, and the keys of its services."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from sample_data.period import Period
from sample_data.planted import Role

TENANTS_PER_WEEKLY_ATTEMPT = 120 / 11_000
MIN_TENANTS = 22


@dataclass(frozen=True, slots=True)
class Feature:
    """One product feature. `source` says who logs it: the gateway, or the service itself."""

    name: str
    source: str
    team: str
    task_tier: int
    is_async_eligible: bool
    risk_class: str
    environment: str
    prompt_version: str
    endpoint: str
    success_definition: str


FEATURES = {
    f.name: f
    for f in (
        Feature("support_reply", "litellm", "support", 2, False, "medium", "production", "v7", "/chat", "not reopened"),
        Feature("search_answer", "litellm", "search", 2, False, "low", "production", "v4", "/search", "answer kept"),
        Feature("code_review", "litellm", "devtools", 1, False, "high", "production", "v12", "/reviews", "accepted"),
        Feature("draft_email", "litellm", "support", 3, False, "low", "production", "v2", "/drafts", "draft sent"),
        Feature("eval_suite", "litellm", "platform", 3, True, "low", "ci", "v1", "/eval", "assertions hold"),
        Feature("doc_summary", "canonical", "docs", 2, True, "low", "production", "v5", "/summaries", "summary kept"),
        Feature("extraction", "canonical", "docs", 3, True, "medium", "production", "v9", "/extractions", "all valid"),
        Feature("long_doc", "canonical", "docs", 1, True, "medium", "production", "v3", "/documents", "rated helpful"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan costs a month in cents; `allowance` is tasks a month, pooled; None is unlimited."""

    name: str
    segment: str
    price_cents: int
    seat_cents: int
    allowance: int | None
    overage_cents: int
    share: float
    min_tenants: int
    usage: float
    seats: tuple[int, int]
    users: tuple[int, int]
    mix: dict[str, float]


PLANS = {
    p.name: p
    for p in (
        Plan("free", "self_serve", 0, 0, None, 0, 0.330, 4, 0.22, (1, 1), (1, 2),
             {"support_reply": 30, "search_answer": 34, "draft_email": 12, "doc_summary": 15, "extraction": 14}),
        Plan("starter", "self_serve", 3_900, 0, None, 0, 0.350, 8, 1.0, (1, 5), (2, 7),
             {"support_reply": 31, "search_answer": 19, "draft_email": 6, "doc_summary": 19, "extraction": 24,
              "code_review": 0.5, "long_doc": 0.2}),
        Plan("pro", "business", 7_900, 1_200, 260, 6, 0.235, 6, 4.2, (3, 12), (6, 26),
             {"support_reply": 28, "search_answer": 16, "draft_email": 4, "doc_summary": 20, "extraction": 26,
              "code_review": 2.6, "long_doc": 2.4}),
        Plan("enterprise", "enterprise", 42_000, 1_000, 1_300, 5, 0.075, 4, 17.0, (24, 48), (30, 80),
             {"support_reply": 25, "search_answer": 14, "draft_email": 4, "doc_summary": 20, "extraction": 26,
              "code_review": 6.6, "long_doc": 5.0}),
    )
}  # fmt: skip

_ROLES = {
    "free": (Role.INTERNAL,),
    "starter": (Role.HEAVY_DOCUMENTS, Role.HEAVY_DOCUMENTS, Role.HEAVY_REVIEWS, Role.HEAVY_REVIEWS, Role.UPGRADER),
    "pro": (Role.HEAVY_TEAM, Role.REFUNDED, Role.OVERSIZED_MODEL),
    "enterprise": (Role.PREPAID, Role.RETRY_STORM, Role.PAY_AS_YOU_GO),
}
_FIRST_WORDS = "Alder Birch Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Kestrel Lumen Maple Nimbus Orchard Pioneer Quartz Ridge Summit Tidal Umber Vertex Willow Yarrow Zephyr".split()  # noqa: E501, SIM905
_LAST_WORDS = "Analytics Clinics Dental Energy Foods Freight Homes Insurance Labs Legal Logistics Media Outfitters Payments Robotics Schools Software Travel".split()  # noqa: E501, SIM905


@dataclass(slots=True)
class Tenant:
    """A customer. `plan` is the plan at the period's end; `weight` is its share of ordinary tasks."""

    tenant_id: str
    name: str
    plan: Plan
    role: Role
    seats: int
    started_on: date
    churned_on: date | None
    weight: float
    users: list[str]
    users_cumulative: list[float]
    features: list[str]
    features_cumulative: list[float]

    def is_active(self, day: date) -> bool:
        return self.started_on <= day and (self.churned_on is None or day < self.churned_on)

    @property
    def is_internal(self) -> bool:
        return self.role is Role.INTERNAL

    @property
    def segment(self) -> str:
        return "internal" if self.is_internal else self.plan.segment


@dataclass(frozen=True, slots=True)
class Company:
    tenants: list[Tenant]

    @property
    def internal(self) -> Tenant:
        return next(t for t in self.tenants if t.is_internal)


def build_company(seed: int, period: Period, attempts: int) -> Company:
    """A company whose number of tenants follows its weekly attempts, so that cost and revenue keep their proportion."""
    rng = Random(f"{seed}/company")
    total = max(MIN_TENANTS, round(TENANTS_PER_WEEKLY_ATTEMPT * attempts / period.weeks))
    parts = [(plan, role) for plan in PLANS.values() for role in _roles_of(plan, total)]
    numbers = list(range(1, len(parts) + 1))
    rng.shuffle(numbers)
    tenants = [_tenant(rng, period, number, plan, role) for number, (plan, role) in zip(numbers, parts, strict=True)]
    return Company(sorted(tenants, key=lambda t: t.tenant_id))


def api_key_hash(seed: int, team: str, purpose: str) -> str:
    """Hash of the key that a team's service uses for a purpose (production or ci)."""
    return hashlib.sha256(f"{seed}/{team}/{purpose}".encode()).hexdigest()


def _roles_of(plan: Plan, total: int) -> list[Role]:
    count = max(plan.min_tenants, round(total * plan.share))
    return [*_ROLES[plan.name], *([Role.ORDINARY] * count)][:count]


def _tenant(rng: Random, period: Period, number: int, plan: Plan, role: Role) -> Tenant:
    started_on, churned_on = _lifetime(rng, period, role)
    users = [f"u-{number:04d}-{n:03d}" for n in range(1, rng.randint(*plan.users) + 1)]
    features = list(plan.mix)
    return Tenant(
        tenant_id=f"tnt-{number:04d}",
        name="Margincall Internal QA" if role is Role.INTERNAL else _name(number),
        plan=plan,
        role=role,
        seats=2 if role is Role.HEAVY_TEAM else rng.randint(*plan.seats),
        started_on=started_on,
        churned_on=churned_on,
        weight=0.0 if role is Role.INTERNAL else plan.usage * rng.lognormvariate(-0.10, 0.45),
        users=users,
        users_cumulative=list(accumulate(rng.lognormvariate(0, 1.15) for _ in users)),
        features=features,
        features_cumulative=list(accumulate(plan.mix[f] * math.exp(rng.gauss(0, 0.35)) for f in features)),
    )


def _name(number: int) -> str:
    first, last = _FIRST_WORDS[number % len(_FIRST_WORDS)], _LAST_WORDS[number % len(_LAST_WORDS)]
    cycle = number // (len(_FIRST_WORDS) * len(_LAST_WORDS))
    return f"{first} {last} {cycle + 1}" if cycle else f"{first} {last}"


def _lifetime(rng: Random, period: Period, role: Role) -> tuple[date, date | None]:
    """Started before or within the period; a few leave within it, on the anniversary that ends a paid month."""
    before = period.start - timedelta(days=rng.randint(20, 900))
    fate = rng.random()
    within = period.start + timedelta(days=rng.randint(3, period.day_count - 4))
    if role is Role.UPGRADER:  # not billed on the day of the upgrade, so that a month has to be split
        return before.replace(day=25), None
    if role is not Role.ORDINARY:
        return before.replace(day=min(before.day, 28)), None
    if fate < 0.10:
        return within.replace(day=min(within.day, 28)), None
    started_on = before.replace(day=min(before.day, 28))
    leaves_on = within.replace(day=started_on.day)
    return started_on, leaves_on if fate < 0.15 and period.start < leaves_on < period.end else None
