"""Revenue of every kind, credits, outcomes, and the providers' bills of the sample company."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.feeds.reader import read_feed
from sample_data.company import build_company
from sample_data.currency import rate_micro
from sample_data.invoices import line_of
from sample_data.metered import metered_lines
from sample_data.period import FIRST_MONDAY, Period
from sample_data.plan_changes import changes_on, plan_on
from sample_data.planted import Plants, Role
from sample_data.subscriptions import subscription_lines
from tests.unit.test_sample_data import Sample, written
from tests.unit.test_sample_data_plants import charged, cost_of_plant, found, model_of, tokens_of

PERIOD = Period(FIRST_MONDAY, 10)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return written(tmp_path_factory.mktemp("money"), 9, 24_000)


def lines_of_kind(sample: Sample, kind: str) -> list[dict[str, str]]:
    return [line for line in sample.feed("revenue_lines") if line["kind"] == kind]


def test_credits_are_burned_by_tasks_and_never_more_than_was_bought(sample: Sample) -> None:
    packs = lines_of_kind(sample, "credit_pack")
    bought, burned = Counter[str](), Counter[str]()
    events = [(line["service_start"], 0, line["tenant_id"], int(line["credits"])) for line in packs]
    events += [(b["occurred_at"][:10], 1, b["tenant_id"], int(b["credits"])) for b in sample.feed("credit_burns")]
    for _, is_burn, tenant_id, credits in sorted(events):
        (burned if is_burn else bought)[tenant_id] += credits
        assert burned[tenant_id] <= bought[tenant_id]
    assert len(bought) >= 2
    assert set(burned) == set(bought)
    lapsed = [line for line in packs if line["expires_on"] < "2026-11-16"]
    assert lapsed, "no pack ended within the period: no breakage to find"
    assert all(line["expires_on"] == line["service_end"] for line in packs)


def test_somebody_lets_credits_lapse(sample: Sample) -> None:
    """Burned up to the end of its only pack so far, the slow tenant has used less than it bought: the rest is breakage."""
    by_tenant: dict[str, list[dict[str, str]]] = defaultdict(list)
    for line in lines_of_kind(sample, "credit_pack"):
        by_tenant[line["tenant_id"]].append(line)
    rests = []
    for tenant_id, (first, *_) in by_tenant.items():
        burns = [b for b in sample.feed("credit_burns") if b["tenant_id"] == tenant_id]
        rests.append(1000 - sum(int(b["credits"]) for b in burns if b["occurred_at"][:10] < first["expires_on"]))
    assert max(rests) > 200


def test_outcomes_are_invoiced_for_successes_only(sample: Sample) -> None:
    outcome_lines = lines_of_kind(sample, "outcome")
    (payer,) = {line["tenant_id"] for line in outcome_lines}
    tenants = {
        r["metadata"]["spend_logs_metadata"].get("task_id"): r["metadata"]["spend_logs_metadata"].get(
            "tenant_id", payer
        )
        for r in sample.litellm
        if r["metadata"]["spend_logs_metadata"]["feature"] == "support_reply"
        and r["litellm_call_id"]
        and (r["end_user"] or "").startswith(f"u-{payer.removeprefix('tnt-')}")
    }
    net: Counter[date] = Counter()
    judged: set[str] = set()
    for outcome in sample.feed("task_outcomes"):  # in order of their observation
        if outcome["task_id"] in tenants and tenants[outcome["task_id"]] == payer:
            day = date.fromisoformat(outcome["observed_at"][:10])
            monday = day - timedelta(days=day.weekday())
            is_success, is_correction = outcome["outcome"] == "success", outcome["task_id"] in judged
            net[monday] += 1 if is_success else -1 if is_correction else 0
            judged.add(outcome["task_id"])
    for line in outcome_lines:
        count = int(line["quantity"])
        assert Decimal(line["amount"]) == Decimal("0.90") * count
        # Tasks whose log names no tenant are invoiced too: the product knows whose they are, the log does not.
        assert net[date.fromisoformat(line["service_start"])] <= count
    assert sum(int(line["quantity"]) for line in outcome_lines) <= sum(net.values()) * 1.1 + 2


def test_an_upgrade_is_prorated_and_a_downgrade_waits_for_the_end_of_the_month() -> None:
    company = build_company(2, PERIOD, 17_500, Plants.FULL)
    upgrader, downgrader = company.in_role(Role.UPGRADER), company.in_role(Role.DOWNGRADER)
    lines = list(subscription_lines(upgrader, PERIOD))
    (credit,) = [line for line in lines if line.kind == "credit_note"]
    # 25 September to 25 October are 30 days; 13 of them lie after the upgrade on 12 October: 39.00 x 13 / 30 = 16.90.
    assert (credit.amount_cents, credit.service_start, credit.service_end) == (
        -1_690,
        date(2026, 10, 12),
        date(2026, 10, 25),
    )
    prorated = [line for line in lines if line.service_start == date(2026, 10, 12) and line.kind == "subscription"]
    assert [line.amount_cents for line in prorated] == [2_990]  # 69.00 x 13 / 30
    day = changes_on(downgrader)
    assert day is not None
    assert day.day == downgrader.started_on.day
    assert [plan_on(downgrader, d).name for d in (day - timedelta(days=1), day)] == ["pro", "starter"]
    by_start = {
        line.service_start: line.amount_cents
        for line in subscription_lines(downgrader, PERIOD)
        if line.kind == "subscription"
    }
    assert by_start[day] == 3_900


def test_usage_above_the_allowance_is_invoiced_after_the_month() -> None:
    tenant = next(
        t
        for t in build_company(2, PERIOD, 260_000, Plants.FULL).tenants
        if t.plan.name == "pro" and t.role is Role.ORDINARY
    )
    tasks = Counter({(tenant.tenant_id, date(2026, 10, 5)): 300, (tenant.tenant_id, date(2026, 11, 2)): 300})
    (line,) = metered_lines(tenant, PERIOD, tasks, Counter())
    assert (line.kind, line.quantity, line.amount_cents) == ("overage", 40, 240)  # 300 - 260 tasks at 6 cents
    assert (line.service_start, line.service_end, line.invoiced_on) == (
        date(2026, 10, 1),
        date(2026, 11, 1),
        date(2026, 11, 1),
    )


def test_euros_are_converted_at_the_rate_of_the_first_day_of_service(sample: Sample) -> None:
    tenant = build_company(9, PERIOD, 24_000, Plants.FULL).in_role(Role.IN_EUROS)
    day = date(2026, 10, 9)
    (rate,) = [Decimal(row["rate"]) for row in sample.feed("fx") if row["date"] == "2026-10-09"]
    assert rate == Decimal(rate_micro(day)) / 1_000_000
    line = line_of(tenant, "subscription", 6_900, day, date(2026, 11, 9))
    assert (line.currency, line.usd_cents) == ("EUR", int((69 * rate * 100).to_integral_value()))
    dates = {row["date"] for row in sample.feed("fx")}
    assert {line["service_start"] for line in sample.feed("revenue_lines") if line["currency"] == "EUR"} <= dates


def billed_by_model(sample: Sample) -> dict[str, Decimal]:
    """Dollars by model of every bill, as the product reads it."""
    dollars: dict[str, Decimal] = defaultdict(Decimal)
    for path in sorted((sample.folder / "feeds").glob("provider_bills-*")):
        for row in read_feed("provider_bills", path).table.to_pylist():
            dollars[row["model"]] += row["amount"]
    return dollars


def logged_by_model(sample: Sample) -> dict[str, Decimal]:
    dollars: dict[str, Decimal] = defaultdict(Decimal)
    for record in found(sample, lambda r: not r.get("cache_hit") and tokens_of(r).input > 0):
        dollars[model_of(record)] += charged(record)
    return dollars


def test_the_bills_are_the_logs_and_what_the_logs_never_saw(sample: Sample) -> None:
    billed, logged = billed_by_model(sample), logged_by_model(sample)
    assert len(list((sample.folder / "feeds").glob("provider_bills-*"))) == 12  # four providers, three months
    assert set(billed) == set(logged)
    rest = {model: billed[model] - logged[model] for model in billed}
    assert rest.pop("acme-rerank-exp-1") > 0  # no price table knows this model, its bill does
    assert sum(rest.values()) == cost_of_plant(sample, "missing_logs")
    assert all(difference >= 0 for difference in rest.values())
    assert rest["claude-sonnet-4-5-20250929"] > Decimal("0.9") * sum(rest.values())


def test_without_plants_the_bills_are_exactly_the_logs(tmp_path: Path) -> None:
    bare = written(tmp_path, 9, 17_500, plants=Plants.NONE)
    assert billed_by_model(bare) == logged_by_model(bare)
    names = {path.name.split("-")[1] for path in (bare.folder / "feeds").glob("provider_bills-*")}
    assert names == {"openai", "anthropic", "google"}
