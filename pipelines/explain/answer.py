"""One figure explained: its terms asked one by one, put into the formula, and the rows behind them with file and line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from pipelines.economics.formula import Expression, evaluate, is_above, terms_of
from pipelines.explain.asked import ExplainError, expression_of, formula_of, tenant_name
from pipelines.explain.gather import Behind, Sources, rows_behind
from pipelines.explain.metrics import OUTCOME_TERMS, Formula
from pipelines.explain.terms import TERMS, Scope
from warehouse import closed, ledger_view
from warehouse.control import Control
from warehouse.reader import Reader
from warehouse.rows import DataState, Week, WeeklyMetric
from warehouse.shown import RESTATED, first_shown

_TRIES = 3
_KNOWN_EARLIER = timedelta(days=7)


@dataclass(frozen=True)
class TermValue:
    """A term with its value. `table` None: not from the marts; `sql` gives the value in `margincall query`."""

    term_id: str
    label: str
    unit: str
    value: Decimal | None
    table: str | None
    sql: str


@dataclass(frozen=True)
class Explanation:
    """A figure of one week, of the company or of one tenant.

    `value` is exact to 12 decimals, None where `missing` says what it waits for. `published` is what the weekly view says of the
    company; `agrees` is False where the terms, asked now, do not give that, and `notes` say why.
    """

    metric_id: str
    label: str
    unit: str
    sentence: str
    formula: Expression
    tenant_id: str | None
    tenant_name: str | None
    week_start: date
    week_end: date
    is_complete: bool
    serving_n: int
    value: Decimal | None
    missing: str | None
    bound: str | None
    lower_bound: Decimal | None
    upper_bound: Decimal | None
    published: WeeklyMetric | None
    agrees: bool
    terms: tuple[TermValue, ...]
    counts: tuple[TermValue, ...]
    notes: tuple[str, ...]
    behind: tuple[Behind, ...]


def explain(
    data_dir: Path,
    reader: Reader,
    control: Control,
    metric_id: str,
    week: date | None = None,
    tenant_id: str | None = None,
    rows: int = 5,
) -> Explanation:
    """How `metric_id` of the week that holds `week` comes about; without one of the latest complete week.

    `rows`: how many are shown of each kind of rows behind it. Raises ExplainError, NoSuchWeek, NothingPublished.
    """
    sources = Sources(data_dir, reader, control)
    for _ in range(_TRIES):
        n = reader.version().n
        found = _explain(sources, metric_id, week, tenant_id, rows)
        if reader.version().n == n:  # else two versions may be mixed in it
            return found
    raise ExplainError("New versions are published faster than the question is answered. Ask again in a moment.")


def _explain(sources: Sources, metric_id: str, day: date | None, tenant_id: str | None, limit: int) -> Explanation:
    formula = formula_of(metric_id)
    week = sources.reader.weekly(day)
    row = next(metric for metric in week.metrics if metric.metric_id == metric_id)
    name = tenant_name(sources.reader, tenant_id)
    expression = expression_of(metric_id, formula, tenant_id)
    scope = Scope(week.week_start, tenant_id)
    counts = formula.asked_of()
    in_formula = [*terms_of(expression), *_beside(formula, expression)]
    looked_up = {name: _term(sources, scope, name) for name in dict.fromkeys((*in_formula, *counts))}
    values = {name: term.value for name, term in looked_up.items()}
    missing = _missing(formula, row, values)
    value = None if missing else evaluate(expression, values)
    lower = None if formula.lower is None else evaluate(formula.lower, values)
    has_upper = formula.upper is not None and not values.get("incomplete_tasks")
    # Of what was shown the view itself knows nothing; that row is filled when it is shown.
    is_published = tenant_id is None and metric_id != RESTATED
    agrees = not is_published or (value, missing) == (row.this_week, row.missing)
    counted = [name for name in counts if name not in terms_of(expression)]
    return Explanation(
        metric_id=metric_id,
        label=row.label,
        unit=row.unit,
        sentence=formula.sentence,
        formula=expression,
        tenant_id=tenant_id,
        tenant_name=name,
        week_start=week.week_start,
        week_end=week.week_end,
        is_complete=week.is_complete,
        serving_n=week.serving_n,
        value=value,
        missing=missing,
        bound=_bound(formula, values),
        lower_bound=lower,
        upper_bound=evaluate(formula.upper, values) if formula.upper is not None and has_upper else None,
        published=None if tenant_id is not None else row,
        agrees=agrees,
        terms=tuple(looked_up[name] for name in terms_of(expression)),
        counts=tuple(looked_up[name] for name in counted),
        notes=tuple(_notes(sources, week, row, values, agrees, tenant_id)),
        behind=tuple(rows_behind(sources, scope, _largest_first(looked_up, in_formula), limit)) if limit else (),
    )


def _bound(formula: Formula, values: dict[str, Decimal | None]) -> str | None:
    is_raised, is_lowered = (any(values[name] for name in names) for names in (formula.at_least, formula.at_most))
    if is_raised and is_lowered:
        return "neither"
    return "at_least" if is_raised else "at_most" if is_lowered else None


def _beside(formula: Formula, expression: Expression) -> list[str]:
    """Terms that decide whether there is a value, or enclose it, and stand in no formula."""
    bounds = [bound for bound in (formula.lower, formula.upper) if bound is not None]
    # A company's need of a profit has pools in it, which a tenant's formula has not; tenants have no such need.
    named = terms_of(*bounds, *(need.what for need in formula.needs))
    return [name for name in named if name not in terms_of(expression)]


def _term(sources: Sources, scope: Scope, name: str) -> TermValue:
    source = TERMS[name]
    sql = scope.sql(source.sql)
    if name == "shown_profit":
        value = first_shown(sources.control, scope.start - timedelta(days=7), "gross_profit")
    else:
        ((found,),) = sources.reader.query(sql).rows or ((None,),)
        value = None if found is None else Decimal(found)
    return TermValue(name, source.label, source.unit, value, source.table, sql)


def _missing(formula: Formula, row: WeeklyMetric, values: dict[str, Decimal | None]) -> str | None:
    """What the figure waits for. Which feeds have landed the published row knows; what they hold, the terms do."""
    own = {need.text for need in formula.needs}
    if row.missing is not None and row.missing not in own:
        return row.missing
    for need in formula.needs:
        there = (
            evaluate(need.what, values) is not None if need.least is None else is_above(need.what, need.least, values)
        )
        if not there:
            return need.text
    return None


def _notes(
    sources: Sources,
    week: Week,
    row: WeeklyMetric,
    values: dict[str, Decimal | None],
    agrees: bool,
    tenant_id: str | None,
) -> list[str]:
    notes: list[str] = []
    state = sources.reader.state()
    if tenant_id is None:
        notes.append(_about_last_week(row, values, state, week.week_start))
    before = closed.closed_before(sources.data_dir)
    is_closed = before is not None and week.week_start < before
    if is_closed:
        notes.append(
            f"Figures of dates before {before} are closed: they stay, and requests and tasks of that time may be gone."
        )
    if not agrees:
        reason = "its week is closed" if is_closed else "please report this"
        notes.append(
            f"The published figure is {row.this_week or 'none'}; its terms, asked now, give another: {reason}."
        )
    waiting = ledger_view.waiting(sources.control)
    if waiting.days or waiting.feed_files or waiting.everything:
        notes.append("Records have landed since the last build: lines of feeds are shown as they are now.")
    return notes


def _about_last_week(row: WeeklyMetric, values: dict[str, Decimal | None], state: DataState, start: date) -> str:
    before = start - _KNOWN_EARLIER
    if row.metric_id == RESTATED:
        return f"What it is made of: margincall explain gross_profit --week {before}"
    if OUTCOME_TERMS & values.keys() and state.known_at is not None:
        at = (state.known_at - _KNOWN_EARLIER).isoformat(sep=" ", timespec="seconds")
        return (
            f"Last week's figure is the same formula over the week of {before} with the outcomes known by {at} UTC only, "
            "so that both weeks are seen at the same age."
        )
    return f"Last week's figure is the same formula over the week of {before}, as known now."


def _largest_first(looked_up: dict[str, TermValue], in_formula: list[str]) -> list[str]:
    """Terms that are not 0: those of the formula before those that are told beside it, dollars before counts, largest first."""
    there = [term for term in looked_up.values() if term.value]
    there.sort(key=lambda term: (term.term_id not in in_formula, term.unit != "usd", -abs(term.value or 0)))
    return [term.term_id for term in there]
