"""What of a file is to land: all of it, or what a growing log has gained; and which earlier landings that concerns."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.landing import ledger
from pipelines.landing.detect import Detected
from pipelines.landing.identity import grows, head_hash, identify, newlines, stamp
from pipelines.landing.ledger import Claim
from pipelines.settings import ScoredMapping, Settings
from pipelines.sources import Scores, Source
from warehouse import lake
from warehouse.control import Control
from warehouse.schemas import SCHEMA_VERSION


@dataclass(frozen=True)
class Plan:
    """One file, as it was when looked at, and what to read of it."""

    path: Path
    found: Detected
    wanted: Claim
    is_growing: bool
    stamp: tuple[int, int, int]
    first_line: int
    """Number of the line at which reading starts, where there is anything to read."""
    tail: bytes
    """An unfinished last line; it waits."""
    replaces: tuple[str, ...]
    """Landings of the same bytes under another mapping."""
    continues: tuple[str, ...]
    """Landings that ended where this one starts: what waited at their end is read now."""
    has_news: bool
    """Whether there is anything to land."""


def mapping_of(settings: Settings, source: Source) -> dict[str, tuple[str, ...]]:
    """The source's own mapping with what the settings say instead."""
    configured = getattr(settings.sources, source.name, None)
    chosen = configured.model_dump() if configured is not None else {}
    return {column: tuple(chosen.get(column) or paths) for column, paths in source.mapping.items()}


def scores_of(settings: Settings, source: Source) -> Scores:
    """Which scores judge a task, as the settings say."""
    configured = getattr(settings.sources, source.name, None)
    said = configured if isinstance(configured, ScoredMapping) else ScoredMapping()
    return Scores(
        said.outcome_names, said.outcome_threshold, said.outcome_success, said.outcome_failure, said.outcome_inverted
    )


def mapping_version(settings: Settings, source: Source) -> str:
    """Changes when the same bytes would be read differently."""
    mapping = sorted(mapping_of(settings, source).items())
    parts: list[object] = [source.name, source.version, settings.instance, mapping, SCHEMA_VERSION]
    if settings.privacy.hash_end_user_ids:
        parts.append("end-user ids hashed")
    if source.outcomes:
        parts.append(sorted((name, str(value)) for name, value in vars(scores_of(settings, source)).items()))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def plan(control: Control, settings: Settings, path: Path, found: Detected, *, again: bool = False) -> Plan:
    """Compare the file with what has landed. Reads it once. `again`: land it whole, in place of what landed before."""
    seen = stamp(path)
    is_growing = found.container == "lines" and grows(path)
    version = mapping_version(settings, found.source)
    known = ledger.earlier(control, head_hash(path), lake.REQUESTS)
    identity = identify(path, [row.byte_end for row in known], growing=is_growing)
    same = [row for row in known if identity.prefixes.get(row.byte_end) == row.sha256]
    ours = [row for row in same if row.mapping_version.partition("+")[0] == version]
    start = max((row.byte_end for row in ours), default=0) if is_growing and not again else 0
    is_landed = any(row.byte_end == identity.stop for row in ours) and not is_growing
    if again:
        # A reading of its own for the ledger, whose rows are unique by content and mapping.
        version = f"{version}+{1 + max((_reading(row.mapping_version) for row in ours), default=0)}"
    has_news = again or (identity.stop > start if is_growing else not is_landed)
    identifier = ledger.landing_id(identity.sha256, version, start, lake.REQUESTS)
    wanted = Claim(
        identifier, "", lake.REQUESTS, found.source.name, str(path), identity.sha256, identity.head_sha256, version, start,
        identity.stop,
    )  # fmt: skip
    return Plan(
        path=path,
        found=found,
        wanted=wanted,
        is_growing=is_growing,
        stamp=seen,
        first_line=1 + (newlines(path, start) if has_news else 0),
        tail=identity.tail,
        replaces=tuple(
            row.landing_id for row in same if (again or row not in ours) and row.source == found.source.name
        ),
        continues=tuple(row.landing_id for row in ours if start and row.byte_end == start),
        has_news=has_news,
    )


def _reading(version: str) -> int:
    return int(version.partition("+")[2] or 0)
