"""`LiteLLM_SpendLogs` read out of the proxy's own PostgreSQL: `litellm://name` of the settings, or a `postgresql://` URL.

A row is written at the end of its call, often a minute after and hours after an outage, while its `startTime` is the
call's beginning: rows arrive behind the newest. So every run reads again from `look_back_hours` before the newest row it
has, in pages by ("startTime", request_id), which is the order of the table's index, and keeps those rows whose content
it does not have yet. A row that is written within `look_back_hours` of its start is thereby never missed, however long
ago the last run was.

The files are all the state there is. `<first start>_<last start>_<hash>.jsonl` holds rows that no earlier file holds;
it is complete or not there. A run that is killed has its finished pages, and the next one goes on from them. Without the
files all is read again, and the record keys of the rows make sure that they still count once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.fetching import LITELLM, Failed, Fetched, FetchError, Kind, Readable, folder_of, shown
from pipelines.fetching.folders import locked
from pipelines.fetching.postgres import Address, address, connection, transaction
from pipelines.fetching.spend_logs import KEPT, NEEDED, TABLE, check_mapping, page_query
from pipelines.settings import LiteLLMDatabase, Settings, environment_variable
from warehouse.lake import write_atomically

if TYPE_CHECKING:
    import psycopg

_NAME = re.compile(r"(?P<first>\d{8}T\d{12})_(?P<last>\d{8}T\d{12})_[0-9a-f]{16}\.jsonl")
_STAMP = "%Y%m%dT%H%M%S%f"
_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001  # the table's times are UTC without a zone
_FETCHED_AT_ONCE = 1000

Known = set[bytes]


@dataclass(frozen=True)
class Row:
    """A row of the table: its key as text, and its line."""

    started_at: str
    request_id: str
    line: bytes


def _fetch(settings: Settings, name: str, _: Readable) -> Generator[Fetched | Failed]:
    """Every file of this database, old and new. Raises FetchError."""
    wanted, url, where = _named(settings, name)
    folder = folder_of(settings, LITELLM, wanted.name)
    with locked(folder):
        have = _pages(folder)
        yield from (Fetched(path) for path in have)
        configured = getattr(settings.sources, "litellm_spend_logs", None)
        check_mapping(configured.model_dump() if configured is not None else {})
        to = address(environment_variable(wanted.url_env, where) if url is None else url, where)
        for path in _new_pages(wanted, to, where, folder, have):
            yield Fetched(path)


def _named(settings: Settings, name: str) -> tuple[LiteLLMDatabase, str | None, str]:
    """The database's settings, its URL if that was what was named, and how to speak of it."""
    scheme, _, rest = name.partition("://")
    if scheme != "litellm":
        to = address(name, shown(name))
        label = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{to.host or 'local'}-{to.port or 5432}-{to.database}-{to.schema}")
        return LiteLLMDatabase(name=label, url_env="UNUSED"), name, shown(name)
    for database in settings.litellm_databases:
        if database.name == rest:
            return database, None, name
    known = ", ".join(f"litellm://{database.name}" for database in settings.litellm_databases) or "none"
    raise FetchError(f"{name}: no such database in [[litellm_databases]]. Known: {known}.")


def _pages(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.jsonl") if _NAME.fullmatch(path.name))


def _new_pages(wanted: LiteLLMDatabase, to: Address, where: str, folder: Path, have: list[Path]) -> Iterator[Path]:
    """Read pages until the newest row and write a file for each that holds something new."""
    start = _start(wanted, have)
    known = _known(path for path in have if _last(path) >= start)
    with connection(to, where) as link:
        with transaction(link, where, wanted.statement_timeout_s):
            query = page_query(to.schema, _columns(link, to, where))
        after, request_id = start.isoformat(), ""
        while True:
            with transaction(link, where, wanted.statement_timeout_s):
                page = list(_rows(link, query, [after, request_id, after, wanted.page_rows]))
            if path := _keep(folder, page, known):
                yield path
            if len(page) < wanted.page_rows:
                return
            after, request_id = page[-1].started_at, page[-1].request_id


def _start(wanted: LiteLLMDatabase, have: list[Path]) -> datetime:
    """From where to read: so long before the newest row as one may be late, and never before `since`."""
    since = datetime.combine(wanted.since, datetime.min.time()) if wanted.since else _BEGINNING
    newest = max((_last(path) for path in have), default=None)
    back = timedelta(hours=wanted.look_back_hours)
    return since if newest is None or newest - since <= back else newest - back


def _last(path: Path) -> datetime:
    found = _NAME.fullmatch(path.name)
    assert found
    return datetime.strptime(found["last"], _STAMP)  # noqa: DTZ007


def _known(pages: Iterable[Path]) -> Known:
    known: Known = set()
    for path in pages:
        with path.open("rb") as file:
            known.update(map(_digest, file))
    return known


def _digest(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).digest()


def _columns(link: psycopg.Connection[Any], to: Address, where: str) -> set[str]:
    """The table's columns of which something is kept. Raises FetchError for what is not there or not allowed."""
    # pg_catalog and not information_schema, which hides what one may not read.
    found = link.execute(
        "select attname, has_column_privilege(attrelid, attnum, 'select') from pg_attribute a "
        "join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace "
        "where nspname = %s and relname = %s and attnum > 0 and not attisdropped",
        [to.schema, TABLE],
    ).fetchall()
    if not found:
        raise FetchError(
            f'{where}: no table "{TABLE}" in schema {to.schema} of {to}. Name the database that the LiteLLM proxy writes to '
            "(its DATABASE_URL); another schema is named by ?schema=… at the end of the URL."
        )
    allowed = {name: is_allowed for name, is_allowed in found if name in KEPT}
    if missing := [name for name in NEEDED if name not in allowed]:
        raise FetchError(
            f'{where}: "{TABLE}" has no column {", ".join(missing)}: not a table of LiteLLM that is known here.'
        )
    if refused := [name for name, is_allowed in allowed.items() if not is_allowed]:
        listed = ", ".join(f'"{name}"' for name in KEPT if name in allowed)
        raise FetchError(
            f"{where}: {to.user or 'the user'} may not read {', '.join(sorted(refused))}. Allow it: "
            f'GRANT SELECT ({listed}) ON "{to.schema}"."{TABLE}" TO "{to.user}"'
        )
    return set(allowed)


def _rows(link: psycopg.Connection[Any], query: Any, parameters: list[Any]) -> Iterator[Row]:
    with link.cursor("margincall_page") as cursor:
        cursor.itersize = _FETCHED_AT_ONCE
        cursor.execute(query, parameters)
        for started_at, request_id, line in cursor:
            yield Row(started_at, request_id, line.encode() + b"\n")


def _keep(folder: Path, page: list[Row], known: Known) -> Path | None:
    """Write the rows that are not known yet, if any; then they are known."""
    new = [row for row in page if (digest := _digest(row.line)) not in known and not known.add(digest)]
    if not new:
        return None
    data = b"".join(row.line for row in new)
    first, last = (datetime.fromisoformat(row.started_at).strftime(_STAMP) for row in (new[0], new[-1]))
    path = folder / f"{first}_{last}_{hashlib.sha256(data).hexdigest()[:16]}.jsonl"
    write_atomically(path, data)
    return path


KIND = Kind(("litellm", "postgresql", "postgres"), _fetch)
