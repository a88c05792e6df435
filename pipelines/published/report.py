"""What is told of a comparison: a row per run, and what a person wants to know first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from pipelines.economics.apportion import EXACT
from pipelines.economics.figures import shown
from pipelines.exports.csv_file import Cell, Column, Table
from pipelines.published.compare import Line

_SHOWN = 10

_COLUMNS: Sequence[tuple[str, str, Callable[[Line], Cell]]] = (
    ("run", "as published; with the domain where a run has several rows", lambda x: x.run.name),
    ("model", "as published", lambda x: x.run.model),
    ("day", "of the run", lambda x: x.run.day),
    ("tasks", "in the marts; a task that was tried four times counts four times", lambda x: x.measured.tasks),
    ("passed", "in the marts", lambda x: x.measured.passed if x.measured.judged else None),
    ("pass_rate_percent", "passed ÷ tasks with an outcome", lambda x: _rounded(x.pass_rate_percent, 9)),
    ("published_pass_rate_percent", "as published", lambda x: x.run.pass_rate.value if x.run.pass_rate else None),
    ("published_rate_denominator", "of so many tasks it is a share", lambda x: x.run.rate_denominator),
    ("pass_rate_agrees", "passed ÷ that denominator, rounded as published", lambda x: x.pass_rate_agrees),
    *(
        column
        for k in (2, 3, 4)
        for column in (
            (
                f"pass_{k}_percent",
                f"all of {k} trials pass, from the single trials",
                lambda x, k=k: _rounded(x.pass_k_percent(k), 9),
            ),
            (
                f"published_pass_{k}_percent",
                "as published",
                lambda x, k=k: x.run.pass_k[k].value if k in x.run.pass_k else None,
            ),
        )
    ),
    ("pass_k_agrees", "each of them, rounded as published", lambda x: x.pass_k_agrees),
    ("cost_usd", "fct_task, all tasks of the run", lambda x: x.cost_usd),
    ("published_cost_usd", "as published, or cost per task × tasks", lambda x: _usd(x.run.cost_pico)),
    ("cost_per_task_usd", "cost ÷ tasks", lambda x: _rounded(x.cost_per_task_usd, 12)),
    (
        "published_cost_per_task_usd",
        "as published",
        lambda x: x.run.cost_per_task.value if x.run.cost_per_task else None,
    ),
    ("cost_agrees", "the total to the pico-dollar, and per task as published", lambda x: x.cost_agrees),
    ("cost_per_success_usd", "cost of all tasks ÷ passed", lambda x: _rounded(x.cost_per_success_usd, 12)),
    ("tokens_per_success", "tokens of all tasks ÷ passed", lambda x: _rounded(x.tokens_per_success, 0)),
    ("seconds_per_task", "mean", lambda x: _rounded(x.seconds_per_task, 3)),
    (
        "published_seconds_per_task",
        "as published",
        lambda x: x.run.seconds_per_task.value if x.run.seconds_per_task else None,
    ),
    ("list_cost_usd", "the tokens at our price book's list prices, none of them cached", lambda x: x.list_cost_usd),
    ("dirt", "what is wrong with the row of the table", lambda x: "; ".join(x.run.dirt) or None),
)


def report_of(lines: Sequence[Line]) -> Table:
    """One row per row of the table."""
    columns = tuple(Column(name, meaning) for name, meaning, _ in _COLUMNS)
    return Table(
        "report.csv",
        "Published figures recomputed, one row per row of the table.",
        columns,
        [tuple(value(x) for *_, value in _COLUMNS) for x in lines],
    )


def summary_of(lines: Sequence[Line]) -> list[str]:
    """What a person wants to know first: what agrees, what is dirty, what success costs."""
    dirt = Counter(word for line in lines for word in line.run.dirt)
    ranked = sorted((x for x in lines if x.cost_per_success_usd is not None), key=_per_success)
    return [
        f"Runs reproduced: {sum(x.is_reproduced and x.run.is_logged for x in lines)} of {len(lines)} rows",
        f"Pass rates: {_verdicts(x.pass_rate_agrees for x in lines)}",
        *([f"pass^k: {_verdicts(x.pass_k_agrees for x in lines)}"] if any(x.run.pass_k for x in lines) else []),
        f"Costs: {_verdicts(x.cost_agrees for x in lines)}",
        f"Dirty rows: {sum(bool(x.run.dirt) for x in lines)}",
        *(f"  {count:5} {word}" for word, count in sorted(dirt.items(), key=lambda item: (-item[1], item[0]))),
        "Cheapest per success:",
        *(_shown(x) for x in ranked[:_SHOWN]),
        "Dearest per success:",
        *(_shown(x) for x in ranked[: -_SHOWN - 1 : -1]),
    ]


def _per_success(line: Line) -> tuple[Decimal, str]:
    return line.cost_per_success_usd or Decimal(0), line.run.name


def _shown(line: Line) -> str:
    return f"  {shown(line.cost_per_success_usd, 'usd'):>12}  {line.run.name}"


def _verdicts(found: Iterable[bool | None]) -> str:
    counts = Counter(found)
    return f"{counts[True]} agree, {counts[False]} differ, {counts[None]} not comparable"


def _rounded(value: Decimal | None, places: int) -> Decimal | None:
    return None if value is None else value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT)


def _usd(pico: int | None) -> Decimal | None:
    return None if pico is None else Decimal(pico).scaleb(-12, EXACT)
