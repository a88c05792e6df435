"""The forecast of a built company, as a person asks for it: four weeks of one call a day, and what a page of it says.

A call of claude-sonnet-4-5 with 1,000 tokens in and 100 out costs $0.0045; acme has one a day and beta two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dashboards import source
from pipelines import cli
from tests.browser.pages import page, rows, words
from tests.workspace import Workspace, request

Ask = Callable[..., tuple[int, str, str]]
FIRST = date(2026, 10, 12)
"""A Monday; five weeks are up to 15 November."""
DAYS = 35


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    workspace = Workspace(tmp_path_factory.mktemp("company"))
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    workspace.land_records("log", [
        request(task_id=f"{tenant}-{day}-{n}", tenant_id=tenant, started_at=f"{day}T12:0{n}:00Z")
        for day in days for tenant, calls in (("acme", 1), ("beta", 2)) for n in range(calls)
    ])  # fmt: skip
    workspace.land_feed("revenue_lines", [
        {"line_id": f"{tenant}-1", "tenant_id": tenant, "kind": "subscription", "amount": amount, "currency": "USD",
         "service_start": FIRST, "service_end": FIRST + timedelta(days=DAYS)}
        for tenant, amount in (("acme", "35.00"), ("beta", "0.35"))
    ])  # fmt: skip
    workspace.build()
    workspace.control.close()
    (workspace.root / "margincall.toml").write_text('data_dir = "var"\n[targets]\nmonth_cost_plan_usd = "0.40"\n')
    yield workspace.root


@pytest.fixture
def ask(company: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["margincall", "forecast", *words])
        monkeypatch.chdir(company)
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return call


def values(line: dict[str, Any]) -> list[str]:
    return [line[f"{name}_usd"]["value"] for name in ("revenue", "cogs", "gross_profit", "inference_cost")]


def test_the_weeks_to_come_by_hand(ask: Ask) -> None:
    """A week: 7.07 of revenue, 21 calls of 0.0045 = 0.0945."""
    code, out, _ = ask("--weeks", "2", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["history"]["first"], told["history"]["last"]) == ("2026-10-12", "2026-11-15")
    assert [(line["start"], *values(line)) for line in told["weeks"]] == [
        ("2026-11-16", "7.07", "0.09", "6.98", "0.09"),
        ("2026-11-23", "7.07", "0.09", "6.98", "0.09"),
    ]
    assert values(told["together"]) == ["14.14", "0.19", "13.95", "0.19"]
    month = told["month_end"]
    # 15 days at 3 × 0.0045 are there, and 15 to come: 0.2025 and 0.2025, rounded apart.
    assert (Decimal(month["inference_cost_so_far_usd"]), month["days_left"]) == (Decimal("0.2025"), 15)
    assert (month["outlook"]["value"], month["plan_usd"], month["met"]) == ("0.40", "0.40", True)
    assert [line["tenant_id"] for line in told["tenants"]] == ["beta", "acme"]
    assert values(told["tenants"][1])[:3] == ["14.00", "0.06", "13.94"]
    assert [test["series"] for test in told["backtests"]] == ["revenue", "cogs", "inference_cost", "gross_profit"]
    # Origins after three and after four of five weeks; two ahead only after three.
    assert [row["origins"] for row in told["backtests"][0]["horizons"]] == [2, 1]
    assert {row["wape"] for test in told["backtests"] for row in test["horizons"]} == {"0.0000"}
    assert told["weeks"][0]["cogs_usd"]["level"] is None, "two origins are too few"


def test_what_is_printed(ask: Ask) -> None:
    code, out, _ = ask()
    assert code == 0
    assert "Forecast of the company from the weeks 2026-10-12 to 2026-11-15" in out
    assert (
        "Inference cost of November 2026: $0.2025 so far, 15 days left; at its end $0.4000. Plan $0.4000: met." in out
    )
    assert "2 tenants are forecast, each by itself" in out
    assert "none: 2 origins" in out and "How such forecasts did" in out


def test_of_one_tenant(ask: Ask) -> None:
    code, out, _ = ask("--tenant", "beta", "--weeks", "1", "--json")
    told = json.loads(out)
    assert code == 0
    assert values(told["weeks"][0]) == ["0.07", "0.06", "0.01", "0.06"]
    assert (told["month_end"], told["tenants"], told["tenant_id"]) == (None, [], "beta")
    code, _, said = ask("--tenant", "nobody")
    assert code == 2 and said.startswith("No tenant nobody in the weeks from 2026-10-12 to 2026-11-15.")
    assert ask("--weeks", "0")[0] == 2


def test_before_anything_is_published(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "margincall.toml").write_text('data_dir = "var"\n')
    code, _, said = ask("--config", str(tmp_path / "margincall.toml"))
    assert code == 1 and "Nothing is published" in said


def test_the_monday_page_shows_what_the_command_says(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week: $7.07 and 21 calls of 0.0045, $0.09 to the cent; four of them, apart and together."""
    monkeypatch.setenv(source.CONFIG_VARIABLE, str(company / "margincall.toml"))
    seen = page("week")
    told = words(seen)
    assert "The next four weeks" in told
    assert [cells[1:] for cells in rows(seen, "Forecast")] == [["$7.07", "$0.09000", "$6.98", "$0.09000"]] * 4 + [
        ["$28.28", "$0.3800", "$27.90", "$0.3800"]
    ]
    assert "Inference cost of November 2026 at its end: $0.4000, plan $0.4000: met." in told
    assert (
        "Too short for intervals. Tried on the weeks 12 Oct – 15 Nov 2026, a week ahead it was off by 0.0% (revenue)"
        in told
    )
    assert "The next four weeks" not in words(page("week", week="2026-11-02")), (
        "of an earlier week there is nothing to come"
    )
