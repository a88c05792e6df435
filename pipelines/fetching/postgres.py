"""Reading a PostgreSQL database that belongs to somebody else: short read-only transactions, every limit set in each.

Limits are set per transaction, not per connection: behind a pooler that hands one connection to many clients a setting
of the session would stay behind for them, and start-up options are refused.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from pipelines.fetching import FetchError

if TYPE_CHECKING:
    import psycopg

_OF_PRISMA = ("connection_limit", "pgbouncer", "pool_timeout", "schema", "socket_timeout", "statement_cache_size")
"""Options that LiteLLM's own DATABASE_URL may carry and that libpq refuses."""
_CONNECT_TIMEOUT_S = 10
DRIVER_IS_MISSING = "reading PostgreSQL needs a driver. Install it: pip install 'margincall[postgres]'"


@dataclass(frozen=True)
class Address:
    """A database's URL taken apart. `options` are what libpq understands."""

    host: str
    port: int | None
    database: str
    user: str
    password: str | None
    schema: str
    options: dict[str, str]

    def __str__(self) -> str:
        return f"{self.host or 'the local socket'}{f':{self.port}' if self.port else ''}/{self.database}"

    def __repr__(self) -> str:
        return f"Address({self})"


def address(url: str, where: str) -> Address:
    """The parts of a URL, `where` telling in errors which one. Raises FetchError, which does not repeat it."""
    try:
        parts = sa.make_url(url)
    except (ArgumentError, ValueError):
        raise FetchError(f"{where}: not a database URL. Write postgresql://user:password@host:5432/database.") from None
    if not parts.drivername.startswith("postgres"):
        raise FetchError(f"{where}: is a {parts.drivername} URL. LiteLLM keeps its logs in PostgreSQL.")
    options = {key: value if isinstance(value, str) else value[-1] for key, value in parts.query.items()}
    return Address(
        host=options.get("host", parts.host or ""),
        port=parts.port,
        database=parts.database or parts.username or "postgres",
        user=parts.username or "",
        password=parts.password,
        schema=options.get("schema", "public"),
        options={key: value for key, value in options.items() if key not in _OF_PRISMA and key != "host"},
    )


@contextmanager
def connection(to: Address, where: str) -> Generator[psycopg.Connection[Any]]:
    """A connection whose every transaction is read-only. Raises FetchError."""
    try:
        import psycopg
        from psycopg.conninfo import make_conninfo
    except ImportError:
        raise FetchError(f"{where}: {DRIVER_IS_MISSING}") from None
    given: dict[str, Any] = {"host": to.host, "port": to.port, "user": to.user, "password": to.password}
    options: dict[str, Any] = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "margincall", **to.options}
    try:
        link = psycopg.connect(
            make_conninfo(dbname=to.database, **{key: value for key, value in given.items() if value}, **options),
            autocommit=True,
            prepare_threshold=None,  # a pooler may give the next transaction to another server process
        )
    except psycopg.Error as error:
        raise FetchError(f"{where}: cannot connect to {to}: {_first_line(error)}") from None
    with link:
        link.read_only = True
        yield link


@contextmanager
def transaction(link: psycopg.Connection[Any], where: str, timeout_s: int) -> Generator[psycopg.Connection[Any]]:
    """A short read-only transaction in UTC. Raises FetchError for whatever the database says."""
    import psycopg

    try:
        with link.transaction():
            link.execute(
                "select set_config('statement_timeout', %s, true), set_config('timezone', 'UTC', true), "
                # Numbers are asked for as text; this is what makes a double's text exact.
                "set_config('extra_float_digits', '1', true)",
                [str(timeout_s * 1000)],
            )
            yield link
    except psycopg.errors.QueryCanceled:
        raise FetchError(
            f"{where}: the database took longer than statement_timeout_s ({timeout_s}). Lower page_rows, or raise it."
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise FetchError(f"{where}: no permission: {_first_line(error)}") from None
    except psycopg.OperationalError as error:
        raise FetchError(f"{where}: the connection was lost: {_first_line(error)}. Run again; it goes on.") from None
    except psycopg.Error as error:
        # The engine's own words may quote a row.
        raise FetchError(
            f"{where}: the database refused ({type(error).__name__}, SQLSTATE {error.sqlstate})."
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
