"""Openers of the two kinds of DuckDB file: the warehouse that one build writes, and published files that many read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb


@contextmanager
def warehouse(path: Path, *, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build's database. The caller holds the build lock: a second process could not open it."""
    database = duckdb.connect(str(path), read_only=read_only)
    try:
        database.execute("set timezone = 'UTC'")
        yield database
    finally:
        database.close()


def published(path: Path, readable_folders: list[Path]) -> duckdb.DuckDBPyConnection:
    """A published file, read-only, able to open nothing else on the machine but files under these folders."""
    database = duckdb.connect(str(path), read_only=True)
    database.execute("set timezone = 'UTC'")
    folders = ", ".join("'" + str(folder).replace("'", "''") + "/'" for folder in readable_folders)
    database.execute(f"set allowed_directories = [{folders}]")
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")
    return database
