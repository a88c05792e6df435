"""Every cell of the weekly view explained: the company's equal the view, a tenant's what Python adds up of the same rows."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from pipelines.explain.answer import Explanation, explain
from pipelines.explain.asked import ExplainError
from pipelines.explain.behind import KINDS
from pipelines.explain.metrics import FORMULAS
from pipelines.explain.origins import origins
from pipelines.explain.show import as_json, as_lines
from pipelines.explain.terms import TERMS
from tests.contract import test_otlp_source as otlp
from tests.integration import company
from tests.landed import rows as landed
from tests.workspace import Workspace, request
from warehouse import control as db
from warehouse.feed_lines import current_lines
from warehouse.reader import NoSuchWeek, Period, Reader
from warehouse.shown import RESTATED, weekly_as_shown

Row = dict[str, Any]
WEEK = date(2026, 11, 9)
WEEKS = [date(2026, 11, 2), WEEK, date(2026, 11, 16)]
"""The two weeks of the example and what runs over into the next."""
OF_TENANTS = [name for name, formula in FORMULAS.items() if not isinstance(formula.for_tenant, str)]


@dataclass(frozen=True)
class Built:
    workspace: Workspace
    reader: Reader

    def explain(self, metric: str, week: date | None = WEEK, tenant: str | None = None, rows: int = 0) -> Explanation:
        data_dir = self.workspace.settings.data_dir
        return explain(data_dir, self.reader, self.workspace.control, metric, week, tenant, rows)

    def rows(self, sql: str) -> list[Row]:
        answer = self.reader.query(sql)
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    workspace = Workspace(tmp_path_factory.mktemp("explained"))
    company.land_first(workspace)
    company.land_late(workspace)
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    yield Built(workspace, reader)
    reader.close()
    workspace.control.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Two weeks that begin on Sunday in New York: 20 tasks of 1, 2, … seconds, revenue of 10.00 a day, two cost events."""
    settings = {"reporting": {"zone": "America/New_York", "first_day_of_week": "sunday"}}
    workspace = Workspace(tmp_path_factory.mktemp("small"), **settings)
    day = "2026-11-10T12:00"
    records = [
        request(task_id=f"t{n}", started_at=f"{day}:00Z", ended_at=f"{day}:{n:02}Z", source_record_id=f"r{n}")
        for n in range(1, 21)
    ]
    workspace.land_records("requests", [*records, request(started_at="2026-11-15T20:00:00Z")])
    workspace.land_records("before", [request(started_at="2026-11-02T12:00:00Z")])
    service = {"service_start": "2026-11-01", "service_end": "2026-11-15"}
    line = {"line_id": "a", "tenant_id": "acme", "kind": "subscription", "amount": "140.00", "currency": "USD"}
    workspace.land_feed("revenue_lines", [line | service])
    event = {"component": "tool", "currency": "USD"}
    workspace.land_feed(
        "cost_events",
        [
            {"event_id": "saturday", "amount": "0.30", "occurred_at": "2026-11-08T04:59:00Z", **event},
            {"event_id": "sunday", "amount": "0.50", "occurred_at": "2026-11-08T05:00:00Z", **event},
        ],
    )
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    yield Built(workspace, reader)
    reader.close()
    workspace.control.close()


# --- the company ------------------------------------------------------------------------------------------------------


def test_every_metric_of_every_week_is_what_the_weekly_view_says(built: Built) -> None:
    weeks = built.reader.weeks()
    assert len(weeks) > 5
    with_value = set[str]()
    for start in weeks:
        rows = built.reader.weekly(start).metrics
        assert [row.metric_id for row in rows] == list(FORMULAS)
        for row in rows:
            told = built.explain(row.metric_id, start)
            # Which of last week's figures were shown the view does not know; that row is compared below.
            if row.metric_id != RESTATED:
                assert told.agrees
                assert (told.value, told.missing) == (row.this_week, row.missing), (start, row.metric_id)
                assert (told.bound, told.lower_bound, told.upper_bound) == (row.bound, row.lower_bound, row.upper_bound)
            assert (told.label, told.unit, told.week_end) == (row.label, row.unit, start + timedelta(days=6))
            with_value |= {row.metric_id} if told.value is not None else set()
    # The sample has no 20 tasks in a week and nothing shown; all else has a value somewhere.
    assert set(FORMULAS) - with_value <= {RESTATED, "p95_task_time_ms"}


def test_what_changed_since_it_was_shown_is_what_the_report_says(small: Built) -> None:
    assert small.explain(RESTATED).missing == "last week's report"
    weekly_as_shown(small.reader, small.workspace.control, WEEK - timedelta(days=7))
    before = small.explain(RESTATED)
    assert (before.value, before.missing) == (0, None)
    late = {"event_id": "late", "amount": "0.25", "component": "tool", "currency": "USD"}
    small.workspace.land_feed("cost_events", [{**late, "occurred_at": "2026-11-05T12:00:00Z"}], "-late")
    assert any("landed since the last build" in note for note in small.explain(RESTATED).notes)
    small.workspace.build()
    told = small.explain(RESTATED)
    assert told.value == Decimal("-0.25")
    shown = {row.metric_id: row for row in weekly_as_shown(small.reader, small.workspace.control, WEEK).metrics}
    assert shown[RESTATED].this_week == told.value
    assert [(term.term_id, bool(term.sql)) for term in told.terms] == [("last_profit", True), ("shown_profit", False)]
    assert any("explain gross_profit --week 2026-11-01" in note for note in told.notes)


def test_in_another_zone_and_week_the_rows_are_those_of_its_days(small: Built) -> None:
    """Weeks begin on Sunday in New York: an event at 04:59 UTC on that Sunday is the Saturday's before."""
    told = small.explain("gross_profit", rows=9)
    assert (told.week_start, told.agrees) == (date(2026, 11, 8), True)
    events = {behind.kind: behind for behind in told.behind}["cost_events"]
    assert [row["event_id"] for row in events.rows] == ["sunday"]
    assert (told.terms[0].value, told.terms[2].value) == (Decimal("70"), Decimal("0.50"))


def test_the_95th_of_a_hundred_tasks_in_time_is_shown_with_its_attempt(small: Built) -> None:
    """20 tasks of 1, 2, … 20 seconds: the 19th."""
    told = small.explain("p95_task_time_ms", rows=3)
    assert (told.value, told.agrees) == (19_000, True)
    tasks, attempts = told.behind
    assert [row["task_id"] for row in tasks.rows] == ["t19", "t18", "t17"]
    assert [row["task_id"] for row in attempts.rows] == ["t19"]
    assert attempts.origins[0] is not None and attempts.origins[0].line == 19


def test_a_top_tenants_cost_is_held_against_its_mrr_of_the_weeks_days(small: Built) -> None:
    """140.00 for 14 of 30 days is 300.00 a month and 10.00 a day; 20 calls of 0.0045 and an event that names no tenant."""
    told = small.explain("top20_cost_share_of_revenue", rows=3)
    values = {term.term_id: term.value for term in (*told.terms, *told.counts)}
    assert values["top_tenants_mrr"] == 70
    assert (values["top_tenants"], values["top_tenants_above"]) == (1, 0)
    assert (told.value, told.agrees) == (Decimal("0.001285714286"), True)  # 0.09 / 70
    (row,) = next(behind.rows for behind in told.behind if behind.kind == "top_tenants")
    assert (row["tenant_id"], row["held_usd"], row["is_above_target"]) == ("acme", 70, False)
    assert small.explain("top20_tenants_above_target").agrees


def test_a_published_figure_that_its_terms_do_not_give_is_told_and_why(small: Built, tmp_path: Path) -> None:
    """A copy of the data, in which the published revenue is a dollar more than its days; then with its months closed."""
    data_dir = tmp_path / "var"
    shutil.copytree(small.workspace.settings.data_dir, data_dir)
    reader = Reader(data_dir)
    with duckdb.connect(str(data_dir / "serving" / reader.version().file)) as database:
        database.execute("update mart_weekly_unit_economics set this_week = this_week + 1 where metric_id = 'revenue'")
    told = explain(data_dir, reader, small.workspace.control, "revenue", WEEK, None, 0)
    assert (told.agrees, told.value) == (False, 70)
    assert (
        "The published figure is 71.000000000000; its terms, asked now, give another: please report this." in told.notes
    )
    (data_dir / "closed" / "before=2026-12-01").mkdir(parents=True)
    notes = explain(data_dir, reader, small.workspace.control, "revenue", WEEK, None, 0).notes
    assert any(note.startswith("Figures of dates before 2026-12-01 are closed") for note in notes)
    assert any(note.endswith("its week is closed.") for note in notes)
    reader.close()


def test_a_figure_that_lacks_parts_on_both_sides_is_no_bound_and_says_what_is_missing(built: Built) -> None:
    """Week of 2026-11-02: a line of 10.00 over seven days and an event in pounds, which have no rate; calls without a price."""
    told = built.explain("gross_profit", date(2026, 11, 2))
    counts = {term.term_id: term.value for term in told.counts}
    assert (told.bound, counts["unconverted_charges"], counts["unconverted_events"]) == ("neither", 6, 1)
    assert "exchange rate; how many is told below" in "\n".join(line.plain for line in as_lines(told))
    assert built.explain("revenue", date(2026, 11, 2)).bound == "at_least"
    assert built.explain("inference_cost_share_of_revenue", date(2026, 11, 2)).bound == "neither"
    assert built.explain("total_inference_cost", date(2026, 11, 2)).bound == "at_least"


# --- one tenant -------------------------------------------------------------------------------------------------------


def test_every_metric_of_every_tenant_is_what_python_adds_up(built: Built) -> None:
    cells = Cells(built)
    tenants = [row["tenant_id"] for row in built.rows("select distinct tenant_id from fct_tenant_day order by 1")]
    assert {"acme", "whale", "unattributed", "ünï·corp"} <= set(tenants)
    with_value = set[str]()
    for start in WEEKS:
        for tenant in tenants:
            expected = cells.of(tenant, start)
            assert set(expected) == set(OF_TENANTS)
            for metric in OF_TENANTS:
                told = built.explain(metric, start, tenant)
                assert told.value == expected[metric], (start, tenant, metric)
                assert (told.missing is None) == (told.value is not None)
                with_value |= {metric} if told.value is not None else set()
    assert set(OF_TENANTS) - with_value <= {"p95_task_time_ms"}


def test_tenants_money_adds_up_to_the_companys_but_for_what_no_tenant_bears(built: Built) -> None:
    tenants = [row["tenant_id"] for row in built.rows("select distinct tenant_id from fct_tenant_day")]
    sums = ("revenue", "total_inference_cost", "under_water_loss", "unpaid_cost", "failed_task_spend", "untasked_cost")
    for metric in sums:
        parts = [built.explain(metric, tenant=tenant).value or 0 for tenant in tenants]
        assert sum(parts) == built.explain(metric).value, metric
    pools = built.reader.shared_costs(Period.week(WEEK))
    assert sum(line.cost_usd for line in pools) > 0
    nobodys = sum(line.cost_usd for line in pools if line.tenant_id == "unallocated")
    profits = [built.explain("gross_profit", tenant=tenant).value or 0 for tenant in tenants]
    assert sum(profits) - nobodys == built.explain("gross_profit").value
    margins = {row.tenant_id: row.gross_profit_usd for row in built.reader.tenant_margins(Period.week(WEEK))}
    assert dict(zip(tenants, profits, strict=True)) == {name: margins.get(name, 0) for name in tenants}


def test_a_metric_that_one_tenant_cannot_have_says_why_and_what_there_is(built: Built) -> None:
    for metric in set(FORMULAS) - set(OF_TENANTS):
        with pytest.raises(ExplainError, match=f"{metric} is not worked out for one tenant") as refused:
            built.explain(metric, tenant="acme")
        offered = str(refused.value).rpartition(": ")[2].rstrip(".").split(", ")
        assert {word.split()[0] for word in offered} <= set(OF_TENANTS)


# --- what is behind ---------------------------------------------------------------------------------------------------


def test_the_rows_behind_a_term_add_up_to_it(built: Built) -> None:
    compared = set[str]()
    for start in WEEKS:
        for metric in FORMULAS:
            told = built.explain(metric, start, rows=2)
            totals = {behind.kind: behind.total for behind in told.behind}
            for term in (*told.terms, *told.counts):
                first = next(iter(TERMS[term.term_id].behind), None)
                if term.value and first in KINDS and KINDS[first].measure and term.unit == "usd":
                    assert totals[first] == term.value, (start, metric, term.term_id)
                    compared.add(first)
                if term.value and term.term_id in (
                    "unpriced_requests",
                    "partial_requests",
                    "cache_hits",
                    "active_users",
                ):
                    behind = next(behind for behind in told.behind if behind.kind == first)
                    assert behind.count == term.value
                    compared.add(term.term_id)
    assert compared >= {
        *(
            "revenue_days",
            "requests",
            "production_requests",
            "other_cost_days",
            "pools",
            "untasked_requests",
            "task_requests",
        ),
        *("unattributed_requests", "failed_tasks", "superseded_requests", "superseded_failed_requests"),
        *("tasked_revenue_days", "top_tenants", "under_water_tenants", "unpaid_tenants", "month_days"),
        *("acquisition_months", "unpriced_requests", "active_users"),
    }


def test_a_request_is_found_in_the_file_and_line_that_it_was_read_from(built: Built) -> None:
    seen = 0
    for metric in ("total_inference_cost", "retry_waste", "priced_coverage"):
        for behind in built.explain(metric, rows=50).behind:
            for row, origin in zip(behind.rows, behind.origins, strict=True):
                assert origin is not None
                logged = json.loads(Path(origin.file).read_text().splitlines()[origin.line - 1])
                assert logged["output_tokens"] == row["output_tokens"]
                assert logged.get("task_id") == row["task_id"]
                assert logged["started_at"][:19] == row["started_at"][:19]
                seen += 1
    assert seen > 100


def test_lines_of_feeds_and_outcomes_are_found_where_they_were_read(built: Built) -> None:
    told = {
        behind.kind: behind for metric in ("gross_profit", "ltv_cac") for behind in built.explain(metric, rows=9).behind
    }
    names = {
        "revenue_lines": "line_id",
        "cost_events": "event_id",
        "pool_lines": "pool_id",
        "acquisition_lines": "month",
    }
    for kind, name in names.items():
        behind = told[kind]
        assert behind.count == len(behind.rows) > 0
        for row, origin in zip(behind.rows, behind.origins, strict=True):
            assert origin is not None
            assert str(row[name])[:7] in Path(origin.file).read_text().splitlines()[origin.line - 1]
    # The line in euro has its last day on 11-09, the pool `vectors` on 11-07; only two lines have days of 10-26 to 11-01.
    lines = ["parts-of-a-cent", "thirds", "euro", "no-rate", "credit"]
    assert [row["line_id"] for row in told["revenue_lines"].rows] == lines
    assert [row["pool_id"] for row in told["pool_lines"].rows] == ["hosting"]
    before = built.explain("revenue", date(2026, 10, 28), rows=9).behind[1]
    assert [row["line_id"] for row in before.rows] == ["parts-of-a-cent", "thirds"]
    assert {row["event_id"] for row in told["cost_events"].rows} == {"1109-tool", "1109-rerank", "1109-human_review"}
    failed = next(behind for behind in built.explain("success_rate", rows=9).behind if behind.kind == "failed_tasks")
    places = {row["task_id"]: origin for row, origin in zip(failed.rows, failed.origins, strict=True)}
    assert set(places) == {"1109-t8"}  # t3 was corrected to a success
    origin = places["1109-t8"]
    assert origin is not None and Path(origin.file).name == "task_outcomes-1109.jsonl"
    corrected = next(b for b in built.explain("success_rate", rows=9).behind if b.kind == "successful_tasks")
    by_task = {row["task_id"]: origin for row, origin in zip(corrected.rows, corrected.origins, strict=True)}
    late = by_task["1109-t3"]
    assert late is not None and (Path(late.file).name, late.line) == ("task_outcomes-late.jsonl", 2)


def test_cost_events_of_a_tenant_are_its_own_and_those_of_its_tasks_alone(built: Built) -> None:
    def events(tenant: str | None) -> set[str]:
        told = built.explain("gross_profit", date(2026, 11, 2), tenant, rows=50)
        return {row["event_id"] for behind in told.behind if behind.kind == "cost_events" for row in behind.rows}

    assert events("acme") == {"1102-tool", "1102-rerank", "1102-human_review", "euro-tool"}
    # Not `rnd`, which is of a task outside production, and not `support`, which is no cost of goods.
    assert events(None) == {*events("acme"), "no-rate", "of-nobody"}


def test_all_sql_that_is_told_runs_as_it_stands_and_gives_what_is_told(built: Built) -> None:
    for metric in FORMULAS:
        told = as_json(built.explain(metric, rows=1))
        for term in (*told["terms"], *told["counts"]):
            if term["sql"]:
                ((value,),) = built.reader.query(term["sql"]).rows
                assert (None if value is None else Decimal(value)) == (
                    None if term["value"] is None else Decimal(term["value"])
                )
        for behind in told["rows"]:
            assert behind["sql"] is None or len(built.reader.query(behind["sql"]).rows) == len(behind["rows"])


def test_a_span_is_found_in_its_line_and_place_and_so_is_the_outcome_that_came_with_it(tmp_path: Path) -> None:
    """Two export requests; the second has two spans, of which the last was judged. A name that is no landing is left out."""
    workspace = Workspace(tmp_path)
    first, other = otlp.span(spanId="A" * 16), otlp.span(spanId="B" * 16)
    judged = otlp.span(spanId="C" * 16, events=[otlp.evaluation({"gen_ai.evaluation.score.label": "pass"})])
    workspace.land_records("spans", [otlp.request(first), otlp.request(other, judged)])
    stored = [(str(row["landing_id"]), int(row["source_line"])) for row in landed(workspace)]
    found = origins(workspace.control, [*stored, ("no-landing", 1)])
    assert sorted(map(str, found.values())) == [
        f"{tmp_path}/spans.jsonl:{at}, item {n}" for at, n in ((1, 1), (2, 1), (2, 2))
    ]
    count, lines = current_lines(
        workspace.lake, workspace.control, "task_outcomes", ["task_id", "outcome"], "true", "task_id", {}, 10
    )
    ((line, origin),) = zip(
        lines, origins(workspace.control, [(o.landing_id, o.source_line) for o in lines]).values(), strict=True
    )
    assert (count, line.values["outcome"], origin.line) == (1, "success", 2)
    workspace.control.close()


def test_a_line_of_an_erased_tenant_that_landed_again_is_not_shown(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    service = {"service_start": "2026-11-09", "service_end": "2026-11-16", "kind": "usage", "currency": "USD"}
    lines = [{"line_id": tenant, "tenant_id": tenant, "amount": "7.00", **service} for tenant in ("acme", "beta")]
    workspace.land_feed("revenue_lines", lines)
    with workspace.control.write() as connection:
        erased = {"kind": "tenant", "id_md5": hashlib.md5(b"acme").hexdigest(), "erased_at": "", "erased_by": "test"}
        connection.execute(sa.insert(db.tombstone).values(**erased))
    count, found = current_lines(
        workspace.lake, workspace.control, "revenue_lines", ["line_id"], "true", "line_id", {}, 10
    )
    assert (count, [line.values for line in found]) == (1, [{"line_id": "beta"}])
    workspace.control.close()


# --- what is told -----------------------------------------------------------------------------------------------------


def test_the_worked_example_is_told_with_its_numbers(built: Built) -> None:
    """The ten tasks of 2026-11-02: acme's alone; $0.762 of other cost and a tool in euro, 0.123456789012 at 1.123456789."""
    told = built.explain("cost_per_successful_task", date(2026, 11, 2), "acme", rows=1)
    values = {term.term_id: term.value for term in (*told.terms, *told.counts)}
    assert (values["successes"], values["tasks"], values["unknown_tasks"]) == (6, 10, 2)
    assert values["task_other"] == Decimal("0.762") + Decimal("0.138698367764")
    text = "\n".join(line.plain for line in as_lines(told))
    assert "· week 2026-11-02 to 2026-11-08 · tenant acme (Acme Inc.)" in text
    assert "= (model calls of all tasks + tools, retrieval, reviews of all tasks) ÷ successful tasks" in text
    assert " + 0.900698367764) ÷ 6 = " in text
    assert "requests-1102.jsonl:" in text and "task_outcomes-1102.jsonl:" in text
    assert "no upper bound" in text  # the embedding of t10 has no price


def test_a_week_without_rows_of_a_tenant_is_all_zero_and_says_what_is_missing(built: Built) -> None:
    told = built.explain("gross_margin", date(2026, 11, 2), "ünï·corp", rows=3)
    assert (told.value, told.missing, told.behind) == (None, "revenue in this week", ())
    assert {term.value for term in told.terms} == {0}
    assert any("no value: needs revenue in this week" in line.plain for line in as_lines(told))


@pytest.mark.parametrize(
    ("metric", "week", "tenant", "message"),
    [
        ("gros_margin", WEEK, None, "Unknown metric 'gros_margin'. Did you mean gross_margin or gross_profit?"),
        ("zzz", WEEK, None, "Unknown metric 'zzz'. Metrics: revenue, total_inference_cost,"),
        ("revenue", WEEK, "acm", "Unknown tenant 'acm'. Did you mean acme? Tenants in the data: acme,"),
        ("revenue", WEEK, "acme inc.", "Unknown tenant 'acme inc.'. Did you mean acme?"),
        ("revenue", WEEK, "unallocated", "'unallocated' is what no tenant bears"),
        ("revenue", WEEK, "' or 1 = 1 --", "Unknown tenant '' or 1 = 1 --'."),
    ],
)
def test_an_unknown_name_is_answered_with_what_there_is(
    built: Built, metric: str, week: date, tenant: str | None, message: str
) -> None:
    with pytest.raises(ExplainError) as refused:
        built.explain(metric, week, tenant)
    assert str(refused.value).startswith(message)


def test_an_unknown_week_is_answered_with_the_weeks_there_are(built: Built) -> None:
    with pytest.raises(NoSuchWeek, match="No week with 2020-01-01 in the data"):
        built.explain("revenue", date(2020, 1, 1))


# --- the independent calculation --------------------------------------------------------------------------------------


class Cells:
    """Tenants' figures from published rows, added up one by one in Python."""

    def __init__(self, built: Built) -> None:
        self.requests = built.rows("select * from fct_llm_request_priced")
        self.tasks = built.rows("select * from fct_task where is_production")
        self.days = built.rows("select * from fct_tenant_day")
        self.costs = built.rows("select * from fct_cost_day where not is_model_call")
        self.shared = built.rows("select * from fct_allocated_cost_day")
        self.attempts: dict[str, list[Row]] = {}
        for row in self.requests:
            self.attempts.setdefault(row["task_id"], []).append(row)

    def of(self, tenant: str, start: date) -> dict[str, Decimal | None]:
        end = start + timedelta(days=7)

        def mine(rows: list[Row], column: str = "usage_date", first: date = start) -> list[Row]:
            return [row for row in rows if row["tenant_id"] == tenant and first <= row[column] < end]

        requests, tasks = mine(self.requests), mine(self.tasks, "task_date")
        production = [row for row in requests if row["is_production"]]
        revenue = total(mine(self.days), "revenue_pico")
        other = total([row for row in mine(self.costs) if row["is_cost_of_goods"]], "cost_pico")
        goods = total(production, "cost_pico") + other + total(mine(self.shared), "cost_pico")
        spent = sum(self._cost(task) for task in tasks)
        judged = {kind: [task for task in tasks if task["outcome"] == kind] for kind in OUTCOMES}
        success = len(judged["success"])
        failed = [task for kind in OUTCOMES[1:] for task in judged[kind]]
        waste = {task["task_id"]: self._superseded(task) for task in tasks}
        dates = {task["task_date"] for task in tasks}
        tasked = total([row for row in mine(self.days) if row["usage_date"] in dates], "revenue_pico")
        done = [row for row in production if row["status"] in ("ok", "cancelled")]
        cacheable = [row for row in done if row["operation_name"] in ("chat", "embeddings")]
        served = [row for row in done if not row["is_gateway_cache_hit"]]
        lookups = [row for row in cacheable if row["is_gateway_cache_hit"] is not None]
        month = (end - timedelta(days=1)).replace(day=1)
        last = end - timedelta(days=1)
        left = ((month + timedelta(days=32)).replace(day=1) - timedelta(days=1) - last).days
        active = len({row["usage_date"] for row in self.requests if start <= row["usage_date"] < end})
        so_far = total(mine(self.requests, first=month), "cost_pico")
        average = round(Fraction(total(requests, "cost_pico") * left, active)) if active else 0
        durations = sorted(task["duration_ms"] for task in tasks)
        tokens = sum(task["input_tokens"] + task["output_tokens"] for task in tasks)
        users = {row["end_user_id"] for row in production if row["end_user_id"] is not None}
        whole = [row for row in requests if row["pricing_status"] not in ("unpriced", "partial")]
        return {
            "revenue": usd(revenue),
            "total_inference_cost": usd(total(requests, "cost_pico")),
            "inference_cost_share_of_revenue": share(total(requests, "cost_pico"), revenue),
            "gross_profit": usd(revenue - goods),
            "gross_margin": share(revenue - goods, revenue),
            "cost_per_active_user": each(total(production, "cost_pico"), len(users)),
            "cost_per_successful_task": each(spent, success),
            "margin_per_task": each(tasked - spent, len(tasks)),
            "success_rate": share(success, success + len(failed)),
            "outcome_completeness": share(success + len(failed), len(tasks)),
            "tokens_per_success": share(tokens, success),
            "p95_task_time_ms": Decimal(durations[-(-95 * len(tasks) // 100) - 1]) if len(tasks) >= 20 else None,
            "gateway_cache_hit_rate": share(sum(row["is_gateway_cache_hit"] for row in lookups), len(lookups)),
            "small_or_mid_share": share(sum(row["model_tier"] in ("small", "mid") for row in served), len(served)),
            "under_water_loss": usd(max(goods - revenue, 0) if revenue > 0 and tenant != "unattributed" else 0),
            "unpaid_cost": usd(goods if revenue <= 0 and tenant != "unattributed" else 0),
            "escalation_rate": share(len(judged["escalated"]), success + len(failed)),
            "retry_waste": usd(sum(waste.values())) if tasks else None,
            "failed_task_spend": usd(sum(self._cost(task) for task in failed)) if tasks else None,
            "retry_waste_of_failed_tasks": usd(sum(waste[task["task_id"]] for task in failed)) if tasks else None,
            "untasked_cost": usd(total([row for row in production if row["task_id"] is None], "cost_pico")),
            "month_end_outlook": usd(so_far + average),
            "priced_coverage": share(len(whole), len(requests)),
        }

    def _cost(self, task: Row) -> int:
        return total(self.attempts[task["task_id"]], "cost_pico") + int(task["other_cost_pico"])

    def _superseded(self, task: Row) -> int:
        """All attempts of a logical call but its last."""
        calls: dict[str, list[Row]] = {}
        for row in sorted(self.attempts[task["task_id"]], key=lambda row: (row["started_at"], row["record_key"])):
            calls.setdefault(row["logical_call_id"], []).append(row)
        return sum(total(attempts[:-1], "cost_pico") for attempts in calls.values())


OUTCOMES = ("success", "failure", "escalated", "abandoned")


def total(rows: list[Row], column: str) -> int:
    return sum(int(row[column] or 0) for row in rows)


def usd(pico: int) -> Decimal:
    sign, digits = int(pico < 0), tuple(map(int, str(abs(pico))))
    return Decimal((sign, digits, -12))


def each(pico: int, count: int) -> Decimal | None:
    return usd(round(Fraction(pico, count))) if count else None


def share(part: int, whole: int) -> Decimal | None:
    return usd(round(Fraction(part * 10**12, whole))) if whole > 0 else None
