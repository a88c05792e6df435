"""What was published, as Dagster shows it: version, rows, dollars, coverage. Dollars are text, never floats."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import dagster as dg
import sqlalchemy as sa

from pipelines.economics.figures import shown_bound
from pipelines.settings import Settings
from warehouse import control as db
from warehouse.control import Control
from warehouse.publish import MARTS, PRICED
from warehouse.reader import NoSuchWeek, Reader

PUBLISHED = "published_marts"
NEWEST, COVERED = "served_version_is_the_newest", "requests_have_a_price"
COVERAGE_MIN = Decimal("0.95")
"""Below this share of requests with a full price the week's costs are bounds that say little."""
_SHOWN = ("revenue", "total_inference_cost", "gross_profit", "priced_coverage")


@contextmanager
def reading(settings: Settings) -> Generator[tuple[Reader, Control]]:
    """A reader of the published marts and the control database, closed afterwards."""
    reader, control = Reader(settings.data_dir), Control(settings.control_url)
    try:
        yield reader, control
    finally:
        reader.close()
        control.close()


def row_counts(reader: Reader) -> dict[str, int]:
    """Published table -> rows."""
    return {name: int(reader.query(f"select count(*) from {name}").rows[0][0]) for name in (*MARTS, PRICED)}


def facts(reader: Reader) -> dict[str, Any]:
    """Metadata of the published version: how far it reaches, and the latest complete week in dollars."""
    version, state = reader.version(), reader.state()
    told: dict[str, Any] = {
        "version": version.n,
        "published_at": version.published_at,
        "requests": state.requests,
        "known_at": state.known_at.isoformat() if state.known_at else "nothing landed",
        "price_book": state.price_book_id,
    }
    try:
        week = reader.weekly()
    except NoSuchWeek:
        return told
    told["week"] = f"{week.week_start} to {week.week_end}" + ("" if week.is_complete else ", not complete")
    rows = {row.metric_id: row for row in week.metrics}
    return told | {name: shown_bound(rows[name].this_week, rows[name].unit, rows[name].bound) for name in _SHOWN}


def check_specs() -> list[dg.AssetCheckSpec]:
    covered = f"At least {COVERAGE_MIN:.0%} of the latest complete week's requests have a full price."
    newest = "Readers are pointed to the last version that was published, and its file is there."
    return [
        dg.AssetCheckSpec(NEWEST, asset=PUBLISHED, description=newest),
        dg.AssetCheckSpec(COVERED, asset=PUBLISHED, description=covered),
    ]


def check_results(reader: Reader, control: Control) -> list[dg.AssetCheckResult]:
    """The two checks of `check_specs`, in their order."""
    version = reader.version()
    last = control.rows(sa.select(sa.func.max(db.serving.c.n)).where(db.serving.c.state == "published"))[0][0]
    is_newest = version.n == last and (reader.folder / version.file).exists()
    newest = dg.AssetCheckResult(
        asset_key=dg.AssetKey(PUBLISHED),
        check_name=NEWEST,
        passed=is_newest,
        metadata={"served": version.n, "published": last},
    )
    return [newest, _covered(reader)]


def _covered(reader: Reader) -> dg.AssetCheckResult:
    try:
        metrics = {row.metric_id: row.this_week for row in reader.weekly().metrics}
    except NoSuchWeek:
        metrics = {}
    share = metrics.get("priced_coverage")
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(PUBLISHED),
        check_name=COVERED,
        passed=share is None or share >= COVERAGE_MIN,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"coverage": "no request in the week" if share is None else str(share), "wanted": str(COVERAGE_MIN)},
    )
