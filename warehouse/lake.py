"""The Parquet lake: layout, durable writes, and which of its files count.

    lake/llm_request/day=2026-11-16/<landing_id>-<claim>-0000.parquet   requests, one folder per UTC day, written once
    lake/trace/<landing_id>-<claim>-traces.parquet                      what a log says of whole traces
    lake/feed_<name>/<landing_id>-<claim>.parquet                       business feeds
    lake/_staging/<landing_id>-<claim>/…                                a landing in progress; never read

A file counts when the ledger (`lake_file`) lists it, and only then: what a killed landing left behind is never read.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from warehouse import control, schemas
from warehouse.connection import literal
from warehouse.feed_schemas import FEEDS

REQUESTS, TRACES = "llm_request", "trace"
STAGING = "_staging"
_DAY = re.compile(r"day=(\d{4}-\d\d-\d\d)")


@dataclass(frozen=True)
class LakeFile:
    """One file that counts: `path` is relative to the lake; `day` is None but for requests."""

    path: str
    dataset: str
    day: str | None
    landing_id: str
    rows: int
    bytes: int
    sha256: str


class Lake:
    """The lake under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def absolute(self, path: str) -> Path:
        return self.root / path

    def begin(self, landing_id: str, claim: str, *, is_takeover: bool = True) -> Path:
        """An empty staging folder for a claimed landing; whatever an earlier, killed try of it left is removed.

        The claim is part of every file name: a try that was given up for dead and wakes up again cannot touch the
        files of the one that took over.
        """
        if is_takeover:  # else there is nothing; looking through a large lake for it would take its time
            self.discard(landing_id)
        return self.stage(landing_id, claim)

    def stage(self, landing_id: str, claim: str) -> Path:
        """A new staging folder for files of a landing."""
        folder = self._staging(landing_id, claim)
        folder.mkdir(parents=True)
        return folder

    def discard(self, landing_id: str, claim: str = "") -> None:
        """Remove every file of a landing that did not come to its end."""
        for folder in (self.root / STAGING).glob(f"{landing_id}-{claim}*"):
            shutil.rmtree(folder, ignore_errors=True)
        for orphan in self.root.glob(f"*/**/{landing_id}-{claim}*.parquet"):
            orphan.unlink(missing_ok=True)

    def admit(self, landing_id: str, claim: str, dataset: str) -> list[LakeFile]:
        """Move a landing's staged files to their places, durably, and describe them. Call before the ledger's commit."""
        staging = self._staging(landing_id, claim)
        files = [self._admit_one(path, staging, landing_id, dataset) for path in sorted(staging.rglob("*.parquet"))]
        for folder in {self.absolute(file.path).parent for file in files}:
            fsync_folder(folder)
        for folder in (self.root / dataset, self.root) if files else ():
            fsync_folder(folder)  # the folders themselves may be new
        shutil.rmtree(staging, ignore_errors=True)
        return files

    def _staging(self, landing_id: str, claim: str) -> Path:
        return self.root / STAGING / f"{landing_id}-{claim}"

    def _admit_one(self, staged: Path, staging: Path, landing_id: str, dataset: str) -> LakeFile:
        day = _DAY.search(str(staged.relative_to(staging)))
        relative = f"{dataset}/{day.group(0)}/{staged.name}" if day else f"{dataset}/{staged.name}"
        digest = fsync_and_hash(staged)
        target = self.absolute(relative)
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)
        return LakeFile(
            path=relative,
            dataset=dataset,
            day=day.group(1) if day else None,
            landing_id=landing_id,
            rows=pq.ParquetFile(target).metadata.num_rows,
            bytes=target.stat().st_size,
            sha256=digest,
        )


def record(connection: Connection, files: Iterable[LakeFile]) -> None:
    """Make files count, inside the caller's transaction."""
    rows = [{**vars(file), "schema_version": schemas.SCHEMA_VERSION} for file in files]
    if rows:
        connection.execute(sa.insert(control.lake_file), rows)


def swap(connection: Connection, old: str, new: LakeFile | None) -> bool:
    """Let a rewritten file (None: nothing is left of it) count instead of `old`; False if that counted no longer.

    A mark that the next build reads the file for follows it.
    """
    table, marks = control.lake_file, control.dirty_feed
    where = table.c.path == old
    is_marked = marks.c.path == old
    connection.execute(
        sa.update(marks).where(is_marked).values(path=new.path) if new else sa.delete(marks).where(is_marked)
    )
    if new is None:
        return connection.execute(sa.delete(table).where(where)).rowcount > 0
    values = {"path": new.path, "rows": new.rows, "bytes": new.bytes, "sha256": new.sha256}
    return connection.execute(sa.update(table).where(where).values(**values)).rowcount > 0


def files(connection: Connection, dataset: str, days: Iterable[str] | None = None) -> list[LakeFile]:
    """The files that count, ordered by path; `days` limits them to those days."""
    table = control.lake_file
    query = sa.select(table).where(table.c.dataset == dataset).order_by(table.c.path)
    wanted = None if days is None else set(days)
    return [
        LakeFile(row.path, row.dataset, row.day, row.landing_id, row.rows, row.bytes, row.sha256)
        for row in connection.execute(query)
        if wanted is None or row.day in wanted
    ]


def sources(connection: Connection) -> dict[str, str]:
    """Landing of requests -> the source that its files are of."""
    table = control.landing
    query = sa.select(table.c.landing_id, table.c.source).where(table.c.dataset == REQUESTS)
    return {row.landing_id: row.source for row in connection.execute(query)}


def dataset_schema(dataset: str) -> pa.Schema:
    """Stored columns of `llm_request`, of `trace` or of `feed_<name>`."""
    own = {REQUESTS: schemas.LLM_REQUEST, TRACES: schemas.TRACE_SCHEMA}
    return own[dataset] if dataset in own else FEEDS[dataset.removeprefix("feed_")].arrow_schema()


def datasets() -> list[str]:
    return [REQUESTS, TRACES, *(f"feed_{name}" for name in FEEDS)]


def scan(dataset: str, paths: Iterable[Path]) -> str:
    """SQL relation over exactly these files with the dataset's columns; an empty relation for none."""
    listed = [str(path) for path in paths]
    columns = dataset_schema(dataset)
    if not listed:
        named = zip(columns.names, columns.types, strict=True)
        fields = ", ".join(f"null::{schemas.sql_type(kind)} as {name}" for name, kind in named)
        return f"(select {fields} where false)"
    quoted = ", ".join(map(literal, listed))
    return f"read_parquet([{quoted}], hive_partitioning = false, union_by_name = true)"


def fsync_and_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, after they have reached the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make renames into a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace a file so that a reader sees the old or the new content and a crash leaves one of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            if mode is not None:
                temporary.chmod(mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)
