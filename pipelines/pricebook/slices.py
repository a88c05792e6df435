"""Turns dated prices into the rows of the two price tables: long `price_component` and wide `price_slice`.

A price becomes a whole number of pico-USD per `price_block` units, so that a cost is one integer product and one
rounding. No float is involved; a price that does not fit is refused by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import lcm
from typing import Any, Final

import pyarrow as pa

from pipelines.economics.pricing import COMPONENTS, ContractPrice, PriceSlice
from pipelines.pricebook.catalogue import PriceCell
from pipelines.pricebook.errors import PriceBookError

BIGINT_MAX: Final = 2**63 - 1
PICO: Final = 10**12
LIST_PRICE: Final = pa.decimal128(38, 28)
"""Room for a price of a double written out: LiteLLM has 0.0000029999900000000002 for a token."""
LAST_DIGIT: Final = Decimal("1e-18")

FALLBACKS: Final[Mapping[str, tuple[str, ...]]] = {
    "cache_read": ("input",),
    "cache_write_5m": ("input",),
    "cache_write_1h": ("cache_write_5m", "input"),
    "reasoning": ("output",),
    "input_audio": ("input",),
    "output_audio": ("output",),
    "input_image": ("input",),
    "output_image": ("output",),
}
"""Which price stands in for a missing one, nearest first. Audio by time, searches, reranks and requests have no stand-in."""

SLICE_KEY: Final = [
    pa.field("price_provider", pa.string(), nullable=False),
    pa.field("price_model", pa.string(), nullable=False),
    pa.field("price_context", pa.string(), nullable=False),
    pa.field("tier_lo", pa.int64(), nullable=False),
    pa.field("tier_hi", pa.int64(), nullable=False),
    pa.field("valid_from", pa.date32(), nullable=False),
    pa.field("valid_to", pa.date32(), nullable=False),
    pa.field("tod_from_s", pa.int32(), nullable=False),
    pa.field("tod_to_s", pa.int32(), nullable=False),
    pa.field("dow_mask", pa.int16(), nullable=False),
]
PRICE_SLICE: Final = pa.schema(
    [
        *SLICE_KEY,
        pa.field("price_source", pa.string(), nullable=False),
        pa.field("has_context_price", pa.bool_(), nullable=False),
        pa.field("is_free", pa.bool_(), nullable=False),
        pa.field("min_audio_ms", pa.int64(), nullable=False),
        pa.field("price_currency", pa.string(), nullable=False),
        pa.field("price_block", pa.int64(), nullable=False),
        *(pa.field(f"{component}_num", pa.int64()) for component in COMPONENTS),
        pa.field("fallbacks", pa.string(), nullable=False),
        pa.field("has_contract", pa.bool_(), nullable=False),
        pa.field("contract_currency", pa.string()),
        pa.field("contract_block", pa.int64()),
        *(pa.field(f"contract_{component}_num", pa.int64()) for component in COMPONENTS),
        pa.field("gpu_pool_id", pa.string()),
    ]
)
PRICE_COMPONENT: Final = pa.schema(
    [
        *SLICE_KEY,
        pa.field("source", pa.string(), nullable=False),
        pa.field("component", pa.string(), nullable=False),
        pa.field("tier_basis", pa.string(), nullable=False),
        pa.field("tier_mode", pa.string(), nullable=False),
        pa.field("price_num", pa.int64(), nullable=False),
        pa.field("price_block", pa.int64(), nullable=False),
        pa.field("list_price_usd", LIST_PRICE, nullable=False),
        pa.field("list_price_per", pa.int64(), nullable=False),
        pa.field("currency", pa.string(), nullable=False),
        pa.field("is_free", pa.bool_(), nullable=False),
        pa.field("evidence_url", pa.string()),
    ]
)


@cache
def pico_usd_per_unit(price_usd: Decimal | Fraction, per: int) -> Fraction:
    """Exact price of one unit in pico-USD. Raises ValueError for a negative or non-finite price."""
    if (isinstance(price_usd, Decimal) and not price_usd.is_finite()) or price_usd < 0:
        raise ValueError(f"the price {price_usd} is not a finite non-negative number")
    return Fraction(price_usd) * PICO / per


def common_block(prices: Mapping[str, Fraction]) -> tuple[dict[str, int], int]:
    """Write prices as whole pico-USD over one common block. Raises ValueError where one does not fit 64 bits."""
    block = lcm(*(price.denominator for price in prices.values()))
    nums = {name: price.numerator * (block // price.denominator) for name, price in prices.items()}
    for name, num in nums.items():
        if num > BIGINT_MAX or block > BIGINT_MAX:
            raise ValueError(f"{name} needs {num} pico-USD per {block}, more than 64 bits hold")
    return nums, block


def with_fallbacks(nums: Mapping[str, int]) -> tuple[dict[str, int], str]:
    """Fill missing components from their stand-ins, and name each substitution as 'reasoning<-output'."""
    filled = dict(nums)
    named: list[str] = []
    for component, stand_ins in FALLBACKS.items():
        found = next((s for s in stand_ins if s in nums), None)
        if component not in nums and found is not None:
            filled[component] = nums[found]
            named.append(f"{component}<-{found}")
    return filled, ",".join(named)


def slice_table(cells: Iterable[PriceCell]) -> pa.Table:
    """One row per cell, fallbacks resolved. Raises PriceBookError listing every price that cannot be written."""
    return _table(cells, PRICE_SLICE, lambda cell: [_slice_row(cell)])


def component_table(cells: Iterable[PriceCell]) -> pa.Table:
    """One row per price that the catalogue really states: fallbacks and borrowed contexts are left to the slices."""
    return _table((cell for cell in cells if cell.has_context_price), PRICE_COMPONENT, _component_rows)


def _table(
    cells: Iterable[PriceCell], schema: pa.Schema, rows_of: Callable[[PriceCell], list[tuple[object, ...]]]
) -> pa.Table:
    rows: list[tuple[object, ...]] = []
    problems: list[str] = []
    for cell in cells:
        try:
            rows += rows_of(cell)
        except ValueError as error:
            problems.append(f"{cell.provider} {cell.model} ({cell.context}, from {cell.valid_from}): {error}")
    if problems:
        raise PriceBookError(problems)
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _key(cell: PriceCell) -> tuple[object, ...]:
    return (
        cell.provider,
        cell.model,
        cell.context,
        cell.tier_lo,
        cell.tier_hi,
        cell.valid_from,
        cell.valid_to,
        cell.tod_from_s,
        cell.tod_to_s,
        cell.dow_mask,
    )


def _slice_row(cell: PriceCell) -> tuple[object, ...]:
    in_scope = {name: pico_usd_per_unit(usd, per) for name, usd, per in cell.prices if name in COMPONENTS}
    nums, block = common_block(in_scope)
    filled, fallbacks = with_fallbacks(nums)
    prices = (filled.get(component) for component in COMPONENTS)
    kind = (cell.price_source, cell.has_context_price, cell.is_free, cell.min_audio_ms)
    listed = (cell.currency, block, *prices, fallbacks)
    return (*_key(cell), *kind, *listed, *_contract(cell), cell.gpu_pool_id)


def _contract(cell: PriceCell) -> tuple[object, ...]:
    if cell.contract is None:
        return (False, None, None, *(None for _ in COMPONENTS))
    nums, block = common_block(dict(cell.contract.prices))
    return (True, cell.contract.currency, block, *(nums.get(component) for component in COMPONENTS))


def _component_rows(cell: PriceCell) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, price_usd, per in cell.prices:
        nums, block = common_block({name: pico_usd_per_unit(price_usd, per)})
        facts = (nums[name], block, _shown(price_usd), per, cell.currency, cell.is_free, cell.evidence_url)
        rows.append((*_key(cell), cell.price_source, name, "input_tokens", "step", *facts))
    return rows


def _shown(price: Decimal | Fraction) -> Decimal:
    """A price for reading; the exact one is `price_num / price_block`."""
    return price if isinstance(price, Decimal) else (Decimal(price.numerator) / price.denominator).quantize(LAST_DIGIT)


def with_new_columns(table: pa.Table) -> pa.Table:
    """A wide table as an earlier release wrote it, with the columns that came later: no price, no shortest audio."""
    for field in PRICE_SLICE:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.array([None if field.nullable else 0] * len(table), field.type))
    return table


def price_slices(table: pa.Table) -> dict[tuple[str, str], tuple[PriceSlice, ...]]:
    """Read the wide table back as the reference pricing wants it, by (price_provider, price_model)."""
    found: defaultdict[tuple[str, str], list[PriceSlice]] = defaultdict(list)
    for row in table.to_pylist():
        found[row["price_provider"], row["price_model"]].append(_price_slice(row))
    return {key: tuple(slices) for key, slices in found.items()}


def _price_slice(row: Mapping[str, Any]) -> PriceSlice:
    return PriceSlice(
        price_context=row["price_context"],
        tier_lo=row["tier_lo"],
        tier_hi=row["tier_hi"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        tod_from_s=row["tod_from_s"],
        tod_to_s=row["tod_to_s"],
        dow_mask=row["dow_mask"],
        price_source=row["price_source"],
        has_context_price=row["has_context_price"],
        is_free=row["is_free"],
        currency=row["price_currency"],
        price_block=row["price_block"],
        nums={c: row[f"{c}_num"] for c in COMPONENTS if row[f"{c}_num"] is not None},
        fallbacks=row["fallbacks"],
        contract=_contract_of(row) if row["has_contract"] else None,
        gpu_pool_id=row["gpu_pool_id"],
        min_audio_ms=row["min_audio_ms"],
    )


def _contract_of(row: Mapping[str, Any]) -> ContractPrice:
    nums = {c: row[f"contract_{c}_num"] for c in COMPONENTS if row[f"contract_{c}_num"] is not None}
    return ContractPrice(currency=row["contract_currency"], price_block=row["contract_block"], nums=nums)
