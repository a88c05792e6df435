"""What the published marts say: one typed function per question. All that reports, exports and pages ever read.

A process keeps one read-only connection per published version and gives every call a cursor of its own; when a newer
version is published the next call uses it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from warehouse import publish
from warehouse.connection import published
from warehouse.publish import SERVING_VERSION, Pointer, PublishError


class NothingPublished(Exception):
    """No build has been published yet; the message says what to run."""


class NoSuchWeek(Exception):
    """The data has no such week; the message lists what there is."""


class QueryError(Exception):
    """A query that cannot be answered; the message is the database's own."""


@dataclass(frozen=True)
class WeeklyMetric:
    """One row of the weekly view. Values are exact; `missing` names the input that a row without a value waits for.

    `bound`, `last_bound`: at_least or at_most where parts have no price; `lower_bound` and `upper_bound` enclose the value while
    outcomes are unknown.
    """

    metric_id: str
    label: str
    unit: str
    this_week: Decimal | None
    last_week: Decimal | None
    target: Decimal | None
    is_met: bool | None
    missing: str | None
    bound: str | None
    last_bound: str | None
    lower_bound: Decimal | None
    upper_bound: Decimal | None


@dataclass(frozen=True)
class Week:
    """The weekly view of one week."""

    week_start: date
    week_end: date
    is_complete: bool
    days_with_requests: int
    serving_n: int
    metrics: tuple[WeeklyMetric, ...]


@dataclass(frozen=True)
class Answer:
    """Columns and rows of a free query."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Reader:
    """Reads the published version of one data folder. Safe to share between threads."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = publish.serving_folder(data_dir.resolve())
        self._data_dir = data_dir
        self._lock = threading.Lock()
        self._pointer: Pointer | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._pointer = None, None

    def weeks(self) -> list[date]:
        """First days of the weeks that the data has."""
        return [row[0] for row in self._rows("select distinct week_start from mart_weekly_unit_economics order by 1")]

    def weekly(self, week: date | None = None) -> Week:
        """The weekly view of the week that holds `week`; without one the latest complete week, else the latest.

        Raises NothingPublished, NoSuchWeek.
        """
        chosen = self._rows(
            """select week_start, any_value(week_end), bool_and(is_complete), any_value(days_with_requests)
            from mart_weekly_unit_economics where $week is null or $week between week_start and week_end
            group by week_start order by bool_and(is_complete) desc, week_start desc limit 1""",
            {"week": week},
        )
        if not chosen:
            known = self.weeks()
            range_known = f"{known[0]} to {known[-1]}" if known else "none: no request was landed"
            raise NoSuchWeek(f"No week with {week} in the data. Weeks in the data begin on: {range_known}.")
        start, end, is_complete, days = chosen[0]
        rows = self._rows(
            """select metric_id, label, unit, this_week, last_week, target, is_met, missing, bound, last_bound,
                lower_bound, upper_bound
            from mart_weekly_unit_economics where week_start = $start order by sort_order""",
            {"start": start},
        )
        return Week(start, end, is_complete, days, self.version().n, tuple(WeeklyMetric(*row) for row in rows))

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """Run one SELECT over the published marts and `fct_llm_request_priced`. Raises QueryError, NothingPublished."""
        cursor = self._cursor()
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or str(statements[0].type).rpartition(".")[2] not in ("SELECT", "EXPLAIN"):
                raise QueryError("One SELECT at a time; the published marts are read-only.")
            found = cursor.execute(sql, list(parameters))
            columns = tuple(column[0] for column in found.description or ())
            return Answer(columns, tuple(found.fetchall()))
        except duckdb.Error as error:
            raise QueryError(str(error)) from None
        finally:
            cursor.close()

    def version(self) -> Pointer:
        """The version that is read. Raises NothingPublished, PublishError."""
        pointer = publish.current(self._data_dir)
        if pointer is None:
            raise NothingPublished(
                f"Nothing is published under {self._data_dir}. `margincall ingest` logs, then `margincall build`."
            )
        if pointer.serving_version != SERVING_VERSION:
            raise PublishError(
                f"{pointer.file} has version {pointer.serving_version}, this release reads {SERVING_VERSION}. "
                "`margincall build` publishes anew."
            )
        return pointer

    def _rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        cursor = self._cursor()
        try:
            return cursor.execute(sql, parameters).fetchall() if parameters else cursor.execute(sql).fetchall()
        finally:
            cursor.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            pointer = self.version()
            if self._connection is None or pointer != self._pointer:
                # Let go, not closed: another thread may be reading through it. It ends with its last cursor.
                self._connection, self._pointer = self._open(pointer), pointer
            return self._connection.cursor()

    def _open(self, pointer: Pointer) -> duckdb.DuckDBPyConnection:
        try:
            connection = published(self.folder / pointer.file, self.folder)
        except duckdb.IOException as error:
            reason = f"{self.folder / pointer.file}: {str(error).splitlines()[0]}"
            raise PublishError(f"{reason}. `margincall build --full` publishes anew.") from None
        return connection
