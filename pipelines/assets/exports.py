"""Every export as an asset: the last complete week, and the last complete month once it is over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.assets.failures import told
from pipelines.assets.published import PUBLISHED, reading
from pipelines.exports import Export, Written, discover
from pipelines.exports.periods import Chosen, NoSuchPeriod, chosen_period
from pipelines.settings import Settings
from warehouse.reader import Reader

DECIMALS = 6


def export_asset(export: Export) -> dg.AssetsDefinition:
    """`<name>_exports`; a month that was exported already stays as it is, since somebody may have booked it."""

    @dg.asset(
        name=f"{export.name}_exports",
        deps=[PUBLISHED],
        group_name="exports",
        description=export.description,
        kinds={"csv"},
    )
    def write(context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult[Any]:
        out = settings.data_dir.resolve() / "exports" / export.name
        with told(context), reading(settings) as (reader, _):
            written = [
                export.write(reader, out, each.period, label=each.label, decimals=DECIMALS)
                for each in _due(reader, out)
            ]
        return dg.MaterializeResult(
            metadata={
                "folders": dg.MetadataValue.md(
                    "\n".join(f"- {one.folder}" for one in written) or "nothing is complete"
                ),
                "rows": sum(file.rows for one in written for file in one.files),
                "totals": dg.MetadataValue.md(_totals(written)),
            }
        )

    return write


def _due(reader: Reader, out: Path) -> Iterator[Chosen]:
    week = reader.weekly()
    if week.is_complete:
        yield chosen_period(reader, None, week.week_start)
    try:
        month = chosen_period(reader, None, None)
    except NoSuchPeriod:
        return
    if not (out / month.label).exists():
        yield month


def _totals(written: list[Written]) -> str:
    """One line per amount that may be summed, as in the files' own manifest."""
    rows = [
        f"| {one.folder.name} | {file.name} | {column} | {total:f} |"
        for one in written
        for file in one.files
        for column, total in file.totals.items()
        if column.endswith("_usd")
    ]
    return "\n".join(["| period | file | column | total |\n| :-- | :-- | :-- | --: |", *rows])


def definitions(_: Settings) -> dg.Definitions:
    return dg.Definitions(assets=[export_asset(export) for export in discover().values()])
