"""When a provider's prompt cache pays: reads are cheaper than plain input, writes dearer."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal


def break_even_reads(input_price: Decimal, read_price: Decimal, write_price: Decimal) -> Decimal | None:
    """Tokens that must be read for each one written so that caching costs as much as plain input, to 12 decimals.

    (write − input) ÷ (input − read), prices in one unit; 0 where writes cost no more than input, as then the first read pays;
    None where reads cost no less, as then no number of them does. Storage by the hour is not in it.
    """
    saved, premium = input_price - read_price, write_price - input_price
    if saved <= 0:
        return None
    return max(premium / saved, Decimal(0)).quantize(Decimal("1e-12"), rounding=ROUND_HALF_EVEN)
