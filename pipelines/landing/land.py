"""Landing one log file: identify, claim, read in bulk, stage, move into place, commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from pipelines.landing import ledger, quarantine, users
from pipelines.landing.claims import holding
from pipelines.landing.detect import detect
from pipelines.landing.failures import LandingError, explained
from pipelines.landing.ledger import NO_ROWS, Beside, Claim, Counts, Landed, LostClaim, Refused
from pipelines.landing.plan import Plan, plan
from pipelines.landing.read import UNFINISHED, parse, working_database
from pipelines.landing.shape import OUTCOMES, Origin
from pipelines.landing.stage import Staged, stage, stage_outcomes, take_apart, take_rejected
from pipelines.settings import Settings
from warehouse import lake
from warehouse.control import Control
from warehouse.lake import Lake

__all__ = ["Context", "FileResult", "LandingError", "Progress", "land_file"]

_DATASET, _OUTCOMES = f"feed_{OUTCOMES.name}", "-outcomes"

Progress = Callable[[int], None]
"""Told the number of rows read so far."""


@dataclass(frozen=True)
class FileResult:
    """What became of one file. `state`: landed, already, busy, empty, unknown or failed.

    `counts` are of requests and outcomes together; `message` says what was passed over, as it was neither.
    """

    path: str
    source: str
    state: str
    counts: Counts = NO_ROWS
    message: str = ""


@dataclass(frozen=True)
class Context:
    """What landing needs besides the file."""

    settings: Settings
    control: Control
    lake: Lake


def land_file(
    context: Context,
    path: Path,
    source_name: str | None = None,
    progress: Progress = lambda _: None,
    *,
    again: bool = False,
) -> FileResult:
    """Land what is new in one log file; `again`: all of it, in place of what landed of it before.

    Raises LandingError, UnknownFormat, UnknownSource.
    """
    with explained(path):
        found = detect(path, source_name)
        if found is None:
            return FileResult(str(path), "", "empty", message="empty file")
        what = plan(context.control, context.settings, path, found, again=again)
        if not what.has_news:
            if what.wanted.byte_end == 0:
                return FileResult(str(path), found.source.name, "empty", message="no complete line yet")
            return FileResult(str(path), found.source.name, "already", message="nothing new")
        lease_s = context.settings.landing.lease_s
        held = ledger.claim(context.control, what.wanted, lease_s)
        if isinstance(held, Refused):
            return FileResult(str(path), found.source.name, held.state, held.counts, f"{held.state}: {held.by}")
        try:
            with holding(context.control, context.lake, held, lease_s):
                counts, message = _land_claimed(context, what, held, progress)
        except LostClaim as lost:
            return FileResult(str(path), found.source.name, "busy", message=str(lost))
        return FileResult(str(path), found.source.name, "landed", counts, message)


def _land_claimed(context: Context, what: Plan, held: Claim, progress: Progress) -> tuple[Counts, str]:
    settings, source = context.settings, what.found.source
    staging = context.lake.begin(held.landing_id, held.token, is_takeover=held.is_takeover)
    origin = Origin(held.path, held.landing_id, settings.instance)
    with working_database(context.lake.root.parent) as db:
        bad = parse(db, what, settings, origin)
        rejected = take_rejected(db, bad, held.path, source, settings.landing.keep_quarantined_bytes)
        users.hash_landing(db, settings, context.control)
        passed_over = take_apart(db, source)
        staged = stage(db, staging, f"{held.landing_id}-{held.token}")
        judged = _stage_outcomes(context, db, held) if source.outcomes else None
    progress(staged.total + len(rejected) + (judged.total if judged else 0))
    quarantine.write(settings.data_dir, held.landing_id, rejected)
    files = context.lake.admit(held.landing_id, held.token, lake.REQUESTS)
    beside = _admit_outcomes(context, held, judged) if judged and judged.total else None
    if sum(file.rows for file in files) != staged.kept:
        raise AssertionError(f"{held.path}: {staged.kept} rows were read, {sum(file.rows for file in files)} written")
    counts = Counts(staged.total + len(rejected), staged.kept, staged.duplicates, len(rejected))
    landed = Landed(
        files,
        counts,
        staged.models,
        staged.days,
        replaces=what.replaces,
        quarantined_still=tuple(
            (old, quarantine.without(settings.data_dir, old, UNFINISHED)) for old in what.continues
        ),
        beside=beside,
    )
    ledger.commit(context.control, held, landed)
    for old in what.replaces:
        quarantine.remove(settings.data_dir, old)
    told = ", ".join(f"{count:,} {kind}" for kind, count in passed_over.items())
    return counts + (beside.counts if beside else NO_ROWS), f"passed over: {told}" if told else ""


def _stage_outcomes(context: Context, db: duckdb.DuckDBPyConnection, held: Claim) -> Staged:
    """The outcomes beside the requests. Their file is named like those of the claim, so that it goes when they do."""
    claim = f"{held.token}{_OUTCOMES}"
    staging = context.lake.stage(held.landing_id, claim)
    return stage_outcomes(db, staging, f"{held.landing_id}-{claim}", _beside_id(held))


def _admit_outcomes(context: Context, held: Claim, staged: Staged) -> Beside:
    files = context.lake.admit(held.landing_id, f"{held.token}{_OUTCOMES}", _DATASET)
    if sum(file.rows for file in files) != staged.kept:
        raise AssertionError(f"{held.path}: {staged.kept} outcomes were read, {sum(f.rows for f in files)} written")
    counts = Counts(staged.total, staged.kept, staged.duplicates)
    listed = [replace(file, landing_id=_beside_id(held)) for file in files]
    return Beside(_beside_id(held), _DATASET, listed, counts)


def _beside_id(held: Claim) -> str:
    return ledger.landing_id(held.sha256, held.mapping_version, held.byte_start, _DATASET)
