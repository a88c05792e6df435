"""The control database: landing ledger, what a build still owes, published versions, price books, figures as shown, alerts.

Many small writers share it and check before they write, so writers take turns. Every write transaction of SQLite begins
IMMEDIATE: a deferred one that turns into a writer halfway is refused with "database is locked" and loses its work. On
PostgreSQL a writer waits for an advisory lock: two that checked the same thing at once would both insert it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0004"
"""Revision that this release reads and writes; a test holds it against the migrations folder."""
_WRITER_LOCK = 0x6D617267696E  # any constant of ours; PostgreSQL's advisory locks are numbers of one database

metadata = sa.MetaData()

landing = sa.Table(
    "landing",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("landing_id", sa.Text, nullable=False, unique=True),
    sa.Column("dataset", sa.Text, nullable=False),  # llm_request, or feed_<name>
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),  # of the bytes from the file's start to byte_end
    sa.Column("mapping_version", sa.Text, nullable=False),
    sa.Column(
        "head_sha256", sa.Text, nullable=False
    ),  # of the first line: finds the earlier landings of a growing file
    sa.Column("byte_start", sa.BigInteger, nullable=False),
    sa.Column("byte_end", sa.BigInteger, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # claimed, landed, replaced
    sa.Column("lease_until", sa.BigInteger, nullable=False),  # epoch seconds
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("rows_in", sa.BigInteger, nullable=False, default=0),
    sa.Column("landed", sa.BigInteger, nullable=False, default=0),
    sa.Column("duplicate", sa.BigInteger, nullable=False, default=0),
    sa.Column("quarantined", sa.BigInteger, nullable=False, default=0),
    sa.Column("erased", sa.BigInteger, nullable=False, default=0),
    sa.Column("landed_at", sa.Text),
    sa.UniqueConstraint("sha256", "mapping_version", "byte_start", "dataset", name="landing_once"),
)
sa.Index("landing_head", landing.c.head_sha256)

lake_file = sa.Table(
    "lake_file",
    metadata,
    sa.Column("path", sa.Text, primary_key=True),  # relative to the lake
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("day", sa.Text),  # null for feeds
    sa.Column("landing_id", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
)
sa.Index("lake_file_landing", lake_file.c.landing_id)

dirty_day = sa.Table(
    "dirty_day",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("day", sa.Text, nullable=False),
)
dirty_feed = sa.Table(
    "dirty_feed",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    # A new feed file: the planner reads the days and tasks it touches from it, so a million outcomes stay one row here.
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
)
dirty_all = sa.Table(
    "dirty_all",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("reason", sa.Text, nullable=False),
)
build_day = sa.Table("build_day", metadata, sa.Column("day", sa.Text, primary_key=True))

tombstone = sa.Table(
    "tombstone",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # tenant or user
    sa.Column("id_md5", sa.Text, primary_key=True),
    sa.Column("erased_at", sa.Text, nullable=False),
    sa.Column("erased_by", sa.Text, nullable=False),
)
seen_model = sa.Table(
    "seen_model",
    metadata,
    sa.Column("provider_name", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
)
build = sa.Table(
    "build",
    metadata,
    sa.Column("build_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("state", sa.Text, nullable=False),  # running, failed, published
    sa.Column("kind", sa.Text, nullable=False),  # full, incremental
    sa.Column("days", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("finished_at", sa.Text),
    sa.Column("message", sa.Text),
)
serving = sa.Table(
    "serving",
    metadata,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.Text, nullable=False),  # writing, published, pruned
    sa.Column("build_id", sa.Integer, nullable=False),
    sa.Column("published_at", sa.Text),
)
shown_figure = sa.Table(
    "shown_figure",
    metadata,
    sa.Column("week", sa.Text, primary_key=True),
    sa.Column("metric_id", sa.Text, primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("shown_at", sa.Text, nullable=False),
    sa.Column("serving_n", sa.Integer, nullable=False),
)
price_book = sa.Table(
    "price_book",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),  # the newest is in force
    sa.Column("price_book_id", sa.Text, nullable=False),
    sa.Column("known_from", sa.Text, nullable=False),
    sa.Column("catalogue_version", sa.Text, nullable=False),
    # Its sources, as files pinned in the lake.
    sa.Column("catalogue_sha", sa.Text, nullable=False),
    sa.Column("litellm_sha", sa.Text),
    sa.Column("company_sha", sa.Text),
    sa.Column("installed_sha", sa.Text, nullable=False),  # catalogue that was installed when this one was chosen
    sa.Column("note", sa.Text, nullable=False),
)
newer_catalogue = sa.Table(
    "newer_catalogue",
    metadata,
    sa.Column("catalogue_sha", sa.Text, primary_key=True),
    sa.Column("catalogue_version", sa.Text, nullable=False),
    sa.Column("price_book_id", sa.Text, nullable=False),  # the book in force that it was compared with
    sa.Column("changes", sa.Text, nullable=False),  # JSON: prices that models in use would change
    sa.Column("compared_at", sa.Text, nullable=False),
)
finding_state = sa.Table(
    "finding_state",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),  # rows are only added; the newest counts
    sa.Column("finding_id", sa.Text, nullable=False),
    sa.Column("place_md5", sa.Text, nullable=False),  # of kind and place: tenants are not named here
    sa.Column("since", sa.Text),  # first day of the finding; null for a standing one
    sa.Column("state", sa.Text, nullable=False),  # open, acknowledged, done
    sa.Column("said_by", sa.Text, nullable=False),
    sa.Column("said_at", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
)
sa.Index("finding_state_place", finding_state.c.place_md5)
alert = sa.Table(
    "alert",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # what it is about; see pipelines/economics/alerting.py
    sa.Column("rule", sa.Text, nullable=False),  # limits, metrics, tenants, findings
    sa.Column("text", sa.Text, nullable=False),  # as it last fired
    sa.Column("tenant_id", sa.Text),  # whom the text names: erased with the tenant
    sa.Column("is_open", sa.Boolean, nullable=False),  # whether it held when alerts were last checked
    sa.Column("firings", sa.Integer, nullable=False),
    sa.Column("first_fired_at", sa.Text, nullable=False),
    sa.Column("last_fired_at", sa.Text, nullable=False),
    sa.Column("acknowledged_at", sa.Text),
    sa.Column("acknowledged_by", sa.Text),
    sa.Column("acknowledged_note", sa.Text),
)
alert_delivery = sa.Table(
    # An outbox: a row per firing and sink, written with the firing, so that one that could not be sent is sent later.
    "alert_delivery",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("firing", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sink", sa.Text, primary_key=True),  # file, webhook
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("tenant_id", sa.Text),
    sa.Column("fired_at", sa.Text, nullable=False),
    sa.Column("claimed_until", sa.BigInteger, nullable=False),  # epoch seconds; another run may send it from then on
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Column("delivered_at", sa.Text),
)
alert_limit = sa.Table(
    "alert_limit",
    metadata,
    sa.Column("limit_id", sa.Text, primary_key=True),
    sa.Column("window_start", sa.Text, primary_key=True),
    sa.Column("hard_usd", sa.Text, nullable=False),  # as last seen: tells a limit that was lowered
)


class ControlError(Exception):
    """The control database cannot be used; the message says which and what to do."""


class Control:
    """The control database behind `url`, migrated to this release when opened. Thread-safe; cheap to open."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self._is_sqlite = self.url.get_backend_name() == "sqlite"
        try:
            if self._is_sqlite and self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = _engine(self.url)
        except (SQLAlchemyError, OSError) as error:
            raise self._cannot_be_opened(error) from None
        try:
            self._migrate()
        except BaseException as error:
            self.close()
            if isinstance(error, SQLAlchemyError):
                raise self._cannot_be_opened(error) from None
            raise

    def _cannot_be_opened(self, error: Exception) -> ControlError:
        shown = self.url.render_as_string(hide_password=True)
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return ControlError(f"{shown}: the control database cannot be opened: {cause}")

    @contextmanager
    def write(self) -> Generator[Connection]:
        """One transaction that may write; serialised with all other writers."""
        with self.engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(sa.text("select pg_advisory_xact_lock(:lock)"), {"lock": _WRITER_LOCK})
            yield connection

    @contextmanager
    def read(self) -> Generator[Connection]:
        """One consistent snapshot; never waits for a writer."""
        with self._reader() as connection, connection.begin():
            yield connection

    def rows(self, statement: sa.Executable, **params: Any) -> list[sa.Row[Any]]:
        with self.read() as connection:
            return list(connection.execute(statement, params).fetchall())

    def close(self) -> None:
        self.engine.dispose()

    def revision(self) -> str | None:
        """Revision of the stored schema; None for an empty database."""
        with self._reader() as connection:
            return _revision(connection)

    def _reader(self) -> Connection:
        options: dict[str, Any] = {"margincall_read_only": True}
        if not self._is_sqlite:  # there, each statement would see what was committed meanwhile
            options["isolation_level"] = "REPEATABLE READ"
        return self.engine.connect().execution_options(**options)

    def _migrate(self) -> None:
        revision = self.revision()
        if revision == HEAD:
            return
        if revision is not None and revision > HEAD:
            raise ControlError(
                f"{self.url.render_as_string(hide_password=True)}: schema {revision} is newer than this release ({HEAD}). "
                "Upgrade margincall, or name another data_dir."
            )
        from alembic import command
        from alembic.config import Config

        with self.write() as connection:
            if _revision(connection) == HEAD:  # another process migrated while this one waited for the lock
                return
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def now_text() -> str:
    """This instant, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("select version_num from alembic_version")).scalar()


def _engine(url: sa.URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        dbapi_connection.isolation_level = None  # the driver must not begin transactions of its own
        cursor = dbapi_connection.cursor()
        cursor.execute("pragma journal_mode = wal")
        cursor.execute("pragma synchronous = full")
        cursor.execute("pragma busy_timeout = 30000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        read_only = connection.get_execution_options().get("margincall_read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
