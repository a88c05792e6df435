"""From a finished build to what everyone reads: a new, numbered, immutable file, and a pointer replaced atomically.

serving/marts-000012.duckdb                     every mart but the requests
serving/priced/day=2026-11-16/000012-0.parquet  priced requests, written only for the days that a build replaced
serving/current.json                            which file is read
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import sqlalchemy as sa

from warehouse import closed
from warehouse import control as db
from warehouse.connection import literal, warehouse
from warehouse.control import Control, now_text
from warehouse.lake import fsync_and_hash, fsync_folder, write_atomically

SERVING_VERSION = 7
"""Of the published tables; the reader refuses another."""
KEPT = 3
MARTS = (
    "fct_task",
    "fct_tenant_day",
    "fct_feature_day",
    "fct_model_day",
    "fct_user_week",
    "fct_cost_day",
    "fct_shared_cost_day",
    "fct_allocated_cost_day",
    "fct_revenue_day",
    "fct_told_twice_day",
    "fct_acquisition_month",
    "fct_provider_bill",
    "mart_weekly_unit_economics",
    "mart_tenant_margin_month",
    "mart_revenue_month",
    "mart_revenue_gap",
    "mart_mrr_month",
    "mart_cohort_margin_month",
    "mart_ltv_cac_month",
    "mart_user_cost_week",
    "mart_user_decile_week",
    "mart_concentration_week",
    "mart_cache_week",
    "mart_prompt_cache_week",
    "mart_tier_mix_week",
    "mart_routing_week",
    "mart_waste_week",
    "mart_task_driver_week",
    "mart_context_week",
    "mart_prompt_growth_week",
    "mart_data_state",
    "dim_feature",
    "dim_tenant",
    "dim_tenant_plan",
    "dim_tenant_mrr",
    "dim_model",
    "dim_price",
)
PRICED = "fct_llm_request_priced"
_NUMBER = re.compile(r"marts-(\d+)\.duckdb")


@dataclass(frozen=True)
class Pointer:
    """What `current.json` says."""

    n: int
    file: str
    serving_version: int
    published_at: str


class PublishError(Exception):
    """The published files cannot be used; the message says why and what to do."""


def serving_folder(data_dir: Path) -> Path:
    return data_dir / "serving"


def current(data_dir: Path) -> Pointer | None:
    """The published version, or None before the first. Raises PublishError when the pointer cannot be read."""
    path = serving_folder(data_dir) / "current.json"
    try:
        return Pointer(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise PublishError(f"{path}: damaged. `margincall build` publishes anew.") from None


def publish(
    control: Control, data_dir: Path, warehouse_path: Path, build_id: int, replaced: Iterable[date] | None
) -> Pointer:
    """Publish the warehouse's marts as the next version. `replaced`: request days of this build, None for all."""
    folder = serving_folder(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    n = _next_number(control, folder, build_id)
    target = folder / f"marts-{n:06d}.duckdb"
    target.unlink(missing_ok=True)
    before = current(data_dir)
    with warehouse(warehouse_path, read_only=False) as database:
        days = _write_priced(database, folder, n, None if before is None else replaced)
        database.execute(f"attach {literal(str(target))} as published")
        for mart in MARTS:
            database.execute(f"create table published.{mart} as select * from {mart}")
        closed.add_to(database, "published", data_dir, _erased_tenants(control))
        database.execute("create table published.priced_file (day date, path varchar)")
        if before is not None and replaced is not None:
            listed = ", ".join(f"date '{day}'" for day in sorted(replaced))
            kept = f"day not in ({listed})" if listed else "true"  # `not in (null)` would keep nothing
            database.execute(f"attach {literal(str(folder / before.file))} as earlier (read_only)")
            database.execute(f"insert into published.priced_file select * from earlier.priced_file where {kept}")
            database.execute("detach earlier")
        if days:
            database.executemany("insert into published.priced_file values (?, ?)", days)
        database.execute("detach published")
    fsync_and_hash(target)
    fsync_folder(folder)
    pointer = Pointer(n, target.name, SERVING_VERSION, now_text())
    write_atomically(folder / "current.json", json.dumps(vars(pointer)).encode())
    return pointer


def prune(data_dir: Path) -> None:
    """Remove all but the last versions, and the files of priced requests that none of those name."""
    folder = serving_folder(data_dir)
    pointer = current(data_dir)
    if pointer is None:
        return
    versions = sorted(path for path in folder.glob("marts-*.duckdb") if _number(path) <= pointer.n)
    for old in versions[:-KEPT]:
        old.unlink()
    named: set[str] = set()
    for kept in versions[-KEPT:]:
        with warehouse(kept) as database:
            named |= {path for (path,) in database.execute("select path from priced_file").fetchall()}
    for path in (folder / "priced").rglob("*.parquet"):
        if str(path.relative_to(folder)) not in named:
            path.unlink()


def _next_number(control: Control, folder: Path, build_id: int) -> int:
    """Never used twice, also when the control database was restored from an older backup."""
    with control.write() as connection:
        known = connection.execute(sa.select(sa.func.max(db.serving.c.n))).scalar() or 0
        n = max([known, *(_number(path) for path in folder.glob("marts-*.duckdb"))]) + 1
        connection.execute(sa.insert(db.serving).values(n=n, state="writing", build_id=build_id))
    return n


def _erased_tenants(control: Control) -> list[str]:
    query = sa.select(db.tombstone.c.id_md5).where(db.tombstone.c.kind == "tenant")
    return [row.id_md5 for row in control.rows(query)]


def _write_priced(
    database: duckdb.DuckDBPyConnection, folder: Path, n: int, replaced: Iterable[date] | None
) -> list[tuple[str, str]]:
    """Write the priced requests of these days; return (day, path relative to the serving folder)."""
    if replaced is None:
        where = "true"
    else:
        listed = ", ".join(f"date '{day}'" for day in sorted(replaced))
        where = f"day in ({listed})" if listed else "false"
    home = folder / "priced"
    home.mkdir(exist_ok=True)
    database.execute(
        f"""copy (select * from {PRICED} where {where}) to {literal(str(home))} (format parquet, partition_by (day),
            write_partition_columns true, overwrite_or_ignore true, filename_pattern '{n:06d}-{{i}}')"""
    )
    written = sorted(home.glob(f"day=*/{n:06d}-*.parquet"))
    for path in written:
        fsync_and_hash(path)
    for parent in {path.parent for path in written} | {home}:
        fsync_folder(parent)
    return [(path.parent.name.removeprefix("day="), str(path.relative_to(folder))) for path in written]


def _number(path: Path) -> int:
    found = _NUMBER.fullmatch(path.name)
    return int(found.group(1)) if found else 0
