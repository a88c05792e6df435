"""A business feed that is a query: `sql://name` of `[[sql_feeds]]`, run through SQLAlchemy against any database it knows.

The result becomes a CSV file, a snapshot, whose rows are sorted: a result in another order is the same result. A result
that is the same as that of the latest snapshot makes no file. Rows carry the instant of their snapshot in `observed_at`
(unless the query says it, or the feed means something else by it), so that the newest snapshot decides, also where a value
goes back to what it was. Only the newest snapshot is landed: it holds everything that the earlier ones did, or the
database no longer does.

The query is the user's own. It runs read-only where the database knows that, and nothing is ever committed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from collections.abc import Generator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from pipelines.feeds.reader import feed_named
from pipelines.fetching import Failed, Fetched, FetchError, Kind, Readable, folder_of
from pipelines.fetching.folders import locked
from pipelines.fetching.postgres import DRIVER_IS_MISSING
from pipelines.settings import Settings, SqlFeed, environment_variable
from warehouse.feed_schemas import Feed
from warehouse.lake import write_atomically

_NAME = re.compile(r"[a-z_]+-(?P<at>\d{8}T\d{12}Z)-(?P<content>[0-9a-f]{16})\.csv")
_STAMP = "%Y%m%dT%H%M%S%fZ"
_READ_ONLY = {
    "mysql": "set session transaction read only",
    "mariadb": "set session transaction read only",
    "oracle": "set transaction read only",
    "sqlite": "pragma query_only = on",
}

Row = tuple[str, ...]


def _fetch(settings: Settings, name: str, _: Readable) -> Generator[Fetched | Failed]:
    """The newest snapshot. Raises FetchError; the one of an earlier run then still stands."""
    wanted = _named(settings, name)
    feed = _feed(wanted, name)
    folder = folder_of(settings, "sql", wanted.label)
    with locked(folder):
        latest = max((path for path in folder.glob(f"{feed.name}-*.csv") if _NAME.fullmatch(path.name)), default=None)
        try:
            header, rows = _result(wanted, environment_variable(wanted.url_env, name), name)
        except FetchError:
            if latest:
                yield Fetched(latest)
            raise
        yield Fetched(_kept(folder, feed, header, rows, latest))


def _named(settings: Settings, name: str) -> SqlFeed:
    label = name.partition("://")[2]
    for wanted in settings.sql_feeds:
        if wanted.label == label:
            return wanted
    known = ", ".join(f"sql://{wanted.label}" for wanted in settings.sql_feeds) or "none"
    raise FetchError(f"{name}: no such feed in [[sql_feeds]]. Known: {known}.")


def _feed(wanted: SqlFeed, name: str) -> Feed:
    try:
        return feed_named(wanted.feed)
    except KeyError as error:
        raise FetchError(f"{name}: {error.args[0]}") from None


def _result(wanted: SqlFeed, url: str, name: str) -> tuple[Row, list[Row]]:
    """Header and rows of the query, as text. Raises FetchError."""
    engine = _engine(url, name)
    try:
        with engine.connect() as connection:
            _restrict(connection, wanted.statement_timeout_s)
            # As it is written: neither `:name` nor `%` means anything here.
            options = {"no_parameters": True, "stream_results": True}
            result = connection.execution_options(**options).exec_driver_sql(wanted.query)
            if not result.returns_rows:
                raise FetchError(f"{name}: the query returns no rows. A feed is a select.")
            header = tuple(result.keys())
            rows = [
                tuple(_text(value, column, name) for column, value in zip(header, row, strict=True)) for row in result
            ]
            connection.rollback()
            return header, rows
    except ImportError:
        raise FetchError(f"{name}: {DRIVER_IS_MISSING}") from None
    except DBAPIError as error:
        said = str(error.orig).strip().partition("\n")[0]
        raise FetchError(f"{name}: the database said: {said}") from None
    except SQLAlchemyError as error:
        raise FetchError(f"{name}: the query could not be run ({type(error).__name__}).") from None
    finally:
        engine.dispose()


def _engine(url: str, name: str) -> sa.Engine:
    """Raises FetchError, which does not repeat the URL."""
    try:
        parts = sa.make_url(url)
        if parts.drivername in ("postgres", "postgresql"):
            parts = parts.set(drivername="postgresql+psycopg")
        if parts.get_backend_name() == "sqlite" and not Path(parts.database or "").is_file():
            # It would be created.
            raise FetchError(f"{name}: no such file: {parts.database or 'a database in memory'}.")
        return sa.create_engine(parts, poolclass=sa.pool.NullPool)
    except (ArgumentError, ValueError):
        raise FetchError(
            f"{name}: not a database URL. Write dialect://user:password@host/database, as SQLAlchemy reads it."
        ) from None
    except ImportError as error:
        missing = f"the driver {error.name!r} is not installed" if error.name else "a driver is not installed"
        raise FetchError(f"{name}: {missing}. {DRIVER_IS_MISSING if 'psycopg' in str(error) else ''}".strip()) from None


def _restrict(connection: sa.Connection, timeout_s: int) -> None:
    """Read-only, and an end to it, as far as the database has words for that."""
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execution_options(postgresql_readonly=True)
        connection.exec_driver_sql(f"select set_config('statement_timeout', '{timeout_s * 1000}', true)")
    elif dialect in _READ_ONLY:
        connection.exec_driver_sql(_READ_ONLY[dialect])


def _text(value: Any, column: str, name: str) -> str:  # noqa: PLR0911
    """A cell, exactly: a float in its shortest spelling, which is what the database would print."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f") if math.isfinite(value) else str(value)
    if isinstance(value, (str, int, UUID)):
        return str(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=str, ensure_ascii=False)
    kind = type(value).__name__
    raise FetchError(f"{name}: column {column} holds {kind}, which no feed has. Cast it to text in the query.")


def _kept(folder: Path, feed: Feed, header: Row, rows: list[Row], latest: Path | None) -> Path:
    """The snapshot of this result: the latest one if it says the same, else a new file."""
    rows.sort()
    content = hashlib.sha256(_csv(header, rows)).hexdigest()[:16]
    earlier = _NAME.fullmatch(latest.name) if latest else None
    if latest and earlier and earlier["content"] == content:
        return latest
    at = datetime.now(UTC)
    if earlier:  # whatever the clock says, a later snapshot is later
        at = max(at, datetime.strptime(earlier["at"], _STAMP).replace(tzinfo=UTC) + timedelta(microseconds=1))
    if _is_dated_here(feed, header):
        header, rows = (*header, "observed_at"), [(*row, at.isoformat()) for row in rows]
    path = folder / f"{feed.name}-{at.strftime(_STAMP)}-{content}.csv"
    write_atomically(path, _csv(header, rows))
    return path


def _is_dated_here(feed: Feed, header: Row) -> bool:
    """Whether `observed_at` is ours to fill: the query does not, and to the feed it is no more than a version."""
    says = {feed.spellings.get(name.strip(), name) for name in header}
    return "observed_at" not in says and "observed_at" not in feed.required


def _csv(header: Row, rows: list[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


KIND = Kind(("sql",), _fetch)
