"""Landing one log file: identify, claim, read in bulk, stage, move into place, commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipelines.landing import ledger, quarantine
from pipelines.landing.claims import holding
from pipelines.landing.detect import detect
from pipelines.landing.failures import LandingError, explained
from pipelines.landing.ledger import NO_ROWS, Claim, Counts, Landed, LostClaim, Refused
from pipelines.landing.plan import Plan, plan
from pipelines.landing.read import UNFINISHED, parse, working_database
from pipelines.landing.shape import Origin
from pipelines.landing.stage import stage, take_rejected
from pipelines.settings import Settings
from warehouse import lake
from warehouse.control import Control
from warehouse.lake import Lake

__all__ = ["Context", "FileResult", "LandingError", "Progress", "land_file"]

Progress = Callable[[int], None]
"""Told the number of rows read so far."""


@dataclass(frozen=True)
class FileResult:
    """What became of one file. `state`: landed, already, busy, empty, unknown or failed."""

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
                counts = _land_claimed(context, what, held, progress)
        except LostClaim as lost:
            return FileResult(str(path), found.source.name, "busy", message=str(lost))
        return FileResult(str(path), found.source.name, "landed", counts)


def _land_claimed(context: Context, what: Plan, held: Claim, progress: Progress) -> Counts:
    settings, source = context.settings, what.found.source.name
    staging = context.lake.begin(held.landing_id, held.token, is_takeover=held.is_takeover)
    origin = Origin(held.path, held.landing_id, settings.instance)
    with working_database(context.lake.root.parent) as db:
        bad = parse(db, what, settings, origin)
        rejected = take_rejected(db, bad, held.path, source, settings.landing.keep_quarantined_bytes)
        staged = stage(db, staging, f"{held.landing_id}-{held.token}")
    progress(staged.total + len(rejected))
    quarantine.write(settings.data_dir, held.landing_id, rejected)
    files = context.lake.admit(held.landing_id, held.token, lake.REQUESTS)
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
    )
    ledger.commit(context.control, held, landed)
    for old in what.replaces:
        quarantine.remove(settings.data_dir, old)
    return counts
