"""Credits: packs are bought when the balance no longer suffices, burned by tasks, and lapse after six weeks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from sample_data.company import Company, Tenant
from sample_data.contracts import CREDITS_PER_TASK
from sample_data.invoices import InvoiceLine, line_of
from sample_data.period import Period, day_of, iso_utc
from sample_data.planted import CREDIT_ROLES

PACK_CREDITS = 1_000
PACK_CENTS = 10_000
PACK_DAYS = 42


class Burn(NamedTuple):
    """Credits that one task used, at its start."""

    occurred_us: int
    tenant_id: str
    task_id: str
    credits: int


@dataclass(slots=True)
class _Wallet:
    """Packs of one tenant in the order in which they lapse; the last ones may have credits left."""

    tenant: Tenant
    lines: list[InvoiceLine] = field(default_factory=list)

    def buy(self, day: date) -> None:
        end = day + timedelta(days=PACK_DAYS)
        self.lines.append(line_of(self.tenant, "credit_pack", PACK_CENTS, day, end, credits=PACK_CREDITS))

    def burn(self, day: date, credits: int) -> None:
        """Take from what lapses first; buy a pack where what is left does not suffice."""
        packs = [line for line in self.lines if line.service_end > day and line.burned < PACK_CREDITS]
        if sum(PACK_CREDITS - line.burned for line in packs) < credits:
            self.buy(day)
            packs.append(self.lines[-1])
        for line in packs:
            used = min(PACK_CREDITS - line.burned, credits)
            line.burned += used
            credits -= used


def burn_of(tenant: Tenant, feature: str, start_us: int, task_id: str) -> Burn | None:
    """What a task burns; nothing for a tenant that does not pay by credits."""
    if tenant.role not in CREDIT_ROLES:
        return None
    return Burn(start_us, tenant.tenant_id, task_id, CREDITS_PER_TASK[feature])


def pack_lines(company: Company, period: Period, burns: Iterable[Burn]) -> list[InvoiceLine]:
    """The packs bought; the first on the first day of the period or of the tenant."""
    wallets = {t.tenant_id: _Wallet(t) for t in company.tenants if t.role in CREDIT_ROLES}
    for wallet in wallets.values():
        wallet.buy(max(period.start, wallet.tenant.started_on))
    for burn in sorted(burns):
        wallets[burn.tenant_id].burn(day_of(burn.occurred_us), burn.credits)
    return [line for wallet in wallets.values() for line in wallet.lines]


def burn_rows(burns: Iterable[Burn]) -> Iterable[tuple[object, ...]]:
    for burn in sorted(burns):
        yield burn.tenant_id, iso_utc(burn.occurred_us), burn.credits, burn.task_id
