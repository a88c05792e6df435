"""One check: gather the facts, keep what fires, hand it to the sinks, write the file that Prometheus reads."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.alerts import state
from pipelines.alerts.facts import complete_week, gather
from pipelines.alerts.prometheus import Standing, exposition
from pipelines.alerts.sinks import DeliveryError, Jitter, Sink, Sleep, sinks_of
from pipelines.alerts.state import Firing
from pipelines.economics.alerting import Undecided, due, judge
from pipelines.economics.finding import Finding
from pipelines.findings.known import open_findings
from pipelines.settings import Settings
from warehouse.control import Control
from warehouse.lake import write_atomically
from warehouse.reader import Reader

_MESSAGE_MAX = 20
"""Firings of one message: a chat cuts longer ones."""
PROMETHEUS = "prometheus_file"


@dataclass(frozen=True)
class Delivery:
    """What a sink took in this check, what is left for the next one, and why."""

    sink: str
    delivered: int
    pending: int
    error: str | None


@dataclass(frozen=True)
class Checked:
    """`new` is what fired; of a dry run what would."""

    new: tuple[Firing, ...]
    holding: int
    undecided: tuple[Undecided, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def has_failed(self) -> bool:
        return any(delivery.error is not None for delivery in self.deliveries)


def check(
    settings: Settings,
    reader: Reader,
    control: Control,
    *,
    findings: Mapping[str, Finding] | None = None,
    is_dry: bool = False,
    now: datetime | None = None,
    sleep: Sleep = time.sleep,
    jitter: Jitter = random.random,
) -> Checked:
    """Check every rule once. A dry run writes and sends nothing. `findings`: the open ones by id; looked for where not given.

    Raises SettingsError before anything is kept, NothingPublished, PublishError.
    """
    at = now or datetime.now(UTC)
    if findings is None and "findings" in settings.alerts.rules:
        findings = open_findings(reader, control, settings.findings)
    cool_down = timedelta(hours=settings.alerts.cool_down_hours)
    if is_dry:
        return _would(settings, reader, control, findings, at, cool_down)
    sinks = sinks_of(settings, sleep, jitter)
    facts = gather(reader, settings, state.memory(control).hard_usd, findings)
    firings, judged = state.record(control, facts, at, cool_down, [sink.name for sink in sinks])
    sent = {sink.name: _deliver(control, sink, at) for sink in sinks}
    waiting = state.pending(control)
    deliveries = [Delivery(name, count, waiting.get(name, 0), error) for name, (count, error) in sent.items()]
    if settings.alerts.prometheus_file is not None:
        error = _write_figures(settings, reader, control, findings, at)
        deliveries.append(Delivery(PROMETHEUS, 0, 0, error))
    return Checked(tuple(firings), len(judged.alerts), judged.undecided, tuple(deliveries))


def _would(
    settings: Settings,
    reader: Reader,
    control: Control,
    findings: Mapping[str, Finding] | None,
    now: datetime,
    cool_down: timedelta,
) -> Checked:
    memory = state.memory(control)
    judged = judge(gather(reader, settings, memory.hard_usd, findings), memory)
    at = now.isoformat(timespec="seconds")
    new = [Firing(alert.key, 0, alert.rule, alert.text, at) for alert in due(judged.alerts, memory, now, cool_down)]
    return Checked(tuple(new), len(judged.alerts), judged.undecided, ())


def _deliver(control: Control, sink: Sink, now: datetime) -> tuple[int, str | None]:
    """Everything that waits for the sink, in messages; the first that fails ends it, the rest stays for the next check."""
    count = 0
    while claimed := state.claim(control, sink.name, now, _MESSAGE_MAX):
        try:
            sink.send(claimed)
        except DeliveryError as error:
            state.refused(control, sink.name, claimed, str(error))
            return count, str(error)
        state.delivered(control, sink.name, claimed, now)
        count += len(claimed)
    return count, None


def _write_figures(
    settings: Settings, reader: Reader, control: Control, findings: Mapping[str, Finding] | None, now: datetime
) -> str | None:
    path, week = settings.alerts.prometheus_file, complete_week(reader)
    if path is None:
        return None
    rules = Counter(alert.rule for alert in state.listed(control, with_closed=False))
    standing = Standing(
        week=week,
        targets=reader.targeted_metrics(week.week_start) if week is not None else (),
        findings=None if findings is None else tuple(findings.values()),
        open_alerts={rule: rules[rule] for rule in settings.alerts.rules},
        pending=state.pending(control),
        checked_at=now,
    )
    try:
        write_atomically(path, exposition(standing).encode(), mode=0o644)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return None
