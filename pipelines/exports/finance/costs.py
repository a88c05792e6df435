"""What was spent in a period, on what and with which model: every environment, and the pools that no tenant bears yet.

Rounded once, from the total down, for the costs and the margins alike: cost into cost of goods and the rest, cost of goods into
inference and other, each of these over tenants, their features, and the rows of those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pipelines.economics.apportion import EXACT, apportion_nested, split
from pipelines.exports import ExportError
from pipelines.exports.csv_file import Column, Table
from pipelines.exports.periods import every, period_column
from warehouse.reader import SHARED, Period, Reader
from warehouse.rows import Dimension, TenantMargin

Kind = Literal["inference_cogs", "other_cogs", "outside_cogs"]
KINDS: tuple[Kind, ...] = ("inference_cogs", "other_cogs", "outside_cogs")

_KEYS: tuple[Dimension, ...] = (
    "tenant_id",
    "feature",
    "environment",
    "is_cost_of_goods",
    "component",
    "provider_name",
    "model",
    "model_tier",
)
_COLUMNS = (
    Column("tenant_id", "unattributed: no tenant is named; unallocated: shared cost that no tenant bears"),
    Column("feature", "unattributed: no feature is named"),
    Column("environment", "As logged; empty where none is named, which is production, and for costs other than model calls"),
    Column("is_cost_of_goods", "true: in the gross margin; false: development, CI, support and payment fees"),
    Column("component", "inference, embeddings, rerank, or the component of a cost event or pool"),
    Column("provider_name", "Empty for costs other than model calls"),
    Column("model", "The model that served, or the public one behind a deployment"),
    Column("model_tier", "small, mid, large or unknown by the settings; empty for costs other than model calls"),
    Column("requests", "Attempts, failed ones too", is_summed=True),
    Column("input_tokens", "Tokens sent, those read from a prompt cache included", is_summed=True),
    Column("cache_read_input_tokens", "Of these, tokens read from a prompt cache", is_summed=True),
    Column("output_tokens", "Tokens received, reasoning included", is_summed=True),
    Column("cost_usd", "Cost at list price; unpriced requests add nothing", is_summed=True, bound="at_least"),
    Column("unpriced_requests", "Requests without a price: their cost is not in cost_usd", is_summed=True),
    Column("partial_requests", "Requests of which only a part has a price", is_summed=True),
    Column("unconverted_rows", "Cost events, and days of pools, without an exchange rate: not in cost_usd", is_summed=True),
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """One row: its key in the order of the columns, its exact cost, and its counts around it."""

    key: tuple[str | bool | None, ...]
    kind: Kind
    exact_usd: Decimal
    usage: tuple[int, int, int, int]
    gaps: tuple[int, int, int]

    @property
    def tenant_id(self) -> str:
        return str(self.key[0])


@dataclass(frozen=True)
class RoundedCosts:
    """Costs with the amounts that are printed, in the order in which they are."""

    costs: Sequence[Cost]
    amounts_usd: Sequence[Decimal]

    def by_tenant(self) -> dict[tuple[str, Kind], Decimal]:
        """What is printed for a tenant, summed."""
        return _summed(zip(self.costs, self.amounts_usd, strict=True))


def period_costs(reader: Reader, period: Period) -> list[Cost]:
    """Everything that was spent in a period, in the order of the file."""
    return sorted([*_model_costs(reader, period), *_pool_costs(reader, period)], key=_order)


def rounded_costs(costs: Sequence[Cost], margins: Sequence[TenantMargin], decimals: int) -> RoundedCosts:
    """The costs of a period, rounded. Raises ExportError where they are not what the tenants' margins say."""
    _check(costs, margins)
    inference, other, outside = (exact_sum(cost.exact_usd for cost in costs if cost.kind == kind) for kind in KINDS)
    cogs, rest = split(exact_sum([inference, other]), outside, decimals)
    totals = dict(zip(KINDS, (*split(inference, other, decimals, cogs), rest), strict=True))
    amounts: dict[int, Decimal] = {}
    for kind, total in totals.items():
        positions = [position for position, cost in enumerate(costs) if cost.kind == kind]
        keys = [(costs[p].key[0], costs[p].key[1], costs[p].key[2:]) for p in positions]
        parts = apportion_nested(keys, [costs[p].exact_usd for p in positions], decimals, total)
        amounts.update(zip(positions, parts, strict=True))
    return RoundedCosts(costs, [amounts[position] for position in range(len(costs))])


def cost_table(rounded: RoundedCosts, period: Period) -> Table:
    return Table(
        f"cost_by_tenant_feature_model_{every(period)}.csv",
        "What was spent, on what and with which model; all environments. The rows with is_cost_of_goods add up to cogs_usd of "
        "the tenants' margins, tenant by tenant.",
        (period_column(period), *_COLUMNS),
        [
            (period.start, *cost.key, *cost.usage, amount, *cost.gaps)
            for cost, amount in zip(rounded.costs, rounded.amounts_usd, strict=True)
        ],
    )


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total


def _model_costs(reader: Reader, period: Period) -> Iterable[Cost]:
    for line in reader.costs(period, _KEYS):
        is_cost_of_goods, is_model_call = line.key[3], line.key[7] is not None
        kind: Kind = "outside_cogs" if not is_cost_of_goods else "inference_cogs" if is_model_call else "other_cogs"
        usage = (line.requests, line.input_tokens, line.cache_read_input_tokens, line.output_tokens)
        gaps = (line.unpriced_requests, line.partial_requests, line.unconverted_events)
        yield Cost(line.key, kind, line.cost_usd, usage, gaps)


def _pool_costs(reader: Reader, period: Period) -> Iterable[Cost]:
    for pool in reader.shared_costs(period):
        key = (pool.tenant_id, SHARED, None, True, pool.component, None, None, None)
        yield Cost(key, "other_cogs", pool.cost_usd, (0, 0, 0, 0), (0, 0, pool.unconverted_days))


def _order(cost: Cost) -> tuple[tuple[bool, str], ...]:
    return tuple((field is not None, str(field)) for field in cost.key)


def _summed(amounts: Iterable[tuple[Cost, Decimal]]) -> dict[tuple[str, Kind], Decimal]:
    sums: dict[tuple[str, Kind], Decimal] = {}
    for cost, amount in amounts:
        place = (cost.tenant_id, cost.kind)
        sums[place] = EXACT.add(sums.get(place, Decimal(0)), amount)
    return sums


def _check(costs: Sequence[Cost], margins: Sequence[TenantMargin]) -> None:
    found = _summed((cost, cost.exact_usd) for cost in costs)
    for row in margins:
        said = (row.inference_cogs_usd, row.other_cogs_usd, row.outside_cogs_usd)
        for kind, amount in zip(KINDS, said, strict=True):
            if amount != found.pop((row.tenant_id, kind), Decimal(0)):
                raise ExportError(
                    f"{row.tenant_id}: {kind} is not the sum of its costs. `margincall build --full` mends the marts."
                )
    if any(found.values()):
        raise ExportError("Costs of a tenant without a margin. `margincall build --full` mends the marts.")
