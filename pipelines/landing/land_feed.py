"""Landing one business feed file: whole or not at all, with every problem listed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.feeds import FeedError, FeedRows, detect_feed, read_feed
from pipelines.landing import ledger
from pipelines.landing.claims import holding
from pipelines.landing.failures import LandingError, explained
from pipelines.landing.identity import head_hash, stamp
from pipelines.landing.land import Context, FileResult
from pipelines.landing.ledger import Claim, Counts, Landed, LostClaim, Refused
from warehouse.feed_schemas import FEEDS
from warehouse.schemas import SCHEMA_VERSION

MAPPING_VERSION = "feed-1"
# A new rate can change any amount of any day; the other feeds touch days and tasks that the planner finds in the file.
_CHANGES_EVERYTHING = frozenset({"fx"})


def land_feed(context: Context, path: Path, feed_name: str | None = None) -> FileResult:
    """Land a feed file. Raises LandingError with all problems of the file; then nothing of it counts."""
    with explained(path):
        seen = stamp(path)
        try:
            name = feed_name or detect_feed(path)
            rows = read_feed(name, path)
        except FeedError as error:
            raise LandingError(f"{error}\nNothing was landed from {path}.") from None
        except KeyError as error:
            raise LandingError(str(error.args[0])) from None
        dataset, digest = f"feed_{name}", hashlib.sha256(path.read_bytes()).hexdigest()
        identifier = ledger.landing_id(digest, MAPPING_VERSION, 0, dataset)
        size = path.stat().st_size
        if stamp(path) != seen:
            raise OSError("changed while it was read")
        wanted = Claim(identifier, "", dataset, name, str(path), digest, head_hash(path), MAPPING_VERSION, 0, size)
        lease_s = context.settings.landing.lease_s
        held = ledger.claim(context.control, wanted, lease_s)
        if isinstance(held, Refused):
            return FileResult(str(path), name, held.state, held.counts, f"{held.state}: {held.by}")
        try:
            with holding(context.control, context.lake, held, lease_s):
                counts = _land_claimed(context, held, rows, name)
        except LostClaim as lost:
            return FileResult(str(path), name, "busy", message=str(lost))
        return FileResult(str(path), name, "landed", counts)


def _land_claimed(context: Context, held: Claim, rows: FeedRows, name: str) -> Counts:
    staging = context.lake.begin(held.landing_id, held.token, is_takeover=held.is_takeover)
    table = rows.table
    for column, value in (("source_file", held.path), ("landing_id", held.landing_id)):
        table = table.append_column(
            pa.field(column, pa.string(), nullable=False), pa.repeat(pa.scalar(value), table.num_rows)
        )
    schema = FEEDS[name].arrow_schema().with_metadata({"margincall.schema_version": str(SCHEMA_VERSION)})
    pq.write_table(
        table.select(schema.names).cast(schema), staging / f"{held.landing_id}-{held.token}.parquet", compression="zstd"
    )
    files = context.lake.admit(held.landing_id, held.token, held.dataset)
    counts = Counts(rows.rows_in, table.num_rows, rows.duplicates)
    everything = f"feed {name} changed" if name in _CHANGES_EVERYTHING else None
    ledger.commit(context.control, held, Landed(files, counts, dirty_feed=True, dirty_all=everything))
    return counts
