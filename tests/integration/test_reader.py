"""What the reader answers about a small company, worked out by hand, and that its answers add up to the weekly view."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration import company
from tests.workspace import Workspace, request
from warehouse import ledger_view
from warehouse.reader import Period, QueryError, Reader
from warehouse.rows import CostLine, SharedCost, TaskCost, UnpricedLine
from warehouse.shown import changes_since_shown, weekly_as_shown

WEEK = Period.week(date(2026, 11, 9))
CALL = Decimal("0.0045")
"""1,000 tokens in at 3 and 100 out at 15 USD per million."""


def on(day: int, number: int, **values: object) -> dict[str, object]:
    return request(source_record_id=f"{day}-{number}", started_at=f"2026-11-{day:02}T12:00:{number:02}Z", **values)


REQUESTS = [
    on(9, 1, task_id="t1"),
    on(9, 2, task_id="t1"),
    on(10, 3, environment="dev"),
    on(10, 4, response_model="acme-private", task_id="t2", feature="search"),
    on(11, 5, tenant_id="beta", feature=None, task_id="t3", cache_read_input_tokens=400),
    on(15, 6, tenant_id=None, operation_name="embeddings"),
    on(16, 7, task_id="t4"),
]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("reader"))
    workspace.land_records("requests", [*REQUESTS, {"source_record_id": "no start"}])
    spans = {"service_start": "2026-11-09", "service_end": "2026-11-16", "currency": "USD", "kind": "subscription"}
    workspace.land_feed(
        "revenue_lines",
        [
            {"line_id": "a", "tenant_id": "acme", "amount": "0.70", **spans},
            {"line_id": "b", "tenant_id": "beta", "amount": "0.07", **spans},
        ],
    )
    workspace.land_feed("tenants", [{"tenant_id": "acme", "name": "Acme", "plan": "pro", "segment": "smb"}])
    at = {"occurred_at": "2026-11-11T12:00:00Z", "currency": "USD"}
    workspace.land_feed(
        "cost_events",
        [
            {"event_id": "tool", "tenant_id": "beta", "feature": "search", "component": "tool", "amount": "0.50", **at},
            {"event_id": "fee", "tenant_id": "beta", "component": "payment_fee", "amount": "0.02", **at},
        ],
    )
    pool = {"period_start": "2026-11-09", "period_end": "2026-11-16", "currency": "USD", "driver": "even"}
    workspace.land_feed("cost_pools", [{"pool_id": "p", "component": "hosting", "amount": "0.07", **pool}])
    done = {"outcome": "success", "observed_at": "2026-11-12T00:00:00Z"}
    workspace.land_feed(
        "task_outcomes", [{"outcome_id": f"o-{task}", "task_id": task, **done} for task in ("t1", "t2")]
    )
    workspace.build()
    yield workspace
    workspace.control.close()


@pytest.fixture
def reader(small: Workspace) -> Iterator[Reader]:
    reader = Reader(small.settings.data_dir)
    yield reader
    reader.close()


def test_margins_of_tenants_with_what_nobody_bears_sum_to_the_company(reader: Reader) -> None:
    rows = {row.tenant_id: row for row in reader.tenant_margins(WEEK)}
    acme, beta = rows["acme"], rows["beta"]
    # 400 of beta's 1,000 input tokens were read from the provider's cache, at 0.30 per million.
    beta_call = (600 * Decimal(3) + 400 * Decimal("0.3") + 100 * Decimal(15)) / 10**6
    assert (acme.name, acme.plan, acme.segment, beta.name) == ("Acme", "pro", "smb", None)
    assert (acme.revenue_usd, acme.inference_cogs_usd) == (Decimal("0.70"), 2 * CALL)
    # a cent of hosting a day, halved between the two tenants that have revenue
    assert acme.cogs_usd == 2 * CALL + Decimal("0.035")
    assert (acme.outside_cogs_usd, acme.requests, acme.unpriced_requests) == (CALL, 4, 1)
    assert acme.gross_margin == Decimal("0.937142857143")  # (0.70 - 0.009 - 0.035) / 0.70
    assert acme.is_lower_bound and not acme.is_under_water
    assert (beta.inference_cogs_usd, beta.other_cogs_usd) == (beta_call, Decimal("0.535"))
    assert beta.outside_cogs_usd == Decimal("0.02") and beta.is_under_water and not beta.is_lower_bound
    assert (rows["unattributed"].cogs_usd, rows["unattributed"].gross_margin) == (CALL, None)
    assert list(rows) == ["beta", "acme", "unattributed"]


def test_costs_can_be_split_by_any_dimension_and_sum_to_the_same(reader: Reader) -> None:
    whole = reader.costs(WEEK)
    parts = reader.costs(WEEK, ["component", "is_cost_of_goods"])
    assert [(line.key, line.cost_usd) for line in parts] == [
        (("tool", True), Decimal("0.50")),
        (("payment_fee", False), Decimal("0.02")),
        (("inference", True), 2 * CALL + Decimal("0.00342")),
        (("embeddings", True), CALL),
        (("inference", False), CALL),
    ]
    assert sum(line.cost_usd for line in parts) == whole[0].cost_usd == Decimal("0.54142")
    assert sum(line.requests for line in parts) == 6
    assert reader.costs(WEEK, ["feature", "model"], tenant_id="beta") == [
        CostLine(("search", None), Decimal("0.50"), 0, 0, 0, 0, 0, 0, 0, Decimal("0.50"), Decimal("0.50")),
        CostLine(("unattributed", None), Decimal("0.02"), 0, 0, 0, 0, 0, 0, 0, Decimal("0.02"), Decimal("0.02")),
        CostLine(
            ("unattributed", "claude-sonnet-4-5"),
            Decimal("0.00342"),
            1,
            0,
            0,
            0,
            1000,
            400,
            100,
            Decimal("0.00342"),
            Decimal("0.00342"),
        ),
    ]
    assert reader.costs(Period.week(date(2025, 1, 6))) == []


def test_an_unknown_dimension_is_refused_and_the_known_are_listed(reader: Reader) -> None:
    with pytest.raises(QueryError, match=r"Unknown dimension '1; drop'. Known: usage_date, tenant_id"):
        reader.costs(WEEK, ["1; drop"])  # pyright: ignore[reportArgumentType]


def test_tasks_have_a_cost_a_success_count_and_bounds(reader: Reader) -> None:
    by_feature = {task.key: task for task in reader.task_costs(WEEK, ["feature"])}
    assert by_feature[("support_reply",)] == TaskCost(("support_reply",), 1, 1, 0, 0, 0, 2 * CALL)
    assert by_feature[("search",)] == TaskCost(("search",), 1, 1, 0, 0, 1, Decimal(0))
    assert by_feature[("unattributed",)] == TaskCost(("unattributed",), 1, 0, 0, 1, 0, Decimal("0.00342"))
    (whole,) = reader.task_costs(WEEK)
    assert (whole.tasks, whole.successes, whole.unknowns, whole.cost_usd) == (3, 2, 1, Decimal("0.01242"))
    assert (whole.cost_per_success_usd, whole.lower_bound_usd) == (Decimal("0.00621"), Decimal("0.00414"))
    assert whole.upper_bound_usd is None  # a part has no price
    nobody = by_feature[("unattributed",)]
    assert (nobody.cost_per_success_usd, nobody.lower_bound_usd) == (None, Decimal("0.00342"))


def test_what_has_no_price_is_listed_with_its_reason(reader: Reader) -> None:
    assert reader.unpriced(WEEK) == [
        UnpricedLine("anthropic", "acme-private", "unpriced", "unknown_model", 1, 1000, 100)
    ]
    assert reader.shared_costs(WEEK) == [
        SharedCost("acme", "hosting", Decimal("0.035"), 0),
        SharedCost("beta", "hosting", Decimal("0.035"), 0),
    ]


def test_the_state_says_how_far_the_data_reaches(reader: Reader, small: Workspace) -> None:
    state = reader.state()
    assert (state.first_usage_date, state.last_usage_date, state.requests) == (date(2026, 11, 9), date(2026, 11, 16), 7)
    assert str(state.known_at) == "2026-11-16 12:00:07"
    assert (state.reporting_zone, state.first_day_of_week) == ("UTC", "monday")
    assert small.rows("select distinct price_book_id from fct_llm_request_priced where price_book_id is not null") == [
        (state.price_book_id,)
    ]
    assert reader.months() == [date(2026, 11, 1)]
    assert [point.week_start for point in reader.trend() if point.metric_id == "revenue"] == reader.weeks()


def test_a_tenants_days_are_those_of_its_revenue_and_cost(reader: Reader) -> None:
    days = reader.tenant_days("acme", WEEK)
    assert [(day.usage_date.day, day.revenue_usd, day.cogs_usd, day.requests) for day in days] == [
        (9, Decimal("0.10"), 2 * CALL, 2),
        (10, Decimal("0.10"), Decimal(0), 2),
        *((day, Decimal("0.10"), Decimal(0), 0) for day in range(11, 16)),
    ]


def test_the_ledger_says_what_landed_what_waits_and_what_was_built(small: Workspace) -> None:
    formats = {row.source: row for row in ledger_view.landed_formats(small.control)}
    requests = formats["canonical"]
    assert (requests.dataset, requests.files, requests.rows_in, requests.landed) == ("llm_request", 1, 8, 7)
    assert all(row.rows_in == row.landed + row.duplicate + row.quarantined for row in formats.values())
    (row,) = ledger_view.quarantined(small.settings.data_dir, small.control, 10)
    assert (row.line, row.source) == (8, "canonical") and "started_at" in row.reason
    (run,) = ledger_view.builds(small.control, 10)
    assert (run.state, run.kind, run.serving_n, run.message) == ("published", "full", 1, None)
    assert ledger_view.waiting(small.control) == ledger_view.Waiting(0, 0, ())
    assert {file.dataset for file in ledger_view.landed_files(small.control, 3)} <= {
        row.dataset for row in formats.values()
    }
    assert len(ledger_view.landed_files(small.control, 3)) == 3


def test_margins_costs_and_months_agree_with_the_weekly_view_to_the_last_digit(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    company.land_first(workspace)
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    for start in reader.weeks():
        week = {row.metric_id: row.this_week for row in reader.weekly(start).metrics}
        period = Period.week(start)
        margins = reader.tenant_margins(period)
        assert sum(row.revenue_usd for row in margins) == week["revenue"]
        assert sum(row.gross_profit_usd for row in margins) == week["gross_profit"]
        shared = sum(row.cost_usd for row in reader.shared_costs(period))
        goods = sum(line.cost_usd for line in reader.costs(period, ["is_cost_of_goods"]) if line.key == (True,))
        assert goods + shared == sum(row.cogs_usd for row in margins)
        parts = reader.costs(period, ["is_model_call", "tenant_id", "feature", "model"])
        assert sum(part.cost_usd for part in parts if part.key[0]) == week["total_inference_cost"]
        tasks = sum(task.cost_usd for task in reader.task_costs(period, ["tenant_id", "feature"]))
        successes = sum(task.successes for task in reader.task_costs(period))
        if week["cost_per_successful_task"] is not None:
            assert abs(tasks - week["cost_per_successful_task"] * successes) < Decimal("1e-8")
    for first in reader.months():
        columns = ["revenue_usd", "cogs_usd", "gross_profit_usd", "gross_margin", "outside_cogs_usd", "requests"]
        stored = reader.query(
            f"select tenant_id, {', '.join(columns)} from mart_tenant_margin_month where month = ? order by 1", [first]
        )
        seen = sorted(reader.tenant_margins(Period.month(first)), key=lambda row: row.tenant_id)
        assert list(stored.rows) == [(row.tenant_id, *(getattr(row, name) for name in columns)) for row in seen]
    reader.close()
    workspace.control.close()


def test_a_week_that_was_shown_tells_what_changed_in_it_since(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.land_records("first", [on(day, 1, task_id=f"t{day}") for day in range(9, 16)])
    workspace.land_records("next", [on(day, 2) for day in range(16, 23)])
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    shown = weekly_as_shown(reader, workspace.control, date(2026, 11, 9))
    assert changes_since_shown(reader, workspace.control, shown.week_start) == []
    workspace.land_records("late", [on(9, 9)])
    workspace.build()
    changes = {change.metric_id: change for change in changes_since_shown(reader, workspace.control, shown.week_start)}
    cost = changes["total_inference_cost"]
    assert (cost.then, cost.now, cost.unit) == (7 * CALL, 8 * CALL, "usd")
    assert (changes["untasked_cost"].then, changes["untasked_cost"].now) == (0, CALL)
    assert "gateway_cache_hit_rate" not in changes
    assert changes_since_shown(reader, workspace.control, shown.week_start + timedelta(days=7)) == []
    reader.close()
    workspace.control.close()
