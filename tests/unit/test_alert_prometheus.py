"""The file for Prometheus, read back by a parser that follows the text of the exposition format, line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pipelines.alerts.prometheus import Standing, exposition
from pipelines.economics.finding import Finding, Remedy
from warehouse.alert_questions import TargetedMetric
from warehouse.rows import Week, WeeklyMetric

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*,?)?\}})? (\S+)")
Samples = dict[str, Decimal]


def parse(text: str) -> Samples:
    """Samples by name and labels. Fails on what the format forbids: a sample without its type, two blocks of one family."""
    assert text.endswith("\n")
    found: Samples = {}
    helped, typed = "", ""
    blocks: list[str] = []
    for line in text.splitlines():
        if head := re.fullmatch(rf"# HELP ({NAME}) ((?:[^\\]|\\\\|\\n)+)", line):
            helped = head[1]
        elif head := re.fullmatch(rf"# TYPE ({NAME}) gauge", line):
            assert helped == head[1] and helped not in blocks
            typed = head[1]
            blocks.append(typed)
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample[1] == typed
            name = sample[1] if sample[2] is None else f"{sample[1]}{{{sample[2]}}}"
            assert name not in found
            found[name] = Decimal(sample[3])
    return found


def metric(metric_id: str, unit: str, value: str | None, bound: str | None = None) -> WeeklyMetric:
    amount = None if value is None else Decimal(value)
    return WeeklyMetric(metric_id, metric_id.title(), unit, amount, None, None, None, None, bound, None, None, None)


def finding(kind: str, cost: str | None, *, is_ongoing: bool = True) -> Finding:
    day, remedy = date(2026, 11, 10), Remedy("Do.", None, "level before")
    amount = None if cost is None else Decimal(cost)
    return Finding(kind, None, None, None, None, day, day, is_ongoing, amount, False, 1, "Something.", remedy)


def standing(**values: Any) -> Standing:
    known: dict[str, Any] = {
        "week": None, "targets": (), "findings": None, "open_alerts": {}, "pending": {},
        "checked_at": datetime(2026, 11, 16, 7, tzinfo=UTC),
    }  # fmt: skip
    return Standing(**(known | values))


def samples(**values: Any) -> Mapping[str, Decimal]:
    found = parse(exposition(standing(**values)))
    found.pop("margincall_alerts_checked_timestamp_seconds")
    return found


def test_the_time_of_the_check_is_always_there() -> None:
    text = exposition(standing())
    assert text == (
        "# HELP margincall_alerts_checked_timestamp_seconds When alerts were last checked.\n"
        "# TYPE margincall_alerts_checked_timestamp_seconds gauge\n"
        "margincall_alerts_checked_timestamp_seconds 1794812400\n"
    )


def test_weekly_figures_are_in_base_units_with_their_targets_and_nothing_stands_for_a_missing_one() -> None:
    rows = (
        metric("revenue", "usd", "4516.658500000000"),
        metric("gross_margin", "ratio", "-0.05", "at_most"),
        metric("p95_task_time_ms", "ms", "281450"),
        metric("tenants_under_water", "count", "7"),
        metric("ltv_cac", "multiple", None),
    )
    week = Week(date(2026, 11, 9), date(2026, 11, 15), True, 7, 1, rows)
    target = TargetedMetric(
        "gross_margin", "Gross margin", "ratio", None, None, None, None, Decimal("0.68"), True, None
    )
    unmet = TargetedMetric("ltv_cac", "LTV/CAC", "multiple", None, None, None, None, Decimal(3), True, "feed")
    assert samples(week=week, targets=(target, unmet)) == {
        "margincall_week_start_timestamp_seconds": Decimal(1794182400),
        "margincall_weekly_revenue_usd": Decimal("4516.6585"),
        "margincall_weekly_gross_margin_ratio": Decimal("-0.05"),
        "margincall_weekly_gross_margin_target_ratio": Decimal("0.68"),
        "margincall_weekly_p95_task_time_seconds": Decimal("281.45"),
        "margincall_weekly_tenants_under_water": Decimal(7),
        "margincall_weekly_ltv_cac_target_ratio": Decimal(3),
        'margincall_weekly_is_bound{metric="gross_margin",bound="at_most"}': Decimal(1),
    }


def test_findings_by_kind_with_those_of_unknown_cost_apart() -> None:
    found = (finding("retry_storm", "1.5"), finding("retry_storm", None), finding("growth", "2", is_ongoing=False))
    assert samples(findings=found) == {
        'margincall_findings_open{kind="retry_storm"}': Decimal(2),
        'margincall_findings_open_cost_usd{kind="retry_storm"}': Decimal("1.5"),
        'margincall_findings_open_unknown_cost{kind="retry_storm"}': Decimal(1),
    }


def test_labels_are_escaped() -> None:
    odd = 'a"b\\c\nd'
    assert samples(open_alerts={odd: 2}) == {'margincall_alerts_open{rule="a\\"b\\\\c\\nd"}': Decimal(2)}


def test_alerts_and_what_waits_for_a_sink() -> None:
    assert samples(open_alerts={"limits": 0}, pending={"webhook": 3}) == {
        'margincall_alerts_open{rule="limits"}': Decimal(0),
        'margincall_alert_deliveries_pending{sink="webhook"}': Decimal(3),
    }
