"""Landing one log file: identify, claim, read in bulk, stage, move into place, commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from pipelines.landing.stage import Staged, stage, stage_outcomes, stage_traces, take_apart, take_rejected
from pipelines.settings import Settings
from pipelines.sources import Source
from warehouse import lake
from warehouse.control import Control
from warehouse.lake import Lake

__all__ = ["Context", "FileResult", "LandingError", "Progress", "land_file"]

_OUTCOMES = f"feed_{OUTCOMES.name}"
# What lands beside requests -> how it is written, and what its files have in their names: they go when the claim's do.
_STAGE_BESIDE: Mapping[str, Callable[[duckdb.DuckDBPyConnection, Path, str, str], Staged]] = {
    _OUTCOMES: stage_outcomes,
    lake.TRACES: stage_traces,
}
_IN_NAMES = {_OUTCOMES: "-outcomes", lake.TRACES: "-traces"}

Progress = Callable[[int], None]
"""Told the number of rows read so far."""


@dataclass(frozen=True)
class FileResult:
    """What became of one file. `state`: landed, already, busy, empty, unknown or failed.

    `counts` are of requests, outcomes and traces together; `message` says what was passed over, as it was none of them.
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
        others = {dataset: _stage_beside(context, db, held, dataset) for dataset in _held_by(source)}
    progress(staged.total + len(rejected) + sum(other.total for other in others.values()))
    quarantine.write(settings.data_dir, held.landing_id, rejected)
    files = context.lake.admit(held.landing_id, held.token, lake.REQUESTS)
    admitted = [_admit_beside(context, held, *other) for other in others.items()]
    beside = tuple(other for other in admitted if other.counts.rows_in)
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
    return sum((other.counts for other in beside), start=counts), f"passed over: {told}" if told else ""


def _held_by(source: Source) -> list[str]:
    """Datasets of which the source's files may hold rows beside requests."""
    return [*([_OUTCOMES] if source.outcomes else []), *([lake.TRACES] if source.traces else [])]


def _stage_beside(context: Context, db: duckdb.DuckDBPyConnection, held: Claim, dataset: str) -> Staged:
    claim = f"{held.token}{_IN_NAMES[dataset]}"
    staging = context.lake.stage(held.landing_id, claim)
    return _STAGE_BESIDE[dataset](db, staging, f"{held.landing_id}-{claim}", _beside_id(held, dataset))


def _admit_beside(context: Context, held: Claim, dataset: str, staged: Staged) -> Beside:
    files = context.lake.admit(held.landing_id, f"{held.token}{_IN_NAMES[dataset]}", dataset)
    if sum(file.rows for file in files) != staged.kept:
        written = sum(file.rows for file in files)
        raise AssertionError(f"{held.path}: {staged.kept} rows of {dataset} were read, {written} written")
    landing_id = _beside_id(held, dataset)
    listed = [replace(file, landing_id=landing_id) for file in files]
    return Beside(landing_id, dataset, listed, Counts(staged.total, staged.kept, staged.duplicates))


def _beside_id(held: Claim, dataset: str) -> str:
    return ledger.landing_id(held.sha256, held.mapping_version, held.byte_start, dataset)
