"""A data folder of its own for a test: land files and records, build, and read every mart back exactly."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.building.build import BuildResult, build
from pipelines.landing.land import Context, FileResult, land_file
from pipelines.landing.land_feed import land_feed
from pipelines.settings import Settings
from warehouse import publish
from warehouse.connection import warehouse
from warehouse.control import Control
from warehouse.lake import Lake

WEEK = datetime(2026, 11, 9, tzinfo=UTC)
"""A Monday; the week of the worked examples."""


class Workspace:
    """Everything under `root`; `settings` may be replaced before the first use."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.settings = Settings(data_dir=root / "var", **settings)
        self.control = Control(self.settings.control_url)
        self.lake = Lake(self.settings.data_dir / "lake")

    @property
    def context(self) -> Context:
        return Context(self.settings, self.control, self.lake)

    def land(self, path: Path, source: str | None = None) -> FileResult:
        return land_file(self.context, path, source)

    def land_records(self, name: str, records: Iterable[Mapping[str, Any]]) -> FileResult:
        """Write records as JSON lines to `name`.jsonl and land that."""
        path = self.root / f"{name}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return self.land(path)

    def land_feed(self, feed: str, rows: Iterable[Mapping[str, Any]], name: str = "") -> FileResult:
        path = self.root / f"{feed}{name}.jsonl"
        path.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows))
        return self.land_feed_file(feed, path)

    def land_feed_file(self, feed: str, path: Path) -> FileResult:
        return land_feed(self.context, path, feed)

    def build(self, *, full: bool = False) -> BuildResult:
        return build(self.settings, full=full)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the warehouse as the last build left it."""
        with warehouse(self.settings.data_dir / "warehouse.duckdb") as database:
            return database.execute(sql).fetchall()

    def marts(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every mart, priced requests included, as sorted rows of exact values."""
        names = (*publish.MARTS, publish.PRICED)
        return {name: self.rows(f"select * from {name} order by all") for name in names}

    def weekly(self, metric_id: str, week: str = "2026-11-09") -> dict[str, Any]:
        """One row of the weekly view."""
        with warehouse(self.settings.data_dir / "warehouse.duckdb") as database:
            found = database.execute(
                "select * from mart_weekly_unit_economics where metric_id = ? and week_start = ?", [metric_id, week]
            )
            names = [column[0] for column in found.description]
            return dict(zip(names, found.fetchall()[0], strict=True))


def request(**values: Any) -> dict[str, Any]:
    """A canonical record with what every record needs; `values` say the rest."""
    started = values.get("started_at", "2026-11-10T12:00:00Z")
    return {
        "source_record_id": f"r-{values.get('task_id', '')}-{started}",
        "started_at": started,
        "ended_at": started,
        "tenant_id": "acme",
        "end_user_id": "user-1",
        "feature": "support_reply",
        "provider_name": "anthropic",
        "response_model": "claude-sonnet-4-5",
        "input_tokens": 1000,
        "output_tokens": 100,
        "is_gateway_cache_hit": False,
        **values,
    }
