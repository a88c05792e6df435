"""README and docs: the demo prints what is shown, every command runs, links lead somewhere, metrics are explained."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import source_pages
from tests.readme import EXAMPLE, demo_output, example_in_figures, explained, table_in_readme
from tests.workspace import Workspace, request

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def commands(page: Path) -> str:
    """The page's shell blocks, one after the other, as a reader would type them."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL))


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """In a shell that stops at the first command that fails, with the command on its path."""
    command = folder / "bin" / "margincall"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines.cli "$@"\n')
    command.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MARGINCALL_")}
    environment |= {"PATH": f"{command.parent}:{environment['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_is_what_the_readme_shows_and_the_tour_can_be_walked_from_its_first_command_to_its_last(
    tmp_path: Path,
) -> None:
    """One after the other in one folder: a second demo is quick and changes nothing, and the tour begins with a third."""
    first = demo_output(tmp_path)
    assert first == table_in_readme(), "the README's table is not what the demo prints: make readme"
    before = _state(tmp_path / "var" / "demo")
    assert demo_output(tmp_path) == first
    assert _state(tmp_path / "var" / "demo") == before
    assert {path.name for path in tmp_path.iterdir()} == {"var"}
    ahead = run(
        commands(DOCS / "forecast.md").replace(
            "margincall forecast", "MARGINCALL_DATA_DIR=var/demo margincall forecast"
        ),
        tmp_path,
    )
    assert ahead.returncode == 0, ahead.stderr[-3000:]
    assert "How such forecasts did" in ahead.stdout and "67%" in ahead.stdout
    lost = run(
        commands(DOCS / "findings.md").replace(
            "margincall findings", "MARGINCALL_DATA_DIR=var/demo margincall findings"
        ),
        tmp_path,
    )
    assert lost.returncode == 0, lost.stderr[-3000:]
    assert "retry storm" in lost.stdout and "15 findings" in lost.stdout
    assert explained(tmp_path) == example_in_figures(), (
        "the example in docs/figures.md is not what is printed: make readme"
    )
    assert f"margincall {' '.join(EXAMPLE)}" in (DOCS / "figures.md").read_text()
    done = run(commands(DOCS / "tour.md"), tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "var/demo/exports/finance/2026-10/manifest.json").exists()
    assert (tmp_path / "mine/margincall.toml").exists()
    under_water = done.stdout.split("revenue_usd")[1].split("└")[0]
    assert under_water.count("tnt-") == 5


def _state(folder: Path) -> dict[str, int]:
    """Every file that holds data, with the time of its last change; the lock and the open database's log change."""
    volatile = {"build.lock", "control.sqlite-shm", "control.sqlite-wal"}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in volatile)
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in files}


def test_the_commands_of_operations_run(tmp_path: Path) -> None:
    small_company(tmp_path)
    done = run(commands(DOCS / "operations.md"), tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_commands_of_alerts_run_and_its_settings_are_accepted(tmp_path: Path) -> None:
    small_company(tmp_path)
    later = request(started_at="2026-11-16T12:00:00Z")  # from then on the week before is complete
    (tmp_path / "logs" / "later.jsonl").write_text(json.dumps(later) + "\n")
    page = DOCS / "alerts.md"
    [settings] = re.findall(r"^```toml\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    with (tmp_path / "margincall.toml").open("a") as file:
        file.write(settings.replace("/var/lib/node_exporter/", "").replace("webhook_url_env", "# webhook_url_env"))
    done = run(commands(page), tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert (tmp_path / "margincall.prom").exists()
    # One call of $0.0045 against a plan of 10,000 dollars, and a cache that answered none of one.
    assert "Cache hit rate in the week of 2026-11-09: 0.0%, target at least 30.0%." in done.stdout
    assert "taken by oncall@example.com" in done.stdout


def test_the_commands_of_savings_run_and_its_settings_are_accepted(tmp_path: Path) -> None:
    small_company(tmp_path)
    page = DOCS / "savings.md"
    [settings] = re.findall(r"^```toml\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    with (tmp_path / "margincall.toml").open("a") as file:
        file.write(settings)
    done = run(f"margincall build\n{commands(page)}", tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "triage-on-a-small-model: claimed $1,200.00, nothing to hold against it yet: no complete week" in done.stdout


def test_the_commands_of_prices_run_and_its_file_is_accepted(tmp_path: Path) -> None:
    small_company(tmp_path)
    page = DOCS / "prices.md"
    files = re.findall(r"^```toml\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    prices = next(text for text in files if "[[override]]" in text)
    settings = next(text for text in files if "[pricing]" in text)
    (tmp_path / "complete.toml").write_text(prices)
    done = run(f"margincall run\n{commands(page)}\nmargincall prices check complete.toml", tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = done.stdout.rpartition("complete.toml can be used: ")[2]
    assert " ".join(told.split()) == (
        "2 overrides, 1 discounts, 1 drawdowns, 1 gpu pools, 1 aliases, 1 azure deployments."
    )
    (tmp_path / "prices.toml").write_text(prices)
    with (tmp_path / "margincall.toml").open("a") as file:
        file.write(settings)
    done = run("margincall build\nmargincall prices show --json", tmp_path)
    assert "the company's prices changed" in done.stdout, done.stdout + done.stderr


def test_the_commands_of_published_figures_run(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = run(commands(DOCS / "published-figures.md"), tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    # 40 cents for 20 of 50, 6.15 dollars for 31 of 50; the preview's cost was not recorded.
    assert "Runs reproduced: 3 of 3 rows" in done.stdout
    assert "$0.02000  small" in done.stdout
    assert "$0.1984  large" in done.stdout
    assert "1 cost_zero" in done.stdout


def test_the_commands_of_the_cost_gate_run(tmp_path: Path) -> None:
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    page = DOCS / "cost-gate.md"
    done = run(commands(page), tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Cost gate passed: 24 cases in both runs." in done.stdout
    assert "**Cost gate not passed: 1 over the limit; 24 cases in both runs.**" in done.stdout
    (workflow,) = re.findall(r"run: margincall (gate .+)", page.read_text())
    options = set(re.findall(r"--[a-z-]+", workflow))
    assert options == {"--config", "--markdown"} and options <= set(
        re.findall(r"--[a-z-]+", run("margincall gate --help", tmp_path).stdout)
    )


def small_company(folder: Path) -> None:
    """A configuration whose logs are one request, landed."""
    workspace = Workspace(folder)
    workspace.control.close()
    logs = folder / "logs"
    logs.mkdir()
    workspace.root = logs
    workspace.land_records("log", [request()])
    (folder / "margincall.toml").write_text('config_version = 1\nlogs = ["logs"]\n')


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        name, _, heading = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), f"{page.name}: {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(), flags=re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
            assert heading in slugs, f"{page.name}: {target}"


def test_every_metric_of_the_weekly_view_is_explained() -> None:
    macro = (ROOT / "models_sql/macros/weekly_metrics.sql").read_text()
    metrics = set(re.findall(r"\{'id': '(\w+)'", macro))
    explained = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "figures.md").read_text(), flags=re.MULTILINE))
    assert len(metrics) > 25
    assert metrics <= explained


def test_the_pages_of_the_sources_are_what_the_sources_say_of_themselves() -> None:
    written = {path.name: path.read_text() for path in source_pages.FOLDER.glob("*.md")}
    assert written == source_pages.pages(), "`make docs` writes them"
