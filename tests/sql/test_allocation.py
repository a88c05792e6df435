"""Shared cost is borne by tenants by its driver, to the last pico-dollar; what nobody drives stays in view."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.workspace import Workspace, request

DAY = {"period_start": "2026-11-10", "period_end": "2026-11-11", "currency": "USD"}
# 10 November: acme 2 requests of 1,100 tokens (0.009), beta one of 3,300 (0.0135), one without a tenant (0.0045)
REQUESTS = (
    request(source_record_id="1"),
    request(source_record_id="2", started_at="2026-11-10T12:00:01Z"),
    request(source_record_id="3", tenant_id="beta", input_tokens=3000, output_tokens=300),
    request(source_record_id="4", tenant_id=None),
    request(source_record_id="5", started_at="2026-11-12T12:00:00Z"),
)
POOLS = (
    {"pool_id": "even", "component": "hosting", "amount": "1.00", "driver": "even", **DAY},
    {"pool_id": "requests", "component": "hosting", "amount": "1.00", "driver": "requests", **DAY},
    {"pool_id": "tokens", "component": "vector_store", "amount": "0.77", "driver": "tokens", **DAY},
    {"pool_id": "cost", "component": "hosting", "amount": "2.70", "driver": "cost", **DAY},
    {"pool_id": "thirds", "component": "hosting", "amount": "0.10", "driver": "fixed",
     "weights": {"acme": 1, "beta": "1", "quiet": 1, "none": 0}, **DAY},
    {"pool_id": "long", "component": "hosting", "amount": "0.30", "driver": "requests", "currency": "USD",
     "period_start": "2026-11-10", "period_end": "2026-11-13"},
    {"pool_id": "abroad", "component": "hosting", "amount": "5.00", "driver": "even", **DAY, "currency": "CHF"},
)  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("allocation"))
    workspace.land_records("requests", REQUESTS)
    workspace.land_feed("cost_pools", POOLS)
    workspace.build()
    yield workspace
    workspace.control.close()


def shares(workspace: Workspace) -> dict[str, dict[tuple[str, int], Decimal]]:
    found: defaultdict[str, dict[Any, Decimal]] = defaultdict(dict)
    for pool, tenant, day, cost in workspace.rows(
        "select pool_id, tenant_id, day(usage_date), cost_usd from fct_allocated_cost_day"
    ):
        found[pool][tenant, day] = cost
    return found


def test_every_driver_shares_out_its_pool(company: Workspace) -> None:
    found = shares(company)
    # who is no tenant takes no even share
    assert found["even"] == {("acme", 10): Decimal("0.5"), ("beta", 10): Decimal("0.5")}
    assert found["requests"] == {
        ("acme", 10): Decimal("0.5"),
        ("beta", 10): Decimal("0.25"),
        ("unattributed", 10): Decimal("0.25"),
    }
    # 2,200, 3,300 and 1,100 of 6,600 tokens: thirds and halves of 0.77, cut where the cumulated shares are rounded
    assert found["tokens"] == {
        ("acme", 10): Decimal("0.256666666667"),
        ("beta", 10): Decimal("0.385"),
        ("unattributed", 10): Decimal("0.128333333333"),
    }
    assert found["cost"] == {
        ("acme", 10): Decimal("0.9"),
        ("beta", 10): Decimal("1.35"),
        ("unattributed", 10): Decimal("0.45"),
    }


def test_fixed_weights_share_out_to_tenants_without_a_request_too(company: Workspace) -> None:
    # a third, two thirds (0.066666666667) and the whole: the middle one has the pico-dollar
    assert shares(company)["thirds"] == {
        ("acme", 10): Decimal("0.033333333333"),
        ("beta", 10): Decimal("0.033333333334"),
        ("quiet", 10): Decimal("0.033333333333"),
    }


def test_a_day_that_nobody_drives_is_nobodys(company: Workspace) -> None:
    # 0.10 a day; on the 11th nothing was asked
    assert shares(company)["long"] == {
        ("acme", 10): Decimal("0.05"),
        ("beta", 10): Decimal("0.025"),
        ("unattributed", 10): Decimal("0.025"),
        ("unallocated", 11): Decimal("0.1"),
        ("acme", 12): Decimal("0.1"),
    }


def test_a_pool_without_a_rate_is_counted_and_costs_nobody(company: Workspace) -> None:
    rows = company.rows(
        "select tenant_id, unconverted_days, cost_usd from fct_allocated_cost_day where pool_id = 'abroad'"
    )
    assert rows == [("unallocated", 1, Decimal(0))]


def test_margins_bear_what_is_allocated(company: Workspace) -> None:
    found = {
        tenant: (allocated, cogs, gaps)
        for tenant, allocated, cogs, gaps in company.rows(
            "select tenant_id, allocated_cogs_usd, cogs_usd, unconverted_rows from mart_tenant_margin_month"
        )
    }
    acme = sum(map(Decimal, ("0.5", "0.5", "0.256666666667", "0.9", "0.033333333333", "0.05", "0.1")))
    assert found["acme"] == (acme, acme + 3 * Decimal("0.0045"), 0)
    assert found["unallocated"] == (Decimal("0.1"), Decimal("0.1"), 1)
    assert sum(allocated for allocated, _, _ in found.values()) == Decimal("5.87")
