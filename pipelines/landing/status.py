"""What has landed so far, what waits for the next build, and what is still being landed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from pipelines.settings import Settings
from warehouse import control as db
from warehouse.control import Control


@dataclass(frozen=True)
class SourceStatus:
    """One format's landings together; `rows_in = landed + duplicate + quarantined`."""

    source: str
    files: int
    rows_in: int
    landed: int
    duplicate: int
    quarantined: int
    last_landed_at: str | None


@dataclass(frozen=True)
class LandingStatus:
    sources: list[SourceStatus]
    first_day: str | None
    last_day: str | None
    days_waiting_for_a_build: int
    feed_files_waiting_for_a_build: int
    landings_in_progress: list[str]

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    def print_to(self, console: Console) -> None:
        table = Table("format", "files", "rows in", "landed", "duplicate", "quarantined", "last landed")
        for row in self.sources:
            counts = (row.files, row.rows_in, row.landed, row.duplicate, row.quarantined)
            table.add_row(row.source, *(f"{count:,}" for count in counts), row.last_landed_at or "")
        console.print(table)
        reach = (
            f"Requests from {self.first_day} to {self.last_day}." if self.first_day else "No request has landed yet."
        )
        console.print(reach)
        waiting = self.days_waiting_for_a_build + self.feed_files_waiting_for_a_build
        what = f"{self.days_waiting_for_a_build} days and {self.feed_files_waiting_for_a_build} feed files wait for"
        console.print(f"{what} `margincall build`." if waiting else "Nothing waits for a build.")
        for path in self.landings_in_progress:
            console.print(f"In progress or interrupted: {path}")


def landing_status(settings: Settings) -> LandingStatus:
    """Read the ledger."""
    control, table = Control(settings.control_url), db.landing
    sums = [sa.func.sum(table.c[name]) for name in ("rows_in", "landed", "duplicate", "quarantined")]
    query = sa.select(table.c.source, sa.func.count(), *sums, sa.func.max(table.c.landed_at))
    query = query.where(table.c.state == "landed").group_by(table.c.source).order_by(table.c.source)
    day = db.lake_file.c.day
    with control.read() as connection:
        rows = connection.execute(query).fetchall()
        first, last = connection.execute(sa.select(sa.func.min(day), sa.func.max(day))).one()
        days = connection.execute(sa.select(sa.func.count(sa.distinct(db.dirty_day.c.day)))).scalar() or 0
        feeds = connection.execute(sa.select(sa.func.count()).select_from(db.dirty_feed)).scalar() or 0
        claimed = connection.execute(sa.select(table.c.path).where(table.c.state == "claimed")).fetchall()
    control.close()
    sources = [
        SourceStatus(source, files, int(rows_in), int(landed), int(duplicate), int(quarantined), last_landed_at)
        for source, files, rows_in, landed, duplicate, quarantined, last_landed_at in map(tuple, rows)
    ]
    return LandingStatus(sources, first, last, int(days), int(feeds), [row.path for row in claimed])
