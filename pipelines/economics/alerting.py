"""Which alerts hold, and which of them are due: from facts and from what has fired before. No clock, no database, nothing sent.

An alert's key says what it is about (a limit's threshold in a window, a figure in a week, a finding), so that it fires once.
What a lower or upper bound cannot decide is no alert; it is told as undecided.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from pipelines.economics.figures import shown, shown_bound
from pipelines.economics.finding import Finding

Rule = Literal["limits", "metrics", "tenants", "findings"]
Window = Literal["week", "month"]
NO_MARGIN = "a positive margin (n/m)"
"""What a lifetime value waits for that cannot be: customers who cost more than they pay. That is an alert, not a gap."""


@dataclass(frozen=True)
class Limit:
    """What was spent of a limit in the window that begins on `window_start`; `hard_usd` is the value now in force.

    `label` names the limit and its window for a person.
    """

    limit_id: str
    label: str
    window_start: date
    spent_usd: Decimal
    is_lower_bound: bool
    hard_usd: Decimal
    thresholds_percent: tuple[int, ...]


@dataclass(frozen=True)
class Metric:
    """A figure that has a target, in one week or month.

    `bound` says what the value is a bound of, as in the weekly view; `low` and `high` enclose it where outcomes may still come.
    """

    metric_id: str
    label: str
    unit: str
    window: Window
    window_start: date
    value: Decimal | None
    bound: str | None
    low: Decimal | None
    high: Decimal | None
    target: Decimal
    is_minimum: bool
    missing: str | None


@dataclass(frozen=True)
class TenantResult:
    """What a tenant paid and cost. `is_cost_complete`: every call has its price; `is_converted`: every line has its rate."""

    tenant_id: str
    name: str | None
    window: Window
    window_start: date
    revenue_usd: Decimal
    cogs_usd: Decimal
    margin_min: Decimal | None
    is_cost_complete: bool
    is_converted: bool


@dataclass(frozen=True)
class Facts:
    """Everything that alerts are judged by.

    `findings`: the open ones by the id they are known by, which may be older than their own; None where nobody looked for any.
    `has_week` is False before a week of the data is complete.
    """

    limits: tuple[Limit, ...] = ()
    metrics: tuple[Metric, ...] = ()
    tenants: tuple[TenantResult, ...] = ()
    findings: Mapping[str, Finding] | None = field(default_factory=dict[str, Finding])
    finding_min_usd: Decimal = Decimal(0)
    has_week: bool = True


@dataclass(frozen=True)
class Alert:
    """Something that holds now; `text` is one line for a person; `tenant_id` says whom it names, if anybody."""

    key: str
    rule: Rule
    text: str
    tenant_id: str | None = None


@dataclass(frozen=True)
class Undecided:
    """What could not be judged, and why."""

    rule: Rule
    subject: str
    why: str


@dataclass(frozen=True)
class Fired:
    """What is known of a key that has fired."""

    last_fired_at: datetime
    is_acknowledged: bool


@dataclass(frozen=True)
class Memory:
    """What has fired, and the hard value last seen of each limit and window."""

    fired: Mapping[str, Fired] = field(default_factory=dict[str, Fired])
    hard_usd: Mapping[tuple[str, date], Decimal] = field(default_factory=dict[tuple[str, date], Decimal])


@dataclass(frozen=True)
class Judged:
    """Alerts that hold, whether they have fired or not, and what cannot be said."""

    alerts: tuple[Alert, ...]
    undecided: tuple[Undecided, ...]


def judge(facts: Facts, memory: Memory) -> Judged:
    """Every rule over its facts. The same facts and memory give the same alerts in the same order."""
    alerts: list[Alert] = []
    undecided: list[Undecided] = []
    for limit in facts.limits:
        alerts += limit_alerts(limit, memory)
        undecided += _undecided_limit(limit)
    for metric in facts.metrics:
        alerts, undecided = _sorted_in(metric_alert(metric), alerts, undecided)
    if not facts.has_week:
        undecided.append(Undecided("metrics", "figures of a week", "no week of the data is complete"))
    unclear = 0
    for tenant in facts.tenants:
        found = tenant_alert(tenant)
        unclear += found == "undecided"
        alerts += [found] if isinstance(found, Alert) else []
    if unclear:
        undecided.append(Undecided("tenants", f"{unclear:,} tenants", "amounts without a price or an exchange rate"))
    if facts.findings is None:
        undecided.append(Undecided("findings", "findings", "nobody has looked for any"))
    for finding_id, finding in (facts.findings or {}).items():
        if (found := finding_alert(finding_id, finding, facts.finding_min_usd)) is not None:
            alerts, undecided = _sorted_in(found, alerts, undecided)
    return Judged(tuple(alerts), tuple(undecided))


def due(alerts: Iterable[Alert], memory: Memory, now: datetime, cool_down: timedelta) -> list[Alert]:
    """Those that fire now: each key once; a finding again after the cool-down, until somebody acknowledges it."""
    found: list[Alert] = []
    for alert in alerts:
        before = memory.fired.get(alert.key)
        is_again = (
            before is not None
            and alert.rule == "findings"
            and not before.is_acknowledged
            and now - before.last_fired_at >= cool_down
        )
        if before is None or is_again:
            found.append(alert)
    return found


def limit_alerts(limit: Limit, memory: Memory) -> list[Alert]:
    """One per threshold reached; the hard value is part of the key, so a raised limit begins anew and nothing un-fires.

    A limit that was lowered to what is already spent gives one alert that says so, instead of one per threshold.
    """
    lowered = _limit_key(limit, "lowered")
    before = memory.hard_usd.get((limit.limit_id, limit.window_start))
    is_lowered = before is not None and limit.hard_usd < before and limit.spent_usd >= limit.hard_usd
    spent, hard = _spent(limit), shown(limit.hard_usd, "usd")
    if is_lowered or lowered in memory.fired:
        return [Alert(lowered, "limits", f"{limit.label}: the limit was lowered to {hard}; {spent} is already spent.")]
    if limit.hard_usd <= 0:  # there is no share of nothing: any spend is over it
        breach = Alert(_limit_key(limit, "breach"), "limits", f"{limit.label}: {spent} spent of a limit of {hard}.")
        return [breach] if limit.spent_usd > 0 else []
    return [
        Alert(_limit_key(limit, str(percent)), "limits", f"{limit.label}: {spent} of {hard} spent, {percent}% reached.")
        for percent in sorted(limit.thresholds_percent)
        if limit.spent_usd * 100 >= limit.hard_usd * percent
    ]


def metric_alert(metric: Metric) -> Alert | Undecided | None:
    """None where the target is met. An alert only where the target is missed whatever the unknown parts come to."""
    window = _window(metric.window, metric.window_start)
    aim = f"target {'at least' if metric.is_minimum else 'at most'} {shown(metric.target, metric.unit)}"
    key = _key("metric", metric.metric_id, metric.window, metric.window_start.isoformat())
    if metric.value is None:
        if metric.missing == NO_MARGIN and metric.bound in (None, "at_most"):
            return Alert(key, "metrics", f"{metric.label} in the {window}: no positive margin (n/m), {aim}.")
        return Undecided("metrics", f"{metric.label} in the {window}", f"needs {metric.missing or 'a value'}")
    low, high = _ends(metric, metric.value)
    value = shown_bound(metric.value, metric.unit, metric.bound)
    if metric.is_minimum:
        is_missed, is_met = high is not None and high < metric.target, low is not None and low >= metric.target
    else:
        is_missed, is_met = low is not None and low > metric.target, high is not None and high <= metric.target
    if is_missed:
        return Alert(key, "metrics", f"{metric.label} in the {window}: {value}, {aim}.")
    return None if is_met else Undecided("metrics", f"{metric.label} in the {window}", f"{value} is a bound, {aim}")


def tenant_alert(tenant: TenantResult) -> Alert | Literal["undecided"] | None:
    """Under water, or a gross margin below the target; nothing of a tenant that does not pay."""
    is_known = tenant.is_converted
    if tenant.revenue_usd <= 0:
        return None if is_known else "undecided"
    left = tenant.revenue_usd - tenant.cogs_usd
    is_under_water = left < 0
    is_below = tenant.margin_min is not None and left < tenant.margin_min * tenant.revenue_usd
    if not is_known or not (is_under_water or is_below or tenant.is_cost_complete):
        return "undecided"
    if not is_under_water and not is_below:
        return None
    state = "under_water" if is_under_water else "below_target"
    named = f"{_plain(tenant.name)} ({_plain(tenant.tenant_id)})" if tenant.name else _plain(tenant.tenant_id)
    cost_bound, margin_bound = (None, None) if tenant.is_cost_complete else ("at_least", "at_most")
    cost, paid = shown_bound(tenant.cogs_usd, "usd", cost_bound), shown(tenant.revenue_usd, "usd")
    facts = f"cost {cost}, revenue {paid}"
    if not is_under_water:
        margin = shown_bound(left / tenant.revenue_usd, "ratio", margin_bound)
        facts += f", gross margin {margin}, target at least {shown(tenant.margin_min, 'ratio')}"
    key = _key("tenant", tenant.tenant_id, tenant.window, tenant.window_start.isoformat(), state)
    what = "under water" if is_under_water else "below target"
    text = f"{named} {what} in the {_window(tenant.window, tenant.window_start)}: {facts}."
    return Alert(key, "tenants", text, tenant.tenant_id)


def finding_alert(finding_id: str, finding: Finding, min_usd: Decimal) -> Alert | Undecided | None:
    """An ongoing finding of at least `min_usd`; one whose cost nobody can say counts, because unknown is not nothing."""
    if not finding.is_ongoing:
        return None
    place = " · ".join(_plain(part) for part in (finding.tenant_id, finding.feature, finding.model) if part)
    subject = f"{finding.kind} ({place})" if place else finding.kind
    if finding.cost_usd is not None and finding.cost_usd < min_usd:
        why = f"it costs at least {shown(finding.cost_usd, 'usd')}; {shown(min_usd, 'usd')} is worth an alert"
        return Undecided("findings", subject, why) if finding.is_lower_bound else None
    bound = "at_least" if finding.is_lower_bound else None
    cost = "cost unknown" if finding.cost_usd is None else shown_bound(finding.cost_usd, "usd", bound)
    text = f"{subject} since {finding.since}, {cost}: {_plain(finding.summary)} {_plain(finding.remedy.action)}"
    return Alert(_key("finding", finding_id), "findings", text.strip(), finding.tenant_id)


def _undecided_limit(limit: Limit) -> Sequence[Undecided]:
    """A lower bound that is past every threshold decides; below one, calls without a price may have reached it."""
    highest = limit.hard_usd * max(limit.thresholds_percent, default=0)
    is_past = limit.spent_usd * 100 >= highest and limit.spent_usd > 0
    if not limit.is_lower_bound or is_past:
        return ()
    return (
        Undecided("limits", limit.label, f"{_spent(limit)} is a lower bound: requests of the window have no price"),
    )


def _sorted_in(
    found: Alert | Undecided | None, alerts: list[Alert], undecided: list[Undecided]
) -> tuple[list[Alert], list[Undecided]]:
    if isinstance(found, Alert):
        return [*alerts, found], undecided
    return alerts, undecided if found is None else [*undecided, found]


def _ends(metric: Metric, value: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """Between which values the figure certainly is; None is no end."""
    low = None if metric.bound in ("at_most", "neither") else value
    high = None if metric.bound in ("at_least", "neither") else value
    if metric.low is None:
        return low, high
    return (None if low is None else min(low, metric.low)), (None if high is None else metric.high)


def _spent(limit: Limit) -> str:
    return shown_bound(limit.spent_usd, "usd", "at_least" if limit.is_lower_bound else None)


def _limit_key(limit: Limit, threshold: str) -> str:
    hard = format(limit.hard_usd.normalize(), "f")  # 100 and 100.00 are one value
    return _key("limit", limit.limit_id, limit.window_start.isoformat(), threshold, hard)


def _key(*parts: str) -> str:
    """Parts joined by colons; what would make a key ambiguous or break a line is escaped."""
    return ":".join(re.sub(r"[%:\s\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", part) for part in parts)


def _window(window: Window, start: date) -> str:
    return f"week of {start}" if window == "week" else f"month of {start:%Y-%m}"


def _plain(text: str) -> str:
    """On one line, without control characters: names come from logs."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
