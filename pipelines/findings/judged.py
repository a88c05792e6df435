"""Findings beside what people said of them."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.economics.finding import Finding
from warehouse.finding_states import Said, State

_SAME_DAYS = 7
"""A first day that was estimated may move a little when more days land; within a week it is still the same finding."""


class NoSuchFinding(Exception):
    """No finding has this id; the message names near ones."""


@dataclass(frozen=True)
class Judged:
    """A finding under the id that it had when somebody first spoke of it; `said` is the oldest first."""

    finding_id: str
    finding: Finding
    said: tuple[Said, ...]

    @property
    def state(self) -> State:
        return self.said[-1].state if self.said else "open"

    @property
    def is_still_seen(self) -> bool:
        """Said to be done, and seen on a later day than that was said."""
        return self.state == "done" and self.finding.until > date.fromisoformat(self.said[-1].said_at[:10]) + timedelta(
            days=1
        )

    @property
    def is_open(self) -> bool:
        """Whether somebody should look: nobody did, or it is not over."""
        return self.state == "open" or self.is_still_seen


def place_md5(finding: Finding) -> str:
    return hashlib.md5(finding.place.encode(), usedforsecurity=False).hexdigest()


def since_of(finding: Finding) -> date | None:
    """What its id says of its first day: nothing of a standing one."""
    return None if finding.is_standing else finding.since


def judged(found: Iterable[Finding], said: Sequence[Said]) -> list[Judged]:
    """Every finding with what was said of it, in the same order. Each id is given away once."""
    taken: set[str] = set()
    made: list[Judged] = []
    for finding in found:
        finding_id = _spoken_of_as(finding, said, taken) or finding.finding_id
        taken.add(finding_id)
        made.append(Judged(finding_id, finding, tuple(word for word in said if word.finding_id == finding_id)))
    return made


def _spoken_of_as(finding: Finding, said: Sequence[Said], taken: set[str]) -> str | None:
    """The id of the words on this place whose first day is nearest, if it is near."""
    place, since = place_md5(finding), since_of(finding)
    distances = {
        word.finding_id: 0 if word.since is None or since is None else abs((word.since - since).days)
        for word in said
        if word.place_md5 == place and (word.since is None) is (since is None) and word.finding_id not in taken
    }
    near = min(distances, key=lambda name: (distances[name], name), default=None)
    return near if near is not None and distances[near] <= _SAME_DAYS else None


def the_one(found: Sequence[Judged], wanted: str) -> Judged:
    """The finding of this id, or of the only id that begins so. Raises NoSuchFinding."""
    mine = [one for one in found if one.finding_id == wanted] or [
        one for one in found if wanted and one.finding_id.startswith(wanted)
    ]
    if len(mine) == 1:
        return mine[0]
    if mine:
        raise NoSuchFinding(f"{wanted} is the beginning of several: {', '.join(one.finding_id for one in mine)}.")
    near = difflib.get_close_matches(wanted, [one.finding_id for one in found], n=3, cutoff=0.5)
    hint = f" Near: {', '.join(near)}." if near else " `margincall findings --state all` lists them."
    raise NoSuchFinding(f"No finding {wanted}.{hint}")
