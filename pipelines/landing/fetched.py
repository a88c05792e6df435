"""Fetched files that have landed, told without reading them again: a run finds all that was ever fetched.

Nobody writes to a fetched file once it is here. One is taken to be what it was if the ledger has landed it, from its first
byte to its last, under the mapping of today, and it has not been written to since. Every other is read and hashed as usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipelines import sources
from pipelines.fetching import folder_of, settings_of
from pipelines.landing.land import Context, FileResult
from pipelines.landing.land_feed import MAPPING_VERSION
from pipelines.landing.ledger import LANDING
from pipelines.landing.plan import mapping_version
from warehouse import lake

Landings = Mapping[str, list[sa.Row[Any]]]
"""Path of a fetched file -> what landed of it."""


def fetched_landings(context: Context) -> Landings:
    """What the ledger knows of fetched files."""
    below = f"{folder_of(context.settings)}/"
    query = sa.select(LANDING).where(LANDING.c.state == "landed", LANDING.c.path.startswith(below, autoescape=True))
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in context.control.rows(query):
        found.setdefault(row.path, []).append(row)
    return found


def landed_before(
    context: Context, landings: Landings, path: Path, source: str | None, feed: str | None
) -> FileResult | None:
    """That this file has landed as this source or feed (None: whatever it is); None where it has to be read to say."""
    for row in landings.get(str(path), ()):
        is_whole = row.byte_start == 0 and row.byte_end == path.stat().st_size
        is_wanted = source in (None, row.source) and feed in (None, row.source)
        is_read_so = row.mapping_version.partition("+")[0] == _version(context, path, row)
        if is_whole and is_wanted and is_read_so and _is_untouched(path, row.landed_at):
            return FileResult(str(path), row.source, "already", message="nothing new")
    return None


def _is_untouched(path: Path, landed_at: str) -> bool:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) < datetime.fromisoformat(landed_at)


def _version(context: Context, path: Path, row: sa.Row[Any]) -> str | None:
    """Under which mapping it would land today."""
    if row.dataset != lake.REQUESTS:
        return MAPPING_VERSION if row.dataset == f"feed_{row.source}" else None
    known = sources.discover().get(row.source)
    return mapping_version(settings_of(context.settings, path), known) if known else None
