"""Prices, every dbt model and the published marts: one step, because one lock is held from the plan to the publication."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
from pydantic import Field

from pipelines.assets import published
from pipelines.assets.failures import told
from pipelines.assets.models import PRICE_BOOK, Models
from pipelines.building.build import BuildResult, build, mark_days
from pipelines.building.dbt import Node
from pipelines.building.manifest import manifest_file
from pipelines.pricebook.book import SLICE_FILE
from pipelines.settings import Settings

POOL = "duckdb_writer"
"""DuckDB has one writer: runs that build wait for each other in Dagster's queue instead of failing at the lock."""


class BuildConfig(dg.Config):
    """What a build replaces besides what has changed; `days` as 2026-11-09."""

    full: bool = False
    days: list[str] = Field(default_factory=list[str])


Result = dg.MaterializeResult[Any] | dg.AssetCheckResult


def build_assets(models: Models) -> dg.AssetsDefinition:
    """The step that builds. Models that a build did not have to touch keep their last materialisation.

    It can be selected in parts because only then may a build leave an asset or a check as it was; it is never run in parts.
    """

    @dg.multi_asset(
        name="build",
        specs=[_price_book(), *models.specs, _published(models)],
        check_specs=[*models.checks, *published.check_specs()],
        can_subset=True,
        pool=POOL,
    )
    def build_step(
        context: dg.AssetExecutionContext, config: BuildConfig, settings: dg.ResourceParam[Settings]
    ) -> Iterator[Result]:
        for result in _results(context, config, settings, models):
            if _is_selected(context, result):
                yield result

    return build_step


def _results(
    context: dg.AssetExecutionContext, config: BuildConfig, settings: Settings, models: Models
) -> Iterator[Result]:
    nodes: list[Node] = []
    try:
        with told(context):
            mark_days(settings, [date.fromisoformat(day) for day in config.days])
            built = _build(context, config, settings, nodes)
    except (dg.Failure, dg.RetryRequested):
        for node in nodes:
            yield from models.result(node, {})
        raise
    with told(context), published.reading(settings) as (reader, control):
        rows = published.row_counts(reader)
        yield _priced(settings, reader.state().price_book_id)
        for node in nodes:
            yield from models.result(node, rows)
        if built.kind == "nothing" and built.serving_n is not None:
            yield from models.standing(built.serving_n)
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(published.PUBLISHED),
            metadata={"build": built.kind, "why": built.reason, "days": built.days} | published.facts(reader),
            data_version=dg.DataVersion(str(built.serving_n)),
        )
        yield from published.check_results(reader, control)


def _is_selected(context: dg.AssetExecutionContext, result: Result) -> bool:
    """Dagster takes results of what was selected only; of the rest, a model that was built is told as an event."""
    if isinstance(result, dg.AssetCheckResult):
        return (result.asset_key, result.check_name) in context.selected_asset_check_keys
    if result.asset_key in context.selected_asset_keys:
        return True
    context.log_event(dg.AssetMaterialization(result.asset_key or "", metadata=result.metadata))
    return False


def _build(
    context: dg.AssetExecutionContext, config: BuildConfig, settings: Settings, nodes: list[Node]
) -> BuildResult:
    def seen(node: Node) -> None:
        nodes.append(node)
        context.log.info(f"{node.resource_type} {node.name}: {node.status} in {node.seconds} s")

    result = build(settings, full=config.full, on_node=seen)
    context.log.info(f"{result.kind}: {result.reason}; version {result.serving_n} is published")
    for notice in result.notices:
        context.log.warning(notice)
    return result


def _price_book() -> dg.AssetSpec:
    description = (
        "Dated prices of every model of the catalogue. Grain: one row per model, context and span of validity."
    )
    return dg.AssetSpec(PRICE_BOOK, group_name="prices", description=description, kinds={"parquet"})


def _published(models: Models) -> dg.AssetSpec:
    description = "The numbered, immutable version of the marts that reports, exports and queries read."
    return dg.AssetSpec(
        published.PUBLISHED,
        deps=models.in_group("marts"),
        group_name="serving",
        description=description,
        kinds={"duckdb"},
    )


def _priced(settings: Settings, book_id: str) -> dg.MaterializeResult[Any]:
    metadata: dict[str, Any] = {"price_book": book_id}
    path = settings.data_dir / "lake" / PRICE_BOOK / book_id / SLICE_FILE
    metadata["dagster/row_count"] = pq.read_metadata(path).num_rows
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(PRICE_BOOK), metadata=metadata, data_version=dg.DataVersion(book_id)
    )


def definitions(settings: Settings) -> dg.Definitions:
    return dg.Definitions(assets=[build_assets(Models(manifest_file(settings.data_dir)))])
