"""Published tables read as runs: numbers as tables write them, which column is what, and what is wrong with a row."""

from __future__ import annotations

import csv
import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from sample_data.published import Asked, Run, TableError, read_table, write_task_log
from sample_data.published.__main__ import main
from sample_data.published.cells import Published, Unreadable, number, whole
from sample_data.published.tasklog import even
from sample_data.published.trials import pass_k_of, passes_from_pass_k, passes_in_order

HEADER = "run,model,date,tasks,suite_tasks,passed,pass_rate,total_cost,prompt_tokens,completion_tokens,seconds_per_task"
CLEAN = "clean,gpt-4o-mini,2026-03-02,3,3,2,66.7,$1.00,3000,600,1.5"


def read(folder: Path, text: str, **asked: object) -> tuple[Run, ...]:
    path = folder / "table.csv"
    path.write_text(text)
    return read_table(path, Asked(**asked)).runs  # pyright: ignore[reportArgumentType]


def row(folder: Path, text: str, header: str = HEADER, **asked: object) -> Run:
    # A clean row stands before it: a table in which nothing can be logged is refused as a whole.
    _, found = read(folder, f"{header}\n{CLEAN if header == HEADER else text}\n{text}\n", **asked)
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$1,234.50", "1234.50"),
        ("61.7%", "61.7"),
        ("61.7 %", "61.7"),
        ("43.1 ± 0.9", "43.1"),
        ("2.8M", "2800000"),
        ("12k", "12000"),
        ("1.5e-3", "0.0015"),
        (".5", "0.5"),
        ("$.07", "0.07"),
    ],
)
def test_numbers_as_tables_write_them(text: str, value: str) -> None:
    assert number(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", " ", "n/a", "N/A", "-", "–", "NaN", "null", "TBD"])
def test_what_says_that_there_is_no_number(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize("text", ["0,5", "abc", "1 2", "12/25", "1,23", "€5", "1e99", "$", "%", "Infinity"])
def test_what_is_no_number_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(Unreadable):
        number(text)


def test_counts_are_whole() -> None:
    assert whole("225.0") == 225
    for text in ("0.5", "-1"):
        with pytest.raises(Unreadable):
            whole(text)


def test_a_figure_is_met_when_it_rounds_to_what_is_published() -> None:
    assert Published(Decimal("66.7"), 1).is_met_by(Fraction(200, 3))
    assert not Published(Decimal("66.6"), 1).is_met_by(Fraction(200, 3))
    # Exactly half way: 12.5 is published as 12 by one and as 13 by another.
    assert Published(Decimal(12), 0).is_met_by(Fraction(25, 2))
    assert Published(Decimal(13), 0).is_met_by(Fraction(25, 2))


def test_an_amount_in_even_parts_adds_up() -> None:
    assert even(10, 4) == [3, 3, 2, 2]
    assert even(2, 3) == [1, 1, 0]


def test_pass_k_of_single_trials() -> None:
    # Of two tasks in four trials one passed always, one twice: pass^1 = 6/8, pass^2 = (6 + 1)/(2·6), pass^3 = (4 + 0)/(2·4).
    tasks = {4: 1, 2: 1}
    assert [pass_k_of(tasks, 4, k) for k in (1, 2, 3, 4)] == [75, Fraction(700, 12), 50, 50]


def test_the_trials_behind_published_pass_k() -> None:
    rates = {1: "75.00", 2: "58.33", 3: "50.00", 4: "50.00"}
    published = {k: Published(Decimal(text), 2) for k, text in rates.items()}
    assert passes_from_pass_k(2, 4, published) == {4: 1, 3: 0, 2: 1, 1: 0, 0: 0}
    assert passes_from_pass_k(2, 4, published | {2: Published(Decimal("60.00"), 2)}) is None
    del published[3]
    assert passes_from_pass_k(2, 4, published) is None, "pass^3 is not published"
    assert passes_in_order(5, 4, 9) == {4: 2, 1: 1, 0: 2}
    assert passes_in_order(5, 4, 8) == {4: 2, 0: 3}


def test_a_clean_row(tmp_path: Path) -> None:
    run = row(tmp_path, CLEAN.replace("clean", "same"))
    assert (run.name, run.model, run.day) == ("same", "gpt-4o-mini", date(2026, 3, 2))
    assert (run.tasks, run.passed, run.rate_denominator, run.cost_pico) == (3, 2, 3, 10**12)
    assert (run.input_tokens, run.output_tokens, run.dirt) == (3000, 600, ())


@pytest.mark.parametrize(
    ("cells", "dirt"),
    [
        ("a,m,2026-03-02,3,3,2,66.7,0.0,1,1,1", ("cost_zero",)),
        ("a,m,2026-03-02,3,3,2,66.7,,1,1,1", ("cost_missing",)),
        ("a,m,2026-03-02,3,3,2,66.7,-1,1,1,1", ("cost_below_zero",)),
        ("a,m,2026-03-02,3,3,2,66.7,cheap,1,1,1", ("unreadable_cost_usd", "cost_missing")),
        ("a,m,2026-03-02,3,3,2,66.7,1,,1,1", ("tokens_missing",)),
        ("a,m,2026-03-02,3,3,2,66.7,1,0,0,1", ("tokens_missing",)),
        ("a,m,2026-03-02,3,4,2,50,1,1,1,1", ("tasks_run_differ_from_suite", "pass_rate_of_suite_not_of_tasks_run")),
        ("a,m,2026-03-02,3,4,2,66.7,1,1,1,1", ("tasks_run_differ_from_suite",)),
        ("a,m,2026-03-02,3,3,2,60,1,1,1,1", ("pass_rate_is_not_passed_over_any_count",)),
        ("a,m,2026-03-02,3,3,4,99,1,1,1,1", ("more_passed_than_tasks",)),
        ("a,m,2026-03-02,3,3,,50.0,1,1,1,1", ("passed_missing", "pass_rate_is_no_whole_number_of_tasks")),
        ("a,m,2026-03-02,3,3,2,,1,1,1,1", ("pass_rate_missing",)),
        ("a,m,2026-03-02,3,3,2,166.7,1,1,1,1", ("pass_rate_beyond_0_to_100",)),
        ("a,m,2026-03-02,,,2,66.7,1,1,1,1", ("tasks_missing",)),
        ("a,m,soon,3,3,2,66.7,1,1,1,1", ("unreadable_date", "date_missing")),
        ("a,m,2026-13-02,3,3,2,66.7,1,1,1,1", ("unreadable_date", "date_missing")),
        ("a,,2026-03-02,3,3,2,66.7,1,1,1,1", ("model_missing",)),
        ("clean,m,2026-03-02,3,3,2,66.7,1,1,1,1", ("name_repeats",)),
        ("a,m,2026-03-02,3,3,2", ("row_is_not_as_wide_as_the_header",)),
    ],
)
def test_each_kind_of_dirt_is_named(tmp_path: Path, cells: str, dirt: tuple[str, ...]) -> None:
    assert row(tmp_path, cells).dirt == dirt


def test_a_cost_of_zero_is_unknown_unless_it_was_free(tmp_path: Path) -> None:
    cells = "a,m,2026-03-02,3,3,2,66.7,0,1,1,1"
    assert row(tmp_path, cells).cost_pico is None
    free = row(tmp_path, cells, is_zero_free=True)
    assert (free.cost_pico, free.dirt) == (0, ())


def test_another_tables_headers(tmp_path: Path) -> None:
    header = "Model,% Resolved,Avg. $,Org"
    first, second = read(tmp_path, f"{header}\nGPT-9,62.40%,$0.27,x\nother,0.4,1,x\n", tasks=500, day=date(2026, 1, 5))
    # 312 of 500, $0.27 each: $135.
    assert (first.passed, first.cost_pico, first.dirt) == (312, 135 * 10**12, ())
    assert (second.passed, second.cost_pico) == (2, 500 * 10**12)


def test_tasks_by_domain_and_trials_by_pass_k(tmp_path: Path) -> None:
    header = "submission,model,domain,pass_1,pass_2,cost_per_task"
    text = f"{header}\na_2026-01-05,m,shop,75,50,0.5\na_2026-01-05,m,air,40,,0.5\n"
    shop, air = read(tmp_path, text, domain_tasks={"shop": 2, "air": 5})
    # Two trials of two tasks: one task passed both, one passed once.
    assert (shop.name, shop.tasks, shop.passed, shop.tasks_by_passes) == ("a_2026-01-05/shop", 4, 3, {2: 1, 1: 1, 0: 0})
    assert (shop.cost_pico, shop.day, shop.dirt) == (2 * 10**12, date(2026, 1, 5), ())
    assert (air.tasks, air.passed, air.trials, air.tasks_by_passes) == (5, 2, 1, {1: 2, 0: 3})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "run,passed,tasks,cost,date\na,1,2,3,2026-01-05\n",
            "--column 'cost_usd=cost' or --column 'cost_per_task_usd=cost'",
        ),
        ("run,tasks,total_cost\na,1,2\n", "no column has what passed"),
        ("run,passed,total_cost\na,1,2\n", "no column counts the tasks"),
        ("passed,tasks\n1,2\n", "no column names the run or the model: --column run=HEADER; no column has a cost"),
        ("run,passed,tasks,total_cost\na,1,2,3\n", "no row has a date"),
        ("run,pass_rate,tasks,total_cost,date\na,0.5,2,3,2026-01-05\n", "--rates percent or fraction"),
        ("run,passed,tasks,total_cost,date\na,1/2,2,3,2026-01-05\n", "'passed' was read as passed"),
        ("run,run,passed\na,b,1\n", "two columns are called 'run'"),
        ("", "has no header row"),
        ("run,passed,tasks,total_cost\n", "has a header and no rows"),
        ("run,passed,tasks,total_cost,date\na,1,999999999,3,2026-01-05\n", "more than 5,000,000 tasks"),
    ],
)
def test_a_table_that_leaves_something_open_is_refused_with_what_to_say(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(TableError) as refused:
        read(tmp_path, text)
    assert says in str(refused.value)


def test_fractions_of_one(tmp_path: Path) -> None:
    (run,) = read(tmp_path, "run,pass_rate,tasks,total_cost,date\na,0.667,3,3,2026-01-05\n", rates="fraction")
    assert run.pass_rate == Published(Decimal("66.7"), 1)
    assert (run.passed, run.rate_denominator) == (2, 3)


def test_the_log_holds_the_table_to_the_last_digit(tmp_path: Path) -> None:
    runs = read(tmp_path, f"{HEADER}\n{CLEAN}\nunpaid,m,2026-03-02,2,2,n/a,n/a,0,,,\n")
    out = tmp_path / "out"
    write_task_log(out, "table", runs, {"m": "openai/gpt-4o"})
    log = [json.loads(line) for line in (out / "logs/runs.jsonl").read_text().splitlines()]
    assert [(r["task_id"], r["input_tokens"], r["usage_quality"], r["service_tier"]) for r in log] == [
        *((f"clean/{n}", 1000, "estimated", None) for n in (1, 2, 3)),
        *((f"unpaid/{n}", None, "missing", "unrecorded") for n in (1, 2)),
    ]
    assert (log[0]["started_at"], log[0]["ended_at"]) == ("2026-03-02T00:00:00.001000Z", "2026-03-02T00:00:01.501000Z")
    with (out / "feeds/cost_events.csv").open() as file:
        amounts = [event["amount"] for event in csv.DictReader(file)]
    assert amounts == ["0.333333333334", "0.333333333333", "0.333333333333"]
    with (out / "feeds/task_outcomes.csv").open() as file:
        outcomes = [row["outcome"] for row in csv.DictReader(file)]
    assert outcomes == ["success", "success", "failure"]
    assert 'model = "m"\nmeans = "openai/gpt-4o"' in (out / "prices.toml").read_text()

    write_task_log(out, "table", runs, {})
    with pytest.raises(TableError, match="choose a new folder"):
        write_task_log(out, "table", runs[:1], {})


def test_the_command_says_what_it_read_and_what_it_did_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.csv"
    table.write_text(f"{HEADER},mood\n{CLEAN},fine\n")
    assert main([str(table), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "passed = passed" in said
    assert "Not read: mood" in said
    assert "1 rows, 1 runs logged with 3 tasks, 0 not" in said
    assert main([str(tmp_path / "none.csv"), "--out", str(tmp_path / "out")]) == 2
    assert "none.csv" in capsys.readouterr().err
