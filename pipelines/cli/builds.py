"""Commands that make marts: demo, build, run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.app import USAGE, Config, Json, Strict, app, err, out, stop
from pipelines.cli.figures import print_weekly
from pipelines.cli.printing import build_sentence, exit_for_files, file_data, print_files, print_json, short
from pipelines.cli.progress import progress_bars
from pipelines.settings import load_settings

if TYPE_CHECKING:
    from pipelines.building.build import BuildResult


@app.command()
def demo(config: Config = None, as_json: Json = False) -> None:
    """A sample company from its logs to its weekly unit economics, in a data folder of its own."""
    from pipelines.demo import run_demo

    with progress_bars(as_json) as progress:
        settings, _ = run_demo(load_settings(config), progress)
    print_weekly(settings, None, as_json)
    if not as_json:
        err.print(f"Everything is under {short(settings.data_dir)}. Your own logs next: margincall init", style="dim")


@app.command()
def build(
    full: Annotated[bool, typer.Option("--full", help="Rebuild every day from the lake.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Bring the published marts up to date with the lake."""
    from pipelines.building.build import build as run_build

    settings = load_settings(config)
    with progress_bars(as_json) as progress:
        result = run_build(settings, full=full, progress=progress)
    if as_json:
        print_json(vars(result))
    else:
        out.print(build_sentence(result))
        _print_notices(result)


@app.command()
def run(strict: Strict = False, config: Config = None, as_json: Json = False) -> None:
    """Ingest what the configuration names, then build: what a scheduler calls."""
    from pipelines.run import run as run_all

    settings = load_settings(config)
    if not settings.inputs:
        stop("Nothing to run: set `logs` and `feeds` in margincall.toml (`margincall init` writes one).", USAGE)
    with progress_bars(as_json) as progress:
        result = run_all(settings, progress)
    if as_json:
        print_json({"files": [file_data(item) for item in result.files], "build": vars(result.build)})
    else:
        print_files(result.files, as_json)
        out.print(build_sentence(result.build))
        _print_notices(result.build)
    exit_for_files(result.files, strict)


def _print_notices(result: BuildResult) -> None:
    for notice in result.notices:
        err.print(notice, markup=False, soft_wrap=True)
