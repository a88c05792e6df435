"""The one tenant that pays in euros, and the rate of each day in millionths of a dollar per euro."""

from __future__ import annotations

from datetime import date
from math import sin

from sample_data.company import Tenant
from sample_data.planted import Role

MILLION = 1_000_000
_EPOCH = date(2026, 1, 1)


def currency_of(tenant: Tenant) -> str:
    return "EUR" if tenant.role is Role.IN_EUROS else "USD"


def rate_micro(day: date) -> int:
    """Made up: between 1.06 and 1.10, four decimals, moving slowly; the same for every seed."""
    days = (day - _EPOCH).days
    return 100 * round(10_800 + 140 * sin(days / 19) + 45 * sin(days / 3.7))


def usd_cents(tenant: Tenant, amount_cents: int, day: date) -> int:
    """Cents of the tenant's currency in US cents at the rate of a day."""
    return amount_cents if currency_of(tenant) == "USD" else rounded(amount_cents * rate_micro(day), MILLION)


def rounded(numerator: int, denominator: int) -> int:
    """A whole number, half away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))
