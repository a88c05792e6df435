"""What a build reads besides the lake's files: small tables from the plan, the settings, the price book, the ledger."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from pipelines.building.dbt import models_digest
from pipelines.economics.drawdown import SEGMENT_END
from pipelines.economics.pricing import CONTEXTS
from pipelines.pricebook.book import PriceBook
from pipelines.pricebook.capacity import SELF_HOSTED_PROVIDER
from pipelines.pricebook.catalogue import FIRST_DAY, LAST_DAY
from pipelines.pricebook.patterns import matches
from pipelines.settings import ModelTiers, Settings, Targets
from warehouse import attribution, lake, told_twice
from warehouse import control as db
from warehouse.control import Control
from warehouse.lake import Lake
from warehouse.planner import Plan
from warehouse.told_twice import Logged

_USD = pa.decimal128(38, 12)
_WHOLE = pa.decimal128(38, 0)
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


def fingerprint(settings: Settings) -> str:
    """Changes when the same lake and prices would give other marts: models, and the settings that they store."""
    stored = {name: str(value) for name, value in _stored_settings(settings).items()}
    parts = [
        stored,
        settings.environments.model_dump(),
        settings.model_tiers.model_dump(),
        settings.users.service_accounts,
        settings.free_tier.model_dump(),
    ]
    stored_text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(models_digest() + stored_text.encode()).hexdigest()[:16]


def write_inputs(
    folder: Path, plan: Plan, settings: Settings, book: PriceBook, control: Control, the_lake: Lake
) -> None:
    """Write every input table of a build as Parquet. Overwrites those of the build before."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "calendar": _days(plan.calendar),
        "lake_file": _lake_files(plan, the_lake, control),
        "setting": _table(
            {"name": pa.string(), "value": pa.string()},
            [
                *_stored_settings(settings).items(),
                ("price_book_id", book.price_book_id),
                ("has_outcomes_without_task", str(_has_outcomes_without_task(plan, the_lake)).lower()),
            ],
        ),
        "production_environment": _table(
            {"environment": pa.string()}, [(name.lower(),) for name in settings.environments.production]
        ),
        "free_plan": _table(
            {"plan": pa.string()},
            [(plan,) for plan in settings.free_tier.plans if settings.free_tier.cost == "sales_marketing"],
        ),
        "service_account": _table(
            {"pattern": pa.string()}, [(_like(pattern),) for pattern in settings.users.service_accounts]
        ),
        "metric_target": _targets(settings.targets),
        "drawdown": _drawdowns(book),
        "drawdown_segment": _drawdown_segments(book),
        "capacity_day": _capacity_days(book, plan.calendar),
        **_from_control(control),
        **_prices(control, settings.model_tiers, book),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    _write_days(folder, plan.days, plan.usage_dates, settings)
    for dataset in lake.datasets():
        pq.write_table(lake.dataset_schema(dataset).empty_table(), folder / f"schema_{dataset}.parquet")


def widen_to_all_days(folder: Path, settings: Settings) -> None:
    """Make the inputs of a build those of a full one, whatever it replaced itself."""
    listed = pq.read_table(folder / "lake_file.parquet", columns=["day"])["day"].to_pylist()
    calendar: list[Any] = pq.read_table(folder / "calendar.parquet")["day"].to_pylist()
    _write_days(folder, {day for day in listed if day is not None}, calendar, settings)


def _write_days(folder: Path, days: Collection[date], usage_dates: Collection[date], settings: Settings) -> None:
    """Write what is replaced: days of the lake, dates and weeks of reporting, and what two logs told of those days."""
    tables = {
        "build_day": _days(days),
        "build_usage_date": _days(usage_dates),
        **_weeks(usage_dates, settings.reporting.first_day_of_week),
    }
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    rows = pq.read_table(folder / "lake_file.parquet").to_pylist()
    erased = pq.read_table(folder / "tombstone.parquet").to_pylist()
    told_twice.write(
        folder / "told_twice.parquet",
        [Logged(Path(row["path"]), row["day"], row["source"], row["rows"]) for row in rows if row["source"]],
        days,
        settings.sources.ranked,
        [(row["kind"], row["id_md5"]) for row in erased],
        settings.data_dir.resolve() / "tmp",
    )


def _stored_settings(settings: Settings) -> Mapping[str, str]:
    lookup_pico = settings.pricing.gateway_lookup_usd * Decimal(10) ** 12
    return {
        "reporting_zone": settings.reporting.zone,
        "first_day_of_week": settings.reporting.first_day_of_week,
        "task_max_span_days": str(settings.tasks.max_span_days),
        "gateway_lookup_pico": str(int(lookup_pico)),
        "source_precedence": ", ".join(settings.sources.ranked),
        "usage_unit": settings.revenue.usage_unit,
        "accrue_outcomes": str(settings.revenue.accrue_outcomes).lower(),
        "expected_breakage": " ".join(f"{item.since}:{item.share}" for item in settings.revenue.expected_breakage),
    }


def _lake_files(plan: Plan, the_lake: Lake, control: Control) -> pa.Table:
    """`source` is that of requests, null for feeds."""
    with control.read() as connection:
        sources = lake.sources(connection)
    schema = dict.fromkeys(("dataset", "path"), pa.string()) | {
        "day": pa.date32(),
        "rows": pa.int64(),
        "source": pa.string(),
    }
    rows = [
        (
            file.dataset,
            str(the_lake.absolute(file.path)),
            date.fromisoformat(file.day) if file.day else None,
            file.rows,
            sources[file.landing_id] if file.day else None,
        )
        for file in plan.files
    ]
    return _table(schema, rows)


def _has_outcomes_without_task(plan: Plan, the_lake: Lake) -> bool:
    dataset = attribution.OUTCOMES
    files = [the_lake.absolute(file.path) for file in plan.files if file.dataset == dataset]
    with duckdb.connect() as database:
        return attribution.is_any(database, lake.scan(dataset, files))


def _targets(targets: Targets) -> pa.Table:
    chosen = {metric: (getattr(targets, name), is_minimum) for metric, (name, is_minimum) in _TARGETS.items()}
    rows = [(metric, value, is_minimum) for metric, (value, is_minimum) in chosen.items() if value is not None]
    return _table({"metric_id": pa.string(), "target": _USD, "is_minimum": pa.bool_()}, rows)


def _from_control(control: Control) -> dict[str, pa.Table]:
    with control.read() as connection:
        landings = connection.execute(sa.select(db.landing.c.landing_id, db.landing.c.seq)).fetchall()
        tombstones = connection.execute(sa.select(db.tombstone.c.kind, db.tombstone.c.id_md5)).fetchall()
    return {
        "landing": _table({"landing_id": pa.string(), "seq": pa.int64()}, landings),
        "tombstone": _table({"kind": pa.string(), "id_md5": pa.string()}, tombstones),
    }


def _prices(control: Control, tiers: ModelTiers, book: PriceBook) -> dict[str, pa.Table]:
    """The names seen, and the prices of the models behind them; the two meet by a number, which is faster than by name."""
    with control.read() as connection:
        seen = connection.execute(sa.select(db.seen_model.c.provider_name, db.seen_model.c.model)).fetchall()
    models = _models([(row.provider_name, row.model) for row in seen], tiers, book)
    meant = _priced_as(models)
    numbers = {model: len(CONTEXTS) * n for n, model in enumerate(sorted(pair for pair in set(meant) if pair[0]))}
    slices = book.slices.filter([pair in numbers for pair in _priced_as(book.slices)])
    of_context = zip(_priced_as(slices), slices["price_context"].to_pylist(), strict=True)
    keys = [numbers[pair] + CONTEXTS.index(context) for pair, context in of_context]
    return {"model": _with_key(models, [numbers.get(pair) for pair in meant]), "price_slice": _with_key(slices, keys)}


def _priced_as(table: pa.Table) -> list[tuple[Any, Any]]:
    return list(zip(table["price_provider"].to_pylist(), table["price_model"].to_pylist(), strict=True))


def _with_key(table: pa.Table, keys: list[int | None] | list[int]) -> pa.Table:
    return table.append_column("price_key", pa.array(keys, pa.int32()))


def _models(seen: list[tuple[str, str]], tiers: ModelTiers, book: PriceBook) -> pa.Table:
    """Every model name seen, with its tier, its place in the price book (null: none) and its drawdown, from day to day.

    The stretches of a name are disjoint and cover every day.
    """
    pairs = sorted({(provider.lower(), model.lower()) for provider, model in seen})
    aliases: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in book.names.table(pairs).to_pylist():
        aliases[row["provider_name"], row["model"]].append(row)
    drawn = _drawdowns_of(book)
    rows: list[tuple[Any, ...]] = []
    for provider, model in pairs:
        for first, end, alias in _stretches([(*_span(row), row) for row in aliases[provider, model]]):
            meant = (alias["price_provider"], alias["price_model"]) if alias else None
            rule = alias["rule"] if alias else None
            names = (provider, model, *(meant or (None, None)), rule, _tier(meant[1] if meant else model, tiers))
            drawdowns = drawn(*meant) if meant else []
            rows += [(*names, *stretch) for stretch in _stretches(drawdowns, first, end)]
    columns = ("provider_name", "model", "price_provider", "price_model", "rule", "model_tier")
    days = {"valid_from": pa.date32(), "valid_to": pa.date32(), "drawdown_id": pa.string()}
    return _table({**dict.fromkeys(columns, pa.string()), **days}, rows)


def _span(row: Mapping[str, Any]) -> tuple[date, date]:
    return row["valid_from"], row["valid_to"]


def _stretches(
    spans: Iterable[tuple[date, date, Any]], first: date = FIRST_DAY, end: date = LAST_DAY
) -> list[tuple[date, date, Any]]:
    """Disjoint spans within `[first, end)` in order, and between them what none of them covers, as `None`."""
    found: list[tuple[date, date, Any]] = []
    cut = [(max(start, first), min(stop, end), value) for start, stop, value in spans]
    for start, stop, value in sorted((span for span in cut if span[0] < span[1]), key=lambda span: span[:2]):
        if start > first:
            found.append((first, start, None))
        found.append((start, stop, value))
        first = stop
    return [*found, (first, end, None)] if first < end else found


def _drawdowns_of(book: PriceBook) -> Callable[[str, str], list[tuple[date, date, str]]]:
    """What a priced model draws on, from day to day; a book has at most one for a model and day."""
    spans = {row["drawdown_id"]: _span(row) for row in book.drawdowns.to_pylist()}
    patterns = [(row["drawdown_id"], row["provider"], row["model"]) for row in book.drawdown_models.to_pylist()]

    def drawn(provider: str, model: str) -> list[tuple[date, date, str]]:
        if provider == SELF_HOSTED_PROVIDER:
            return []
        found = {name for name, sellers, models in patterns if matches(sellers, provider) and matches(models, model)}
        return [(*spans[name], name) for name in sorted(found)]

    return drawn


def _drawdowns(book: PriceBook) -> pa.Table:
    schema = {
        "drawdown_id": pa.string(),
        "kind": pa.string(),
        "measure": pa.string(),
        "is_monthly": pa.bool_(),
        "valid_from": pa.date32(),
        "valid_to": pa.date32(),
        "fee_pico": _WHOLE,
    }
    rows = [
        (row["drawdown_id"], row["kind"], row["measure"], row["window"] == "month", *_span(row), row["fee_pico"])
        for row in book.drawdowns.to_pylist()
    ]
    return _table(schema, rows)


def _drawdown_segments(book: PriceBook) -> pa.Table:
    """`hi` is null in the last segment, which has no end."""
    rows = [
        (
            row["drawdown_id"],
            row["lo"],
            row["hi"] if row["hi"] < SEGMENT_END else None,
            row["rate_num"],
            row["rate_den"],
        )
        for row in book.drawdown_segments.to_pylist()
    ]
    return _table({"drawdown_id": pa.string(), **dict.fromkeys(("lo", "hi", "rate_num", "rate_den"), _WHOLE)}, rows)


def _capacity_days(book: PriceBook, calendar: Iterable[date]) -> pa.Table:
    """What every GPU pool cost on every day that the data covers."""
    days = sorted(calendar)
    rows = [
        (row["gpu_pool_id"], day, row["paid_pico_per_day"])
        for row in book.capacity.to_pylist()
        for day in days
        if _span(row)[0] <= day < _span(row)[1]
    ]
    return _table({"gpu_pool_id": pa.string(), "day": pa.date32(), "paid_pico": _WHOLE}, rows)


def _tier(model: str, tiers: ModelTiers) -> str:
    name = model.rpartition("/")[2]
    for tier in ("small", "large", "mid"):
        if any(fnmatchcase(name, pattern.lower()) for pattern in getattr(tiers, tier)):
            return tier
    return "unknown"


def _weeks(dates: Iterable[date], first_day_of_week: str) -> dict[str, pa.Table]:
    """The reporting weeks of these dates, and all dates of those weeks: what counts by the week is replaced by the week."""
    shift = 1 if first_day_of_week == "sunday" else 0
    weeks = {day - timedelta(days=(day.weekday() + shift) % 7) for day in dates}
    all_dates = {week + timedelta(days=n) for week in weeks for n in range(7)}
    return {"build_week": _days(weeks), "build_week_date": _days(all_dates)}


def _like(pattern: str) -> str:
    """A pattern with `*` and `?` as one of SQL's LIKE with the escape `!`."""
    literal = "".join(f"!{c}" if c in "!%_" else c for c in pattern)
    return literal.replace("*", "%").replace("?", "_")


def _days(days: Iterable[date]) -> pa.Table:
    return _table({"day": pa.date32()}, [(day,) for day in sorted(days)])


def _table(schema: Mapping[str, pa.DataType], rows: Iterable[Any]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, schema.values(), strict=True)]
    return pa.Table.from_arrays(arrays, names=list(schema))
