"""Which alerts hold and which fire, by hand: example D6 of a budget's revisions, floors that bounds cannot decide, findings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.economics.alerting import (
    NO_MARGIN,
    Alert,
    Facts,
    Fired,
    Limit,
    Memory,
    Metric,
    TenantResult,
    Undecided,
    due,
    finding_alert,
    judge,
    metric_alert,
    tenant_alert,
)
from pipelines.economics.finding import Finding, Remedy

NOVEMBER = date(2026, 11, 1)
NOW = datetime(2026, 11, 16, 7, tzinfo=UTC)
WEEK = timedelta(days=7)


def limit(used: str, hard: str, thresholds: tuple[int, ...] = (50, 75, 90), **values: Any) -> Limit:
    known = {
        "limit_id": "acme",
        "label": "Acme, month of 2026-11",
        "window_start": NOVEMBER,
        "is_lower_bound": False,
    } | values
    return Limit(spent_usd=Decimal(used), hard_usd=Decimal(hard), thresholds_percent=thresholds, **known)


class Checks:
    """Checks one after the other, each knowing what fired before, as the control database does."""

    def __init__(self) -> None:
        self.memory = Memory()

    def __call__(self, *limits: Limit) -> list[str]:
        fired = due(judge(Facts(limits=limits), self.memory).alerts, self.memory, NOW, WEEK)
        keys = {**self.memory.fired, **{alert.key: Fired(NOW, False) for alert in fired}}
        hards = {**self.memory.hard_usd, **{(each.limit_id, each.window_start): each.hard_usd for each in limits}}
        self.memory = Memory(keys, hards)
        return [alert.key.removeprefix("limit:acme:2026-11-01:") for alert in fired]


def test_example_d6_revisions_of_a_limit() -> None:
    check = Checks()
    assert check(limit("80", "100")) == ["50:100", "75:100"]
    assert check(limit("80", "200")) == [], "revision 8 raises hard: 80 is 40%, nothing fires and nothing un-fires"
    assert set(check.memory.fired) == {"limit:acme:2026-11-01:50:100", "limit:acme:2026-11-01:75:100"}
    assert check(limit("100", "200")) == ["50:200"], "a new hard value is a new key"
    assert check(limit("100", "200.00")) == [], "revision 9 leaves hard as it is"
    assert check(limit("100", "90")) == ["lowered:90"], "revision 10: one alert, not one per threshold"
    assert check(limit("101", "90")) == []
    assert check(limit("85", "90")) == [], "nor later, when a correction took some of the spend back"


def test_example_d2_thresholds_fire_when_they_are_first_reached() -> None:
    check = Checks()
    used = ("2900000", "3100000", "4950000", "5010000", "5710000", "5990000", "6010000")
    assert [check(limit(each, "6000000")) for each in used] == [
        [], ["50:6000000"], ["75:6000000"], [], ["90:6000000"], [], [],
    ]  # fmt: skip


def test_a_limit_lowered_above_its_spend_counts_as_any_new_value() -> None:
    check = Checks()
    assert check(limit("60", "100")) == ["50:100"]
    assert check(limit("60", "80")) == ["50:80", "75:80"]


def test_a_limit_lowered_to_exactly_what_is_spent_is_one_alert_too() -> None:
    check = Checks()
    assert check(limit("100", "300")) == []
    assert check(limit("100", "100")) == ["lowered:100"]


def test_another_window_is_another_key() -> None:
    check = Checks()
    december = date(2026, 12, 1)
    assert check(limit("50", "100")) == ["50:100"]
    assert check(limit("50", "100", window_start=december)) == ["limit:acme:2026-12-01:50:100"]


def test_any_spend_breaches_a_limit_of_nothing() -> None:
    check = Checks()
    assert check(limit("0", "0")) == []
    assert check(limit("0.000001", "0")) == ["breach:0"]


def test_spend_that_is_a_lower_bound_fires_what_it_has_reached_and_says_what_it_may_have() -> None:
    judged = judge(Facts(limits=(limit("80", "100", is_lower_bound=True),)), Memory())
    assert [alert.text for alert in judged.alerts] == [
        "Acme, month of 2026-11: ≥ $80.00 of $100.00 spent, 50% reached.",
        "Acme, month of 2026-11: ≥ $80.00 of $100.00 spent, 75% reached.",
    ]
    assert [one.subject for one in judged.undecided] == ["Acme, month of 2026-11"]
    assert judge(Facts(limits=(limit("90", "100", is_lower_bound=True),)), Memory()).undecided == ()


def metric(value: str | None, target: str, *, is_minimum: bool, bound: str | None = None, **values: Any) -> Metric:
    known = {
        "metric_id": "gross_margin", "label": "Gross margin", "unit": "ratio", "window": "week",
        "window_start": date(2026, 11, 9), "low": None, "high": None, "missing": None,
    } | values  # fmt: skip
    amount = None if value is None else Decimal(value)
    return Metric(value=amount, target=Decimal(target), is_minimum=is_minimum, bound=bound, **known)


@pytest.mark.parametrize(
    ("value", "bound", "is_minimum", "verdict"),
    [
        ("0.60", None, True, "alert"),
        ("0.68", None, True, "met"),
        ("0.60", "at_most", True, "alert"),  # at most 60%: below 68% whatever is missing
        ("0.70", "at_most", True, "undecided"),
        ("0.60", "at_least", True, "undecided"),
        ("0.70", "at_least", True, "met"),
        ("0.60", "neither", True, "undecided"),
        ("0.70", "neither", True, "undecided"),
        ("0.70", None, False, "alert"),
        ("0.68", None, False, "met"),
        ("0.70", "at_least", False, "alert"),
        ("0.60", "at_least", False, "undecided"),
        ("0.70", "at_most", False, "undecided"),
        ("0.60", "at_most", False, "met"),
        (None, None, True, "undecided"),
    ],
)
def test_a_bound_that_cannot_decide_does_not_alert(
    value: str | None, bound: str | None, is_minimum: bool, verdict: str
) -> None:
    kinds = {Alert: "alert", Undecided: "undecided", type(None): "met"}
    assert kinds[type(metric_alert(metric(value, "0.68", is_minimum=is_minimum, bound=bound)))] == verdict


def test_outcomes_that_may_still_come_can_bring_a_cost_per_success_back_under_its_target() -> None:
    """10 dollars, 8 successes and 2 unknown outcomes: between 1.00 and 1.25 per success."""
    cost = {"unit": "usd", "low": Decimal(1), "high": Decimal("1.25"), "is_minimum": False}
    assert isinstance(metric_alert(metric("1.25", "1.10", **cost)), Undecided)
    assert isinstance(metric_alert(metric("1.25", "0.99", **cost)), Alert)
    assert metric_alert(metric("1.25", "1.25", **cost)) is None
    assert isinstance(metric_alert(metric("1.25", "1.30", **(cost | {"high": Decimal("1.40")}))), Undecided)


def test_a_margin_that_is_none_is_an_alert_and_another_missing_input_is_not() -> None:
    ltv = {"metric_id": "ltv_cac", "label": "LTV/CAC", "unit": "multiple", "is_minimum": True}
    alert = metric_alert(metric(None, "3", missing=NO_MARGIN, **ltv))
    assert isinstance(alert, Alert)
    assert alert.text == "LTV/CAC in the week of 2026-11-09: no positive margin (n/m), target at least 3.00."
    assert isinstance(metric_alert(metric(None, "3", missing=NO_MARGIN, bound="at_least", **ltv)), Undecided)
    other = metric_alert(metric(None, "3", missing="new customers in three months", **ltv))
    assert other == Undecided("metrics", "LTV/CAC in the week of 2026-11-09", "needs new customers in three months")


def tenant(revenue: str, cogs: str, **values: Any) -> TenantResult:
    known = {
        "tenant_id": "acme", "name": "Acme", "window": "week", "window_start": date(2026, 11, 9),
        "margin_min": Decimal("0.68"), "is_cost_complete": True, "is_converted": True,
    } | values  # fmt: skip
    return TenantResult(revenue_usd=Decimal(revenue), cogs_usd=Decimal(cogs), **known)


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (tenant("10", "3.20"), None),
        (tenant("10", "3.21"), "below_target"),
        (tenant("10", "10"), "below_target"),
        (tenant("10", "10.01"), "under_water"),
        (tenant("10", "10.01", is_cost_complete=False), "under_water"),
        (tenant("10", "3.20", is_cost_complete=False), "undecided"),
        (tenant("10", "10.01", is_converted=False), "undecided"),
        (tenant("10", "9", margin_min=None), None),
        (tenant("0", "5"), None),
        (tenant("0", "5", is_converted=False), "undecided"),
    ],
)
def test_a_tenant_s_margin(result: TenantResult, state: str | None) -> None:
    found = tenant_alert(result)
    told = found.key.rpartition(":")[2] if isinstance(found, Alert) else found
    assert told == state


def test_names_from_logs_keep_to_one_line_and_keys_can_be_told_apart() -> None:
    found = tenant_alert(tenant("10", "11", tenant_id="a:b\nc", name="Big\x1b[31m\nCo"))
    assert isinstance(found, Alert)
    assert found.key == "tenant:a%3Ab%0Ac:week:2026-11-09:under_water"
    assert found.text == "Big [31m Co (a:b c) under water in the week of 2026-11-09: cost $11.00, revenue $10.00."


def finding(cost: str | None, **values: Any) -> Finding:
    known: dict[str, Any] = {
        "kind": "retry_storm", "tenant_id": "acme", "feature": None, "model": None, "provider": None,
        "since": date(2026, 11, 10), "until": date(2026, 11, 16), "is_ongoing": True, "is_lower_bound": False,
        "requests": 7, "summary": "3 of 4 attempts fail.", "remedy": Remedy("Cap retries.", None, "level before"),
    } | values  # fmt: skip
    return Finding(cost_usd=None if cost is None else Decimal(cost), **known)


def test_a_finding_fires_once_and_again_after_the_cool_down_until_it_is_acknowledged() -> None:
    facts = Facts(findings={"0a1b": finding("12")}, finding_min_usd=Decimal(10))
    [alert] = judge(facts, Memory()).alerts
    assert alert.text == "retry_storm (acme) since 2026-11-10, $12.00: 3 of 4 attempts fail. Cap retries."
    assert alert.key == "finding:0a1b", "as it was known when somebody first spoke of it"
    ago = {days: Memory({alert.key: Fired(NOW - timedelta(days=days), False)}) for days in (6, 7)}
    assert due([alert], Memory(), NOW, WEEK) == [alert]
    assert due([alert], ago[6], NOW, WEEK) == []
    assert due([alert], ago[7], NOW, WEEK) == [alert]
    assert due([alert], Memory({alert.key: Fired(NOW - timedelta(days=99), True)}), NOW, WEEK) == []


def test_only_findings_come_again() -> None:
    alert = Alert("metric:gross_margin:week:2026-11-09", "metrics", "…")
    assert due([alert], Memory({alert.key: Fired(NOW - timedelta(days=99), False)}), NOW, WEEK) == []


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (finding("10"), Alert),
        (finding("9.99"), type(None)),
        (finding("9.99", is_lower_bound=True), Undecided),
        (finding(None), Alert),
        (finding("12", is_ongoing=False), type(None)),
    ],
)
def test_a_finding_worth_an_alert(found: Finding, kind: type) -> None:
    assert type(finding_alert("0a1b", found, Decimal(10))) is kind


def test_where_nobody_looked_for_findings_that_is_said() -> None:
    assert judge(Facts(findings=None), Memory()).undecided == (
        Undecided("findings", "findings", "nobody has looked for any"),
    )


def test_before_a_week_is_complete_that_is_said() -> None:
    told = judge(Facts(has_week=False), Memory()).undecided
    assert told == (Undecided("metrics", "figures of a week", "no week of the data is complete"),)
