"""Revenue recognition, to the cent: annual plan, upgrade, credits, overage, refunds; balances and MRR."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from pipelines.settings import Revenue
from tests.sql import example_b
from tests.sql.example_b import between, days, months
from tests.workspace import Workspace

D = Decimal


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("b"), revenue=Revenue(usage_unit="input_tokens"))
    example_b.land(workspace)
    workspace.build()
    yield workspace
    workspace.control.close()


def mrr(workspace: Workspace, tenant: str) -> list[tuple[str, Decimal]]:
    rows = workspace.rows(
        f"select valid_from::varchar, mrr_usd from dim_tenant_mrr where tenant_id = '{tenant}' order by 1"
    )
    return [(day, usd) for day, usd in rows]


def test_b1_an_annual_plan_is_earned_by_the_day_and_deferred(built: Workspace) -> None:
    assert months(built, "prepaid", "revenue_usd", "deferred_usd", "unbilled_usd") == [
        (month, D(revenue), D(deferred), 0)
        for month, revenue, deferred in (
            ("2025-03", "558.90", "11441.10"), ("2025-04", "986.31", "10454.79"), ("2025-05", "1019.17", "9435.62"),
            ("2025-06", "986.30", "8449.32"), ("2025-07", "1019.18", "7430.14"), ("2025-08", "1019.18", "6410.96"),
            ("2025-09", "986.30", "5424.66"), ("2025-10", "1019.18", "4405.48"), ("2025-11", "986.30", "3419.18"),
            ("2025-12", "1019.18", "2400.00"), ("2026-01", "1019.18", "1380.82"), ("2026-02", "920.55", "460.27"),
            ("2026-03", "460.27", "0.00"),
        )
    ]  # fmt: skip
    year = days(built, "prepaid")
    assert (min(year), max(year), len(year)) == (date(2025, 3, 15), date(2026, 3, 14), 365)
    assert [str(usd)[:5] for usd in year.values()][:7] == [
        "32.88", "32.87", "32.88", "32.88", "32.87", "32.88", "32.88",
    ]  # fmt: skip
    assert [list(year.values()).count(D(usd)) for usd in ("32.88", "32.87")] == [245, 120]
    assert mrr(built, "prepaid") == [("2025-03-15", D(1000)), ("2026-03-15", D(0))]


def test_b2_an_upgrade_is_three_lines_and_no_day_is_negative(built: Workspace) -> None:
    first = ["3.19", "3.20", "3.19", "3.19", "3.20", "3.19", "3.19", "3.20", "3.19", "3.20", "3.19"]
    then = ["6.42"] * 9 + ["6.41"] + ["6.42"] * 10
    assert days(built, "upgraded") == dict(zip(between("2026-07-01", "2026-07-31"), map(D, first + then), strict=True))
    assert months(built, "upgraded", "revenue_usd") == [("2026-07", D("163.52"))]
    assert mrr(built, "upgraded") == [("2026-07-01", D(99)), ("2026-07-12", D(199)), ("2026-08-01", D(0))]


def test_b3_credits_are_earned_when_burned_and_what_is_left_when_it_lapses(built: Workspace) -> None:
    assert days(built, "credits") == {
        date(2026, 1, 20): 400, date(2026, 2, 20): 320, date(2026, 3, 20): 160, date(2026, 4, 1): 120,
    }  # fmt: skip
    assert months(built, "credits", "revenue_usd", "breakage_usd", "deferred_usd") == [
        ("2026-01", 400, 0, 600), ("2026-02", 320, 0, 280), ("2026-03", 160, 0, 120), ("2026-04", 120, 120, 0),
    ]  # fmt: skip


def test_b3_of_two_packs_the_one_that_lapses_first_is_burned_first(built: Workspace) -> None:
    assert days(built, "packs", "usage_date < '2026-06-30'") == {date(2026, 6, 10): 116}
    # Of P2's 80.00 a fifth is burned: 64.00 are deferred.
    assert months(built, "packs", "deferred_usd")[-1] == ("2026-11", 64)


def test_b4_overage_accrues_on_the_day_it_is_used_and_stays_unbilled(built: Workspace) -> None:
    accrued = {date(2026, 5, 21): 6, date(2026, 5, 25): 20, date(2026, 5, 31): 20}
    assert days(built, "metered") == accrued
    found = months(built, "metered", "revenue_usd", "accrued_usd", "unbilled_usd")
    assert found[0] == ("2026-05", 46, 46, 46)
    assert found[-1] == ("2026-11", 0, 0, 46)


def test_b4_the_invoice_replaces_the_accrual_on_the_days_of_usage(built: Workspace) -> None:
    # 45.00 by 6, 20 and 20: 5.8696 and 25.4348 after the first two.
    assert days(built, "billed") == {
        date(2026, 5, 21): D("5.87"), date(2026, 5, 25): D("19.56"), date(2026, 5, 31): D("19.57"),
    }  # fmt: skip
    assert months(built, "billed", "revenue_usd", "accrued_usd", "unbilled_usd", "deferred_usd") == [
        ("2026-05", 45, 0, 45, 0)
    ]


def test_b4_seats_share_an_allowance_only_where_the_contract_pools_it(built: Workspace) -> None:
    assert days(built, "pooled") == {}
    assert days(built, "seats") == {date(2026, 5, 6): 10}


def test_b5a_a_cancelled_year_earns_nothing_more_and_takes_nothing_back(built: Workspace) -> None:
    found = days(built, "cancelled")
    assert sum(found.values()) == D("3287.67")
    assert list(found) == between("2026-03-15", "2026-06-22")
    assert all(usd > 0 for usd in found.values())
    assert months(built, "cancelled", "deferred_usd")[-1][1:] == (0,)
    assert mrr(built, "cancelled") == [("2026-03-15", D(1000)), ("2026-06-23", D(0))]


def test_b5b_a_credit_for_service_that_is_over_is_a_dated_correction(built: Workspace) -> None:
    # Half a month of 500.00 is as it was; the credit stands on the day it was granted, and July knows of it.
    assert days(built, "outage")[date(2026, 8, 5)] == -200
    assert months(built, "outage", "revenue_usd", "correction_usd", "revenue_as_known_usd") == [
        ("2026-07", 500, 0, 300), ("2026-08", -200, -200, 0),
    ]  # fmt: skip
    assert mrr(built, "outage") == [("2026-07-01", D(500)), ("2026-08-01", D(0))]


@pytest.mark.parametrize("tenant", ["twice", "noted"])
def test_b5c_a_duplicate_that_is_voided_leaves_one_charge(built: Workspace, tenant: str) -> None:
    found = days(built, tenant)
    assert sum(found.values()) == 49
    assert set(found.values()) <= {D("1.58"), D("1.59")}
    assert list(found) == between("2026-07-01", "2026-07-31")


def test_revenue_by_line_by_tenant_and_by_month_are_one_sum(built: Workspace) -> None:
    sums = "select (select sum(revenue_usd) from fct_revenue_day), (select sum(revenue_usd) from fct_tenant_day), "
    by_line, by_tenant, by_month = built.rows(sums + "(select sum(revenue_usd) from mart_revenue_month)")[0]
    assert by_line == by_tenant == by_month > 0


def test_nothing_is_missing_and_nothing_is_said_to_be(built: Workspace) -> None:
    assert built.rows("select * from mart_revenue_gap") == []
