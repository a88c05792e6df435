"""Commands that bring records in: ingest, quarantine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from pipelines.cli.app import USAGE, Config, Json, Strict, app, out, stop
from pipelines.cli.printing import exit_for_files, print_files, print_json, short
from pipelines.cli.progress import progress_bars
from pipelines.settings import Settings, load_settings


@app.command()
def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Log or feed files, folders or globs, also s3://, gs://, az://, postgresql://; default: those of the "
            "configuration."
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Log format, if it is not to be recognised from content.")] = None,
    feed: Annotated[
        str | None, typer.Option(help="Business feed, if it is not to be recognised from name or content.")
    ] = None,
    explain: Annotated[
        str | None, typer.Option(help="Show how a file, or what a name stands for, would be read; land nothing.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Show what has landed so far; land nothing.")] = False,
    strict: Strict = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Land log and feed files in the lake, each exactly once."""
    from pipelines.run import ingest_names

    settings = load_settings(config)
    if explain is not None:
        _print_explanation(settings, explain, source, feed, as_json)
        return
    if status:
        _print_status(settings, as_json)
        return
    names = list(paths or settings.inputs)
    if not names:
        stop(
            "Nothing to ingest: name files or folders, or set `logs`, `feeds`, `litellm_databases` or `sql_feeds` in "
            "margincall.toml.",
            USAGE,
        )
    with progress_bars(as_json) as progress:
        results = ingest_names(settings, names, progress, source=source, feed=feed)
    print_files(results, as_json)
    exit_for_files(results, strict)


@app.command()
def quarantine(
    file: Annotated[str | None, typer.Option(help="Only rows of files whose path contains this.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to list.")] = 50,
    replay: Annotated[bool, typer.Option("--replay", help="Read the files that have such rows again.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the rows that could not be read, with file, line and reason; read their files again with --replay."""
    from pipelines.landing.replay import listed, replay_files

    settings = load_settings(config)
    if replay:
        with progress_bars(as_json) as progress:
            results = replay_files(settings, file, progress)
        print_files(results, as_json)
        exit_for_files(results, strict=False)
        return
    rows = listed(settings, file)
    if as_json:
        print_json({"total": len(rows), "rows": [vars(row) for row in rows[:limit]]})
        return
    table = Table("file", "line", "reason", "record (texts replaced)")
    for row in rows[:limit]:
        table.add_row(short(row.file), str(row.line), row.reason, row.body[:80])
    out.print(table if rows else "Quarantine is empty.")
    if len(rows) > limit:
        out.print(f"… and {len(rows) - limit:,} more; --limit shows them.")


def _print_explanation(settings: Settings, name: str, source: str | None, feed: str | None, as_json: bool) -> None:
    from pipelines.landing.explain import explain

    explanation = explain(settings, name, source, feed)
    if as_json:
        print_json(explanation.as_data())
    else:
        explanation.print_to(out)


def _print_status(settings: Settings, as_json: bool) -> None:
    from pipelines.landing.status import landing_status

    status = landing_status(settings)
    if as_json:
        print_json(status.as_data())
    else:
        status.print_to(out)
