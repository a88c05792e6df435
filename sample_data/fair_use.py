"""Fair use: an ordinary tenant that has cost its share of the week's revenue rests until it has paid for more.

Without it chance alone would now and then put a sixth tenant under water, and the truth would depend on the seed.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date

from sample_data.company import Tenant
from sample_data.period import monday_of
from sample_data.plan_changes import monthly_cents
from sample_data.planted import CREDIT_ROLES
from sample_data.prices import PICO_PER_USD

_SHARE_PERCENT = 40
_CREDITS_MONTHLY_CENTS = 4_000
"""What a tenant on credit packs is sure to have bought in a month."""
_PICO_PER_CENT = PICO_PER_USD // 100


class FairUse:
    """What each tenant has cost this week; money in integer pico-USD."""

    def __init__(self) -> None:
        self._week: dict[str, date] = {}
        self._spent_pico: dict[str, int] = defaultdict(int)

    def spend(self, tenant: Tenant, day: date, cost_pico: int) -> None:
        self._turn_to(tenant, day)
        self._spent_pico[tenant.tenant_id] += cost_pico

    def allows(self, tenant: Tenant, day: date) -> bool:
        """Whether the tenant may begin another task; whoever pays nothing has no share to keep to."""
        monthly = _CREDITS_MONTHLY_CENTS if tenant.role in CREDIT_ROLES else monthly_cents(tenant, day)
        if not monthly:
            return True
        self._turn_to(tenant, day)
        paid_days = (day - max(monday_of(day), tenant.started_on)).days + 1
        limit_pico = monthly * paid_days * _SHARE_PERCENT * _PICO_PER_CENT // 3_000
        return self._spent_pico[tenant.tenant_id] < limit_pico

    def _turn_to(self, tenant: Tenant, day: date) -> None:
        """Start the tenant's week anew on its first use after Sunday."""
        week = monday_of(day)
        if self._week.get(tenant.tenant_id) != week:
            self._week[tenant.tenant_id] = week
            self._spent_pico[tenant.tenant_id] = 0
