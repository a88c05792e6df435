"""The weekly view and recognised revenue where they are easily wrong: one long year, each trap in a week of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.workspace import Workspace, request

Row = dict[str, Any]
FIRST, LAST = datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 11, 15, tzinfo=UTC)
"""Days of the first and the last request: revenue is recognised on the days that the data covers."""


def at(day: str, seconds: float = 43_200) -> str:
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds)).isoformat()


def call(
    day: str, name: str, *, task: str | None = None, usd_milli: int = 15, duration_s: float = 1, **said: Any
) -> Row:
    """A request of claude-sonnet-4-5 that costs `usd_milli` thousandths of a dollar, all of it output."""
    return request(
        source_record_id=f"{name}-{day}",
        started_at=at(day),
        ended_at=at(day, 43_200 + duration_s),
        task_id=task,
        input_tokens=0,
        output_tokens=usd_milli * 1000 // 15,
        **said,
    )


def outcomes(verdicts: dict[str, str], day: str) -> list[Row]:
    return [
        {"outcome_id": f"o-{task}", "task_id": task, "outcome": verdict, "observed_at": at(day)}
        for task, verdict in verdicts.items()
    ]


def line(name: str, tenant: str, amount: str, start: str, end: str, **said: Any) -> Row:
    said = {"kind": "subscription", "currency": "USD", **said}
    return {"line_id": name, "tenant_id": tenant, "amount": amount, "service_start": start, "service_end": end, **said}


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("year"))
    records = [call("2026-03-10", "first", tenant_id="quiet"), call("2026-11-15", "last", tenant_id="quiet")]
    # E6 and under water, week of 2026-11-09: five tenants with cost; the dearest costs 30.00.
    records += [
        call("2026-11-11", f"e6-{tenant}", tenant_id=tenant, usd_milli=usd_milli)
        for tenant, usd_milli in (("top", 30_000), ("b", 600), ("c", 600), ("d", 15))
    ]
    # Week of 2026-10-05: no success, two unknown. 2026-10-12: all failed. 2026-10-19: calls without a task.
    records += [
        call("2026-10-06", "u", task=f"u{n}", usd_milli=30, end_user_id=f"u{n}") | {"source_record_id": f"u{n}"}
        for n in (1, 2, 3)
    ]
    records += [call("2026-10-13", "f1", task="f1", usd_milli=30)]
    records += [call("2026-10-20", "tasked", task="s1", usd_milli=60), call("2026-10-21", "untasked", usd_milli=45)]
    records += [call("2026-10-21", "ci", usd_milli=90, environment="ci")]
    # Weeks of 2026-09-07 and 2026-09-14: 19 and 20 tasks of 1, 2, … seconds.
    for monday, tasks in (("2026-09-08", 19), ("2026-09-15", 20)):
        records += [call(monday, f"p{n}", task=f"p{tasks}-{n}", duration_s=n) for n in range(1, tasks + 1)]
    assert workspace.land_records("requests", records).counts.landed == len(records)
    workspace.land_feed(
        "task_outcomes",
        outcomes({"u1": "failure"}, "2026-10-07") + outcomes({"f1": "failure", "s1": "success"}, "2026-10-22"),
    )
    workspace.land_feed(
        "revenue_lines",
        [
            line("annual", "annual", "12000.00", "2026-03-15", "2027-03-15", invoiced_on="2026-03-10"),
            line("L1", "upgrade", "99.00", "2026-07-01", "2026-08-01"),
            line("L2", "upgrade", "-63.87", "2026-07-12", "2026-08-01", kind="credit_note", corrects_line_id="L1"),
            line("L3", "upgrade", "128.39", "2026-07-12", "2026-08-01"),
            line("e6", "top", "100.00", "2026-11-01", "2026-12-01"),
            line("e6-b", "b", "30.00", "2026-11-01", "2026-12-01"),
        ],
    )
    workspace.build()
    yield workspace
    workspace.control.close()


def revenue(workspace: Workspace, tenant: str, first: str, days: int) -> list[Decimal]:
    """Recognised revenue of a tenant by day, in USD; 0 where it has no row."""
    found = dict(
        workspace.rows(f"select usage_date::varchar, revenue_usd from fct_tenant_day where tenant_id = '{tenant}'")
    )
    start = datetime.fromisoformat(first)
    return [found.get((start + timedelta(days=n)).date().isoformat(), Decimal(0)) for n in range(days)]


def usd(*amounts: str) -> list[Decimal]:
    return [Decimal(amount) for amount in amounts]


# --- revenue, day by day ----------------------------------------------------------------------------------------------


def test_an_annual_prepayment_earns_nothing_before_its_service_and_whole_cents_after(year: Workspace) -> None:
    assert revenue(year, "annual", "2026-03-10", 5) == usd("0", "0", "0", "0", "0")
    first_days = usd("32.88", "32.87", "32.88", "32.88", "32.87", "32.88", "32.88")
    assert revenue(year, "annual", "2026-03-15", 7) == first_days


def test_an_annual_prepayment_earns_its_months_to_the_cent(year: Workspace) -> None:
    months = {
        **{"2026-03": "558.90", "2026-04": "986.31", "2026-05": "1019.17", "2026-06": "986.30"},
        **{"2026-07": "1019.18", "2026-08": "1019.18", "2026-09": "986.30", "2026-10": "1019.18"},
    }
    found = year.rows(
        "select strftime(usage_date, '%Y-%m'), sum(revenue_usd) from fct_tenant_day where tenant_id = 'annual' "
        "and usage_date < date '2026-11-01' group by all"
    )
    assert dict(found) == {month: Decimal(amount) for month, amount in months.items()}


def test_an_upgrade_credits_and_charges_the_days_it_changes_not_the_day_it_is_booked(year: Workspace) -> None:
    before = usd("3.19", "3.20", "3.19", "3.19", "3.20", "3.19", "3.19", "3.20", "3.19", "3.20", "3.19")
    after = [Decimal("6.42")] * 9 + [Decimal("6.41")] + [Decimal("6.42")] * 10
    july = revenue(year, "upgrade", "2026-07-01", 31)
    assert july == before + after
    assert (sum(july[:11]), sum(july[11:]), sum(july)) == tuple(usd("35.13", "128.39", "163.52"))


# --- the weekly view --------------------------------------------------------------------------------------------------


def test_top_tenants_weekly_cost_is_held_against_the_mrr_of_the_same_days(year: Workspace) -> None:
    """30.00 against 100.00 a month looks like 30%; against the 23.33… of those seven days it is a loss."""
    row = year.weekly("top20_cost_share_of_revenue")
    assert row["this_week"] == Decimal("1.285714285714")  # 30.00 / (100.00 x 7/30)
    assert row["is_met"] is False
    assert year.weekly("top20_tenants_above_target")["this_week"] == 1
    # Week of 2026-09-07: `acme` alone has cost, and pays nothing; no share of nothing is met.
    assert (
        year.weekly("top20_cost_share_of_revenue", "2026-09-07")["missing"] == "MRR or revenue of the top-20% tenants"
    )
    assert year.weekly("top20_tenants_above_target", "2026-09-07")["this_week"] == 1


def test_under_water_is_cost_above_revenue_and_unpaid_is_cost_without_any(year: Workspace) -> None:
    assert year.weekly("tenants_under_water")["this_week"] == 1  # top; b earned 7.00 and cost 0.60
    assert year.weekly("under_water_loss")["this_week"] == Decimal("6.67")
    assert year.weekly("unpaid_cost")["this_week"] == Decimal("0.630")  # c, d and the last call


def test_without_a_success_there_is_no_cost_per_success_but_a_lower_bound(year: Workspace) -> None:
    row = year.weekly("cost_per_successful_task", "2026-10-05")
    expected = (None, "a successful task in this week", Decimal("0.045"), None)  # 0.09 over two unknown
    assert (row["this_week"], row["missing"], row["lower_bound"], row["upper_bound"]) == expected
    assert year.weekly("failed_task_spend", "2026-10-05")["this_week"] == Decimal("0.030")
    assert year.weekly("success_rate", "2026-10-05")["this_week"] == 0
    assert year.weekly("outcome_completeness", "2026-10-05")["this_week"] == Decimal("0.333333333333")


def test_without_a_success_or_an_unknown_nothing_bounds_it_and_the_dollars_stay(year: Workspace) -> None:
    row = year.weekly("cost_per_successful_task", "2026-10-12")
    assert (row["this_week"], row["lower_bound"], row["upper_bound"]) == (None, None, None)
    assert year.weekly("failed_task_spend", "2026-10-12")["this_week"] == Decimal("0.030")


def test_production_calls_without_a_task_are_a_line_of_their_own(year: Workspace) -> None:
    assert year.weekly("cost_per_successful_task", "2026-10-19")["this_week"] == Decimal("0.060")
    assert year.weekly("untasked_cost", "2026-10-19")["this_week"] == Decimal("0.045")
    assert year.weekly("total_inference_cost", "2026-10-19")["this_week"] == Decimal("0.195")  # with CI


def test_p95_is_a_task_that_exists_and_needs_twenty(year: Workspace) -> None:
    few, enough = (year.weekly("p95_task_time_ms", week) for week in ("2026-09-07", "2026-09-14"))
    assert (few["this_week"], few["missing"]) == (None, "at least 20 tasks in this week")
    assert enough["this_week"] == 19_000  # the 19th of 1, 2, … 20 seconds
    assert enough["last_week"] is None


def test_no_week_lacks_a_metric_and_a_row_without_a_value_names_what_it_waits_for(year: Workspace) -> None:
    weeks = (LAST.date() - FIRST.date()).days // 7 + 1
    counts = year.rows(
        "select count(distinct week_start), count(distinct metric_id), count(*) from mart_weekly_unit_economics"
    )
    assert counts[0][0] == weeks
    assert counts[0][2] == weeks * counts[0][1]
    assert not year.rows("select * from mart_weekly_unit_economics where this_week is null and missing is null")
