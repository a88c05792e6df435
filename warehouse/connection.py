"""Openers of the two kinds of DuckDB file: the warehouse that one build writes, and published files that many read."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

BUILD_MEMORY = "2GB"
"""What a build's statements may keep in memory before they write to disk; the engine's own default is most of the machine's. With
1 GB two million requests take a tenth longer than with all.
"""


@contextmanager
def warehouse(path: Path, *, read_only: bool = True) -> Generator[duckdb.DuckDBPyConnection]:
    """The build's database. The caller holds the build lock: a second process could not open it."""
    database = duckdb.connect(str(path), read_only=read_only)
    try:
        database.execute("set timezone = 'UTC'")
        database.execute(f"set memory_limit = {literal(BUILD_MEMORY)}")
        yield database
    finally:
        database.close()


def published(path: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """A published file's marts, with its priced requests, as views of a fresh in-memory database.

    Views, so that every cursor sees them; nothing outside the serving folder can be opened through them.
    """
    if not path.exists():
        raise duckdb.IOException(f"{path} does not exist")
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    database.execute(f"attach {literal(str(path))} as published (read_only)")
    tables = database.execute("select table_name from duckdb_tables() where database_name = 'published'").fetchall()
    for (name,) in tables:
        database.execute(f"create view {name} as select * from published.main.{name}")
    paths = [str(folder / name) for (name,) in database.execute("select path from priced_file order by day").fetchall()]
    if paths:
        listed = ", ".join(literal(name) for name in paths)
        files = f"read_parquet([{listed}], hive_partitioning = false)"
        database.execute(f"create view fct_llm_request_priced as select * from {files}")
    database.execute(f"set allowed_directories = [{literal(f'{folder}/')}]")
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")
    return database


def literal(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
