"""Findings as a table and sentences for a terminal, as rows of a file, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipelines.economics.figures import shown, shown_bound
from pipelines.findings.evidence import Request
from pipelines.findings.judged import Judged

COLUMNS = (
    *(
        "id",
        "state",
        "still_seen",
        "kind",
        "tenant_id",
        "feature",
        "model",
        "provider",
        "since",
        "until",
        "ongoing",
        "cost_usd",
    ),
    *(
        "is_lower_bound",
        "requests",
        "summary",
        "action",
        "weekly_saving_usd",
        "saving_source",
        "said_by",
        "said_at",
        "note",
    ),
)


def as_data(one: Judged) -> dict[str, Any]:
    """One finding by column; `until` is the day after the last."""
    finding, last = one.finding, one.said[-1] if one.said else None
    values = (
        *(
            one.finding_id,
            one.state,
            one.is_still_seen,
            finding.kind,
            finding.tenant_id,
            finding.feature,
            finding.model,
        ),
        *(finding.provider, finding.since, finding.until, finding.is_ongoing, finding.cost_usd, finding.is_lower_bound),
        *(
            finding.requests,
            finding.summary,
            finding.remedy.action,
            finding.remedy.weekly_saving_usd,
            finding.remedy.source,
        ),
        *((last.said_by, last.said_at, last.note) if last else (None, None, None)),
    )
    return dict(zip(COLUMNS, values, strict=True))


def as_table(found: Sequence[Judged]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in ("id", "finding", "where", "days", "cost", "saves a week", "state"):
        table.add_column(head, justify="right" if head in ("cost", "saves a week") else "left", no_wrap=head == "id")
    for one in found:
        finding = one.finding
        table.add_row(
            one.finding_id,
            escape(finding.kind.replace("_", " ")),
            escape("\n".join(_place(one)) or "the company"),
            _days(one),
            _cost(one),
            shown(finding.remedy.weekly_saving_usd, "usd") or "unknown",
            _state(one),
        )
    return table


def as_lines(
    one: Judged, rows: Sequence[Request], sql: str, origins: Mapping[tuple[str, int], object]
) -> Iterator[Text]:
    """One finding for a person, with the requests behind it down to file and line."""
    finding = one.finding
    yield Text(
        f"{finding.kind.replace('_', ' ').capitalize()} · {', '.join(_place(one)) or 'the company'}", style="bold"
    )
    yield Text(f"{_days(one).replace(chr(10), ' ')} · {_cost(one)} · {_state(one)}")
    yield Text(finding.summary)
    yield Text("")
    yield Text(f"What to do: {finding.remedy.action}")
    saving = shown(finding.remedy.weekly_saving_usd, "usd") or "unknown"
    yield Text(f"Saves a week: {saving}. That rests on: {finding.remedy.source}.")
    for word in one.said:
        yield Text(f"{word.state} by {word.said_by}, {word.said_at}" + (f": {word.note}" if word.note else ""))
    yield Text("")
    yield Text('The requests behind it, the dearest first; all of them: margincall query "…"', style="bold")
    yield Text(f"  {sql}", style="dim")
    for row in rows:
        place = origins.get((row.landing_id, row.source_line), "source no longer known")
        cost = "no price" if row.cost_usd is None else f"{row.cost_usd.normalize():f} USD"
        tokens = f"{row.input_tokens or 0:,} in, {row.output_tokens or 0:,} out"
        instant = f"{row.started_at:%Y-%m-%d %H:%M:%S}"
        parts = (instant, row.tenant_id, row.feature, row.model, row.status, tokens, cost)
        yield Text(f"  {'  '.join(part for part in parts if part)}")
        yield Text(f"      {place}", style="dim")
    if not rows:
        yield Text("  none is logged")


def request_data(row: Request, place: object) -> dict[str, Any]:
    told = {name: value for name, value in vars(row).items() if name != "cost_pico"}
    source = None if place is None else str(place)
    return {**told, "started_at": f"{row.started_at.isoformat()}Z", "cost_usd": row.cost_usd, "source": source}


def _place(one: Judged) -> list[str]:
    finding = one.finding
    return [part for part in (finding.tenant_id, finding.feature, finding.model, finding.provider) if part]


def _days(one: Judged) -> str:
    finding = one.finding
    if finding.is_ongoing:
        return f"{finding.since}\nand goes on"
    last = finding.until - timedelta(days=1)
    return str(finding.since) if last == finding.since else f"{finding.since}\nto {last}"


def _cost(one: Judged) -> str:
    bound = "at_least" if one.finding.is_lower_bound else None
    return shown_bound(one.finding.cost_usd, "usd", bound) or "unknown"


def _state(one: Judged) -> str:
    return "done, still seen" if one.is_still_seen else one.state
