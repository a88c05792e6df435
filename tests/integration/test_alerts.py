"""Alerts of a built company: what fires, what does not fire twice, what a sink that fails leaves behind, and the command.

A call of claude-sonnet-4-5 with 1,000 tokens in and 100 out costs $0.0045; acme has one a day and beta two. Of five weeks up to
Sunday 2026-11-15 fifteen days are November's: 15 × 3 × 0.0045 = $0.2025 of a plan of $0.40, which is 50.6%. In the last week
beta pays 0.25 ÷ 5 = $0.05 and costs 14 × 0.0045 = $0.063.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines import cli
from pipelines.alerts import state
from pipelines.alerts.check import Checked, check
from pipelines.alerts.sinks import DeliveryError, FileSink
from pipelines.economics.alerting import Facts, Limit
from pipelines.economics.finding import Finding, Remedy
from pipelines.landing.erase import erase
from pipelines.settings import Alerts, Settings, Targets
from tests.workspace import Workspace, request
from warehouse import control as db
from warehouse.control import Control
from warehouse.reader import Reader

FIRST, DAYS = date(2026, 10, 12), 35
NOW = datetime(2026, 11, 16, 7, tzinfo=UTC)
PLAN = "limit:plan:2026-11-01"
EXPECTED = {
    f"{PLAN}:50:0.4",
    "metric:gateway_cache_hit_rate:week:2026-11-09",
    "metric:top20_cost_share_of_revenue:week:2026-11-09",
    "tenant:beta:week:2026-11-09:under_water",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace(tmp_path_factory.mktemp("company"))
    days = [FIRST + timedelta(days=n) for n in range(DAYS)]
    workspace.land_records("log", [
        request(task_id=f"{tenant}-{day}-{n}", tenant_id=tenant, started_at=f"{day}T12:0{n}:00Z")
        for day in days for tenant, calls in (("acme", 1), ("beta", 2)) for n in range(calls)
    ])  # fmt: skip
    workspace.land_feed("revenue_lines", [
        {"line_id": f"{tenant}-1", "tenant_id": tenant, "kind": "subscription", "amount": amount, "currency": "USD",
         "service_start": FIRST, "service_end": FIRST + timedelta(days=DAYS)}
        for tenant, amount in (("acme", "35.00"), ("beta", "0.25"))
    ])  # fmt: skip
    workspace.build()
    workspace.control.close()
    return workspace.root


@dataclass
class Company:
    """A copy of the built company; `alerts` are settings of that section."""

    root: Path
    settings: Settings
    control: Control
    reader: Reader

    def check(self, *, plan: str = "0.40", now: datetime = NOW, **alerts: object) -> Checked:
        targets = self.settings.targets.model_copy(update={"month_cost_plan_usd": Decimal(plan)})
        known = {"file": self.root / "alerts.jsonl"} | alerts
        findings = known.pop("findings", {})
        assert isinstance(findings, dict) or findings is None
        is_dry = bool(known.pop("is_dry", False))
        settings = self.settings.model_copy(update={"targets": targets, "alerts": Alerts.model_validate(known)})
        return check(settings, self.reader, self.control, findings=findings, now=now, is_dry=is_dry)

    @property
    def told(self) -> list[str]:
        """Keys in the file, in its order."""
        path = self.root / "alerts.jsonl"
        return [json.loads(line)["key"] for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Iterator[Company]:
    shutil.copytree(built / "var", tmp_path / "var")
    settings = Settings(data_dir=tmp_path / "var", targets=Targets())
    control, reader = Control(settings.control_url), Reader(settings.data_dir)
    yield Company(tmp_path, settings, control, reader)
    reader.close()
    control.close()


def keys(checked: Checked) -> set[str]:
    return {firing.key for firing in checked.new}


def test_everything_that_holds_fires_once(company: Company) -> None:
    first = company.check()
    assert keys(first) == EXPECTED
    texts = {firing.key: firing.text for firing in first.new}
    assert texts[f"{PLAN}:50:0.4"] == (
        "Planned inference cost, month of 2026-11: $0.2025 of $0.4000 spent, 50% reached."
    )
    assert texts["tenant:beta:week:2026-11-09:under_water"] == (
        "beta under water in the week of 2026-11-09: cost $0.06300, revenue $0.05000."
    )
    assert [one.subject for one in first.undecided] == ["LTV/CAC, all segments in the week of 2026-11-09"]
    assert sorted(company.told) == sorted(EXPECTED)
    second = company.check()
    assert (second.new, second.holding) == ((), len(EXPECTED))
    assert len(company.told) == len(EXPECTED)


def test_a_dry_run_keeps_and_sends_nothing(company: Company) -> None:
    assert keys(company.check(is_dry=True)) == EXPECTED
    assert company.told == [] and state.listed(company.control, with_closed=True) == []
    assert keys(company.check()) == EXPECTED


def test_only_the_rules_that_are_switched_on(company: Company) -> None:
    assert keys(company.check(rules=["limits"])) == {f"{PLAN}:50:0.4"}


def test_another_plan_is_another_hard_value_and_one_below_the_spend_is_one_alert(company: Company) -> None:
    plans = {plan: keys(company.check(plan=plan, rules=["limits"])) for plan in ("0.40", "1", "0.20", "0.21")}
    assert plans == {
        "0.40": {f"{PLAN}:50:0.4"},
        "1": set(),
        "0.20": {f"{PLAN}:lowered:0.2"},
        "0.21": {f"{PLAN}:{percent}:0.21" for percent in (50, 75, 90)},
    }


def test_the_month_before_is_judged_by_the_plan_it_had(company: Company) -> None:
    """October: 20 days × 3 × 0.0045 = $0.27. It had a plan of 0.50, of which 50% was reached; November's is another."""
    october = Limit("plan", "Planned inference cost", date(2026, 10, 1), Decimal("0.1"), False, Decimal("0.5"), (50,))
    state.record(company.control, Facts(limits=(october,)), NOW - timedelta(days=20), timedelta(hours=1), [])
    assert keys(company.check(plan="0.40", rules=["limits"])) == {
        f"{PLAN}:50:0.4", "limit:plan:2026-10-01:50:0.5",
    }  # fmt: skip


def test_what_no_longer_holds_is_over_and_does_not_fire_again(company: Company) -> None:
    company.check(rules=["limits"])
    company.check(plan="10", rules=["limits"])
    assert state.listed(company.control, with_closed=False) == []
    [over] = state.listed(company.control, with_closed=True)
    assert (over.key, over.is_open, over.firings) == (f"{PLAN}:50:0.4", False, 1)
    assert company.check(rules=["limits"]).new == ()


def test_a_finding_comes_again_after_the_cool_down_until_it_is_acknowledged(company: Company) -> None:
    day = date(2026, 11, 10)
    found = Finding(
        "retry_storm", "acme", None, None, None, day, day, True, Decimal(12), False, 1, "It fails.",
        Remedy("Cap retries.", None, "level before"),
    )  # fmt: skip
    fired = [
        [
            (one.key, one.firing)
            for one in company.check(findings={found.finding_id: found}, rules=["findings"], now=at).new
        ]
        for at in (NOW, NOW + timedelta(hours=167), NOW + timedelta(hours=168))
    ]
    key = f"finding:{found.finding_id}"
    assert fired == [[(key, 1)], [], [(key, 2)]]
    taken = state.acknowledge(company.control, key, "oncall@example.com", None, NOW)
    assert (taken.acknowledged_by, taken.firings) == ("oncall@example.com", 2)
    assert (
        state.acknowledge(company.control, key, "later@example.com", None, NOW).acknowledged_by == "oncall@example.com"
    )
    assert company.check(findings={found.finding_id: found}, rules=["findings"], now=NOW + timedelta(days=99)).new == ()


def test_a_sink_that_fails_gets_it_from_the_next_check_and_only_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise DeliveryError("it is full")

    with monkeypatch.context() as patch:
        patch.setattr(FileSink, "send", broken)
        failed = company.check()
    assert failed.has_failed
    assert [(one.sink, one.delivered, one.pending, one.error) for one in failed.deliveries] == [
        ("file", 0, len(EXPECTED), "it is full")
    ]
    assert all(alert.undelivered == ("file",) for alert in state.listed(company.control, with_closed=False))
    mended = company.check()
    assert (mended.new, mended.has_failed) == ((), False)
    assert sorted(company.told) == sorted(EXPECTED)
    rows = company.control.rows(sa.select(db.alert_delivery.c.attempts, db.alert_delivery.c.last_error))
    assert {tuple(row) for row in rows} == {(2, None)}


def test_killed_between_sending_and_noting_it_is_sent_again_once_the_claim_is_over(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(state, "delivered", killed)
        company.check(rules=["limits"])
    assert company.told == [f"{PLAN}:50:0.4"]
    during = company.check(rules=["limits"], now=NOW + timedelta(seconds=299))
    assert [(one.delivered, one.pending, one.error) for one in during.deliveries] == [(0, 1, None)]
    after = company.check(rules=["limits"], now=NOW + timedelta(seconds=300))
    assert [(one.delivered, one.pending) for one in after.deliveries] == [(1, 0)]
    assert company.told == [f"{PLAN}:50:0.4"] * 2, "twice, with the same key"


def test_two_checks_at_once_neither_fire_nor_send_twice(company: Company) -> None:
    """The second finds what the first has recorded and claimed, though it gathered its facts before."""
    other = Control(company.settings.control_url)
    facts = Facts(limits=(Limit("plan", "Plan", date(2026, 11, 1), Decimal(60), False, Decimal(100), (50,)),))
    first, _ = state.record(company.control, facts, NOW, timedelta(hours=1), ["file"])
    second, _ = state.record(other, facts, NOW, timedelta(hours=1), ["file"])
    assert (len(first), second) == (1, [])
    assert state.claim(company.control, "file", NOW, 20) == first
    assert state.claim(other, "file", NOW, 20) == []
    other.close()


def test_many_go_in_messages_of_twenty(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(FileSink, "send", lambda _self, firings: sizes.append(len(firings)))
    limits = tuple(Limit(f"l{n}", "L", date(2026, 11, 1), Decimal(1), False, Decimal(1), (50,)) for n in range(45))
    state.record(company.control, Facts(limits=limits), NOW, timedelta(hours=1), ["file"])
    company.check(rules=[])
    assert sizes == [20, 20, 5]


def test_a_tenant_that_was_erased_is_in_no_alert_and_fires_none_from_the_version_that_still_has_it(
    company: Company, tmp_path: Path
) -> None:
    company.check(rules=["tenants"])
    assert [alert.key for alert in state.listed(company.control, with_closed=True)] == [
        "tenant:beta:week:2026-11-09:under_water"
    ]
    workspace = Workspace(tmp_path)
    erase(workspace.context, "tenant", "beta", "ops@example.com")
    workspace.control.close()
    assert state.listed(company.control, with_closed=True) == []
    assert company.control.rows(sa.select(db.alert_delivery)) == []
    assert company.check(rules=["tenants"]).new == ()


def test_what_prometheus_reads_is_replaced_by_every_check(company: Company) -> None:
    path = company.root / "node" / "margincall.prom"
    for at in (NOW, NOW + timedelta(hours=1)):
        checked = company.check(prometheus_file=path, now=at)
        assert not checked.has_failed
    text = path.read_text()
    assert f"margincall_alerts_checked_timestamp_seconds {int(NOW.timestamp()) + 3600}\n" in text
    assert "margincall_weekly_total_inference_cost_usd 0.0945\n" in text  # 7 × 3 × 0.0045
    assert 'margincall_alerts_open{rule="metrics"} 2\n' in text
    assert "margincall_weekly_ltv_cac_ratio" not in text
    assert [each.name for each in path.parent.iterdir()] == ["margincall.prom"]
    (company.root / "plain").write_text("")
    failed = company.check(prometheus_file=company.root / "plain" / "x.prom")
    assert failed.has_failed


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(company: Company, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    (company.root / "margincall.toml").write_text(
        'data_dir = "var"\n[targets]\nmonth_cost_plan_usd = "0.40"\n'
        '[alerts]\nrules = ["limits", "metrics", "tenants"]\nfile = "alerts.jsonl"\n'
    )

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["margincall", "alerts", *words])
        monkeypatch.chdir(company.root)
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        return int(end.value.code or 0), told.out, told.err

    return call


def test_the_command(company: Company, ask: Ask) -> None:
    code, out, _ = ask("check", "--dry-run", "--json")
    assert code == 0
    assert {one["key"] for one in json.loads(out)["new"]} == EXPECTED
    assert company.told == []
    code, out, _ = ask("check")
    assert code == 0
    assert "4 fired, 0 more hold and were told before." in out and "file: 4 delivered." in out
    assert "Not decided: LTV/CAC, all segments in the week of 2026-11-09: needs acquisition feed." in out
    code, out, _ = ask("check")
    assert (code, out.splitlines()[0]) == (0, "0 fired, 4 more hold and were told before.")
    code, out, _ = ask("acknowledge", f"{PLAN}:50:0.4", "--as", "cto@example.com", "--note", "launch week")
    assert code == 0 and f"{PLAN}:50:0.4: taken by cto@example.com since" in out
    open_keys = {one["key"] for one in json.loads(ask("list", "--json")[1])["alerts"]}
    assert open_keys == EXPECTED - {f"{PLAN}:50:0.4"}
    _, out, _ = ask("list", "--all")
    assert "launch week" in out and "beta under water" in out


def test_a_key_that_never_fired_is_told_with_the_nearest(ask: Ask) -> None:
    ask("check")
    code, _, said = ask("acknowledge", f"{PLAN}:50:0.5", "--as", "cto@example.com")
    assert code == 2
    assert said.startswith(f"No alert has the key {PLAN}:50:0.5. Nearest: {PLAN}:50:0.4")


def test_a_sink_that_cannot_be_written_exits_1(company: Company, ask: Ask) -> None:
    (company.root / "alerts.jsonl").mkdir()
    code, out, _ = ask("check")
    assert code == 1
    assert "Is a directory. 4 wait for the next check." in out


def test_before_anything_is_published(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "empty.toml").write_text('data_dir = "empty"\n')
    code, _, said = ask("check", "--config", str(tmp_path / "empty.toml"))
    assert code == 1 and "Nothing is published" in said
    assert ask("list", "--config", str(tmp_path / "empty.toml"))[1] == "No alert is open.\n"
