"""The command that explains a figure: explain."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from pipelines.cli.app import Config, Json, app, out
from pipelines.cli.printing import print_json
from pipelines.settings import load_settings


@app.command()
def explain(
    metric: Annotated[str, typer.Argument(help="Metric id, as gross_margin; `report weekly --json` lists them.")],
    week: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Any day of the week; default: the latest complete one."),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone; default: of the company.")] = None,
    rows: Annotated[int, typer.Option(min=0, max=1000, help="Rows to show of each kind behind the figure.")] = 5,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """How a figure comes about: its formula with the numbers, their SQL, and the rows behind them down to file and line."""
    from pipelines.explain import answer, show
    from warehouse.control import Control
    from warehouse.reader import Reader

    settings = load_settings(config)
    reader, control = Reader(settings.data_dir), Control(settings.control_url)
    try:
        told = answer.explain(settings.data_dir, reader, control, metric, week.date() if week else None, tenant, rows)
    finally:
        reader.close()
        control.close()
    if as_json:
        print_json(show.as_json(told))
        return
    for line in show.as_lines(told):
        out.print(line, soft_wrap=True)
