"""The command that looks ahead: forecast."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import Config, Json, app, out
from pipelines.cli.printing import print_json
from pipelines.settings import load_settings


@app.command()
def forecast(
    weeks: Annotated[int, typer.Option(min=1, max=13, help="Weeks ahead.")] = 4,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone; default: of the company.")] = None,
    top: Annotated[int, typer.Option(min=0, help="Tenants to show, the dearest first; --json has all.")] = 10,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The next weeks' revenue, cost and profit, in total and by tenant, the month's end, and how such forecasts did."""
    from pipelines import forecast_report
    from pipelines.forecast import outlook
    from warehouse.reader import Reader

    settings = load_settings(config)
    reader = Reader(settings.data_dir)
    try:
        found = outlook(reader, weeks, tenant=tenant, plan_usd=settings.targets.month_cost_plan_usd)
    finally:
        reader.close()
    if as_json:
        print_json(forecast_report.as_json(found))
        return
    for part in forecast_report.as_text(found, top):
        out.print(part, soft_wrap=isinstance(part, str))
