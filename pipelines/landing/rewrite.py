"""A file of the lake written anew without some of its rows, beside the old one and durably."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.feeds.compute import pc
from warehouse.lake import Lake, LakeFile

IsGone = Callable[[pa.RecordBatch], Any]
"""Array of flags: which rows of a batch go; null counts as no."""


@dataclass(frozen=True)
class Rewritten:
    """A file that held rows which go, and what is left of it (None: nothing). Counts when `lake.swap` says so."""

    old: LakeFile
    new: LakeFile | None

    @property
    def removed(self) -> int:
        return self.old.rows - (self.new.rows if self.new else 0)


def rewrite(the_lake: Lake, old: LakeFile, is_gone: IsGone) -> Rewritten:
    """Write what stays; the old file is not touched. Raises OSError."""
    token = uuid.uuid4().hex[:8]
    staging = the_lake.stage(old.landing_id, token)
    target = staging / (f"day={old.day}" if old.day else "") / f"{old.landing_id}-{token}.parquet"
    target.parent.mkdir(exist_ok=True)
    if not _write_without(the_lake.absolute(old.path), target, is_gone):
        target.unlink()
    new = the_lake.admit(old.landing_id, token, old.dataset)
    return Rewritten(old, new[0] if new else None)


def _write_without(source: Path, target: Path, is_gone: IsGone) -> int:
    """Copy a file but for those rows, with its schema and its metadata; the rows that are left."""
    kept = 0
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches():
            others = batch.filter(pc.invert(pc.fill_null(is_gone(batch), False)))
            kept += others.num_rows
            if others.num_rows:
                writer.write_batch(others)
    return kept
