"""A finding: something in the figures that a person should look at, with its dollars, since when, and what to do about it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Remedy:
    """What to do, in a sentence; `weekly_saving_usd` is what a week like the last ones would save, None where nobody knows.

    `source` says what the saving rests on: the same requests at other prices, the level before, or a published range by name.
    """

    action: str
    weekly_saving_usd: Decimal | None
    source: str


@dataclass(frozen=True)
class Finding:
    """One phenomenon at one place.

    `since` and `until` are half-open dates in the reporting zone; it lasts to the end of the data where `is_ongoing`.
    `cost_usd` is what it cost in those days, a lower bound where `is_lower_bound`, None where nobody can say; `requests`
    counts the attempts behind it. `summary` is one sentence with the figures that gave it away.
    """

    kind: str
    tenant_id: str | None
    feature: str | None
    model: str | None
    provider: str | None
    since: date
    until: date
    is_ongoing: bool
    cost_usd: Decimal | None
    is_lower_bound: bool
    requests: int
    summary: str
    remedy: Remedy
    is_standing: bool = False
    """Of a condition that lasts, as a tenant under water: there is one at a place, whatever days were looked at."""

    @property
    def place(self) -> str:
        """Kind, tenant, feature, model and provider in one text."""
        return "\x1f".join(part or "" for part in (self.kind, self.tenant_id, self.feature, self.model, self.provider))

    @property
    def finding_id(self) -> str:
        """The same phenomenon keeps its id while it goes on: kind, place and first day say which it is."""
        episode = "" if self.is_standing else self.since.isoformat()
        return hashlib.sha256(f"{self.place}\x1f{episode}".encode()).hexdigest()[:12]
