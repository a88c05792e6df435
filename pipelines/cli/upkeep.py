"""Commands that set up and look after an installation: init, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pipelines.cli.app import FAILED, USAGE, Config, Json, app, out, stop
from pipelines.cli.printing import print_json
from pipelines.settings import load_settings


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write margincall.toml.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented margincall.toml."""
    from pipelines.config_template import TEMPLATE

    path = folder / "margincall.toml"
    if path.exists() and not force:
        stop(f"{path} is there already. --force replaces it.", USAGE)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE)
    out.print(f"Wrote {path}. Put logs into {folder / 'logs'} (or name their folder in it), then: margincall run")


@app.command()
def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Also read every byte of the lake against its hash.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check the installation, the data folder, the ledger and what is published; say how to mend what is not well."""
    from pipelines.doctor import examine

    checks = examine(load_settings(config), is_deep=deep)
    if as_json:
        print_json({"checks": [vars(check) for check in checks]})
    else:
        table = Table("", "check", "found", "what to do")
        for check in checks:
            table.add_row("✓" if check.is_well else "✗", check.name, check.detail, "" if check.is_well else check.mend)
        out.print(table)
    if not all(check.is_well for check in checks):
        raise typer.Exit(FAILED)
