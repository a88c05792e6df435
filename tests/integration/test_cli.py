"""The command line as a person uses it: what it prints, what it exits with, what it says when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources import discover
from tests.readme import ROOT
from tests.workspace import request


def margincall(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, with none of our own variables set."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        cwd=folder, env=environment() | environ, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARGINCALL_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def data(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write_log(folder: Path, *records: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / "requests.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which init, run and a bad row have happened."""
    folder = tmp_path_factory.mktemp("company")
    assert margincall(folder, "init").returncode == 0
    log = write_log(folder / "logs", request(task_id="t1"), request(task_id="t2", started_at="2026-11-11T12:00:00Z"))
    with log.open("a") as file:
        file.write('{"request_id": "x", "timestamp": "not a time", "model": "m", "secret": "hunter2"}\n')
    done = margincall(folder, "run")
    assert done.returncode == 0, done.stderr
    assert "Published version 1: full build of 2 days (first build)." in done.stdout
    return folder


def test_every_command_has_a_help_that_names_its_options(tmp_path: Path) -> None:
    commands = ("demo", "init", "ingest", "sources", "build", "run", "query", "explain", "quarantine", "doctor")
    top = margincall(tmp_path, "--help").stdout
    for command in commands:
        assert command in top
    assert "--explain" in margincall(tmp_path, "ingest", "--help").stdout
    assert "--week" in margincall(tmp_path, "report", "weekly", "--help").stdout


def test_sources_lists_what_is_read_and_of_one_what_becomes_of_it(tmp_path: Path) -> None:
    listed = margincall(tmp_path, "sources").stdout
    assert [name for name in discover() if name not in listed] == []
    told = data(margincall(tmp_path, "sources", "portkey", "--json"))["sources"]
    assert [source["columns"]["cost_reported"] for source in told] == [["cost"]]
    assert told[0]["columns"]["tenant_id"] == ["metadata.tenant_id", "metadata._user"]
    assert told[0]["columns"]["usage_semantics"] == ["'ambiguous'"]
    page = margincall(tmp_path, "sources", "portkey", "--markdown").stdout
    assert page == (ROOT / "docs" / "sources" / "portkey.md").read_text()
    assert "What a column is made of" in margincall(tmp_path, "sources", "portkey").stdout
    unknown = margincall(tmp_path, "sources", "portky")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "Unknown source 'portky'. Known sources: anthropic_message, canonical," in unknown.stderr


def test_ingest_as_json_counts_every_row(company: Path) -> None:
    write_log(company / "more", request(task_id="t9", started_at="2026-11-12T08:00:00Z"))
    (told,) = data(margincall(company, "ingest", "more", "--json"))["files"]
    assert (told["rows_in"], told["landed"], told["duplicate"], told["quarantined"]) == (1, 1, 0, 0)
    assert (told["path"], told["source"], told["state"]) == ("more/requests.jsonl", "canonical", "landed")


def test_query_prints_columns_and_rows_with_decimals_as_text(company: Path) -> None:
    # 1,000 x $3 + 100 x $15 per million, twice
    told = data(
        margincall(company, "query", "select sum(cost_usd) as cost from fct_task where task_id <> 't9'", "--json")
    )
    assert told == {"columns": ["cost"], "rows": [["0.009000000000"]]}


def test_query_prints_csv_that_no_spreadsheet_runs(company: Path) -> None:
    sql = "select '=1+1' as formula, 'a, \"b\"' as text, null as nothing, 1.50 as amount, date '2026-11-09' as d, [1, 2] as list"
    done = margincall(company, "query", sql, "--csv")
    assert (done.returncode, done.stdout) == (
        0, "formula,text,nothing,amount,d,list\n'=1+1,\"a, \"\"b\"\"\",,1.50,2026-11-09,\"[1, 2]\"\n"
    )  # fmt: skip
    both = margincall(company, "query", "select 1", "--csv", "--json")
    assert (both.returncode, both.stdout) == (2, "")
    assert "--json and --csv exclude each other." in both.stderr


def test_explain_prints_the_formula_its_sql_and_the_lines_of_the_log(company: Path) -> None:
    done = margincall(company, "explain", "total_inference_cost", "--rows", "2")
    assert done.returncode == 0, done.stderr
    assert "Total inference cost · week 2026-11-09 to 2026-11-15 (not complete yet) · all tenants" in done.stdout
    assert "$0.009000   exactly 0.009 USD" in done.stdout
    assert "1,000 input × $3/M + 100 output × $15/M (priced, genai-prices, book " in done.stdout
    assert "logs/requests.jsonl:1 · record " in done.stdout
    (sql,) = {line.strip() for line in done.stdout.splitlines() if "select coalesce(sum(inference_cost_usd)" in line}
    assert data(margincall(company, "query", sql, "--json"))["rows"] == [["0.009000000000"]]


def test_explain_as_json_has_terms_rows_and_their_origin(company: Path) -> None:
    words = ("explain", "cost_per_active_user", "--week", "2026-11-11", "--tenant", "acme", "--json")
    told = data(margincall(company, *words))
    assert (told["metric"], told["tenant"], told["week"]) == ("cost_per_active_user", "acme", "2026-11-09")
    assert (told["value"], told["missing"], told["bound"]) == ("0.009000000000", None, None)
    assert told["formula_in_numbers"] == "Cost per active user = 0.009 ÷ 1 = 0.009"
    assert [(term["id"], term["value"]) for term in told["terms"]] == [
        ("production_inference", "0.009000000000"),
        ("active_users", "1"),
    ]
    requests = next(kind for kind in told["rows"] if kind["kind"] == "production_requests")
    assert (requests["count"], requests["total"]) == (2, "0.009000000000")
    assert {(Path(row["file"]).name, row["line"]) for row in requests["rows"]} == {
        ("requests.jsonl", 1),
        ("requests.jsonl", 2),
    }


def test_report_weekly_as_json_has_every_row_and_names_what_is_missing(company: Path) -> None:
    told = data(margincall(company, "report", "weekly", "--json"))
    assert told["week"] == "2026-11-09"
    by_id = {row["id"]: row for row in told["metrics"]}
    assert by_id["revenue"] == by_id["revenue"] | {"this_week": None, "missing": "revenue_lines feed"}
    assert by_id["cost_per_successful_task"]["missing"] == "task_outcomes feed"
    assert by_id["total_inference_cost"]["this_week"] == "0.009000000000"
    assert all(row["missing"] for row in told["metrics"] if row["this_week"] is None)


def test_the_quarantine_lists_file_line_and_reason_without_the_text(company: Path) -> None:
    done = margincall(company, "quarantine", "--json")
    (row,) = data(done)["rows"]
    assert (Path(row["file"]).name, row["line"]) == ("requests.jsonl", 3)
    assert "timestamp: not an ISO 8601 time" in row["reason"]
    assert "hunter2" not in done.stdout


def test_strict_exits_with_3_when_a_row_is_in_quarantine(company: Path, tmp_path: Path) -> None:
    write_log(tmp_path, {"request_id": "x", "timestamp": "never", "input_tokens": 1})
    assert margincall(company, "ingest", str(tmp_path)).returncode == 0
    (tmp_path / "requests.jsonl").rename(tmp_path / "again.jsonl")
    with (tmp_path / "again.jsonl").open("a") as file:
        file.write('{"request_id": "y", "timestamp": "never", "input_tokens": 1}\n')
    assert margincall(company, "ingest", "--strict", str(tmp_path)).returncode == 3


def test_a_second_run_changes_nothing(company: Path) -> None:
    margincall(company, "run")
    before = {path: path.stat().st_mtime_ns for path in (company / "var" / "serving").rglob("*")}
    done = margincall(company, "run")
    assert "nothing changed" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (company / "var" / "serving").rglob("*")} == before


def test_doctor_finds_a_lake_file_that_is_gone(company: Path) -> None:
    assert margincall(company, "doctor").returncode == 0
    (victim, *_) = sorted((company / "var" / "lake" / "llm_request").rglob("*.parquet"))
    content = victim.read_bytes()
    victim.unlink()
    try:
        done = margincall(company, "doctor", "--json")
        assert done.returncode == 1
        (bad,) = [check for check in json.loads(done.stdout)["checks"] if not check["is_well"]]
        assert bad["name"] == "lake files"
        assert victim.name in bad["detail"]
        assert bad["mend"]
    finally:
        victim.write_bytes(content)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("ingest", "nowhere"), 1, "nowhere: no such file or folder."),
        (("ingest", "*.nothing"), 1, "*.nothing: matches no file."),
        (
            ("ingest", "--source", "lite_llm", "margincall.toml"),
            2,
            "Unknown source 'lite_llm'. Known sources: anthropic_message, canonical,",
        ),
        (("ingest", "margincall.toml"), 1, "no known log format"),
        (("report", "weekly", "--week", "2020-01-01"), 2, "No week with 2020-01-01 in the data."),
        (("report", "weekly", "--week", "last"), 2, "--week"),
        (("query", "drop table fct_task"), 2, "One SELECT at a time"),
        (("query", "select * from read_text('/etc/passwd')"), 2, "disabled by configuration"),
        (("query", "select nope from fct_task"), 2, 'Referenced column "nope" not found'),
        (("explain", "gros_margin"), 2, "Unknown metric 'gros_margin'. Did you mean gross_margin or gross_profit?"),
        (("explain", "revenue", "--week", "2020-01-01"), 2, "No week with 2020-01-01 in the data."),
        (("explain", "revenue", "--tenant", "acm"), 2, "Unknown tenant 'acm'. Did you mean acme?"),
        (("explain", "ltv_cac", "--tenant", "acme"), 2, "ltv_cac is not worked out for one tenant."),
        (("init",), 2, "is there already"),
        (("build", "--config", "nowhere.toml"), 2, "nowhere.toml: no such configuration file"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_a_mistake_gets_a_message_and_a_code_and_no_traceback(
    company: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    done = margincall(company, *words)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_configuration_typo_exits_with_2(company: Path) -> None:
    done = margincall(company, "build", MARGINCALL_REPORTNG__ZONE="UTC")
    assert (done.returncode, "Did you mean 'reporting'" in done.stderr) == (2, True)


def test_without_a_build_the_report_says_what_to_run(tmp_path: Path) -> None:
    done = margincall(tmp_path, "report", "weekly")
    assert done.returncode == 1
    assert "`margincall ingest` logs, then `margincall build`" in done.stderr


def test_a_newer_control_database_is_refused(tmp_path: Path) -> None:
    margincall(tmp_path, "ingest", "--status")
    import sqlite3

    with sqlite3.connect(tmp_path / "var" / "control.sqlite") as database:
        database.execute("update alembic_version set version_num = '9999'")
    database.close()
    done = margincall(tmp_path, "ingest", "--status")
    assert (done.returncode, "schema 9999 is newer than this release" in done.stderr) == (1, True)


def test_two_builds_at_once_exit_with_4_and_name_the_other(company: Path) -> None:
    from pipelines.building.lock import build_lock

    with build_lock(company / "var"):
        done = margincall(company, "build")
    assert done.returncode == 4
    assert f"A build by pid {os.getpid()} runs since" in done.stderr


def test_ctrl_c_exits_with_130_and_the_same_command_finishes_the_work(company: Path, tmp_path: Path) -> None:
    for day in range(10, 25):
        records = [
            request(
                task_id=f"c{day}-{n}", started_at=f"2026-10-{day}T{n % 24:02}:00:00Z", source_record_id=f"{day}-{n}"
            )
            for n in range(800)
        ]
        (tmp_path / f"{day}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    words = [sys.executable, "-m", "pipelines.cli", "ingest", str(tmp_path)]
    running = subprocess.Popen(
        words, cwd=company, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lake = company / "var" / "lake" / "llm_request"
    deadline = time.monotonic() + 60
    while not (lake / "day=2026-10-12").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "Nothing is lost" in told
    assert "Traceback" not in told
    files = data(margincall(company, "ingest", str(tmp_path), "--json"))["files"]
    assert {file["state"] for file in files} == {"landed", "already"}
    status = data(margincall(company, "ingest", "--status", "--json"))
    assert status["landings_in_progress"] == []
    (canonical,) = [row for row in status["sources"] if row["source"] == "canonical"]
    assert canonical["landed"] >= 15 * 800
