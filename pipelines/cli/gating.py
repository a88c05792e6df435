"""The command that compares two evaluation runs: gate."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.app import FAILED, THRESHOLD, USAGE, Config, Json, app, err, out, stop
from pipelines.cli.printing import print_json, short
from pipelines.cli.progress import progress_bars
from pipelines.settings import Gate, Settings, load_settings

Limit = Annotated[str | None, typer.Option(metavar="FRACTION", help="0.05 is 5%; default: [gate] of the settings.")]


@app.command()
def gate(
    baseline: Annotated[Path, typer.Argument(help="The run to compare with: a log file or a folder of them.")],
    candidate: Annotated[Path, typer.Argument(help="The run that has to pass.")],
    outcomes: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Outcome files of baseline and candidate, where the runs do not hold them.", metavar="B C"),
    ] = None,
    max_success_drop: Limit = None,
    max_cost_per_success_increase: Limit = None,
    max_cost_per_task_increase: Limit = None,
    max_tokens_increase: Limit = None,
    max_p95_increase: Limit = None,
    decide_by: Annotated[
        str | None, typer.Option(help="estimate, or interval: over only where the whole interval is.")
    ] = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Judge costs that are lower bounds.")
    ] = False,
    allow_unjudged: Annotated[
        bool, typer.Option("--allow-unjudged", help="Judge runs in which tasks have no outcome.")
    ] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Pass without cases that only the baseline has.")
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(help="Also write the result as Markdown, for a pull request.", metavar="FILE")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Compare two evaluation runs of one suite, priced as your company pays; exit 3 if the candidate got too dear or too bad."""
    from pipelines.economics.gate import Allowed
    from pipelines.gate import report
    from pipelines.gate.gate import Asked, GateError
    from pipelines.gate.gate import gate as run_gate

    given = {
        "max_success_drop": max_success_drop,
        "max_cost_per_success_increase": max_cost_per_success_increase,
        "max_cost_per_task_increase": max_cost_per_task_increase,
        "max_tokens_increase": max_tokens_increase,
        "max_p95_increase": max_p95_increase,
        "decide_by": decide_by,
    }
    settings = _with(load_settings(config), {name: text for name, text in given.items() if text is not None})
    allowed = Allowed(allow_unpriced, allow_unjudged, allow_missing)
    try:
        with progress_bars(as_json) as progress:
            answer = run_gate(settings, Asked(baseline, candidate, outcomes), allowed, progress)
    except GateError as error:
        stop(str(error), FAILED)
    if markdown is not None:
        markdown.write_text(report.as_markdown(answer), encoding="utf-8")
    if as_json:
        print_json(report.as_json(answer))
    else:
        out.print(report.headline(answer), markup=False, soft_wrap=True)
        out.print(report.as_table(answer))
        for fact in report.facts(answer):
            out.print(fact, markup=False, soft_wrap=True)
        if markdown is not None:
            err.print(f"Wrote {short(markdown)}", markup=False, soft_wrap=True)
    if not answer.comparison.is_passed:
        raise typer.Exit(THRESHOLD)


def _with(settings: Settings, given: dict[str, str]) -> Settings:
    """The settings with limits from the command line, held to the rules of the settings."""
    from pydantic import ValidationError

    try:
        rules = Gate.model_validate(settings.gate.model_dump() | {k: _typed(k, text) for k, text in given.items()})
    except ValidationError as error:
        told = [f"--{str(item['loc'][0]).replace('_', '-')}: {item['msg']}" for item in error.errors()]
        stop("\n".join(told), USAGE)
    return settings.model_copy(update={"gate": rules})


def _typed(name: str, text: str) -> str | Decimal:
    if name == "decide_by":
        return text
    try:
        return Decimal(text)
    except InvalidOperation:
        stop(f"--{name.replace('_', '-')}: {text!r} is no fraction; 0.05 is 5%", USAGE)
