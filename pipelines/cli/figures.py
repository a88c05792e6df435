"""Commands that show figures: report, query."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer
from rich.table import Table

from pipelines.cli.app import USAGE, Config, Json, app, out, stop
from pipelines.cli.printing import print_csv, print_json
from pipelines.settings import Settings, load_settings

report_app = typer.Typer(help="Reports over the published marts.", no_args_is_help=True)
app.add_typer(report_app, name="report")


@report_app.command("weekly")
def report_weekly(
    week: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Any day of the week; default: the latest complete one."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The weekly unit-economics view."""
    print_weekly(load_settings(config), week.date() if week else None, as_json)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the published marts.")],
    config: Config = None,
    as_json: Json = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print CSV; a text that a spreadsheet would run gets an apostrophe in front.")
    ] = False,
) -> None:
    """Ask the published marts in SQL, read-only."""
    from warehouse.reader import Reader

    if as_json and as_csv:
        stop("--json and --csv exclude each other.", USAGE)
    reader = Reader(load_settings(config).data_dir)
    answer = reader.query(sql)
    reader.close()
    if as_json:
        print_json({"columns": list(answer.columns), "rows": [list(row) for row in answer.rows]})
        return
    if as_csv:
        print_csv(answer.columns, answer.rows)
        return
    table = Table(*answer.columns)
    for row in answer.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)


def print_weekly(settings: Settings, week: date | None, as_json: bool) -> None:
    from pipelines.economics.intervals import ratio_interval
    from pipelines.report import as_json as report_json
    from pipelines.report import as_table
    from warehouse.control import Control
    from warehouse.reader import Period, Reader
    from warehouse.shown import weekly_as_shown

    reader, control = Reader(settings.data_dir), Control(settings.control_url)
    try:
        shown = weekly_as_shown(reader, control, week)
        interval = ratio_interval(reader.cost_and_successes(Period.week(shown.week_start)))
    finally:
        reader.close()
        control.close()
    if as_json:
        print_json(report_json(shown, interval))
    else:
        out.print(as_table(shown, interval))
