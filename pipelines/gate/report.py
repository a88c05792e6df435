"""What the gate says, as a table for a terminal, as Markdown for a pull request, and as data for a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pipelines.economics.figures import rounded, shown, shown_bound
from pipelines.economics.gate import Line
from pipelines.economics.intervals import Interval
from pipelines.gate.gate import Answer
from pipelines.gate.runs import Run

_SHOWN = 10
_HEADS = ("figure", "baseline", "candidate", "change", "90% interval", "limit", "")


def headline(answer: Answer) -> str:
    """One sentence: passed or not, over how many cases."""
    told = answer.comparison
    over = sum(line.verdict == "over" for line in told.lines)
    unknown = sum(line.verdict == "unknown" for line in told.lines)
    cases = f"{len(told.pairing.cases):,} case{'s' if len(told.pairing.cases) != 1 else ''} in both runs"
    if told.is_passed:
        return f"Cost gate passed: {cases}."
    parts = [f"{over} over the limit"] if over else []
    parts += [f"{unknown} that cannot be judged"] if unknown else []
    parts += list(told.problems)
    return f"Cost gate not passed: {'; '.join(parts)}; {cases}."


def as_table(answer: Answer) -> Table:
    """A row per figure; rounded only here."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(_HEADS):
        table.add_column(name, justify="right" if 0 < position < len(_HEADS) - 1 else "left", no_wrap=position == 0)
    for line in answer.comparison.lines:
        table.add_row(*_cells(line))
    return table


def facts(answer: Answer) -> list[str]:
    """Sentences under the table: what was compared, what was left out, what is not known."""
    return [*answer.comparison.problems, *answer.comparison.remarks, *_notes(answer)]


def as_markdown(answer: Answer) -> str:
    """The whole answer as a comment of a pull request."""
    told = answer.comparison
    lines = [f"**{_escaped(headline(answer))}**", "", _row(_HEADS), _row(["---", *["---:"] * 5, "---"])]
    lines += [_row([_escaped(cell) for cell in _cells(line)]) for line in told.lines]
    lines += ["", *(f"- {_escaped(fact)}" for fact in facts(answer))]
    return "\n".join(lines).rstrip() + "\n"


def as_json(answer: Answer) -> dict[str, Any]:
    """The whole answer as data: decimals exact to twelve places, nothing left out."""
    told, pairing = answer.comparison, answer.comparison.pairing
    return {
        "passed": told.is_passed,
        "cases": len(pairing.cases),
        "only_baseline": list(pairing.only_baseline),
        "only_candidate": list(pairing.only_candidate),
        "metrics": [_data(line) for line in told.lines],
        "problems": list(told.problems),
        "remarks": [*told.remarks, *_notes(answer)],
        "allowed": vars(answer.allowed),
        "runs": [_run(answer.baseline), _run(answer.candidate)],
    }


def _cells(line: Line) -> list[str]:
    return [
        line.label,
        shown_bound(line.baseline, line.unit, line.baseline_bound) or "–",
        shown_bound(line.candidate, line.unit, line.candidate_bound) or "–",
        _points(line.change, line),
        _interval(line),
        "" if line.limit is None else _limit(line),
        _verdict(line),
    ]


def _verdict(line: Line) -> str:
    word = {None: "", "passed": "passed", "over": "OVER", "unknown": "CANNOT BE JUDGED"}[line.verdict]
    return ", ".join(part for part in (word, line.why) if part)


def _limit(line: Line) -> str:
    worst = line.limit or Decimal(0)
    return _points(-worst if line.metric_id == "success_rate" else worst, line)


def _interval(line: Line) -> str:
    if line.interval is None:
        return ""
    low, high = line.interval.low, line.interval.high
    return f"{_points(low, line)} to {_points(high, line) or 'no end'}"


def _points(change: Decimal | None, line: Line) -> str:
    """A change in per cent, of a share in points; one that rounds to nothing has no sign."""
    if change is None:
        return ""
    points, mark = rounded(change * 100, 1), "%" if line.is_relative else " pt"
    return f"{points:+,}{mark}" if points else f"{points:,}{mark}"


def _notes(answer: Answer) -> Iterator[str]:
    pairing = answer.comparison.pairing
    for ids, name in ((pairing.only_baseline, "baseline"), (pairing.only_candidate, "candidate")):
        if ids:
            more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
            yield f"only in the {name}, in no figure: {', '.join(ids[:_SHOWN])}{more}"
    for run in (answer.baseline, answer.candidate):
        if run.untasked_requests:
            cost = shown(run.untasked_cost_usd, "usd")
            yield f"{run.name}: {run.untasked_requests:,} requests of no task, {cost}, in no figure"
        for line in run.unpriced[:_SHOWN]:
            model = "/".join(part for part in (line.provider_name, line.model) if part) or "no model named"
            yield f"{run.name}: {line.requests:,} requests of {model} without a full price: {line.reason}"
        if run.cache_hits:
            yield f"{run.name}: {run.cache_hits:,} of {run.requests:,} requests were answered by the gateway's cache"
        yield from (f"{run.name}: not read: {told}" for told in run.passed_over)
    if answer.baseline.price_book_id != answer.candidate.price_book_id:
        yield "the runs were priced with different price books"


def _data(line: Line) -> dict[str, Any]:
    return {
        "id": line.metric_id,
        "label": line.label,
        "unit": line.unit,
        "baseline": line.baseline,
        "candidate": line.candidate,
        "baseline_bound": line.baseline_bound,
        "candidate_bound": line.candidate_bound,
        "change": line.change,
        "change_is": "relative" if line.is_relative else "points",
        "interval": _interval_data(line.interval),
        "limit": line.limit,
        "verdict": line.verdict,
        "is_sure": line.is_sure,
        "why": line.why or None,
    }


def _interval_data(interval: Interval | None) -> dict[str, Any] | None:
    if interval is None:
        return None
    return {"level": interval.level, "low": interval.low, "high": interval.high, "cases": interval.clusters}


def _run(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "tasks": len(run.trials),
        "requests": run.requests,
        "gateway_cache_hits": run.cache_hits,
        "untasked_requests": run.untasked_requests,
        "untasked_cost_usd": run.untasked_cost_usd,
        "unpriced": [vars(line) for line in run.unpriced],
        "passed_over": list(run.passed_over),
        "price_book_id": run.price_book_id,
    }


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Ids come from logs: in a comment they shall be text, not code, links or mentions."""
    return re.sub(r"([\\`*_{}\[\]<>#|@!~])", r"\\\1", text.replace("\n", " "))
