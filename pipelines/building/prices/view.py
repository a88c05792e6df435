"""Prices as a person reads them: dollars per million tokens, hour of audio or thousand calls, one line per component and tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from pipelines.economics.pricing import COMPONENTS, TIER_END
from pipelines.pricebook.company import PER

_UNIT: Final = {1_000: "1,000", 1_000_000: "1M tokens", 3_600_000: "hour"}
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = 127
_DAY_S = 86_400
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class PriceLine:
    """One component's price where `where` holds ('' is always); `list_price` and `contracted` are per `unit`."""

    component: str
    where: str
    unit: str
    currency: str
    list_price: Decimal
    contracted: Decimal
    fallback: str | None
    """The component whose price stands in, where this one has none of its own."""


def price_lines(slices: Iterable[Mapping[str, Any]]) -> list[PriceLine]:
    """Every price of some slices of the wide table, in the order of the components."""
    rows = sorted(slices, key=lambda row: (row["tier_lo"], row["dow_mask"], row["tod_from_s"]))
    found = [line for component in COMPONENTS for row in rows if (line := _line(row, component))]
    return [line for position, line in enumerate(found) if line not in found[:position]]


def unit_of(component: str) -> str:
    return _UNIT[PER[component]]


def _line(row: Mapping[str, Any], component: str) -> PriceLine | None:
    num = row[f"{component}_num"]
    has_contract, contract_num = row["has_contract"], row[f"contract_{component}_num"]
    if num is None and not (has_contract and contract_num is not None):
        return None
    stand_ins = dict(part.split("<-") for part in row["fallbacks"].split(",") if part)
    listed = _price(component, num or 0, row["price_block"])
    agreed = _price(component, contract_num or 0, row["contract_block"]) if has_contract else listed
    currency = row["contract_currency"] if has_contract and num is None else row["price_currency"]
    return PriceLine(component, _where(row), unit_of(component), currency, listed, agreed, stand_ins.get(component))


def _price(component: str, num: int, block: int) -> Decimal:
    price = _EXACT.divide(Decimal(num * PER[component]), Decimal(block * 10**12))
    return price.normalize(_EXACT)


def _where(row: Mapping[str, Any]) -> str:
    parts: list[str] = []
    low, high = row["tier_lo"], row["tier_hi"]
    if low > 0:
        parts.append(f"> {low - 1:,} tokens in")
    elif high < TIER_END:
        parts.append(f"≤ {high - 1:,} tokens in")
    if low > 0 and high < TIER_END:
        parts[-1] += f", ≤ {high - 1:,}"
    if row["dow_mask"] != _EVERY_DAY:
        parts.append(" ".join(day for bit, day in enumerate(DAYS) if row["dow_mask"] >> bit & 1))
    if (row["tod_from_s"], row["tod_to_s"]) != (0, _DAY_S):
        parts.append(f"{_clock(row['tod_from_s'])}–{_clock(row['tod_to_s'])} UTC")
    return ", ".join(parts)


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"


@dataclass(frozen=True)
class ComponentChange:
    """A price of one component before and after; `None` where a book has none there."""

    component: str
    where: str
    unit: str
    before: PriceLine | None
    after: PriceLine | None


def component_changes(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> list[ComponentChange]:
    """Prices that differ between two sets of slices, in the order of the components."""
    old = {(line.component, line.where): line for line in price_lines(before)}
    new = {(line.component, line.where): line for line in price_lines(after)}
    keys = sorted(old.keys() | new.keys(), key=lambda key: (COMPONENTS.index(key[0]), key[1]))
    return [
        ComponentChange(*key, unit_of(key[0]), old.get(key), new.get(key))
        for key in keys
        if old.get(key) != new.get(key)
    ]


def shown_price(line: PriceLine | None) -> str:
    """'3', '2.70 (list 3)', '2.5 EUR'; a dash where there is no price."""
    if line is None:
        return "–"
    currency = "" if line.currency == "USD" else f" {line.currency}"
    listed = "" if line.contracted == line.list_price else f" (list {line.list_price:f})"
    return f"{line.contracted:f}{currency}{listed}"
