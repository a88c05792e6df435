"""The command that holds claims against what came of them: savings."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.app import Config, Json, app, out
from pipelines.cli.printing import print_json
from pipelines.cli.progress import progress_bars
from pipelines.settings import load_settings


@app.command()
def savings(
    change: Annotated[list[str] | None, typer.Argument(help="Ids of changes; default: all in the settings.")] = None,
    weeks_before: Annotated[int, typer.Option(min=1, max=13, help="Weeks before a change to compare with.")] = 4,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What changes of routes, caches, prompts, models and prices have saved, against what was claimed."""
    from pipelines.savings import report
    from pipelines.savings.measure import chosen, measure
    from warehouse.reader import Reader

    settings = load_settings(config)
    wanted = chosen(settings.changes, change or ())
    if not wanted:
        out.print(
            "No change is declared: a \\[\\[changes]] section of margincall.toml says what was done and since when."
        )
        return
    reader = Reader(settings.data_dir)
    try:
        with progress_bars(quiet=as_json) as told:

            def compared(done: int, total: int) -> None:
                told("compare weeks", done, total)

            measured = [measure(reader, one, settings.changes, weeks_before, compared) for one in wanted]
    finally:
        reader.close()
    if as_json:
        print_json(report.as_json(measured))
        return
    out.print(report.as_table(measured))
    for text in report.sentences(measured):
        out.print(text, markup=False, soft_wrap=True)
