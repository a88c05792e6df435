"""Findings of a whole sample company against its truth, and the command as a person calls it, down to the line of the log."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from dashboards import source
from pipelines import cli
from pipelines.alerts.check import check
from pipelines.findings.detectors.company import Company, Limits
from pipelines.findings.evidence import requests_of
from pipelines.findings.gather import findings
from pipelines.landing.collect import find, ingest
from pipelines.settings import Alerts
from sample_data import generate
from tests.benchmarks.findings_report import Match, matches
from tests.browser.pages import page, query, rows, words
from tests.workspace import Workspace
from warehouse.finding_states import everything_said
from warehouse.reader import Reader

Command = Callable[..., tuple[int, str, str]]
ESTIMATED = {"semantic_cache_regression", "tenant_at_10x", "prompt_growth"}
"""Kinds whose dollars rest on a level before; the others are sums of what was logged."""


@dataclass
class Planted:
    workspace: Workspace
    config: Path


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    root = tmp_path_factory.mktemp("findings")
    generate(root / "sample", seed=7, attempts=60_000)
    workspace = Workspace(root)
    folders = [str(root / "sample" / name) for name in ("litellm", "canonical", "feeds")]
    ingest(workspace.context, find(folders, workspace.settings.data_dir))
    workspace.build()
    config = root / "margincall.toml"
    config.write_text(f"data_dir = {json.dumps(str(workspace.settings.data_dir))}\n", encoding="utf-8")
    yield Planted(workspace, config)
    workspace.control.close()


@pytest.fixture
def command(planted: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`margincall findings …`: exit code, standard output, standard error."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["margincall", "findings", *words, "--config", str(planted.config)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return call


def test_every_plant_is_found_with_its_dollars_and_nothing_else_is(planted: Planted) -> None:
    truth = json.loads((planted.workspace.root / "sample" / "truth.json").read_text(encoding="utf-8"))
    reader = Reader(planted.workspace.settings.data_dir)
    company = Company.of(reader.spend_days(), Limits())
    found = findings(reader, Limits())
    reader.close()
    assert company is not None
    made, besides = matches(truth, found, company)
    assert {match.truth["kind"] for match in made} == {one.kind for one in found}
    assert len(made) == 15
    assert [match.truth for match in made if not match.is_close] == []
    assert besides == []
    exact = [match for match in made if match.truth["cost_usd"] and match.truth["kind"] not in ESTIMATED]
    assert all(_is_nearly_exact(match) for match in exact)


def _is_nearly_exact(match: Match) -> bool:
    """A task in a hundred names no tenant, and what was cut on the nights of the bypass cannot be told from it."""
    return match.ratio is not None and abs(match.ratio - 1) < Decimal("0.03")


def test_the_list_is_the_dearest_first_and_says_what_to_do(command: Command) -> None:
    code, told, _ = command("--json")
    rows = json.loads(told)["findings"]
    assert code == 0
    costs = [Decimal(row["cost_usd"]) for row in rows if row["cost_usd"] is not None]
    assert costs == sorted(costs, reverse=True)
    assert [row["kind"] for row in rows if row["cost_usd"] is None] == ["unpriced_model"]
    assert all(row["state"] == "open" and row["summary"] and row["action"] and row["saving_source"] for row in rows)
    (storm,) = [row for row in rows if row["kind"] == "retry_storm"]
    assert (storm["since"], storm["ongoing"], storm["feature"]) == ("2026-10-20", False, "code_review")
    code, told, _ = command()
    assert code == 0
    assert storm["id"] in told
    assert "never added up" in told


def test_a_kind_a_tenant_and_a_csv_file(command: Command, tmp_path: Path) -> None:
    (storm,) = json.loads(command("--kind", "retry_storm", "--json")[1])["findings"]
    mine = json.loads(command("--tenant", storm["tenant_id"], "--json")[1])["findings"]
    assert storm in mine
    assert {row["tenant_id"] for row in mine} == {storm["tenant_id"]}
    code, _, _ = command("--csv", str(tmp_path / "findings.csv"))
    with (tmp_path / "findings.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert code == 0
    assert storm["id"] in {row["id"] for row in rows}
    assert {row["cost_usd"] for row in rows if row["kind"] == "retry_storm"} == {storm["cost_usd"]}


def test_show_gives_the_failed_tries_with_file_and_line(command: Command, planted: Planted) -> None:
    (storm,) = json.loads(command("--kind", "retry_storm", "--json")[1])["findings"]
    code, told, _ = command("show", storm["id"][:8], "--rows", "3", "--json")
    shown = json.loads(told)
    assert code == 0
    assert len(shown["requests"]) == 3
    for row in shown["requests"]:
        assert (row["status"], row["tenant_id"], row["feature"]) == ("error", storm["tenant_id"], "code_review")
        assert date(2026, 10, 20) <= date.fromisoformat(row["started_at"][:10]) <= date(2026, 10, 23)
        path, _, line = row["source"].rpartition(":")
        record = json.loads(Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1])
        assert record["prompt_tokens"] == row["input_tokens"]
    # the statement that is shown picks them all, and their dollars are those of the finding
    reader = Reader(planted.workspace.settings.data_dir)
    rows = reader.query(f"select sum(cost_pico)::decimal(38, 0) / 1000000000000, count(*) from ({shown['sql']})").rows
    reader.close()
    assert f"{rows[0][0]:.6f}" == f"{Decimal(storm['cost_usd']):.6f}"
    assert rows[0][1] == storm["requests"]
    code, told, _ = command("show", storm["id"], "--rows", "1")
    assert code == 0
    assert "What to do: Cap retries" in told
    assert ".jsonl:" in told


def test_every_kind_has_evidence(planted: Planted) -> None:
    reader = Reader(planted.workspace.settings.data_dir)
    for one in findings(reader, Limits()):
        assert requests_of(reader, one, 1), one.kind
    reader.close()


@pytest.fixture
def configured(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The company is what the pages are configured for."""
    monkeypatch.setenv(source.CONFIG_VARIABLE, str(planted.config))


@pytest.mark.usefixtures("configured")
def test_the_waste_page_lists_what_the_command_lists(command: Command) -> None:
    listed = json.loads(command("--json")[1])["findings"]
    shown = rows(page("waste"), "Findings")
    assert len(shown) == len(listed)
    for row, told in zip(shown, listed, strict=True):
        assert row[0].lower().startswith(told["kind"].replace("_", " "))
        cost = "unknown" if told["cost_usd"] is None else f"{Decimal(told['cost_usd']):,.2f}"
        assert cost in row[2]
        assert row[5] == "open"
    (storm,) = [told for told in listed if told["kind"] == "retry_storm"]
    only = page("waste", kind="retry_storm")
    assert [row[0] for row in rows(only, "Findings")] == [f"Retry storm{storm['tenant_id']} · code_review"]
    assert query(only)["kind"] == "retry_storm"


@pytest.mark.usefixtures("configured")
def test_a_finding_opens_to_what_to_do_and_to_the_lines_of_the_log(command: Command) -> None:
    (storm,) = json.loads(command("--kind", "retry_storm", "--json")[1])["findings"]
    opened = page("waste", finding=storm["id"])
    seen = words(opened)
    assert storm["summary"] in seen
    assert storm["action"] in seen
    requests = rows(opened, "Requests of the finding")
    assert len(requests) == 20
    for row in requests:
        assert row[1] == f"{storm['tenant_id']}code_review"
        assert row[2].endswith("error")
        assert ".jsonl:" in row[6]
    assert "There is no finding “ffff” any more." in words(page("waste", finding="ffff"))


@pytest.mark.usefixtures("configured")
def test_the_monday_page_says_what_to_do_first(command: Command) -> None:
    found = json.loads(command("--json")[1])["findings"]
    lasting = sorted(
        (told for told in found if told["ongoing"]), key=lambda told: -Decimal(told["weekly_saving_usd"] or 0)
    )
    shown = rows(page("week"), "What to do first")
    assert len(shown) == 5
    for row, told in zip(shown, lasting, strict=False):
        assert row[0].startswith(told["action"])
        assert f"{Decimal(told['cost_usd']):,.2f}" in row[2]


def test_alerts_look_for_findings_themselves(planted: Planted) -> None:
    settings = planted.workspace.settings.model_copy(update={"alerts": Alerts(rules=("findings",))})
    reader = Reader(settings.data_dir)
    checked = check(settings, reader, planted.workspace.control, is_dry=True)
    found = findings(reader, Limits())
    reader.close()
    told = [one for one in found if one.is_ongoing and (one.cost_usd is None or one.cost_usd >= 10)]
    assert sorted(firing.key for firing in checked.new) == sorted(f"finding:{one.finding_id}" for one in told)
    assert len(told) >= 5


def test_what_people_say_is_kept_and_done_is_listed_again_when_it_goes_on(command: Command, planted: Planted) -> None:
    (storm,) = json.loads(command("--kind", "retry_storm", "--json")[1])["findings"]
    assert command("acknowledge", storm["id"], "--as", "cto@example.com", "--note", "vendor ticket 12")[0] == 0
    assert json.loads(command("--kind", "retry_storm", "--json")[1])["findings"] == []
    (seen,) = json.loads(command("--state", "acknowledged", "--json")[1])["findings"]
    assert (seen["id"], seen["said_by"], seen["note"]) == (storm["id"], "cto@example.com", "vendor ticket 12")
    assert command("done", storm["id"], "--as", "cto@example.com")[0] == 0
    (ended,) = json.loads(command("--state", "done", "--json")[1])["findings"]
    assert (ended["id"], ended["still_seen"]) == (storm["id"], False)
    assert command("reopen", storm["id"], "--as", "cfo@example.com")[0] == 0
    assert [word.state for word in everything_said(planted.workspace.control)] == ["acknowledged", "done", "open"]
    said = json.loads(command("show", storm["id"], "--json")[1])["said"]
    assert [(word["state"], word["said_by"]) for word in said][-1] == ("open", "cfo@example.com")


def test_what_cannot_be_asked_is_said_in_a_sentence(command: Command) -> None:
    for asked, wanted in (
        (("--kind", "storm"), "No kind storm. Kinds: agent_context_duplication"),
        (("--state", "closed"), "No state closed. States: open, acknowledged, done, all."),
        (("show", "ffff"), "No finding ffff."),
        (("done", "ffff", "--as", "cto@example.com"), "No finding ffff."),
        (("done", "ffff", "--as", " "), "--as needs a name."),
    ):
        code, _, error = command(*asked)
        assert code == 2
        assert wanted in error
