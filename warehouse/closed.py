"""Figures of closed months, kept as files when the requests that they were worked out from are removed.

    closed/before=2026-03-01/<mart>.parquet     rows of dates before that day, and not before an earlier closing

The models know only what the lake still has, so that an incremental build equals a full one. Publication puts the two
together: before the latest closing the closed figures count, whatever the models say of those dates.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from warehouse.connection import literal, warehouse
from warehouse.lake import fsync_and_hash, fsync_folder

MARTS: Mapping[str, str] = {
    "fct_tenant_day": "usage_date",
    "fct_feature_day": "usage_date",
    "fct_model_day": "usage_date",
    "fct_cost_day": "usage_date",
    "fct_shared_cost_day": "usage_date",
    "fct_allocated_cost_day": "usage_date",
    "fct_revenue_day": "usage_date",
    "mart_revenue_month": "month",
    "mart_mrr_month": "month",
    "mart_tenant_margin_month": "month",
    "mart_cohort_margin_month": "month",
    "mart_ltv_cac_month": "month",
    **dict.fromkeys(
        (
            "mart_weekly_unit_economics",
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
        ),
        "week_start",
    ),
}
"""What stays -> the column that dates it. Tasks, users and requests do not stay: they are what is removed."""
_BEFORE = "before="


def folder(data_dir: Path) -> Path:
    return data_dir / "closed"


def closed_before(data_dir: Path) -> date | None:
    """First day that is not closed; None while nothing is."""
    return max((date.fromisoformat(path.name.removeprefix(_BEFORE)) for path in _closings(data_dir)), default=None)


def close(data_dir: Path, published: Path, before: date) -> dict[str, int]:
    """Keep what a published version says of all dates before that day, durably and at once; mart -> rows."""
    since, home = closed_before(data_dir), folder(data_dir)
    home.mkdir(parents=True, exist_ok=True)
    staging = home / f".{uuid.uuid4().hex}"
    for left in home.glob(".*"):
        shutil.rmtree(left)  # of a closing that was killed; the caller holds the build lock
    staging.mkdir()
    rows: dict[str, int] = {}
    with warehouse(published) as database:
        for mart, column in MARTS.items():
            target = staging / f"{mart}.parquet"
            where = f"{column} < date '{before}'" + (f" and {column} >= date '{since}'" if since else "")
            database.execute(
                f"copy (select * from {mart} where {where} order by all) to {literal(str(target))} (format parquet)"
            )
            rows[mart] = pq.ParquetFile(target).metadata.num_rows
            fsync_and_hash(target)
    fsync_folder(staging)
    staging.rename(home / f"{_BEFORE}{before}")
    fsync_folder(home)
    fsync_folder(data_dir)
    return rows


def add_to(database: duckdb.DuckDBPyConnection, schema: str, data_dir: Path, erased_md5: Iterable[str]) -> None:
    """Put the closed figures in the place of what the tables of `schema` say of their dates; no row of erased tenants."""
    before = closed_before(data_dir)
    if before is None:
        return
    erased = ", ".join(map(literal, erased_md5)) or "null"
    for mart, column in MARTS.items():
        table = f"{schema}.{mart}"
        database.execute(f"delete from {table} where {column} < date '{before}'")
        has = [name for (name, *_) in database.execute(f"describe {table}").fetchall()]
        for path in _kept(data_dir, mart):
            relation = _relation(path)
            kept = [name for (name, *_) in database.execute(f"describe select * from {relation}").fetchall()]
            # A later release may have other columns: what was not worked out then is null.
            columns = ", ".join(name for name in kept if name in has)
            where = f"coalesce(md5(tenant_id) in ({erased}), false)" if "tenant_id" in kept else "false"
            database.execute(f"insert into {table} by name select {columns} from {relation} where not {where}")
    database.execute(
        f"""update {schema}.mart_data_state set requests = found.requests, first_usage_date = found.first_usage_date
        from (
            select coalesce(sum(requests), 0)::bigint as requests,
                min(usage_date) filter (where requests > 0) as first_usage_date
            from {schema}.fct_tenant_day) as found"""
    )


def holds(data_dir: Path, tenant_id: str) -> bool:
    """Whether closed figures name a tenant."""
    return any(_rows_of(path, tenant_id) for path in _by_tenant(data_dir))


def forget(data_dir: Path, tenant_id: str) -> dict[str, int]:
    """Remove a tenant's rows from the closed figures; mart -> rows, only where there were some. Totals stay as they are."""
    removed: dict[str, int] = {}
    for path in _by_tenant(data_dir):
        if not (rows := _rows_of(path, tenant_id)):
            continue
        temporary = path.with_name(f".{path.name}.tmp")
        others = f"select * from {_relation(path)} where tenant_id is distinct from {literal(tenant_id)}"
        with duckdb.connect() as database:
            database.execute(f"copy ({others}) to {literal(str(temporary))} (format parquet)")
        fsync_and_hash(temporary)
        temporary.replace(path)
        fsync_folder(path.parent)
        removed[path.stem] = removed.get(path.stem, 0) + rows
    return removed


def _by_tenant(data_dir: Path) -> list[Path]:
    paths = [path for mart in MARTS for path in _kept(data_dir, mart)]
    return [path for path in paths if "tenant_id" in pq.ParquetFile(path).schema_arrow.names]


def _kept(data_dir: Path, mart: str) -> list[Path]:
    """What closings kept of a mart; one of an earlier release knows nothing of a later one's."""
    return [path for closing in _closings(data_dir) if (path := closing / f"{mart}.parquet").exists()]


def _rows_of(path: Path, tenant_id: str) -> int:
    with duckdb.connect() as database:
        found = database.execute(f"select count(*) from {_relation(path)} where tenant_id = ?", [tenant_id])
        return int(found.fetchall()[0][0])


def _relation(path: Path) -> str:
    return f"read_parquet({literal(str(path))})"


def _closings(data_dir: Path) -> list[Path]:
    return sorted(folder(data_dir).glob(f"{_BEFORE}*"))
