"""The build: what changed since the last one becomes marts, and marts that pass their checks are served."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from pipelines.building.credits import write_credits
from pipelines.building.dbt import DbtFailed, NodeSeen, run_dbt
from pipelines.building.inputs import fingerprint, write_inputs
from pipelines.building.lock import build_lock
from pipelines.building.prices import books
from pipelines.pricebook.book import PriceBook
from pipelines.settings import Settings
from warehouse import control as db
from warehouse import planner, publish
from warehouse.control import Control, now_text
from warehouse.lake import Lake
from warehouse.planner import Plan
from warehouse.reader import Reader
from warehouse.revenue_days import RevenueRules

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many steps are done, and how many there are."""


class BuildError(Exception):
    """The build failed; what is served did not change, and the next build begins where this one did."""


@dataclass(frozen=True)
class BuildResult:
    """`kind`: full, incremental, or nothing (what is served is up to date). `notices` are sentences for whoever looks."""

    kind: str
    reason: str
    days: int
    serving_n: int | None
    notices: tuple[str, ...] = ()


def build(
    settings: Settings,
    *,
    full: bool = False,
    progress: Progress = lambda *_: None,
    on_node: NodeSeen = lambda _: None,
) -> BuildResult:
    """Bring the served marts up to date with the lake. Raises Locked, PriceBookError, BuildError."""
    data_dir = settings.data_dir.resolve()
    with build_lock(data_dir):
        control = Control(settings.control_url)
        try:
            return _build(settings, data_dir, control, full, progress, on_node)
        finally:
            control.close()


def mark_days(settings: Settings, days: Iterable[date]) -> None:
    """Have the next build replace these days, as if something had landed on them."""
    rows = [{"day": day.isoformat()} for day in sorted(set(days))]
    if rows:
        control = Control(settings.control_url)
        with control.write() as connection:
            connection.execute(sa.insert(db.dirty_day), rows)
        control.close()


def _build(
    settings: Settings, data_dir: Path, control: Control, full: bool, progress: Progress, on_node: NodeSeen
) -> BuildResult:
    progress("prices", 0, 1)
    the_lake, warehouse = Lake(data_dir / "lake"), data_dir / "warehouse.duckdb"
    prices = books.candidate(settings, control)
    books.adopt(settings, control, prices)
    mark = fingerprint(settings)
    is_utc = settings.reporting.zone == "UTC"
    rules = RevenueRules(settings.revenue.usage_unit != "none", settings.revenue.accrue_outcomes)
    plan = planner.plan(
        control,
        the_lake,
        warehouse,
        mark,
        is_utc=is_utc,
        revenue=rules,
        plans_decide_cost=settings.free_tier.cost == "sales_marketing",
        force_full=full,
    )
    pointer = publish.current(data_dir)
    if plan.kind == "nothing" and pointer is not None:
        newer = books.compare_installed(settings, control, prices, is_news=False)
        return BuildResult("nothing", plan.reason, 0, pointer.n, (newer,) if newer else ())
    build_id = _record(control, plan, mark)
    try:
        planner.begin(control, plan)
        _run_models(settings, data_dir, plan, prices.book, control, the_lake, warehouse, progress, on_node)
        progress("publish", 0, 1)
        replaced = None if plan.kind == "full" else plan.days
        pointer = publish.publish(control, data_dir, warehouse, build_id, replaced)
    except DbtFailed as error:
        _finish(control, build_id, "failed", message=str(error))
        raise BuildError(f"The build failed; what is served stays as it was.\n{error}") from None
    except BaseException as error:
        _finish(control, build_id, "failed", message=f"{type(error).__name__}: {error}"[:500])
        raise
    _finish(control, build_id, "published", pointer=pointer, plan=plan)
    publish.prune(data_dir)
    newer = books.compare_installed(settings, control, prices, is_news=True)
    notices = (*_told_twice(data_dir), *((newer,) if newer else ()))
    return BuildResult(plan.kind, plan.reason, len(plan.days), pointer.n, notices)


def _told_twice(data_dir: Path) -> list[str]:
    reader = Reader(data_dir)
    try:
        return [f"{found}." for found in reader.told_twice()]
    finally:
        reader.close()


def _run_models(
    settings: Settings,
    data_dir: Path,
    plan: Plan,
    book: PriceBook,
    control: Control,
    the_lake: Lake,
    warehouse: Path,
    progress: Progress,
    on_node: NodeSeen,
) -> None:
    inputs = data_dir / "build" / "inputs"
    write_inputs(inputs, plan, settings, book, control, the_lake)
    refresh = ["--full-refresh"] if plan.kind == "full" else []

    def measure() -> Path:
        """What credits burn by usage needs to know first; the build proper then does these models again, with their checks."""
        run_dbt(["run", "--select", "+fct_task", *refresh], data_dir=data_dir, warehouse=warehouse, inputs=inputs)
        return warehouse

    write_credits(inputs, settings, measure)
    command = ["build", "--exclude-resource-type", "unit_test", *refresh]
    run_dbt(command, data_dir=data_dir, warehouse=warehouse, inputs=inputs, on_done=progress, on_node=on_node)


def _record(control: Control, plan: Plan, mark: str) -> int:
    with control.write() as connection:
        # Whoever was running before held the lock that we hold now: it is gone.
        lost = sa.update(db.build).where(db.build.c.state == "running")
        connection.execute(lost.values(state="failed", finished_at=now_text(), message="interrupted"))
        row = sa.insert(db.build).values(
            state="running", kind=plan.kind, days=len(plan.days), fingerprint=mark, started_at=now_text()
        )
        (build_id,) = connection.execute(row).inserted_primary_key or (0,)
        return int(build_id)


def _finish(
    control: Control,
    build_id: int,
    state: str,
    *,
    message: str | None = None,
    pointer: publish.Pointer | None = None,
    plan: Plan | None = None,
) -> None:
    with control.write() as connection:
        values = {"state": state, "finished_at": now_text(), "message": message}
        connection.execute(sa.update(db.build).where(db.build.c.build_id == build_id).values(**values))
        if pointer is not None and plan is not None:
            published = sa.update(db.serving).where(db.serving.c.n == pointer.n)
            connection.execute(published.values(state="published", published_at=pointer.published_at))
            planner.finish(connection, plan.marks)
