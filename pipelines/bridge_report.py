"""The margin bridge as a table for a terminal, and as data for a program."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from pipelines.bridge import Bar, MarginBridge, View
from pipelines.economics.apportion import apportion
from pipelines.economics.figures import rounded
from warehouse.rows import Period

CENTS = 2


def as_json(week: Period, view: View, bridge: MarginBridge) -> dict[str, Any]:
    """Every bar, also those of zero: decimals as text, nothing rounded."""
    return {
        "week": week.start.isoformat(),
        "tenant": view.tenant_id,
        "feature": view.feature,
        "model": view.model,
        "cost_usd": list(map(_text, bridge.cost_usd)),
        "revenue_usd": None if bridge.revenue_usd is None else list(map(_text, bridge.revenue_usd)),
        "change_usd": _text(bridge.change_usd),
        "bars": [
            {"name": bar.name, "effect_usd": _text(bar.effect_usd), "points": _text(bar.points)} for bar in bridge.bars
        ],
        "unpriced_attempts": list(bridge.unpriced_attempts),
        "partial_attempts": list(bridge.partial_attempts),
        "without_rate": list(bridge.without_rate),
    }


def in_cents(bridge: MarginBridge) -> list[tuple[Bar, Decimal]]:
    """The bars that do something, with their cents, which add up to those of the change."""
    cents = apportion([bar.effect_usd for bar in bridge.bars], CENTS)
    return [(bar, amount) for bar, amount in zip(bridge.bars, cents, strict=True) if bar.effect_usd]


def as_table(week: Period, view: View, bridge: MarginBridge) -> Table:
    """For a terminal: a line per bar that does something, in cents that add up."""
    of = " · ".join(filter(None, (view.tenant_id, view.feature, view.model)))
    title = f"{'Margin' if bridge.revenue_usd else 'Cost'} bridge, week of {week.start}"
    table = Table(title=f"{title}, {of}" if of else title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("why")
    table.add_column("effect on gross profit", justify="right")
    if bridge.revenue_usd is not None:
        table.add_column("on gross margin", justify="right")
    for bar, amount in in_cents(bridge):
        table.add_row(bar.label, _signed(amount), *([_points(bar.points)] if bridge.revenue_usd else []))
    points = [bar.points for bar in bridge.bars if bar.points is not None]
    table.add_section()
    total = _signed(rounded(bridge.change_usd, CENTS))
    table.add_row(
        Text("Change", style="bold"),
        Text(total, style="bold"),
        *([_points(sum(points, Decimal(0)) if points else None)] if bridge.revenue_usd else []),
    )
    table.caption, table.caption_justify = " ".join(remarks(bridge)), "left"
    return table


def remarks(bridge: MarginBridge) -> list[str]:
    """What stands in no bar, in sentences."""
    found = ["Against the week before, both as known now; a positive amount raised gross profit."]
    counts = {
        "attempts without a price": bridge.unpriced_attempts,
        "attempts of which a part has no price": bridge.partial_attempts,
        "amounts without an exchange rate": bridge.without_rate,
    }
    found += [
        f"Not in it: {before:,} {what} in the earlier week, {after:,} in the later."
        for what, (before, after) in counts.items()
        if before or after
    ]
    return found


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else '-' if amount < 0 else ''}${abs(amount):,.2f}"


def _points(points: Decimal | None) -> str:
    if points is None:
        return ""
    hundredths = rounded(points * 100, 2)
    return f"{hundredths:+,} pt" if hundredths else f"{hundredths} pt"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
