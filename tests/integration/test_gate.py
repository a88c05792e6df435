"""The cost gate end to end: real runs, landed and priced; a build takes seconds, so each folder is read once for all tests."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import sample_data.write_gate as samples
from pipelines import cli
from pipelines.gate import gate as module
from pipelines.gate.runs import Run, read_run
from pipelines.settings import Settings
from tests.workspace import Workspace, request
from warehouse import control as db
from warehouse.ledger_view import price_books

Gate = Callable[..., tuple[int, str, str]]
_read: dict[tuple[Any, ...], Run] = {}

PRICES = """\
[[override]]
provider = "anthropic"
model = "claude-haiku-4-5"
input = "2"
output = "10"
"""


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Gate:
    """The command as a person calls it: exit code, standard output, standard error."""

    def once(settings: Settings, name: str, inputs: list[str], outcomes: str | None, *rest: Any) -> Run:
        key = (name, tuple(inputs), outcomes, settings.pricing.company_prices)
        if key not in _read:
            _read[key] = read_run(settings, name, inputs, outcomes, *rest)
        return _read[key]

    def call(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["margincall", "gate", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    monkeypatch.setattr(module, "read_run", once)
    monkeypatch.chdir(tmp_path)
    return call


def metrics(told: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(told)["metrics"]}


def write_run(folder: Path, *records: dict[str, Any], outcomes: dict[str, str] | None = None) -> Path:
    folder.mkdir()
    (folder / "requests.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    if outcomes is not None:
        with (folder / "task_outcomes.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["outcome_id", "task_id", "outcome", "observed_at"])
            writer.writerows([task, task, outcome, "2026-11-10T13:00:00Z"] for task, outcome in outcomes.items())
    return folder


def test_the_samples_are_up_to_date(tmp_path: Path) -> None:
    assert samples.main(["--out", str(tmp_path)]) == 0
    fresh = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert fresh == {path.relative_to(samples.GATE): path.read_bytes() for path in samples.GATE.rglob("*.*")}


def test_a_planted_regression_is_found(gate: Gate, tmp_path: Path) -> None:
    """39,600 tokens in and 5,300 out at 3 and 15 dollars: 0.1983 over 20 successes. 30% more in: 0.23394 over 21."""
    runs = samples.GATE / "baseline", samples.GATE / "candidate"
    code, told, _ = gate(*runs, "--json")
    found = metrics(told)
    assert code == 3 and json.loads(told)["passed"] is False
    cost = found["cost_per_success"]
    assert (Decimal(cost["baseline"]), Decimal(cost["candidate"])) == (Decimal("0.009915"), Decimal("0.01114"))
    # 0.01114 ÷ 0.009915 − 1, to twelve digits
    assert (cost["verdict"], cost["change"]) == ("over", "0.123550176500")
    assert (found["success_rate"]["verdict"], found["success_rate"]["change"]) == ("passed", "0.041666666667")
    assert Decimal(found["tokens_per_success"]["baseline"]) == 2245  # 44,900 ÷ 20
    # 2,000 ms and 100 for each number: the 23rd of 24
    assert Decimal(found["p95_task_time"]["candidate"]) == 4300
    assert cost["interval"]["cases"] == 24 and Decimal(cost["interval"]["low"]) > 0

    code, told, _ = gate(*runs, "--max-cost-per-success-increase", "0.13", "--markdown", "gate.md")
    assert code == 0 and "Cost gate passed: 24 cases in both runs." in told
    assert "| Cost per successful task | $0.009915 | $0.01114 | +12.4% |" in (tmp_path / "gate.md").read_text()
    assert gate(*runs, "--max-cost-per-success-increase", "0.13", "--max-tokens-increase", "0.2")[0] == 3
    # The interval reaches back under 5%, not under 0.1%.
    assert gate(*runs, "--decide-by", "interval")[0] == 0
    assert gate(*runs, "--decide-by", "interval", "--max-cost-per-success-increase", "0.001")[0] == 3
    (tmp_path / "margincall.toml").write_text('[gate]\nmax_cost_per_success_increase = "0.13"\n')
    assert gate(*runs)[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"gate.md", "margincall.toml"}, "no data folder was made"


def test_the_same_run_passes_without_a_change(gate: Gate) -> None:
    code, told, _ = gate(samples.GATE / "baseline", samples.GATE / "baseline", "--json")
    assert code == 0
    for row in metrics(told).values():
        assert Decimal(row["change"]) == 0
        assert [Decimal(row["interval"][end]) for end in ("low", "high")] == [0, 0]


def test_the_company_s_prices_count(gate: Gate, tmp_path: Path) -> None:
    """The small model at 1 and 5 dollars makes the run cheaper; at the company's own 2 and 10 less so."""
    runs = samples.GATE / "baseline", samples.GATE / "cheaper"
    code, told, _ = gate(*runs, "--json")
    # Cases of up to 2,000 tokens: numbers 1 to 9, 12, and 13 to 21, 24: 31,000 tokens in, 4,440 out.
    usual = Decimal("0.1983") - Decimal("31000") * 2 / 10**6 - Decimal("4440") * 10 / 10**6
    assert code == 0
    assert Decimal(metrics(told)["cost_per_task"]["candidate"]) == (usual / 24).quantize(Decimal("1e-12"))
    (tmp_path / "prices.toml").write_text(PRICES)
    (tmp_path / "margincall.toml").write_text('[pricing]\ncompany_prices = "prices.toml"\n')
    code, told, _ = gate(*runs, "--json")
    own = Decimal("0.1983") - Decimal("31000") * 1 / 10**6 - Decimal("4440") * 5 / 10**6
    assert Decimal(metrics(told)["cost_per_task"]["candidate"]) == (own / 24).quantize(Decimal("1e-12"))
    assert not (tmp_path / "var").exists()


def test_without_prices_cases_and_outcomes(gate: Gate, tmp_path: Path) -> None:
    """dark: a model without a price, two tries of a case, no outcome in the folder, a request of no task."""
    dark = write_run(
        tmp_path / "dark",
        request(task_id="case-01#1", response_model="acme-exp"),
        request(task_id="case-01#2", response_model="acme-exp"),
        request(task_id="case-99", response_model="acme-exp"),
        request(task_id=None, started_at="2026-11-10T12:30:00Z"),
    )
    (dark / "notes.json").write_text('{"hello": 1}')
    baseline = samples.GATE / "baseline"
    code, told, _ = gate(baseline, dark)
    assert code == 3
    assert "2 that cannot be judged; 23 cases of the baseline not in the candidate; 1 case in both runs" in told
    assert "candidate: 3 requests of anthropic/acme-exp without a full price: unknown_model" in told
    assert "candidate: 1 requests of no task, $0.004500, in no figure" in told
    assert "only in the candidate, in no figure: case-99" in told
    assert "notes.json" in told
    allowed = ("--allow-missing", "--allow-unjudged")
    assert gate(baseline, dark, *allowed)[0] == 3, "nothing is priced"
    code, told, _ = gate(baseline, dark, *allowed, "--allow-unpriced", "--json")
    assert (code, json.loads(told)["runs"][1]["tasks"]) == (0, 3)
    assert metrics(told)["cost_per_task"]["candidate_bound"] == "at_least"

    outcomes = tmp_path / "judged.csv"
    outcomes.write_text("outcome_id,task_id,outcome,observed_at\n" + "".join(
        f"case-01#{n},case-01#{n},{what},2026-11-10T13:00:00Z\n" for n, what in ((1, "success"), (2, "failure"))
    ))  # fmt: skip
    words = ("--allow-missing", "--allow-unpriced", "--max-success-drop", "0.5", "--json")
    code, told, _ = gate(baseline, dark, "--outcomes", baseline / "task_outcomes.csv", outcomes, *words)
    rate = metrics(told)["success_rate"]
    assert code == 0, told
    assert [Decimal(rate[side]) for side in ("baseline", "candidate")] == [1, Decimal("0.5")]


def test_what_cannot_be_compared_is_said(gate: Gate, tmp_path: Path) -> None:
    baseline = samples.GATE / "baseline"
    code, _, said = gate(baseline, tmp_path / "nowhere")
    assert code == 1 and "nowhere: no such file or folder." in said
    (tmp_path / "empty").mkdir()
    code, _, said = gate(tmp_path / "empty", baseline)
    assert code == 1 and "holds no log or feed" in said
    other = write_run(tmp_path / "other", request(task_id="other-1"), outcomes={"other-1": "success"})
    code, _, said = gate(baseline, other)
    assert code == 1 and "no case in common" in said and "candidate: other-1" in said
    broken = write_run(tmp_path / "broken", request(task_id="case-01"), request(started_at="never"))
    code, _, said = gate(baseline, broken)
    assert code == 1 and "1 rows cannot be read" in said and "requests.jsonl:2: " in said
    untasked = write_run(tmp_path / "untasked", request(task_id=None))
    code, _, said = gate(baseline, untasked)
    assert code == 1 and "none of its 1 requests names a task" in said
    for words in (("--max-success-drop", "much"), ("--max-success-drop", "2"), ("--decide-by", "luck")):
        code, _, said = gate(baseline, baseline, *words)
        assert code == 2 and said.startswith(words[0]) and "Traceback" not in said
    assert gate(baseline)[0] == 2


def test_the_pinned_price_book_is_used_and_the_data_folder_stays_as_it_is(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.land_records("log", [request(task_id="t")])
    workspace.build()
    (book,) = price_books(workspace.control)
    before = _state(workspace)
    found = read_run(workspace.settings, "baseline", [str(samples.GATE / "baseline")], None, "#", lambda *_: None)
    assert (len(found.trials), found.price_book_id) == (24, book.price_book_id)
    assert _state(workspace) == before
    workspace.control.close()


def _state(workspace: Workspace) -> dict[Path, bytes]:
    """Every file of the data folder, and of its control database what it holds."""
    files = (path for path in workspace.settings.data_dir.rglob("*") if path.is_file())
    state = {path: path.read_bytes() for path in files if not path.name.startswith("control.sqlite")}
    landed = workspace.control.rows(sa.select(db.landing))
    return state | {Path("control"): repr(landed).encode()}
