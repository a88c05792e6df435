"""What the margin bridge compares: two weeks side by side. Pairs are (before, after), amounts whole pico-dollars."""

from __future__ import annotations

from dataclasses import dataclass

Two = tuple[int, int]


@dataclass(frozen=True)
class BridgeCell:
    """A tenant's feature. `calls`: logical calls that the gateway's cache answered or that have a priced attempt; `served`: those
    that have one; `lookup_pico`: what the gateway's cache cost.
    """

    tenant_id: str
    feature: str
    calls: Two
    served: Two
    lookup_pico: Two


@dataclass(frozen=True)
class BridgePart:
    """A model within a tenant's feature; only attempts that have a price.

    `tokens`: uncached input, read from the provider's cache, written to it, output. `cost_pico`: of each of these and, last, of
    what is charged by the attempt, as contracted; `other_cost_pico`: the same at the prices of the other week. `drawdown_pico`:
    what commitments and allowances change of it.
    """

    tenant_id: str
    feature: str
    provider_name: str | None
    model: str | None
    attempts: Two
    tokens: tuple[Two, Two, Two, Two]
    cost_pico: tuple[Two, Two, Two, Two, Two]
    other_cost_pico: tuple[Two, Two, Two, Two, Two]
    drawdown_pico: Two


@dataclass(frozen=True)
class BridgeCoverage:
    """A model within a tenant's feature that has a price in one of the weeks alone, whole: it is in no `BridgePart`."""

    tenant_id: str
    feature: str
    provider_name: str | None
    model: str | None
    cost_pico: Two


@dataclass(frozen=True)
class BridgeCost:
    """Cost of goods that is no answer of a model, by component; shared cost has the component `allocated` and no feature."""

    tenant_id: str
    feature: str | None
    provider_name: str | None
    model: str | None
    component: str
    cost_pico: Two


@dataclass(frozen=True)
class BridgeRevenue:
    """What a tenant paid for in each week."""

    tenant_id: str
    revenue_pico: Two


@dataclass(frozen=True)
class BridgeCalls:
    """Calls of models alone, of two weeks."""

    cells: list[BridgeCell]
    parts: list[BridgePart]
    coverage: list[BridgeCoverage]


@dataclass(frozen=True)
class BridgeWeeks:
    """Everything that two weeks are compared by. `unpriced_attempts` lack a price, `partial_attempts` a part of it."""

    cells: list[BridgeCell]
    parts: list[BridgePart]
    coverage: list[BridgeCoverage]
    costs: list[BridgeCost]
    revenue: list[BridgeRevenue]
    unpriced_attempts: Two
    partial_attempts: Two
    without_rate: Two
    """Cost events, pools' days and revenue lines in a currency without a rate: without amounts."""
