"""Alerts as a table and sentences for a terminal, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pipelines.alerts.check import PROMETHEUS, Checked, Delivery
from pipelines.alerts.state import Known


def checked_json(checked: Checked, *, is_dry: bool) -> dict[str, Any]:
    return {
        "dry_run": is_dry,
        "new": [
            {"key": one.key, "firing": one.firing or None, "rule": one.rule, "text": one.text, "fired_at": one.fired_at}
            for one in checked.new
        ],
        "holding": checked.holding,
        "undecided": [asdict(one) for one in checked.undecided],
        "deliveries": [asdict(delivery) for delivery in checked.deliveries],
    }


def checked_lines(checked: Checked, *, is_dry: bool) -> Iterator[str]:
    """One sentence each."""
    for firing in checked.new:
        yield f"{firing.text}  [{firing.key}]"
    what = "would fire" if is_dry else "fired"
    yield f"{len(checked.new):,} {what}, {checked.holding - len(checked.new):,} more hold and were told before."
    for one in checked.undecided:
        yield f"Not decided: {one.subject}: {one.why}."
    yield from map(_delivered, checked.deliveries)


def known_json(alerts: Sequence[Known]) -> dict[str, Any]:
    return {"alerts": [asdict(alert) for alert in alerts]}


def known_table(alerts: Sequence[Known]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("last fired", "times", "state", "alert"):
        table.add_column(name, justify="right" if name == "times" else "left", no_wrap=name != "alert")
    for alert in alerts:
        told = Text.assemble(alert.text, "\n", (alert.key, "dim"))
        if alert.acknowledged_note:
            told.append(f"\n{alert.acknowledged_by}: {alert.acknowledged_note}", "dim")
        table.add_row(alert.last_fired_at[:16].replace("T", " "), f"{alert.firings:,}", _state(alert), told)
    return table


def _state(alert: Known) -> str:
    states = ["open" if alert.is_open else "over"]
    states += [f"taken by {alert.acknowledged_by}"] if alert.acknowledged_at else []
    states += [f"not at {sink}" for sink in alert.undelivered]
    return "\n".join(states)


def _delivered(delivery: Delivery) -> str:
    if delivery.error is not None:
        rest = f" {delivery.pending:,} wait for the next check." if delivery.sink != PROMETHEUS else ""
        return f"{delivery.sink}: {delivery.error}.{rest}"
    if delivery.sink == PROMETHEUS:
        return f"{delivery.sink}: written."
    rest = f" {delivery.pending:,} are being sent by another check." if delivery.pending else ""
    return f"{delivery.sink}: {delivery.delivered:,} delivered.{rest}"
