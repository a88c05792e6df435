"""Parquet as text, exactly: decimals digit by digit; a floating-point column of money is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.feeds.compute import pc
from pipelines.feeds.json_rows import DECODER, canonical_json
from pipelines.feeds.problems import Problem
from pipelines.feeds.raw import RawRows
from pipelines.feeds.text_files import read_bytes, refusal
from warehouse.feed_schemas import Column, Feed


def parquet_header(path: Path) -> list[str]:
    """The column names. Raises FeedError as `read_parquet` does."""
    return [str(name) for name in _open(path).schema_arrow.names]


def read_parquet(path: Path, feed: Feed) -> RawRows:
    """All rows as text; the line of a row is its number, from 1. A column of an unfit type is one problem and null.

    Raises FeedError when the file cannot be read.
    """
    try:
        table = _open(path).read()
    except (pa.ArrowException, OSError) as error:
        raise refusal(path, f"is damaged ({_first_line(error)})", "Copy it again from its source.") from None
    problems: list[Problem] = []
    columns: dict[str, pa.ChunkedArray[Any]] = {}
    for name in table.column_names:
        target = feed.spellings.get(name)
        column = None if target is None else feed.column(target)
        fault = None if column is None else _unfit(column, table.schema.field(name).type)
        if column is None or fault:
            columns[name] = pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
            problems += [Problem(str(path), *fault, column=name)] if fault else []
        else:
            columns[name] = _text(table[name], column)
    return RawRows(str(path), columns, pa.chunked_array([pa.array(range(1, table.num_rows + 1), pa.int64())]), problems)


def _open(path: Path) -> pq.ParquetFile:
    data = read_bytes(path)
    if not data:
        raise refusal(path, "is empty", "A Parquet file without rows still has its schema.")
    try:
        return pq.ParquetFile(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise refusal(
            path, f"is not Parquet or is cut off ({_first_line(error)})", "Copy it again from its source."
        ) from None


def _unfit(column: Column, found: pa.DataType) -> tuple[str, str] | None:
    """(what is wrong, what is allowed) when the stored type cannot hold the column exactly."""
    kind = found.value_type if pa.types.is_dictionary(found) else found
    if pa.types.is_floating(kind):
        if column.kind in ("money", "decimal") and not column.may_round:
            return (f"is {kind}, and a float cannot hold money exactly", "Store it as DECIMAL(38,12), or as text.")
        fits = column.kind in ("integer", "decimal")
    elif pa.types.is_nested(kind):
        fits = column.kind == "json"
    elif pa.types.is_temporal(kind):
        fits = column.kind in ("date", "timestamp") and not pa.types.is_time(kind) and not pa.types.is_duration(kind)
    elif pa.types.is_boolean(kind):
        fits = column.kind == "boolean"
    else:
        fits = not _is_binary(kind)
    return None if fits else (f"is {kind}", f"This column is {column.kind}; store it as that, or as text.")


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _text(values: pa.ChunkedArray[Any], column: Column) -> pa.ChunkedArray[Any]:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_nested(values.type):
        cells = [
            None if value is None else canonical_json(DECODER.decode(_dumped(value))) for value in values.to_pylist()
        ]
        return pa.chunked_array([pa.array(cells, pa.string())])
    if pa.types.is_timestamp(values.type) and values.type.tz:
        # The instant as UTC: written with its zone's offset it would be the same, but a date would move by a day.
        values = values.cast(pa.timestamp(values.type.unit, "UTC"))
    if pa.types.is_floating(values.type) and column.kind == "integer":
        # A frame without nullable integers stores 3 and "missing" as 3.0 and NaN.
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values.cast(pa.string())


def _dumped(value: object) -> str:
    """JSON text of a nested value. Maps arrive as lists of pairs; a struct has null where a row lacks the key."""
    if isinstance(value, list) and all(isinstance(item, tuple) for item in value):
        value = dict(value)
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item is not None}
    return json.dumps(value, default=str)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
