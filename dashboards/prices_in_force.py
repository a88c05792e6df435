"""Prices in force of the models that a week used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.markup import Column, Row
from warehouse.model_rows import ModelPrice
from warehouse.rows import Period

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_EVERY_DAY, _DAY_S = 127, 86_400


def show(prices: Sequence[ModelPrice], period: Period) -> None:
    """One row per model and stretch of days, hours and prompt length in which one price holds."""
    columns = [
        Column("model", css="mc-name"),
        Column("holds"),
        Column("input", True),
        Column("read", True, hint="Input read from the provider's prompt cache"),
        Column("write", True, hint="Input written to it, for five minutes; an hour below"),
        Column("output", True),
        Column("from"),
    ]
    st.html(markup.table(columns, [_row(price, period) for price in prices], label="Prices in force"))


def _row(price: ModelPrice, period: Period) -> Row:
    parts = (price.input_per_million, price.cache_read_per_million, price.cache_write_5m_per_million)
    plain, read, write = (_amount(part, price.currency) for part in parts)
    hour = price.cache_write_1h_per_million
    longer = "" if hour in (None, price.cache_write_5m_per_million) else f"1 h {_amount(hour, price.currency)}"
    called = f"{price.provider_name or 'no provider named'}, as {price.price_model}"
    return Row(
        [
            markup.stacked(price.model or "no model named", called),
            holds(price, period) or "always",
            plain,
            read,
            markup.stacked(write, longer),
            _amount(price.output_per_million, price.currency),
            markup.stacked("contract" if price.has_contract else "list", price.source),
        ]
    )


def holds(price: ModelPrice, period: Period) -> str:
    """When a price holds, in words; empty where it always does."""
    parts: list[str] = [] if price.context == "standard" else [price.context]
    if price.context_step_tokens:
        parts.append(f"from {text.count(price.context_step_tokens)} input tokens")
    if price.weekday_mask != _EVERY_DAY:
        parts.append(", ".join(day for bit, day in enumerate(_DAYS) if price.weekday_mask >> bit & 1))
    if (price.time_of_day_from_s, price.time_of_day_to_s) != (0, _DAY_S):
        parts.append(f"{_clock(price.time_of_day_from_s)} – {_clock(price.time_of_day_to_s)} UTC")
    if price.valid_from > period.start:
        parts.append(f"from {text.day(price.valid_from)}")
    if price.valid_to < period.end:
        parts.append(f"until {text.day(price.valid_to - timedelta(days=1))}")
    return "; ".join(parts)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}"


def _amount(value: Decimal | None, currency: str) -> str:
    """All digits that a price has, at least cents."""
    if value is None:
        return text.NONE
    exact = f"{value.normalize():f}"
    whole, _, digits = exact.partition(".")
    words = f"{whole}.{digits.ljust(2, '0')}"
    return f"${words}" if currency == "USD" else f"{words} {currency}"
