"""Realised savings of a built company whose changes are known.

Four weeks before Monday 2026-10-19 and two since. A call of claude-sonnet-4-5 with 1,000 tokens in and 100 out costs $0.0045, of
claude-haiku-4-5 $0.0015. *triage* moves from one to the other, with 7 calls a week before, then 14 and 21: 14 × 0.003 and 21 ×
0.003 are saved, however much volume grew. *steady* stays on its model with answers of 90 to 110 tokens. *search* is an
experiment: 12 tenants with two tasks of each label.
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

from pipelines import cli
from tests.workspace import Workspace, request

FIRST, SINCE, AFTER = date(2026, 9, 21), date(2026, 10, 19), date(2026, 11, 2)
WEEKS = [FIRST + timedelta(days=7 * n) for n in range(6)]
SMALL = {"response_model": "claude-haiku-4-5"}
CHANGES = """
[[changes]]
id = "triage-small"
what = "route"
since = 2026-10-19
feature = "triage"
claimed_weekly_usd = "0.10"

[[changes]]
id = "steady-prompt"
what = "prompt"
since = 2026-10-19
feature = "steady"
claimed_weekly_usd = "0.01"

[[changes]]
id = "search-small"
what = "model"
since = 2026-10-19
until = 2026-11-02
feature = "search"
claimed_weekly_usd = "0.036"
experiment = { control = "before", treatment = "small" }

[[changes]]
id = "triage-cache"
what = "cache"
since = 2026-10-27
tenant = "acme"
claimed_weekly_usd = "1"

[[changes]]
id = "tomorrow"
what = "price"
since = 2026-12-01
claimed_weekly_usd = "5"
"""


def traffic() -> Iterator[dict[str, Any]]:
    for number, week in enumerate(WEEKS):
        is_since = week >= SINCE
        calls = 7 if not is_since else 14 if week == SINCE else 21
        for n in range(calls):
            at = f"{week + timedelta(days=n % 7)}T10:{n:02}:00Z"
            yield request(task_id=f"t-{at}", feature="triage", started_at=at, **(SMALL if is_since else {}))
        at = f"{week}T11:00:00Z"
        # Answers of 90, 110, 100, 100 tokens before, and of 96 and 104 since.
        yield request(
            task_id=f"s-{at}", feature="steady", started_at=at, output_tokens=(90, 110, 100, 100, 96, 104)[number]
        )
    for tenant in range(12):
        for label, values in (("before", {}), ("small", SMALL)):
            for n in range(2):
                at = f"2026-10-2{n}T12:{tenant:02}:00Z"
                task = f"{label}-{tenant}-{n}"
                yield request(
                    task_id=task, tenant_id=f"tnt-{tenant}", feature="search", experiment=label, started_at=at, **values
                )
    odd = {"tenant_id": "tnt-0", "feature": "search", "started_at": "2026-10-22T12:00:00Z"}
    yield request(task_id="both", source_record_id="both-1", experiment="before", **odd)
    yield request(task_id="both", source_record_id="both-2", experiment="small", **odd)
    yield request(task_id="unpriced", experiment="small", **(odd | {"response_model": "nobody-knows-it"}))
    yield request(task_id="neither", experiment="silent", **odd)
    yield request(task_id="last", feature="other", started_at=f"{AFTER}T12:00:00Z")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("company"))
    workspace.land_records("log", traffic())
    # Of each label 24 tasks: 18 of 24 succeed without the change, 21 of 24 with it.
    judged = [(f"{label}-{t}-{n}", t * 2 + n < good) for label, good in (("before", 18), ("small", 21))
              for t in range(12) for n in range(2)]  # fmt: skip
    workspace.land_feed("task_outcomes", [
        {"outcome_id": f"o-{task}", "task_id": task, "outcome": "success" if is_good else "failure",
         "observed_at": "2026-10-25T00:00:00Z"} for task, is_good in judged
    ])  # fmt: skip
    workspace.build()
    workspace.control.close()
    (workspace.root / "margincall.toml").write_text(f'data_dir = "var"\n{CHANGES}')
    return workspace.root


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(company: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["margincall", "savings", *words])
        monkeypatch.chdir(company)
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return call


def asked(ask: Ask, *words: str) -> dict[str, Any]:
    code, out, _ = ask(*words, "--json")
    assert code == 0
    [change] = json.loads(out)["changes"]
    return change


def amounts(change: dict[str, Any]) -> list[Decimal]:
    return [Decimal(change[f"{name}_weekly_usd"]) for name in ("realised", "low", "high")]


def test_the_same_calls_on_a_cheaper_model_at_the_volume_they_have_now(ask: Ask) -> None:
    change = asked(ask, "triage-small")
    saved = [(week["week"], Decimal(week["saved_usd"])) for week in change["weeks"]["since"]]
    assert saved == [("2026-10-19", Decimal("0.042")), ("2026-10-26", Decimal("0.063"))]
    assert amounts(change) == [Decimal("0.0525")] * 3, "weeks before were alike to the last digit"
    assert Decimal(change["total_usd"]) == Decimal("0.105")
    assert change["weeks"]["before"] == [week.isoformat() for week in WEEKS[:4]]
    assert [Decimal(share) for share in change["weeks"]["placebo_shares"]] == [0, 0, 0, 0]
    factors = {name: Decimal(usd) for name, usd in change["weeks"]["since"][0]["factors_usd"].items() if Decimal(usd)}
    assert factors == {"tier_mix": Decimal("0.042")}
    assert change["verdict"] == "claimed $0.1000, realised $0.05250 to $0.05250 a week: less than claimed"
    assert change["mixed_with"] == ["triage-cache"], "it began in the second week compared, in the same tenant"


def test_no_change_is_nothing_within_the_interval(ask: Ask) -> None:
    """Answers of 100 tokens on average before and since: 0.0015 dollars for them, and 0.003 for the prompt.

    Against the mean of 90, 110, 100 and 100 the week of 96 saved 4 tokens, that of 104 lost 4.
    """
    change = asked(ask, "steady-prompt")
    each = Decimal("0.000015")
    assert [Decimal(week["saved_usd"]) for week in change["weeks"]["since"]] == [4 * each, -4 * each]
    realised, low, high = amounts(change)
    assert realised == 0 and low < 0 < high
    # The week of 90 has 310 ÷ 3 − 90 = 13⅓ tokens less than the others: 0.0002 of 0.003 + 103⅓ × 0.000015 = 0.00455.
    shares = sorted(Decimal(share) for share in change["weeks"]["placebo_shares"])
    assert shares[-1] == Decimal("0.043956")
    # That of 110 has 110 − 96⅔ = 13⅓ more: −0.0002 of 0.00445.
    assert shares[0] == Decimal("-0.044944")
    assert (low, high) == (-Decimal("0.043956") * Decimal("0.0045"), Decimal("0.044944") * Decimal("0.0045"))
    assert change["level"] == "0.60"
    assert change["verdict"].endswith("not told apart from nothing")


def test_an_experiment_counts_its_treated_tasks(ask: Ask) -> None:
    """24 tasks of each label, 0.0045 and 0.0015 each: 24 × 0.003 in the 14 days, 0.036 a week."""
    change = asked(ask, "search-small")
    experiment = change["experiment"]
    assert Decimal(experiment["saved_per_task_usd"]) == Decimal("0.003")
    assert (experiment["days"], experiment["unit"]) == (14, "tenants")
    assert amounts(change) == [Decimal("0.036")] * 3
    assert Decimal(change["total_usd"]) == Decimal("0.072")
    assert (experiment["mixed_tasks"], experiment["incomplete_tasks"]) == (1, 1)
    arms = [
        (experiment[arm]["tasks"], Decimal(experiment[arm]["cost_per_success_usd"])) for arm in ("control", "treatment")
    ]
    # 24 × 0.0045 ÷ 18 and 24 × 0.0015 ÷ 21
    assert arms == [(24, Decimal("0.006")), (24, Decimal("0.001714285714"))]
    assert change["success"]["without"] == {"successes": 18, "judged": 24}
    assert change["success"]["with"] == {"successes": 21, "judged": 24}
    assert change["success"]["change"] == "0.125000"
    assert Decimal(change["success"]["low"]) < 0 < Decimal(change["success"]["high"])
    assert change["verdict"] == "claimed $0.03600, realised $0.03600 to $0.03600 a week: as claimed"


def test_what_is_printed_and_the_sum(ask: Ask) -> None:
    code, out, _ = ask()
    assert code == 0
    assert "tomorrow: claimed $5.00, nothing to hold against it yet: no complete week since then." in out
    assert "Counted a week: Model mix $0.05250." in out
    assert "Left out: 1 tasks of both labels." in out
    assert "Without (before): 24 tasks at $0.004500, $0.006000 per success." in out
    assert "Not told apart from: triage-cache. The sum has both." in out
    total = json.loads(ask("--json")[1])["sum"]
    # 0.10 + 0.01 + 0.036 and 0.0525 + 0 + 0.036: what cannot be measured yet is in neither.
    assert total == {
        "claimed_weekly_usd": "0.146", "realised_weekly_usd": "0.088500000000", "measured": 3,
        "not_told_apart": ["steady-prompt", "triage-small"],
    }  # fmt: skip


def test_too_few_weeks_before_make_no_interval(ask: Ask) -> None:
    change = asked(ask, "steady-prompt", "--weeks-before", "2")
    assert (change["low_weekly_usd"], change["level"]) == (None, None)
    assert change["verdict"].endswith("a week, without an interval")


def test_an_unknown_change_is_told_with_the_nearest(ask: Ask) -> None:
    code, _, said = ask("triage-smal")
    assert code == 2
    assert said.startswith("No change triage-smal in the settings. Did you mean triage-small? There:")


def test_without_a_declared_change(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "none.toml").write_text('data_dir = "var"\n')
    code, out, _ = ask("--config", str(tmp_path / "none.toml"))
    assert code == 0 and out.startswith("No change is declared: a [[changes]] section")
