"""What a build reads besides the lake's files: small tables from the plan, the settings, the price book, the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from pipelines.pricebook.book import PriceBook, alias_table
from pipelines.settings import ModelTiers, Settings, Targets
from warehouse import control as db
from warehouse import lake
from warehouse.control import Control
from warehouse.lake import Lake
from warehouse.planner import Plan

_USD = pa.decimal128(38, 12)
# Metric of the weekly view -> (setting, whether the target is a minimum).
_TARGETS = {
    "inference_cost_share_of_revenue": ("cost_share_of_revenue_max", False),
    "gross_margin": ("gross_margin_min", True),
    "cost_per_active_user": ("cost_per_active_user_max_usd", False),
    "cost_per_successful_task": ("cost_per_successful_task_max_usd", False),
    "success_rate": ("success_rate_min", True),
    "gateway_cache_hit_rate": ("gateway_cache_hit_rate_min", True),
    "small_or_mid_share": ("small_or_mid_share_min", True),
    "top20_cost_share_of_revenue": ("top20_cost_share_of_mrr_max", False),
    "ltv_cac": ("ltv_cac_min", True),
    "month_end_outlook": ("month_cost_plan_usd", False),
}


def fingerprint(models: Path, settings: Settings, book: PriceBook) -> str:
    """Changes when the same lake would give other marts: models, prices, and the settings that models store."""
    digest = hashlib.sha256()
    for path in sorted(models.rglob("*")):
        if path.suffix in {".sql", ".yml"} and "target" not in path.parts:
            digest.update(str(path.relative_to(models)).encode() + path.read_bytes())
    stored = {name: str(value) for name, value in _stored_settings(settings).items()}
    parts = [stored, settings.environments.model_dump(), settings.model_tiers.model_dump(), book.price_book_id]
    digest.update(json.dumps(parts, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def write_inputs(
    folder: Path, plan: Plan, settings: Settings, book: PriceBook, control: Control, the_lake: Lake
) -> None:
    """Write every input table of a build as Parquet. Overwrites those of the build before."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "build_day": _days(plan.days),
        "build_usage_date": _days(plan.usage_dates),
        "calendar": _days(plan.calendar),
        "lake_file": _lake_files(plan, the_lake),
        "setting": _table(
            {"name": pa.string(), "value": pa.string()},
            [*_stored_settings(settings).items(), ("price_book_id", book.price_book_id)],
        ),
        "production_environment": _table(
            {"environment": pa.string()}, [(name.lower(),) for name in settings.environments.production]
        ),
        "metric_target": _targets(settings.targets),
        "price_slice": book.slices,
        **_from_control(control, settings.model_tiers),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    for dataset in lake.datasets():
        pq.write_table(lake.dataset_schema(dataset).empty_table(), folder / f"schema_{dataset}.parquet")


def _stored_settings(settings: Settings) -> Mapping[str, str]:
    lookup_pico = settings.pricing.gateway_lookup_usd * Decimal(10) ** 12
    return {
        "reporting_zone": settings.reporting.zone,
        "first_day_of_week": settings.reporting.first_day_of_week,
        "task_max_span_days": str(settings.tasks.max_span_days),
        "gateway_lookup_pico": str(int(lookup_pico)),
    }


def _lake_files(plan: Plan, the_lake: Lake) -> pa.Table:
    schema = {"dataset": pa.string(), "path": pa.string(), "day": pa.date32(), "rows": pa.int64()}
    rows = [
        (file.dataset, str(the_lake.absolute(file.path)), date.fromisoformat(file.day) if file.day else None, file.rows)
        for file in plan.files
    ]
    return _table(schema, rows)


def _targets(targets: Targets) -> pa.Table:
    chosen = {metric: (getattr(targets, name), is_minimum) for metric, (name, is_minimum) in _TARGETS.items()}
    rows = [(metric, value, is_minimum) for metric, (value, is_minimum) in chosen.items() if value is not None]
    return _table({"metric_id": pa.string(), "target": _USD, "is_minimum": pa.bool_()}, rows)


def _from_control(control: Control, tiers: ModelTiers) -> dict[str, pa.Table]:
    with control.read() as connection:
        landings = connection.execute(sa.select(db.landing.c.landing_id, db.landing.c.seq)).fetchall()
        tombstones = connection.execute(sa.select(db.tombstone.c.kind, db.tombstone.c.id_md5)).fetchall()
        seen = connection.execute(sa.select(db.seen_model)).fetchall()
    return {
        "landing": _table({"landing_id": pa.string(), "seq": pa.int64()}, landings),
        "tombstone": _table({"kind": pa.string(), "id_md5": pa.string()}, tombstones),
        "model": _models([(row.provider_name, row.model) for row in seen], tiers),
    }


def _models(seen: list[tuple[str, str]], tiers: ModelTiers) -> pa.Table:
    """Every model name seen, with its place in the price book (null: none) and its tier."""
    pairs = sorted({(provider.lower(), model.lower()) for provider, model in seen})
    priced = {(row["provider_name"], row["model"]): row for row in alias_table(pairs).to_pylist()}
    columns = ("provider_name", "model", "price_provider", "price_model", "rule", "model_tier")
    rows = []
    for provider, model in pairs:
        row = priced.get((provider, model), {})
        known = row.get("price_model")
        rows.append((provider, model, row.get("price_provider"), known, row.get("rule"), _tier(known or model, tiers)))
    return _table(dict.fromkeys(columns, pa.string()), rows)


def _tier(model: str, tiers: ModelTiers) -> str:
    name = model.rpartition("/")[2]
    for tier in ("small", "large", "mid"):
        if any(fnmatchcase(name, pattern.lower()) for pattern in getattr(tiers, tier)):
            return tier
    return "unknown"


def _days(days: Iterable[date]) -> pa.Table:
    return _table({"day": pa.date32()}, [(day,) for day in sorted(days)])


def _table(schema: Mapping[str, pa.DataType], rows: Iterable[Any]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, schema.values(), strict=True)]
    return pa.Table.from_arrays(arrays, names=list(schema))
