"""The parts of the pages that are plain functions: amounts, states, concentration, movers, escaping, downloads, charts."""

from __future__ import annotations

import csv
import io
import sys
from datetime import date
from decimal import Decimal
from subprocess import run
from typing import Any

import pytest

from dashboards import charts, downloads, markup
from dashboards import format as text
from dashboards.margins import Step, concentration, share_of_top, state_of, total
from dashboards.movers import movers
from dashboards.views import discover
from pipelines.economics.figures import shown_change
from tests.readme import ROOT
from warehouse.rows import CostLine, Period, TenantDay, TenantMargin, TrendPoint

TARGET = Decimal("0.68")


def tenant(tenant_id: str, revenue: str, inference: str, other: str = "0", **values: Any) -> TenantMargin:
    counts = {"requests": 10, "unpriced_requests": 0, "partial_requests": 0, "unconverted_rows": 0}
    names = {"name": None, "plan": None, "segment": None}
    amounts = {
        "revenue_usd": revenue,
        "inference_cogs_usd": inference,
        "other_cogs_usd": other,
        "outside_cogs_usd": "0",
    }
    return TenantMargin(tenant_id, **(names | {k: Decimal(v) for k, v in amounts.items()} | counts | values))


def cost(key: str | None, dollars: str) -> CostLine:
    return CostLine((key,), Decimal(dollars), 1, 0, 0, 0, 0, 0, 0)


def point(day: int, value: str | None, *, is_complete: bool = True, unit: str = "ratio") -> TrendPoint:
    amount = None if value is None else Decimal(value)
    return TrendPoint(date(2026, 11, day), is_complete, "gross_margin", "Gross margin", unit, amount, None, TARGET)


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (Period.week(date(2026, 11, 9)), "9 – 15 Nov 2026"),
        (Period.week(date(2026, 9, 28)), "28 Sep – 4 Oct 2026"),
        (Period.week(date(2026, 12, 28)), "28 Dec 2026 – 3 Jan 2027"),
        (Period.month(date(2026, 2, 14)), "February 2026"),
    ],
)
def test_a_period_is_named_as_briefly_as_it_stays_clear(period: Period, words: str) -> None:
    assert text.span(period) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(2, 3, "66.7%"), (9999, 10_000, "> 99.9%"), (9994, 10_000, "99.9%"), (7, 7, "100.0%"), (0, 0, "–")],
)  # fmt: skip
def test_all_is_said_to_be_priced_only_where_nothing_is_missing(part: int, whole: int, words: str) -> None:
    assert text.share(part, whole) == words


def test_the_shown_amounts_of_a_column_add_up_to_its_shown_total() -> None:
    thirds = [Decimal("33.333333333333")] * 3
    assert text.column(thirds) == ["$33.34", "$33.33", "$33.33"]  # 99.999999999999 is shown as $100.00
    assert text.column([Decimal("0.0045"), Decimal("-0.00012")]) == ["$0.004500", "-$0.000120"]


def test_a_change_that_rounds_to_nothing_has_no_sign() -> None:
    assert shown_change(Decimal("0.99489"), Decimal("0.99517"), "ratio") == "0.0 pt"
    assert shown_change(Decimal("0.9"), Decimal("0.95"), "ratio") == "-5.0 pt"


def test_a_tenant_is_judged_by_what_it_pays_and_costs() -> None:
    judged = {row.tenant_id: state_of(row, TARGET) for row in (
        tenant("cost = revenue", "10", "10"), tenant("a picodollar more", "10", "10.000000000001"),
        tenant("on target exactly", "100", "32"), tenant("just below", "100", "32.000000001"),
        tenant("free", "0", "1"), tenant("idle", "0", "0"),
    )}  # fmt: skip
    assert judged == {
        "cost = revenue": "below_target", "a picodollar more": "under_water", "on target exactly": "on_target",
        "just below": "below_target", "free": "free", "idle": "idle",
    }  # fmt: skip
    assert state_of(tenant("no target", "10", "9"), None) == "on_target"


def test_concentration_takes_whole_tenants_dearest_first_and_ties_by_id() -> None:
    rows = [tenant("b", "0", "30"), tenant("a", "0", "20", "10"), tenant("c", "0", "40"), tenant("idle", "5", "0"),
            tenant("unattributed", "0", "900"), tenant("unallocated", "0", "900")]  # fmt: skip
    steps = concentration(rows)
    assert [step.cost_share for step in steps] == [Decimal(0), Decimal("0.4"), Decimal("0.7"), Decimal(1)]
    # A fifth of three tenants is 0.6 of one: one. Two thirds are two.
    assert share_of_top(steps, 20) == Step(1, Decimal("0.333333333333"), Decimal("0.4"))
    assert share_of_top(steps, 66) == steps[2]
    assert share_of_top(steps, 67) == steps[3]
    assert concentration([]) == []
    assert share_of_top([], 20) is None


def test_the_sum_of_rows_is_a_bound_as_soon_as_one_of_them_is() -> None:
    summed = total([tenant("a", "10", "1"), tenant("b", "5", "2", "1", unpriced_requests=1)])
    assert (summed.revenue_usd, summed.gross_profit_usd, summed.is_lower_bound) == (Decimal(15), Decimal(11), True)
    assert summed.gross_margin == Decimal("0.733333333333")


def test_movers_are_the_largest_changes_and_with_the_others_the_whole_change() -> None:
    before = [cost("gone", "5"), cost("up", "1"), cost(None, "2"), cost("same", "3")]
    now = [cost("up", "4"), cost("up", "3"), cost(None, "1.5"), cost("same", "3"), cost("new", "0.25")]
    found = movers(before, now, 2)
    assert [(mover.key, mover.change_usd) for mover in found.top] == [("up", Decimal(6)), ("gone", Decimal(-5))]
    assert (found.others_count, found.others.change_usd) == (3, Decimal("-0.25"))
    assert found.total.change_usd == Decimal("11.75") - Decimal(11)


def test_text_comes_out_of_a_table_as_it_went_in() -> None:
    name = "<script>alert(1)</script>\" onmouseover='x' &amp;"
    made = markup.table(
        [markup.Column(name, hint=name)], [markup.Row([name]), markup.Row([markup.muted(name)])], label=name
    )
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onmouseover=&#x27;x&#x27; &amp;amp;" in made


def test_a_download_is_exact_and_runs_no_formula() -> None:
    row = tenant("=1+1", "1234.567890123456", "0.000000000001", name="@SUM(A1)", plan="pro")
    (read,) = csv.DictReader(io.StringIO(downloads.tenants_csv([row]).decode()))
    assert (read["tenant_id"], read["name"]) == ("'=1+1", "'@SUM(A1)")
    assert (read["revenue_usd"], read["cogs_usd"]) == ("1234.567890123456", "0.000000000001")
    assert (read["gross_profit_usd"], read["segment"]) == ("1234.567890123455", "")


def test_a_trend_keeps_gaps_and_marks_weeks_that_are_not_complete() -> None:
    figure = charts.trend([point(2, "0.5"), point(9, None), point(16, "0.725", is_complete=False)])
    line = figure.data[0]
    assert line.y == (50.0, None, 72.5)
    assert line.marker.symbol == ("circle", "circle", "circle-open")
    assert "72.5%" in line.text[2]
    assert "not complete" in line.text[2]
    assert figure.layout.shapes[0].y0 == 68.0


def test_tenants_without_revenue_stand_left_of_all_others_on_the_logarithmic_axis() -> None:
    rows = [
        (tenant("pays", "30", "10", name="<b>"), "on_target"),
        (tenant("free", "0", "2"), "free"),
        (tenant("idle", "0", "0"), "idle"),
    ]
    marks = {trace.name: trace for trace in charts.revenue_and_cost(rows, TARGET).data if trace.mode == "markers"}  # pyright: ignore
    assert {name: (trace.x, trace.y) for name, trace in marks.items()} == {
        "on target": ((30.0,), (10.0,)), "no revenue": ((10.0,), (2.0,)),
    }  # fmt: skip
    assert "<b>&lt;b&gt;</b>" in marks["on target"].text[0]


def test_a_tenants_chart_has_every_day_of_the_window() -> None:
    day = TenantDay(date(2026, 11, 10), Decimal("1.5"), Decimal("0.25"), 3)
    figure = charts.tenant_days([day], Period(date(2026, 11, 9), date(2026, 11, 12)), Period.week(date(2026, 11, 9)))
    bars, line = figure.data
    assert (bars.y, line.y) == ((0.0, 0.25, 0.0), (0.0, 1.5, 0.0))


def test_views_are_found_by_their_files_in_the_order_of_the_navigation() -> None:
    assert list(discover()) == ["week", "tenants", "tasks", "cache", "models", "waste", "data"]


def test_the_command_line_starts_without_the_dashboards_libraries() -> None:
    code = "import sys, pipelines.cli; print([n for n in ('streamlit', 'plotly', 'dagster', 'dashboards') if n in sys.modules])"
    assert run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"
