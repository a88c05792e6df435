"""Commands of alerts: check, list, acknowledge."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.cli.app import FAILED, Config, Json, app, out
from pipelines.cli.printing import print_json
from pipelines.settings import load_settings

alerts_app = typer.Typer(help="Budgets, floors and findings, told once each.", no_args_is_help=True)
app.add_typer(alerts_app, name="alerts")


@alerts_app.command("check")
def alerts_check(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would fire; keep and send nothing.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Judge what is published, tell what is new, send again what could not be sent. Exits 1 if something was not delivered."""
    from pipelines.alerts.check import check
    from pipelines.alerts.report import checked_json, checked_lines
    from warehouse.control import Control
    from warehouse.reader import Reader

    settings = load_settings(config)
    reader, control = Reader(settings.data_dir), Control(settings.control_url)
    try:
        checked = check(settings, reader, control, is_dry=dry_run)
    finally:
        reader.close()
        control.close()
    if as_json:
        print_json(checked_json(checked, is_dry=dry_run))
    else:
        for line in checked_lines(checked, is_dry=dry_run):
            out.print(line, markup=False, soft_wrap=True)
    if checked.has_failed:
        raise typer.Exit(FAILED)


@alerts_app.command("list")
def alerts_list(
    show_all: Annotated[bool, typer.Option("--all", help="Also those that are over or acknowledged.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Alerts that hold and that nobody has acknowledged, as of the last check."""
    from pipelines.alerts import state
    from pipelines.alerts.report import known_json, known_table
    from warehouse.control import Control

    control = Control(load_settings(config).control_url)
    try:
        alerts = state.listed(control, with_closed=show_all)
    finally:
        control.close()
    if as_json:
        print_json(known_json(alerts))
    elif alerts:
        out.print(known_table(alerts))
    else:
        out.print("No alert has fired." if show_all else "No alert is open.")


@alerts_app.command("acknowledge")
def alerts_acknowledge(
    key: Annotated[str, typer.Argument(help="As `alerts list` shows it.")],
    by: Annotated[str, typer.Option("--as", help="Who takes it on.")],
    note: Annotated[str | None, typer.Option(help="What will be done.")] = None,
    config: Config = None,
) -> None:
    """Take an alert on: it leaves the list, and a finding is not told again."""
    from pipelines.alerts import state
    from warehouse.control import Control

    control = Control(load_settings(config).control_url)
    try:
        alert = state.acknowledge(control, key, by, note, datetime.now(UTC))
    finally:
        control.close()
    at = str(alert.acknowledged_at)[:16].replace("T", " ")
    out.print(f"{alert.key}: taken by {alert.acknowledged_by} since {at} UTC.", markup=False, soft_wrap=True)
