"""An explanation for a terminal, line by line so that SQL can be copied, and as data for a program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.text import Text

from pipelines.economics.figures import shown, shown_bound
from pipelines.economics.formula import spelled
from pipelines.explain.answer import Explanation, TermValue
from pipelines.explain.gather import Behind
from pipelines.explain.origins import Origin

_BOUNDS = {
    "at_least": "at least that, because parts have no price or exchange rate",
    "at_most": "at most that, because parts have no price or exchange rate",
    "neither": "neither at least nor at most that, because parts of cost and of revenue have no price or exchange rate",
}
_KINDS_OF_TOKENS = (
    ("input", "input_cost_pico"),
    ("cache read", "cache_read_cost_pico"),
    ("cache write", "cache_write_cost_pico"),
    ("output", "output_cost_pico"),
)
_PICO_PER_USD_OF_A_MILLION = 10**6
"""A dollar per million tokens is so many pico-dollars per token."""


def as_json(told: Explanation) -> dict[str, Any]:
    """All of it as data: decimals as text, nothing rounded."""
    published = told.published
    return {
        "metric": told.metric_id,
        "label": told.label,
        "unit": told.unit,
        "sentence": told.sentence,
        "tenant": told.tenant_id,
        "tenant_name": told.tenant_name,
        "week": told.week_start.isoformat(),
        "week_end": told.week_end.isoformat(),
        "is_complete": told.is_complete,
        "serving_version": told.serving_n,
        "value": _text(told.value),
        "missing": told.missing,
        "bound": told.bound,
        "lower_bound": _text(told.lower_bound),
        "upper_bound": _text(told.upper_bound),
        "published": None if published is None else _text(published.this_week),
        "last_week": None if published is None else _text(published.last_week),
        "target": None if published is None else _text(published.target),
        "met": None if published is None else published.is_met,
        "agrees": told.agrees,
        "formula": in_words(told),
        "formula_in_numbers": in_numbers(told),
        "terms": [_term_data(term) for term in told.terms],
        "counts": [_term_data(term) for term in told.counts],
        "notes": list(told.notes),
        "rows": [_behind_data(behind) for behind in told.behind],
    }


def as_lines(told: Explanation) -> Iterator[Text]:
    """The explanation for a person; rounded figures have their exact value beside them."""
    yield Text(_title(told), style="bold")
    yield from map(Text, (told.sentence, "", *_figure(told), "", f"  {in_words(told)}", f"  {in_numbers(told)}", ""))
    yield Text('Its terms; the SQL runs in: margincall query "…"', style="bold")
    for term in (*told.terms, *told.counts):
        value = "none" if term.value is None else f"{_number(term.value)}{_unit(term.unit)}"
        yield Text(f"  {term.label}: {value}" + (f"   [{term.table}]" if term.table else ""))
        yield Text(f"      {term.sql or 'as it was first shown; kept in the control database'}", style="dim")
    for note in told.notes:
        yield from map(Text, ("", note))
    for behind in told.behind:
        yield Text("")
        yield Text(_heading(behind), style="bold")
        lines = {"request": _request_lines, "task": _task_lines, "row": _row_lines}[behind.shape]
        for row, origin in zip(behind.rows, behind.origins, strict=True):
            yield from map(Text, lines(row, origin))


def in_words(told: Explanation) -> str:
    labels = {term.term_id: term.label for term in told.terms}
    return f"{told.label} = {spelled(told.formula, labels.__getitem__)}"


def in_numbers(told: Explanation) -> str:
    values = {term.term_id: _in_formula(term.value) for term in told.terms}
    return f"{told.label} = {spelled(told.formula, values.__getitem__)} = {_number(told.value)}"


def _in_formula(value: Decimal | None) -> str:
    return f"({_number(value)})" if value is not None and value < 0 else _number(value)


def priced_as(row: dict[str, Any]) -> str:
    """How a request's cost comes about: tokens of each kind, and dollars per million of them."""
    reads, writes = row["cache_read_input_tokens"] or 0, row["cache_creation_input_tokens"] or 0
    tokens = {
        "input": (row["input_tokens"] or 0) - reads - writes,
        "cache read": reads,
        "cache write": writes,
        "output": row["output_tokens"] or 0,
    }
    # Media are part of the token counts and priced apart, so that what is left has no price per token to be shown.
    is_plain = not row["media_cost_pico"]
    parts = [_part(kind, tokens[kind], row[column], is_plain) for kind, column in _KINDS_OF_TOKENS if tokens[kind]]
    parts += [
        f"{label} {_dollars(row[column])}"
        for label, column in (
            ("media", "media_cost_pico"),
            ("per request", "request_cost_pico"),
            ("drawdown", "drawdown_pico"),
        )
        if row[column]
    ]
    return " + ".join(parts)


def _figure(told: Explanation) -> Iterator[str]:
    if told.missing:
        yield f"  no value: needs {told.missing}"
    else:
        yield f"  {shown_bound(told.value, told.unit, told.bound)}   exactly {_number(told.value)}{_unit(told.unit)}"
    if told.bound:
        yield f"  {_BOUNDS[told.bound]}; how many is told below"
    if told.lower_bound is not None:
        upper = "no upper bound" if told.upper_bound is None else f"at most {_number(told.upper_bound)}"
        yield f"  with every unknown outcome either way: at least {_number(told.lower_bound)}, {upper}"
    row = told.published
    if row is not None:
        last = shown_bound(row.last_week, row.unit, row.last_bound) or "no value"
        verdict = {None: "", True: ", met", False: ", not met"}[row.is_met]
        target = f"; target {shown(row.target, row.unit)}{verdict}" if row.target is not None else ""
        yield f"  last week {last}{target}"


def _title(told: Explanation) -> str:
    state = "" if told.is_complete else " (not complete yet)"
    name = f" ({told.tenant_name})" if told.tenant_name else ""
    whose = "all tenants" if told.tenant_id is None else f"tenant {told.tenant_id}{name}"
    return f"{told.label} · week {told.week_start} to {told.week_end}{state} · {whose}"


def _heading(behind: Behind) -> str:
    together = "" if behind.total is None else f", together {_number(behind.total)}"
    of = f"{len(behind.rows)} of {behind.count:,}" if behind.count > len(behind.rows) else f"{behind.count:,}"
    return f"{behind.title}: {of}{together}"


def _request_lines(row: dict[str, Any], origin: Origin | None) -> Iterator[str]:
    cost = "no price" if row["cost_pico"] is None else _dollars(row["cost_pico"])
    feature, task = row["feature"] or "no feature", f" · task {row['task_id']}" if row["task_id"] else ""
    reason = f": {row['pricing_reason']}" if row["pricing_reason"] else ""
    yield f"  {cost} · {row['started_at']} · {row['model']} · {row['tenant_id']} · {feature}{task}"
    price = f", {row['price_source']}, book {row['price_book_id'][:12]}" if row["price_book_id"] else ""
    yield f"      {priced_as(row) or 'no tokens'} ({row['pricing_status']}{reason}{price})"
    yield f"      {_where(origin)} · record {row['record_key']}"


def _task_lines(row: dict[str, Any], origin: Origin | None) -> Iterator[str]:
    parts = f"model calls {_usd(row['llm_cost_usd'])}, other {_usd(row['other_cost_usd'])}"
    tokens = f"{row['input_tokens']:,} + {row['output_tokens']:,} tokens"
    yield f"  {_usd(row['cost_usd'])} · task {row['task_id']} · {row['started_at']} · {row['tenant_id']} · {row['outcome']}"
    yield f"      {parts}; {row['attempts']} attempts, {tokens}, {row['duration_ms'] / 1000:,.3f} s"
    if origin is not None:
        yield f"      outcome in {_where(origin)}"


def _row_lines(row: dict[str, Any], origin: Origin | None) -> Iterator[str]:
    yield "  " + " · ".join(f"{name} {_cell(value)}" for name, value in row.items() if value is not None)
    if origin is not None:
        yield f"      {_where(origin)}"


def _part(kind: str, count: int, cost_pico: int | None, is_plain: bool) -> str:
    if cost_pico is None:
        return f"{count:,} {kind}"
    if not is_plain:
        return f"{count:,} {kind} {_dollars(cost_pico)}"
    per_million = Fraction(cost_pico, count * _PICO_PER_USD_OF_A_MILLION)
    cents = round(per_million * 10**6)
    price = f"{Decimal(cents).scaleb(-6).normalize():f}"
    about = "" if Fraction(cents, 10**6) == per_million else "about "
    return f"{count:,} {kind} × {about}${price}/M"


def _where(origin: Origin | None) -> str:
    """A file below the working folder without it."""
    if origin is None:
        return "file unknown to the ledger"
    try:
        return str(Origin(str(Path(origin.file).relative_to(Path.cwd())), origin.line, origin.item))
    except ValueError:
        return str(origin)


def _term_data(term: TermValue) -> dict[str, Any]:
    return {
        "id": term.term_id,
        "label": term.label,
        "unit": term.unit,
        "value": _text(term.value),
        "table": term.table,
        "sql": term.sql or None,
    }


def _behind_data(behind: Behind) -> dict[str, Any]:
    rows = [
        {name: _data(value) for name, value in row.items()} | _origin_data(origin)
        for row, origin in zip(behind.rows, behind.origins, strict=True)
    ]
    return {
        "kind": behind.kind,
        "title": behind.title,
        "sql": behind.sql,
        "count": behind.count,
        "total": _text(behind.total),
        "rows": rows,
    }


def _origin_data(origin: Origin | None) -> dict[str, Any]:
    if origin is None:
        return {"file": None, "line": None}
    return {"file": origin.file, "line": origin.line} | ({"item": origin.item} if origin.item else {})


def _data(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _text(value)
    return value.isoformat() if isinstance(value, date) else value


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _number(value: Decimal | None) -> str:
    """All digits that are not trailing zeros, thousands apart."""
    if value is None:
        return "none"
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _usd(value: Decimal) -> str:
    return f"{'-' if value < 0 else ''}${_number(abs(value))}"


def _dollars(pico: int) -> str:
    return _usd(Decimal(pico).scaleb(-12))


def _unit(unit: str) -> str:
    return {"usd": " USD", "ms": " ms"}.get(unit, "")


def _cell(value: Any) -> str:
    return _number(value) if isinstance(value, Decimal) else str(value)
