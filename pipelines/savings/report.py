"""Realised savings as a table and sentences for a terminal, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipelines.bridge import LABELS
from pipelines.economics.figures import rounded, shown
from pipelines.economics.savings import MOVES
from pipelines.savings.by_experiment import Arm, ByExperiment
from pipelines.savings.by_weeks import ByWeeks
from pipelines.savings.measure import Measured, SuccessChange

_PLACES = 6


def as_json(measured: Sequence[Measured]) -> dict[str, Any]:
    """Decimals as text, amounts not rounded."""
    return {"changes": [_change_json(one) for one in measured], "sum": _sum_json(measured)}


def as_table(measured: Sequence[Measured]) -> Table:
    """A row per change, amounts a week."""
    table = Table(title="Savings a week", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("change", "claimed", "realised", "interval", "success", "by"):
        table.add_column(name, justify="left" if name in ("change", "by") else "right")
    for one in measured:
        found = one.realised
        table.add_row(
            f"{one.change.id}\n{_place(one)}",
            shown(one.change.claimed_weekly_usd, "usd"),
            "" if found is None else shown(found.weekly_usd, "usd"),
            "" if found is None else _range(found.low_usd, found.high_usd),
            _points(one.success),
            one.why or _by(one),
        )
    claimed, realised = _sums(measured)
    table.add_section()
    table.add_row("together", shown(claimed, "usd"), shown(realised, "usd"), "", "", "")
    return table


def sentences(measured: Sequence[Measured]) -> Iterator[str]:
    """The verdict of each change, and what stands behind it."""
    for one in measured:
        yield f"{one.change.id}: {one.verdict}{f': {one.why}' if one.why else ''}."
        yield from (f"  {text}" for text in _remarks(one))


def _remarks(one: Measured) -> Iterator[str]:
    found = one.found
    if isinstance(found, ByWeeks):
        compared = f"{_weeks(len(found.weeks))} since against {_weeks(len(found.before))} before"
        yield f"{compared}, {shown(found.total_usd, 'usd')} in all."
        if found.spread is None:
            yield "No interval: it takes four weeks before."
        else:
            differ = f"{_percent(found.spread.low)} to {_percent(found.spread.high)} of cost"
            yield (
                f"The interval is what weeks before differ by among themselves ({found.spread.count} of them: {differ}); "
                f"it holds {found.spread.level:.0%} of such weeks."
            )
        moved = {name: _mean(found, name) for name in found.weeks[0].factors_usd}
        counted = [name for name in MOVES[one.change.what] if moved[name]]
        if counted:
            yield f"Counted a week: {_amounts(moved, counted)}."
        others = [name for name in moved if name not in MOVES[one.change.what] and moved[name]]
        if others:
            yield f"Not counted a week: {_amounts(moved, others)}."
        uncompared = sum((week.uncompared_usd for week in found.weeks), Decimal(0))
        if uncompared:
            yield f"Not compared: {shown(uncompared, 'usd')} of calls that no week before has."
    elif isinstance(found, ByExperiment):
        for name, arm in (("Without", found.control), ("With", found.treatment)):
            per_success = arm.cost_per_success_usd
            yield (
                f"{name} ({arm.label}): {arm.tasks:,} tasks at {shown(arm.cost_per_task_usd, 'usd')}, "
                f"{shown(per_success, 'usd') if per_success is not None else 'no'} per success."
            )
        yield f"{found.days} days, {shown(found.total_usd, 'usd')} in all; {_interval_words(found)}."
        left_out = {"of both labels": found.mixed_tasks, "of which a part has no price": found.incomplete_tasks}
        for why, count in left_out.items():
            if count:
                yield f"Left out: {count:,} tasks {why}."
    if one.success.low is not None and one.success.high is not None:
        yield f"Success of judged tasks changed by {_percent(one.success.low)} to {_percent(one.success.high)} (95%)."
    if one.mixed_with:
        yield f"Not told apart from: {', '.join(one.mixed_with)}. The sum has both."


def _interval_words(found: ByExperiment) -> str:
    if found.interval is None:
        return f"too few {found.unit} for an interval"
    return f"{found.interval.level:.0%} interval over {found.interval.clusters:,} {found.unit}"


def _change_json(one: Measured) -> dict[str, Any]:
    change, found, realised = one.change, one.found, one.realised
    return {
        "id": change.id,
        "what": change.what,
        "tenant": change.tenant,
        "feature": change.feature,
        "since": change.since.isoformat(),
        "until": change.until.isoformat() if change.until else None,
        "claimed_weekly_usd": _text(change.claimed_weekly_usd),
        "realised_weekly_usd": None if realised is None else _text(realised.weekly_usd),
        "low_weekly_usd": None if realised is None else _text(realised.low_usd),
        "high_weekly_usd": None if realised is None else _text(realised.high_usd),
        "level": None if realised is None else _text(realised.level),
        "total_usd": None if found is None else _text(found.total_usd),
        "success": _success_json(one.success),
        "weeks": _weeks_json(found) if isinstance(found, ByWeeks) else None,
        "experiment": _experiment_json(found) if isinstance(found, ByExperiment) else None,
        "why": one.why,
        "mixed_with": list(one.mixed_with),
        "verdict": one.verdict,
    }


def _weeks_json(found: ByWeeks) -> dict[str, Any]:
    return {
        "before": [week.isoformat() for week in found.before],
        "placebo_shares": [_text(share) for share in found.placebos],
        "since": [
            {
                "week": week.start.isoformat(),
                "saved_usd": _text(week.saved_usd),
                "cost_usd": _text(week.cost_usd),
                "uncompared_usd": _text(week.uncompared_usd),
                "factors_usd": {name: _text(amount) for name, amount in week.factors_usd.items()},
            }
            for week in found.weeks
        ],
    }


def _experiment_json(found: ByExperiment) -> dict[str, Any]:
    return {
        "days": found.days,
        "unit": found.unit,
        "saved_per_task_usd": _text(found.saved_per_task_usd),
        "mixed_tasks": found.mixed_tasks,
        "incomplete_tasks": found.incomplete_tasks,
        "control": _arm_json(found.control),
        "treatment": _arm_json(found.treatment),
    }


def _arm_json(arm: Arm) -> dict[str, Any]:
    return {
        "label": arm.label,
        "tasks": arm.tasks,
        "cost_usd": _text(arm.cost_usd),
        "cost_per_task_usd": _text(arm.cost_per_task_usd),
        "cost_per_success_usd": _text(arm.cost_per_success_usd),
    }


def _success_json(success: SuccessChange) -> dict[str, Any]:
    return {
        "without": {"successes": success.without[0], "judged": success.without[1]},
        "with": {"successes": success.with_it[0], "judged": success.with_it[1]},
        "change": _share(success.change),
        "low": _share(success.low),
        "high": _share(success.high),
    }


def _sum_json(measured: Sequence[Measured]) -> dict[str, Any]:
    claimed, realised = _sums(measured)
    return {
        "claimed_weekly_usd": _text(claimed),
        "realised_weekly_usd": _text(realised),
        "measured": sum(one.realised is not None for one in measured),
        "not_told_apart": sorted(one.change.id for one in measured if one.mixed_with),
    }


def _sums(measured: Sequence[Measured]) -> tuple[Decimal, Decimal]:
    """Of those that could be measured, claims too: what cannot be measured yet is neither a success nor a failure."""
    pairs = [(one.change.claimed_weekly_usd, one.realised) for one in measured if one.realised is not None]
    claimed = sum((claim for claim, _ in pairs), Decimal(0))
    return claimed, sum((found.weekly_usd for _, found in pairs), Decimal(0))


def _mean(found: ByWeeks, name: str) -> Decimal:
    return sum((week.factors_usd[name] for week in found.weeks), Decimal(0)) / len(found.weeks)


def _amounts(moved: Mapping[str, Decimal], names: Sequence[str]) -> str:
    return ", ".join(f"{LABELS[name]} {shown(moved[name], 'usd')}" for name in names)


def _place(one: Measured) -> str:
    where = " · ".join(filter(None, (one.change.tenant, one.change.feature))) or "everywhere"
    return f"{one.change.what}, {where}, since {one.change.since}"


def _by(one: Measured) -> str:
    found = one.found
    if isinstance(found, ByWeeks):
        return f"{_weeks(len(found.weeks))} against {len(found.before)}"
    return "" if found is None else f"experiment over {found.unit}"


def _weeks(count: int) -> str:
    return f"{count} week{'' if count == 1 else 's'}"


def _range(low: Decimal | None, high: Decimal | None) -> str:
    return "" if low is None or high is None else f"{shown(low, 'usd')} to {shown(high, 'usd')}"


def _points(success: SuccessChange) -> str:
    return "" if success.change is None else f"{_percent(success.change)}"


def _percent(share: float | Decimal) -> str:
    points = rounded(Decimal(str(share)) * 100, 1)
    signed = f"{points:+}" if points else f"{points}"
    return f"{signed} pt" if isinstance(share, float) else f"{signed}%"


def _share(value: float | None) -> str | None:
    return None if value is None else format(rounded(Decimal(str(value)), _PLACES), "f")


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
