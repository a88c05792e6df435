"""Published tables through the whole product: what the marts say is what the table says, and dirt is named.

Small tables are our own, their figures worked out by hand. The public ones are compared with sums made by the csv module.
"""

from __future__ import annotations

import csv
from collections import Counter
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

import sample_data.published
from pipelines.published.__main__ import main
from warehouse.connection import warehouse
from warehouse.reader import Reader

Rows = list[dict[str, str]]

KNOWN = Path(sample_data.published.__file__).parent / "tables"
TABLE = """\
run,model,date,tasks,suite_tasks,passed,pass_rate,total_cost,prompt_tokens,completion_tokens,seconds_per_task
clean,gpt-4o-mini,2026-03-02,3,3,2,66.7,$1.00,3000,600,1.5
unpaid,gpt-4o-mini,2026-03-02,4,4,1,25.0,0.0,4000,400,2
suite,house-model,2026-03-03,4,5,2,40.0,0.50,,,
neither,house-model,2026-03-03,4,5,2,45.0,0.50,10,10,
silent,house-model,2026-03-03,2,2,n/a,n/a,0.10,10,10,
hopeless,house-model,2026-03-03,2,2,0,0.0,0.10,10,10,
uncounted,house-model,2026-03-03,,,1,50.0,0.10,10,10,
=2+3,house-model,2026-03-03,1,1,1,100,0.000000000001,10,10,
"""


def recomputed(table: Path, out: Path, *options: str) -> tuple[int, Rows]:
    code = main([str(table), "--out", str(out), *options])
    return code, rows_of(out / "report.csv")


def rows_of(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_small_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text(TABLE)
    code, report = recomputed(table, out)
    assert code == 0
    by_run = {row["run"]: row for row in report}
    assert list(by_run) == ["clean", "unpaid", "suite", "neither", "silent", "hopeless", "uncounted", "'=2+3"]

    def told(run: str, *columns: str) -> list[str]:
        return [by_run[run][column] for column in columns]

    figures = ("tasks", "passed", "pass_rate_percent", "pass_rate_agrees", "cost_usd", "cost_agrees")
    per_success = ("cost_per_task_usd", "cost_per_success_usd", "tokens_per_success", "seconds_per_task")
    assert told("clean", *figures) == ["3", "2", "66.666666667", "true", "1.000000000000", "true"]
    assert told("clean", *per_success) == ["0.333333333333", "0.500000000000", "1800", "1.500"]
    # gpt-4o-mini: 0.15 and 0.60 dollars per million tokens. The second figure, in no cost.
    assert Decimal(by_run["clean"]["list_cost_usd"]) == Decimal("0.00081")
    assert Decimal(by_run["unpaid"]["list_cost_usd"]) == Decimal("0.00084")
    assert told("unpaid", *figures, *per_success) == ["4", "1", "25.000000000", "true", "", "", "", "", "4400", "2.000"]
    assert told("suite", *figures) == ["4", "2", "50.000000000", "true", "0.500000000000", "true"]
    assert told("suite", "published_rate_denominator", "list_cost_usd", "cost_per_success_usd") == [
        *("5", "", "0.250000000000")
    ]
    assert told("neither", "pass_rate_agrees", "published_rate_denominator", "cost_agrees") == ["", "", "true"]
    assert told("silent", "passed", "cost_per_task_usd", "cost_per_success_usd") == ["", "0.050000000000", ""]
    assert told("hopeless", "passed", "cost_usd", "cost_per_success_usd") == ["0", "0.100000000000", ""]
    assert told("uncounted", "tasks", "cost_usd", "dirt") == ["0", "", "tasks_missing"]
    assert told("'=2+3", "cost_usd", "cost_agrees") == ["0.000000000001", "true"]
    assert [row["dirt"] for row in report] == [
        "",
        "cost_zero",
        "tasks_run_differ_from_suite; pass_rate_of_suite_not_of_tasks_run; tokens_missing",
        "tasks_run_differ_from_suite; pass_rate_is_not_passed_over_any_count",
        "pass_rate_missing; passed_missing",
        "",
        "tasks_missing",
        "",
    ]
    said = capsys.readouterr().out
    assert "Runs reproduced: 7 of 8 rows" in said
    assert "Pass rates: 5 agree, 0 differ, 3 not comparable" in said
    assert "Costs: 6 agree, 0 differ, 2 not comparable" in said

    # In the marts themselves: the published cost is the whole cost, and the cost that nobody recorded is never complete.
    reader = Reader(out / "var")
    totals = reader.query(
        """select feature, sum(llm_cost_usd), sum(other_cost_usd), sum(cost_usd), sum(partial_attempts)::bigint
        from fct_task where feature in ('clean', 'unpaid') group by feature order by feature"""
    ).rows
    assert totals == (("clean", 0, 1, 1, 0), ("unpaid", 0, 0, 0, 4))
    version = reader.version().n
    reader.close()

    first = (out / "report.csv").read_bytes()
    assert recomputed(table, out)[0] == 0
    assert (out / "report.csv").read_bytes() == first
    reader = Reader(out / "var")
    assert reader.version().n == version, "a second time there is nothing to build"
    reader.close()

    table.write_text(TABLE.replace("$1.00", "$2.00"))
    assert main([str(table), "--out", str(out)]) == 2
    assert "choose a new folder" in capsys.readouterr().err


def test_a_figure_of_the_marts_that_is_not_the_tables_is_told(tmp_path: Path) -> None:
    """Somebody added a cost to a run's task: it is in the marts, not in the table."""
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("".join(TABLE.splitlines(keepends=True)[:2]))
    (out / "feeds").mkdir(parents=True)
    (out / "feeds" / "cost_events-more.csv").write_text(
        "event_id,occurred_at,task_id,component,amount,currency\nmore,2026-03-02T00:00:00Z,clean/1,tool,0.01,USD\n"
    )
    code, (row,) = recomputed(table, out)
    assert code == 3
    assert (row["cost_usd"], row["published_cost_usd"], row["cost_agrees"]) == (
        "1.010000000000",
        "1.000000000000",
        "false",
    )


def test_trials_and_pass_k(tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out"
    header = "submission,model,domain,pass_1,pass_2,pass_3,pass_4,cost_usd_per_task"
    table.write_text(f"{header}\na_2026-03-02,m,shop,75.00,58.33,50.00,50.00,0.25\n")
    code, (row,) = recomputed(table, out, "--tasks", "shop=2")
    assert code == 0
    assert (row["run"], row["tasks"], row["passed"]) == ("a_2026-03-02/shop", "8", "6")
    assert (row["pass_2_percent"], row["pass_4_percent"]) == ("58.333333333", "50.000000000")
    assert (row["pass_k_agrees"], row["pass_rate_agrees"], row["cost_agrees"]) == ("true", "true", "true")
    # Eight trials at 25 cents, six of them passed.
    assert (row["cost_usd"], row["cost_per_success_usd"]) == ("2.000000000000", "0.333333333333")


def rounded(value: Decimal, published: str) -> set[Decimal]:
    """The value to the published number of decimals; both neighbours of an exact half."""
    unit = Decimal(1).scaleb(-len(published.partition(".")[2]))
    return {value.quantize(unit, ROUND_HALF_EVEN), value.quantize(unit, ROUND_HALF_UP)}


def test_aiders_leaderboard(tmp_path: Path, real_data: Path) -> None:
    path = real_data / "aider" / "polyglot.csv"
    published = rows_of(path)
    code, report = recomputed(path, tmp_path / "out", f"@{KNOWN / 'aider.txt'}")
    assert code == 0
    assert [row["run"] for row in report] == [row["dirname"] for row in published]
    assert len(report) == 69
    for ours, theirs in zip(report, published, strict=True):
        tasks, passed = Decimal(theirs["test_cases"]), Decimal(theirs["pass_num_2"])
        assert (ours["tasks"], ours["passed"]) == (theirs["test_cases"], theirs["pass_num_2"])
        assert Decimal(ours["seconds_per_task"]) == Decimal(theirs["seconds_per_case"])
        of_run, of_suite = (rounded(100 * passed / Decimal(theirs[n]), theirs["pass_rate_2"]) for n in COUNTS)
        rate = Decimal(theirs["pass_rate_2"])
        is_of_suite = rate not in of_run and rate in of_suite
        is_of_neither = rate not in of_run | of_suite
        assert ("pass_rate_of_suite_not_of_tasks_run" in ours["dirt"]) == is_of_suite
        assert ("pass_rate_is_not_passed_over_any_count" in ours["dirt"]) == is_of_neither
        assert ours["pass_rate_agrees"] == ("" if is_of_neither else "true")
        cost = Decimal(theirs["total_cost"] or 0)
        assert ("cost_" in ours["dirt"]) == (cost == 0)
        if cost:
            assert Decimal(ours["cost_usd"]) == cost
            assert Decimal(ours["cost_per_task_usd"]) == round(cost / tasks, 12)
            assert Decimal(ours["cost_per_success_usd"]) == round(cost / passed, 12)
        else:
            assert (ours["cost_usd"], ours["cost_per_task_usd"], ours["cost_per_success_usd"]) == ("", "", "")
        tokens = [Decimal(theirs[name]) for name in ("prompt_tokens", "completion_tokens") if theirs[name]]
        assert ("tokens_missing" in ours["dirt"]) == (len(tokens) < 2)
        assert ours["tokens_per_success"] == (str(round(sum(tokens) / passed)) if tokens else "")
    # 17 runs say 0.0 or 0 and one says nothing; counted by hand in the file, as are the rest.
    assert dirt_of(report) == {
        "tokens_missing": 46,
        "cost_zero": 17,
        "cost_missing": 1,
        "tasks_run_differ_from_suite": 6,
        "pass_rate_of_suite_not_of_tasks_run": 4,
        "pass_rate_is_not_passed_over_any_count": 1,
    }
    with warehouse(tmp_path / "out" / "var" / "warehouse.duckdb") as database:
        sums = "select count(*), count(*) filter (outcome = 'success'), sum(cost_usd) from fct_task"
        assert database.execute(sums).fetchall() == [
            (
                sum(int(row["test_cases"]) for row in published),
                sum(int(row["pass_num_2"]) for row in published),
                sum(Decimal(row["total_cost"] or 0) for row in published),
            )
        ]
    # GPT-5 (high): 2,675,561 tokens at 1.25 dollars per million and 2,623,429 at 10, beside 29.0829 as published.
    (high,) = [row for row in report if row["model"] == "gpt-5 (high)"]
    assert Decimal(high["list_cost_usd"]) == Decimal("29.57874125")


def test_tau2_benchs_submissions(tmp_path: Path, real_data: Path) -> None:
    path = real_data / "tau2" / "submissions.csv"
    published = rows_of(path)
    code, report = recomputed(path, tmp_path / "out", f"@{KNOWN / 'tau2.txt'}")
    assert code == 0
    assert [row["run"] for row in report] == [f"{row['submission']}/{row['domain']}" for row in published]
    assert len(report) == 155
    for ours, theirs in zip(report, published, strict=True):
        rate, cost = theirs["pass_1"], Decimal(theirs["cost_usd_per_task"] or 0)
        if not rate:
            assert (ours["passed"], ours["dirt"].split("; ")[0]) == ("", "pass_rate_missing")
        elif ours["pass_rate_agrees"]:
            # A float's last digits are its own: compared at nine decimals.
            shown = rate[: rate.index(".") + 10] if len(rate.partition(".")[2]) > 9 else rate
            exact = 100 * Decimal(ours["passed"]) / Decimal(ours["tasks"])
            assert round(Decimal(rate), len(shown.partition(".")[2])) in rounded(exact, shown)
        else:
            assert "pass_rate_is_no_whole_number_of_tasks" in ours["dirt"]
            # The nearest whole number of tasks: at most half a task away.
            half_a_task = Decimal(50) / Decimal(ours["tasks"])
            assert abs(Decimal(ours["pass_rate_percent"]) - Decimal(rate)) <= half_a_task + Decimal("1e-9")
        if cost:
            assert Decimal(ours["cost_per_task_usd"]) == round(cost, 12)
            assert ours["cost_agrees"] == "true"
            passed_share = Decimal(ours["passed"]) / Decimal(ours["tasks"])
            assert abs(Decimal(ours["cost_per_success_usd"]) - cost / passed_share) < Decimal("1e-11")
        else:
            assert (ours["cost_usd"], ours["cost_per_success_usd"]) == ("", "")
            assert ("cost_zero" if theirs["cost_usd_per_task"] else "cost_missing") in ours["dirt"]
        for k in (2, 3, 4):
            if ours["pass_k_agrees"]:
                difference = Decimal(ours[f"pass_{k}_percent"]) - Decimal(theirs[f"pass_{k}"])
                assert abs(difference) <= Decimal("0.0501")
    assert Counter(row["pass_k_agrees"] for row in report) == {"true": 60, "": 95}
    assert dirt_of(report) == {
        "cost_missing": 127,
        "cost_zero": 4,
        "pass_rate_missing": 4,
        "pass_rate_is_no_whole_number_of_tasks": 22,
        "pass_k_fit_no_number_of_passes": 14,
        "pass_k_incomplete": 3,
    }


COUNTS = ("test_cases", "total_tests")


def dirt_of(report: Rows) -> Counter[str]:
    return Counter(word for row in report for word in row["dirt"].split("; ") if word)
