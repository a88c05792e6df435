"""What the control database knows of landings, builds and price books, as a person looks at it. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from warehouse import control as db
from warehouse.control import Control


@dataclass(frozen=True)
class BuildRun:
    """One build. `state`: running, failed, published; `message` says why one failed; instants are ISO 8601 UTC."""

    build_id: int
    state: str
    kind: str
    days: int
    started_at: str
    finished_at: str | None
    message: str | None
    serving_n: int | None


@dataclass(frozen=True)
class LandedFormat:
    """All landings of one format together; `rows_in = landed + duplicate + quarantined`."""

    dataset: str
    source: str
    files: int
    rows_in: int
    landed: int
    duplicate: int
    quarantined: int
    last_landed_at: str | None


@dataclass(frozen=True)
class LandedFile:
    """One landing of one file, or of a part that had grown."""

    path: str
    dataset: str
    source: str
    state: str
    rows_in: int
    landed: int
    duplicate: int
    quarantined: int
    landed_at: str | None


@dataclass(frozen=True)
class Waiting:
    """What has landed and is not in the published marts yet."""

    days: int
    feed_files: int
    everything: tuple[str, ...]
    """Reasons why all days wait."""


@dataclass(frozen=True)
class QuarantinedRow:
    """One row that could not be read; line 0 stands for the file itself."""

    file: str
    line: int
    source: str
    reason: str


@dataclass(frozen=True)
class PriceBookEntry:
    """One price book and since when it is known; the hashes name its sources, pinned in the lake.

    `installed_sha` is the catalogue that was installed when this book's catalogue was chosen.
    """

    price_book_id: str
    known_from: str
    catalogue_version: str
    catalogue_sha: str
    litellm_sha: str | None
    company_sha: str | None
    installed_sha: str
    note: str


@dataclass(frozen=True)
class PriceChange:
    """A list price of a model in use that a newer catalogue states otherwise; per `unit`, None where there is none.

    `where` names the tier or the hours in which it holds; '' is always.
    """

    provider_name: str
    model: str
    context: str
    component: str
    where: str
    unit: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class NewerCatalogue:
    """What the installed catalogue would change of the rows priced so far, were it taken over."""

    catalogue_sha: str
    catalogue_version: str
    price_book_id: str
    """Of the book in force that it was compared with."""
    compared_at: str
    days: int
    models: int
    changes: tuple[PriceChange, ...]


def price_books(control: Control) -> list[PriceBookEntry]:
    """Every price book since the first build, newest first: the first of them is in force."""
    table = db.price_book
    names = ("price_book_id", "known_from", "catalogue_version", "catalogue_sha", "litellm_sha", "company_sha")
    columns = [table.c[name] for name in (*names, "installed_sha", "note")]
    return [PriceBookEntry(*row) for row in control.rows(sa.select(*columns).order_by(table.c.seq.desc()))]


def newer_catalogue(control: Control) -> NewerCatalogue | None:
    """What the last build found out about an installed catalogue that is not the one in force."""
    rows = control.rows(sa.select(db.newer_catalogue))
    if not rows:
        return None
    row, told = rows[0], json.loads(rows[0].changes)
    changes = tuple(PriceChange(**change) for change in told["changes"])
    facts = (row.catalogue_sha, row.catalogue_version, row.price_book_id, row.compared_at)
    return NewerCatalogue(*facts, days=told["days"], models=told["models"], changes=changes)


def builds(control: Control, limit: int) -> list[BuildRun]:
    """The latest builds, newest first."""
    build, serving = db.build, db.serving
    query = (
        sa.select(
            *(build.c[name] for name in ("build_id", "state", "kind", "days", "started_at", "finished_at", "message")),
            serving.c.n,
        )
        .outerjoin(serving, serving.c.build_id == build.c.build_id)
        .order_by(build.c.build_id.desc())
        .limit(limit)
    )
    return [BuildRun(*row) for row in control.rows(query)]


def landed_formats(control: Control) -> list[LandedFormat]:
    """Landings summed by dataset and format."""
    table = db.landing
    counts = [sa.func.sum(table.c[name]).label(name) for name in ("rows_in", "landed", "duplicate", "quarantined")]
    latest = sa.func.max(table.c.landed_at).label("last_landed_at")
    query = (
        sa.select(table.c.dataset, table.c.source, sa.func.count().label("files"), *counts, latest)
        .where(table.c.state == "landed")
        .group_by(table.c.dataset, table.c.source)
        .order_by(table.c.dataset.desc(), table.c.source)
    )
    return [
        LandedFormat(
            row.dataset,
            row.source,
            row.files,
            *(int(getattr(row, count.name)) for count in counts),  # PostgreSQL sums whole numbers to decimals
            last_landed_at=row.last_landed_at,
        )
        for row in control.rows(query)
    ]


def landed_files(control: Control, limit: int) -> list[LandedFile]:
    """The latest landings, newest first."""
    table = db.landing
    names = ("path", "dataset", "source", "state", "rows_in", "landed", "duplicate", "quarantined", "landed_at")
    query = sa.select(*(table.c[name] for name in names)).order_by(table.c.seq.desc()).limit(limit)
    return [LandedFile(*row) for row in control.rows(query)]


def landed_from(control: Control, landing_ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Landing -> the file that it read, and as what; landings that the ledger does not know are left out."""
    table = db.landing
    query = sa.select(table.c.landing_id, table.c.path, table.c.source).where(table.c.landing_id.in_(list(landing_ids)))
    return {row.landing_id: (row.path, row.source) for row in control.rows(query)}


def waiting(control: Control) -> Waiting:
    """What the next build will take in."""
    with control.read() as connection:
        days = connection.execute(sa.select(sa.func.count(sa.distinct(db.dirty_day.c.day)))).scalar() or 0
        feeds = connection.execute(sa.select(sa.func.count()).select_from(db.dirty_feed)).scalar() or 0
        reasons = connection.execute(sa.select(db.dirty_all.c.reason).distinct()).fetchall()
    return Waiting(int(days), int(feeds), tuple(str(row.reason) for row in reasons))


def quarantined(data_dir: Path, control: Control, limit: int) -> list[QuarantinedRow]:
    """Rows that could not be read and count still, by file and line."""
    table = db.landing
    query = sa.select(table.c.landing_id).where(table.c.state == "landed", table.c.quarantined > 0)
    found: list[QuarantinedRow] = []
    for row in control.rows(query.order_by(table.c.path, table.c.byte_start)):
        for kept in _kept(data_dir / "quarantine" / f"{row.landing_id}.jsonl"):
            if len(found) == limit:
                return found
            found.append(kept)
    return found


def landed_paths(control: Control, landing_ids: Iterable[str]) -> dict[str, str]:
    """Files by the id of the landing that read them; a landing that the ledger no longer knows is left out."""
    table = db.landing
    query = sa.select(table.c.landing_id, table.c.path).where(table.c.landing_id.in_(sorted(set(landing_ids))))
    return {row.landing_id: row.path for row in control.rows(query)}


def _kept(path: Path) -> Iterator[QuarantinedRow]:
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                yield QuarantinedRow(row["file"], row["line"], row["source"], row["reason"])
