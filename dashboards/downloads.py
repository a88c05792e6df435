"""What a page offers to download: the figures it shows, unrounded, as the marts hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from pipelines.exports.csv_file import Column, Table, encode
from warehouse.rows import CostLine, TenantDay, TenantMargin, Week, WeeklyMetric


def week_csv(week: Week) -> bytes:
    """The weekly view, one row per metric."""
    names = [field.name for field in fields(WeeklyMetric)]
    rows = [
        (week.week_start, week.week_end, week.is_complete, *(getattr(metric, name) for name in names))
        for metric in week.metrics
    ]
    return _csv("weekly_view", ["week_start", "week_end", "is_complete", *names], rows)


def tenants_csv(rows: Sequence[TenantMargin]) -> bytes:
    """One row per tenant; `unattributed` and `unallocated` make the sums those of the company."""
    names = [field.name for field in fields(TenantMargin)]
    names[names.index("outside_cogs_usd") : names.index("outside_cogs_usd")] = [
        "cogs_usd",
        "gross_profit_usd",
        "gross_margin",
    ]
    return _csv("tenants", names, [tuple(getattr(row, name) for name in names) for row in rows])


def costs_csv(dimensions: Sequence[str], lines: Sequence[CostLine]) -> bytes:
    """One row per combination of the dimensions."""
    names = [field.name for field in fields(CostLine) if field.name != "key"]
    return _csv(
        "costs", [*dimensions, *names], [(*line.key, *(getattr(line, name) for name in names)) for line in lines]
    )


def days_csv(days: Sequence[TenantDay]) -> bytes:
    """One row per day of a tenant."""
    names = [field.name for field in fields(TenantDay)]
    return _csv("days", names, [tuple(getattr(day, name) for name in names) for day in days])


def rows_csv(
    name: str, kind: type[Any], rows: Sequence[Any], keys: Sequence[str] = (), more: Sequence[str] = ()
) -> bytes:
    """Rows of one type of the reader: a column per part of their key, per field, and per property named in `more`."""
    columns = [field.name for field in fields(kind) if field.name != "key"] + list(more)
    cells = [(*(row.key if keys else ()), *(_cell(getattr(row, column)) for column in columns)) for row in rows]
    return _csv(name, [*keys, *columns], cells)


def cells_csv(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as they come: a value for each column."""
    return _csv(name, list(columns), [tuple(row[column] for column in columns) for row in rows])


def _cell(value: Any) -> Any:
    """Instants as ISO 8601 text in UTC."""
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value


def _csv(name: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> bytes:
    return encode(Table(name, name, tuple(Column(column, column) for column in columns), rows))
