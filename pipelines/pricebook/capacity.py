"""GPU pools as prices: the formula of self-hosting, prefill and decode each at the whole pool's hourly cost.

    price per token = gpu_hourly_usd * gpus / (3600 * tokens per second * utilisation)

It charges requests what the pool would cost at the stated utilisation; what is left of the bill is the idle line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

import pyarrow as pa

from pipelines.economics.pricing import CONTEXTS, TIER_END
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY, PriceCell
from pipelines.pricebook.company import GpuPool
from pipelines.pricebook.errors import PriceBookError

SELF_HOSTED_PROVIDER: Final = "self_hosted"
CAPACITY: Final = pa.schema(
    [
        pa.field("gpu_pool_id", pa.string(), nullable=False),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field("valid_to", pa.date32(), nullable=False),
        pa.field("paid_pico_per_day", pa.int64(), nullable=False),
    ]
)


def usd_per_token(pool: GpuPool, tokens_per_s: Decimal) -> Fraction:
    """What one token costs at this speed, exactly."""
    return Fraction(pool.gpu_hourly_usd) * pool.gpus / (3600 * Fraction(tokens_per_s) * Fraction(pool.utilisation))


def pool_cells(pools: Iterable[GpuPool]) -> Iterator[PriceCell]:
    """Prices of every pool in every context, one model per pool; without a price on days that no table of it covers."""
    by_id: dict[str, list[GpuPool]] = {}
    for pool in pools:
        by_id.setdefault(pool.id, []).append(pool)
    for pool_id, dated in by_id.items():
        day = FIRST_DAY
        for pool in sorted(dated, key=lambda pool: pool.valid_from):
            if day < pool.valid_from:
                yield from _cells(pool_id, day, pool.valid_from, None)
            yield from _cells(pool_id, pool.valid_from, pool.valid_to, pool)
            day = pool.valid_to
        if day < LAST_DAY:
            yield from _cells(pool_id, day, LAST_DAY, None)


def capacity_table(pools: Iterable[GpuPool]) -> pa.Table:
    """What each pool costs a day, busy or not. Raises PriceBookError where that does not fit 64 bits."""
    rows = [(pool, int(pool.gpu_hourly_usd * 10**12) * 24 * pool.gpus) for pool in sorted(pools, key=_by_day)]
    problems = [f"gpu_pool {pool.id}: {paid} pico-USD a day do not fit" for pool, paid in rows if paid >= 2**63]
    if problems:
        raise PriceBookError(problems)
    values = [(pool.id, pool.valid_from, pool.valid_to, paid) for pool, paid in rows]
    columns = list(zip(*values, strict=True)) or [()] * len(CAPACITY)
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, CAPACITY, strict=True)], schema=CAPACITY)


def _by_day(pool: GpuPool) -> tuple[str, date]:
    return pool.id, pool.valid_from


def _cells(pool_id: str, valid_from: date, valid_to: date, pool: GpuPool | None) -> Iterator[PriceCell]:
    prices: dict[str, Fraction] = {}
    if pool is not None:
        prefill = usd_per_token(pool, pool.prefill_tokens_per_s)
        prices["input"] = prefill
        prices["cache_read"] = prefill * Fraction(pool.cache_read_share)
        prices["output"] = usd_per_token(pool, pool.decode_tokens_per_s)
    for context in CONTEXTS:
        yield PriceCell(
            SELF_HOSTED_PROVIDER, pool_id, context, valid_from, valid_to, 0, DAY_S, 0, TIER_END, True,
            tuple(sorted((component, price, 1) for component, price in prices.items())), None,
            price_source=SELF_HOSTED_PROVIDER, gpu_pool_id=pool_id if pool else None,
        )  # fmt: skip
