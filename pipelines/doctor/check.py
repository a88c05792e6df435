"""One thing that was looked at, and what to do where it is not well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """`mend` says what to do where it is not well."""

    name: str
    is_well: bool
    detail: str
    mend: str = ""


def counted(total: int, noun: str, bad: Iterable[str], what: str) -> str:
    """`12 files, 2 missing: a, b`."""
    names = list(bad)
    listed = f": {', '.join(names[:3])}{' …' if len(names) > 3 else ''}" if names else ""
    return f"{total:,} {noun}{'' if total == 1 else 's'}, {len(names):,} {what}{listed}"
