"""What has landed so far, what waits for the next build, and what is still being landed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table

from pipelines.settings import Settings
from warehouse import control as db
from warehouse import ledger_view
from warehouse.control import Control
from warehouse.ledger_view import LandedFormat


@dataclass(frozen=True)
class LandingStatus:
    sources: list[LandedFormat]
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
    day = db.lake_file.c.day
    try:
        sources, waiting = ledger_view.landed_formats(control), ledger_view.waiting(control)
        with control.read() as connection:
            first, last = connection.execute(sa.select(sa.func.min(day), sa.func.max(day))).one()
            claimed = connection.execute(sa.select(table.c.path).where(table.c.state == "claimed")).fetchall()
    finally:
        control.close()
    return LandingStatus(sources, first, last, waiting.days, waiting.feed_files, [row.path for row in claimed])
