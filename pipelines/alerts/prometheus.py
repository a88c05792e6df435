"""Current figures in Prometheus' text exposition format 0.0.4, for the node exporter's textfile collector.

A figure without a value has no sample: a zero would be a lie, and `absent()` finds what is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pipelines.economics.finding import Finding
from warehouse.alert_questions import TargetedMetric
from warehouse.rows import Week, WeeklyMetric

_SUFFIXES = {"usd": "_usd", "ratio": "_ratio", "multiple": "_ratio", "ms": "_seconds", "count": ""}
"""The base units that Prometheus asks for, last in the name."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """A metric with its samples; all are gauges, because any of them may fall."""

    name: str
    help: str
    samples: tuple[tuple[Labels, Decimal], ...]


@dataclass(frozen=True)
class Standing:
    """What is told: the latest complete week, its targets, open findings, open alerts by rule, what waits by sink."""

    week: Week | None
    targets: Sequence[TargetedMetric]
    findings: Sequence[Finding] | None
    open_alerts: Mapping[str, int]
    pending: Mapping[str, int]
    checked_at: datetime


def exposition(standing: Standing) -> str:
    """The whole file; families without a sample are left out."""
    return "".join(_family(family) for family in families(standing) if family.samples)


def families(standing: Standing) -> list[Family]:
    found = [
        _one(
            "margincall_alerts_checked_timestamp_seconds", "When alerts were last checked.", _epoch(standing.checked_at)
        ),
        _many("margincall_alerts_open", "Alerts that hold and are not acknowledged.", "rule", standing.open_alerts),
        _many("margincall_alert_deliveries_pending", "Alerts that a sink has not taken yet.", "sink", standing.pending),
    ]
    found += _findings(standing.findings)
    if standing.week is None:
        return found
    start = datetime(*standing.week.week_start.timetuple()[:3], tzinfo=UTC)
    found.append(
        _one(
            "margincall_week_start_timestamp_seconds",
            "First day of the week that weekly figures are of.",
            _epoch(start),
        )
    )
    targets = {target.metric_id: target for target in standing.targets}
    bounds: list[tuple[Labels, Decimal]] = []
    for row in standing.week.metrics:
        found += _weekly(row, targets.get(row.metric_id))
        if row.this_week is not None and row.bound is not None:
            bounds.append(({"metric": row.metric_id, "bound": row.bound}, Decimal(1)))
    found.append(
        Family("margincall_weekly_is_bound", "1 where parts of a weekly figure have no price or rate.", tuple(bounds))
    )
    return found


def _weekly(row: WeeklyMetric, target: TargetedMetric | None) -> list[Family]:
    name = f"margincall_weekly_{row.metric_id.removesuffix('_ms')}"
    suffix = _SUFFIXES[row.unit]
    value = [] if row.this_week is None else [_one(name + suffix, f"{row.label}, last complete week.", _base(row))]
    if target is None:
        return value
    aim = "at least" if target.is_minimum else "at most"
    scaled = target.target / 1000 if target.unit == "ms" else target.target
    return [*value, _one(f"{name}_target{suffix}", f"Target of: {row.label}, {aim}.", scaled)]


def _findings(findings: Sequence[Finding] | None) -> list[Family]:
    """By kind. The cost of a kind is that of its findings whose cost is known; the others are counted apart."""
    if findings is None:
        return []
    counts: dict[str, int] = defaultdict(int)
    costs: dict[str, Decimal] = defaultdict(Decimal)
    unknown: dict[str, int] = defaultdict(int)
    for finding in findings:
        if finding.is_ongoing:
            counts[finding.kind] += 1
            costs[finding.kind] += finding.cost_usd or 0
            unknown[finding.kind] += finding.cost_usd is None
    return [
        _many("margincall_findings_open", "Findings that go on.", "kind", counts),
        _many("margincall_findings_open_cost_usd", "What they have cost, as far as it is known.", "kind", costs),
        _many("margincall_findings_open_unknown_cost", "Those whose cost nobody can say.", "kind", unknown),
    ]


def _base(row: WeeklyMetric) -> Decimal:
    value = row.this_week or Decimal(0)
    return value / 1000 if row.unit == "ms" else value


def _one(name: str, text: str, value: Decimal) -> Family:
    return Family(name, text, (({}, value),))


def _many(name: str, text: str, label: str, values: Mapping[str, int] | Mapping[str, Decimal]) -> Family:
    return Family(name, text, tuple(({label: key}, Decimal(value)) for key, value in sorted(values.items())))


def _epoch(instant: datetime) -> Decimal:
    return Decimal(int(instant.timestamp()))


def _family(family: Family) -> str:
    escaped = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    head = f"# HELP {family.name} {escaped}\n# TYPE {family.name} gauge\n"
    return head + "".join(
        f"{family.name}{_labels(labels.items())} {value.normalize():f}\n" for labels, value in family.samples
    )


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    told = ",".join(f'{name}="{_label_value(value)}"' for name, value in labels)
    return f"{{{told}}}" if told else ""


def _label_value(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
