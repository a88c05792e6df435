"""The company: its tenants, their plans and users, and the keys of its services."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from sample_data.period import Period
from sample_data.plans import PLANS, Plan
from sample_data.planted import HEAVY_ROLES, Plants, Role

TENANTS_PER_WEEKLY_ATTEMPT = 400 / 26_000
MIN_TENANTS = 28

_USER_SPREAD = 1.15
"""Sigma of the lognormal weights of a tenant's users: few of them do most of the work."""
_WEIGHT_OF_ROLE = {Role.INTERNAL: 0.0, Role.TENFOLD: 0.0, Role.LAPSING_CREDITS: 0.2, Role.OVERSIZED_MODEL: 2.0}
"""Of ordinary tasks; what the internal tenant and the one that grows tenfold do is planned day by day."""
_FIRST_WORDS = "Alder Birch Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Kestrel Lumen Maple Nimbus Orchard Pioneer Quartz Ridge Summit Tidal Umber Vertex Willow Yarrow Zephyr".split()  # noqa: E501, SIM905
_LAST_WORDS = "Analytics Clinics Dental Energy Foods Freight Homes Insurance Labs Legal Logistics Media Outfitters Payments Robotics Schools Software Travel".split()  # noqa: E501, SIM905


@dataclass(slots=True)
class Tenant:
    """A customer. `plan` is the first plan within the period; `weight` is its share of ordinary tasks."""

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
    def api_user(self) -> str:
        """The tenant's integration, which calls the product without a person."""
        return f"u-{self.tenant_id.removeprefix('tnt-')}-api"


@dataclass(frozen=True, slots=True)
class Company:
    tenants: list[Tenant]

    @property
    def internal(self) -> Tenant:
        return self.in_role(Role.INTERNAL)

    def in_role(self, role: Role) -> Tenant:
        return next(t for t in self.tenants if t.role is role)


def build_company(seed: int, period: Period, attempts: int, plants: Plants) -> Company:
    """A company whose number of tenants follows its weekly attempts, so that cost and revenue keep their proportion."""
    rng = Random(f"{seed}/company")
    total = max(MIN_TENANTS, round(TENANTS_PER_WEEKLY_ATTEMPT * attempts / period.weeks))
    parts = [(plan, role) for plan in PLANS.values() for role in _roles_of(plan, total)]
    numbers = list(range(1, len(parts) + 1))
    rng.shuffle(numbers)
    tenants = [_tenant(rng, period, number, plan, role) for number, (plan, role) in zip(numbers, parts, strict=True)]
    _leave_out_heavy(tenants, plants)
    return Company(sorted(tenants, key=lambda t: t.tenant_id))


def api_key_hash(seed: int, team: str, purpose: str) -> str:
    """Hash of the key that a team's service uses for a purpose (production or ci)."""
    return hashlib.sha256(f"{seed}/{team}/{purpose}".encode()).hexdigest()


def _roles_of(plan: Plan, total: int) -> list[Role]:
    count = max(plan.min_tenants, round(total * plan.share))
    roles = [*plan.roles, *([Role.ORDINARY] * count)][:count]
    for nth, role in plan.every:
        for place in range(len(plan.roles) + nth - 1, count, nth):
            roles[place] = role
    return roles


def _leave_out_heavy(tenants: list[Tenant], plants: Plants) -> None:
    """Fewer plants, fewer heavy tenants; what is drawn for everyone else stays the same."""
    heavy = [t for role in HEAVY_ROLES for t in tenants if t.role is role]
    for tenant in {Plants.NONE: heavy, Plants.HALF: heavy[1:4:2], Plants.FULL: []}[plants]:
        tenant.role = Role.ORDINARY


def _tenant(rng: Random, period: Period, number: int, plan: Plan, role: Role) -> Tenant:
    started_on, churned_on = _lifetime(rng, period, role)
    users = [f"u-{number:04d}-{n:03d}" for n in range(1, _skewed(rng, *plan.users) + 1)]
    features = list(plan.mix)
    weight = plan.usage * rng.lognormvariate(-0.15, 0.55)
    weight *= _WEIGHT_OF_ROLE.get(role, 1.0)
    return Tenant(
        tenant_id=f"tnt-{number:04d}",
        name="Margincall Internal QA" if role is Role.INTERNAL else _name(number),
        plan=plan,
        role=role,
        seats=2 if role is Role.HEAVY_TEAM else rng.randint(*plan.seats),
        started_on=started_on,
        churned_on=churned_on,
        weight=weight,
        users=users,
        users_cumulative=list(accumulate(rng.lognormvariate(0, _USER_SPREAD) for _ in users)),
        features=features,
        features_cumulative=list(accumulate(plan.mix[f] * math.exp(rng.gauss(0, 0.35)) for f in features)),
    )


def _skewed(rng: Random, least: int, most: int) -> int:
    """A number in [least, most], small ones far more often than large ones: uniform in its logarithm."""
    return min(most, int(least * math.exp(rng.random() * math.log((most + 1) / least))))


def _name(number: int) -> str:
    first, last = _FIRST_WORDS[number % len(_FIRST_WORDS)], _LAST_WORDS[number % len(_LAST_WORDS)]
    cycle = number // (len(_FIRST_WORDS) * len(_LAST_WORDS))
    return f"{first} {last} {cycle + 1}" if cycle else f"{first} {last}"


def _lifetime(rng: Random, period: Period, role: Role) -> tuple[date, date | None]:
    """Started before or within the period; a few leave within it, on the anniversary that ends a paid month.

    Nobody starts in the last two weeks: two days of revenue beside one long task would look like a tenant under water.
    """
    before = period.start - timedelta(days=rng.randint(20, 900))
    fate = rng.random()
    within = period.start + timedelta(days=rng.randint(3, max(3, period.day_count - 15)))
    if role is Role.UPGRADER:  # not billed on the day of the upgrade, so that a month has to be split
        return before.replace(day=25), None
    if role is not Role.ORDINARY:
        return before.replace(day=min(before.day, 28)), None
    if fate < 0.10:
        return within.replace(day=min(within.day, 28)), None
    started_on = before.replace(day=min(before.day, 28))
    leaves_on = within.replace(day=started_on.day)
    return started_on, leaves_on if fate < 0.15 and period.start < leaves_on < period.end else None
