"""The rows behind terms, asked of the published marts and of the lake, each with the file and line that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.explain.behind import KINDS, LINES, Kind, Lines, Shape
from pipelines.explain.origins import Origin, origins
from pipelines.explain.terms import TERMS, Scope
from warehouse import attribution
from warehouse.connection import literal
from warehouse.control import Control
from warehouse.feed_lines import FeedLine, current_lines
from warehouse.lake import Lake
from warehouse.reader import Reader

COLUMNS: dict[Shape, tuple[str, ...] | None] = {
    "request": (
        *("record_key", "started_at", "tenant_id", "end_user_id", "feature", "environment", "task_id", "provider_name"),
        *("model", "status", "is_gateway_cache_hit", "input_tokens", "cache_read_input_tokens"),
        *(
            "cache_creation_input_tokens",
            "output_tokens",
            "reasoning_output_tokens",
            "pricing_status",
            "pricing_reason",
        ),
        *("price_provider", "price_model", "price_source", "price_book_id", "price_context", "input_cost_pico"),
        *("cache_read_cost_pico", "cache_write_cost_pico", "output_cost_pico", "media_cost_pico", "request_cost_pico"),
        *("drawdown_pico", "cost_pico", "landing_id", "source_line"),
    ),
    "task": (
        *("task_id", "started_at", "duration_ms", "tenant_id", "feature", "outcome", "outcome_observed_at", "attempts"),
        *("logical_calls", "unpriced_attempts", "partial_attempts", "input_tokens", "output_tokens", "llm_cost_usd"),
        *("other_cost_usd", "cost_usd", "superseded_cost_usd", "outcome_value_usd"),
    ),
    "row": None,
}
"""What is told of a row, by its shape; None for all of it."""


@dataclass(frozen=True)
class Behind:
    """The first rows of one kind; there are `count` of them, and their `measure` sums to `total`.

    `sql` gives the rows in `margincall query`; None for lines of a feed, which the lake has. `origins`: one a row.
    """

    kind: str
    title: str
    shape: Shape
    sql: str | None
    count: int
    total: Decimal | None
    rows: tuple[dict[str, Any], ...]
    origins: tuple[Origin | None, ...]


@dataclass(frozen=True)
class Sources:
    """All that is asked."""

    data_dir: Path
    reader: Reader
    control: Control

    @property
    def lake(self) -> Lake:
        return Lake(self.data_dir.resolve() / "lake")


def rows_behind(sources: Sources, scope: Scope, terms: Sequence[str], limit: int) -> list[Behind]:
    """The first rows of each kind that these terms are made of, in the order of the terms."""
    names = dict.fromkeys(name for term in terms for name in TERMS[term].behind)
    return [
        _rows(sources, scope, name, KINDS[name], limit)
        if name in KINDS
        else _lines(sources, scope, name, LINES[name], limit)
        for name in names
    ]


def _rows(sources: Sources, scope: Scope, name: str, kind: Kind, limit: int) -> Behind:
    base = scope.sql(kind.sql)
    measured = "null" if kind.measure is None else f"sum({kind.measure})"
    ((count, total),) = sources.reader.query(f"select count(*), {measured} from ({base})").rows
    sql = f"{base} order by {kind.order} limit {limit}"
    answer = sources.reader.query(sql)
    told = COLUMNS[kind.shape] or answer.columns
    found = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    rows = [{column: _utc(row[column]) for column in told} for row in found]
    if kind.shape == "request":
        where = origins(sources.control, [(row["landing_id"], row["source_line"]) for row in rows])
        places = [where.get((row["landing_id"], row["source_line"])) for row in rows]
    elif kind.shape == "task":
        judged = _outcome_origins(sources, [row["task_id"] for row in rows])
        places = [judged.get(row["task_id"]) for row in rows]
    else:
        places = [None] * len(rows)
    sum_usd = None if total is None else Decimal(total)
    return Behind(name, kind.title, kind.shape, sql, int(count), sum_usd, tuple(rows), tuple(places))


def _lines(sources: Sources, scope: Scope, name: str, kind: Lines, limit: int) -> Behind:
    bound = {
        "from": scope.start,
        "until": scope.end,
        "tenant": scope.tenant_id,
        "zone": sources.reader.state().reporting_zone or "UTC",
        "tasks": _ids(sources.reader, scope, kind.tasks),
        "others": _ids(sources.reader, scope, kind.others),
    }
    count, lines = current_lines(
        sources.lake, sources.control, kind.feed, kind.columns, kind.where, kind.order, bound, limit
    )
    rows = tuple({column: _utc(value) for column, value in line.values.items()} for line in lines)
    places = tuple(_places(sources, lines))
    return Behind(name, kind.title, "row", None, count, None, rows, places)


def _outcome_origins(sources: Sources, task_ids: list[str]) -> dict[str, Origin]:
    """Task -> where the outcome was read that counts: the latest observed of it."""
    if not task_ids:
        return {}
    where = f"{attribution.TASK} in ({', '.join(map(literal, task_ids))})"
    columns = ("task_id", "observed_at", "outcome_id")
    _, lines = current_lines(
        sources.lake, sources.control, "task_outcomes", columns, where, "observed_at, outcome_id", {}, 10_000
    )
    tasks = [line.values["task_id"] or attribution.PREFIX + line.values["outcome_id"] for line in lines]
    return dict(zip(tasks, _places(sources, lines), strict=True))  # of several of a task the last one stays


def _places(sources: Sources, lines: list[FeedLine]) -> list[Origin]:
    """Outcomes may come with requests, whose lines may hold several."""
    where = origins(sources.control, [(line.landing_id, line.source_line) for line in lines])
    return [
        where.get((line.landing_id, line.source_line), Origin(line.source_file, line.source_line)) for line in lines
    ]


def _ids(reader: Reader, scope: Scope, sql: str | None) -> list[str]:
    return [] if sql is None else [task_id for (task_id,) in reader.query(scope.sql(sql)).rows]


def _utc(value: Any) -> Any:
    """Instants as ISO 8601 text, in UTC as the reader and the lake have them."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
