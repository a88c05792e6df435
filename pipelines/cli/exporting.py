"""Commands that write files for other people's tools: export."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pipelines.cli.app import FAILED, USAGE, Config, Json, app, err, out, stop
from pipelines.cli.printing import print_json, short
from pipelines.settings import load_settings

export_app = typer.Typer(help="Files for other people's tools, from the published marts.", no_args_is_help=True)
app.add_typer(export_app, name="export")

_SIGNS = {"at_least": "≥ ", "at_most": "≤ "}


@export_app.command()
def finance(
    period: Annotated[
        str | None, typer.Option(help="A month: 2026-10; default: the last complete one.", metavar="YYYY-MM")
    ] = None,
    week: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Instead of a month, the week that holds this day.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Where the folder of the period goes; default: exports/finance in the data folder."),
    ] = None,
    decimals: Annotated[int, typer.Option(min=2, max=12, help="Of amounts; unit prices and ratios have 12.")] = 6,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """CSV for finance with a manifest: weekly view, tenants' margins, costs by feature and model, cost per successful task."""
    from pipelines.exports import ExportError
    from pipelines.exports.finance import export_finance
    from pipelines.exports.periods import NoSuchPeriod, chosen_period, gaps
    from warehouse.reader import Reader

    settings = load_settings(config)
    reader = Reader(settings.data_dir)
    try:
        chosen = chosen_period(reader, period, week.date() if week else None)
        where = folder or settings.data_dir / "exports" / "finance"
        written = export_finance(reader, where, chosen.period, label=chosen.label, decimals=decimals)
        warnings = gaps(reader.state(), chosen.period)
    except NoSuchPeriod as error:
        stop(str(error), USAGE)
    except ExportError as error:
        stop(str(error), FAILED)
    finally:
        reader.close()
    for warning in warnings:
        err.print(f"Warning: {warning}", style="yellow", soft_wrap=True)
    if as_json:
        print_json({"folder": str(written.folder), **written.manifest})
    else:
        _print_written(written.folder, written.manifest)


def _print_written(folder: Path, manifest: dict[str, Any]) -> None:
    table = Table("file", "rows", "amount", "total")
    for column in (1, 3):
        table.columns[column].justify = "right"
    for file in manifest["files"]:
        amounts = {name: total for name, total in file["column_totals"].items() if name.endswith("_usd")}
        signs = file["column_bounds"]
        rows = [(name, f"{_SIGNS.get(signs.get(name), '')}{Decimal(total):,}") for name, total in amounts.items()]
        rows = rows or [("", "")]
        for position, cells in enumerate(rows):
            table.add_row(*((file["name"], f"{file['rows']:,}") if position == 0 else ("", "")), *cells)
    out.print(table)
    out.print(f"Wrote {short(folder)}", soft_wrap=True, markup=False)
