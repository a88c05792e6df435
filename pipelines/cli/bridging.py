"""The command that says why the margin moved: bridge."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from pipelines.cli.app import Config, Json, app, out
from pipelines.cli.printing import print_json
from pipelines.settings import load_settings


@app.command()
def bridge(
    week: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Any day of the later week; default: the latest complete one."),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone.")] = None,
    feature: Annotated[str | None, typer.Option(help="Of this feature alone; then of cost, without revenue.")] = None,
    model: Annotated[str | None, typer.Option(help="Of this model alone; then of cost, without revenue.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Why gross profit moved since the week before: volume, caches, retries, models, prompts, prices, other cost, revenue."""
    from pipelines import bridge_report
    from pipelines.bridge import View, bridge_of_week
    from warehouse.reader import Reader

    view = View(tenant, feature, model)
    reader = Reader(load_settings(config).data_dir)
    try:
        period, found = bridge_of_week(reader, week.date() if week else None, view)
    finally:
        reader.close()
    if as_json:
        print_json(bridge_report.as_json(period, view, found))
    else:
        out.print(bridge_report.as_table(period, view, found))
