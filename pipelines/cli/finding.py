"""Commands about findings: the list, show, acknowledge, done, reopen."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.app import USAGE, Config, Json, app, out, stop
from pipelines.cli.printing import print_json
from pipelines.settings import load_settings

if TYPE_CHECKING:
    from pipelines.findings.judged import Judged
    from warehouse.control import Control
    from warehouse.finding_states import State
    from warehouse.reader import Reader

findings_app = typer.Typer(
    help="What a person should look at: where money is lost, since when, and what to do about it."
)
app.add_typer(findings_app, name="findings")

Id = Annotated[str, typer.Argument(help="Id of the finding, or the beginning of it.", metavar="ID")]
Who = Annotated[str, typer.Option("--as", help="Who says so, as cfo@example.com.", metavar="WHO")]
Note = Annotated[str | None, typer.Option("--note", help="What for: kept beside it.")]
_ANY = "all"


@findings_app.callback(invoke_without_command=True)
def findings(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="Of this kind alone, as retry_storm.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone.")] = None,
    state: Annotated[
        str, typer.Option(help="open (also what is done and still seen), acknowledged, done, or all.")
    ] = "open",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write them to this file instead.", metavar="FILE")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What a person should look at, the dearest first."""
    if context.invoked_subcommand is not None:
        return
    from pipelines import finding_report
    from pipelines.findings.evidence import CONDITIONS
    from warehouse.finding_states import STATES

    if kind is not None and kind not in CONDITIONS:
        stop(f"No kind {kind}. Kinds: {', '.join(sorted(CONDITIONS))}.", USAGE)
    if state not in (*STATES, _ANY):
        stop(f"No state {state}. States: {', '.join((*STATES, _ANY))}.", USAGE)
    with _opened(config) as (_, _, everything):
        found = [
            one
            for one in everything
            if kind in (None, one.finding.kind) and tenant in (None, one.finding.tenant_id) and _is_in(one, state)
        ]
    if csv is not None:
        _write(csv, found)
        out.print(f"{csv}: {len(found)} findings", markup=False)
    elif as_json:
        print_json({"findings": [finding_report.as_data(one) for one in found]})
    elif found:
        out.print(finding_report.as_table(found))
        out.print(
            f"{len(found)} finding{'' if len(found) == 1 else 's'}. Their dollars overlap and are never added up. "
            "`margincall findings show ID` says more."
        )
    else:
        out.print("No findings." if state == _ANY else f"No findings that are {state}.")


@findings_app.command()
def show(
    finding: Id,
    rows: Annotated[int, typer.Option(min=0, max=1000, help="Requests to show.")] = 5,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """One finding, what to do about it, and the requests behind it down to file and line."""
    from pipelines import finding_report
    from pipelines.explain.origins import origins
    from pipelines.findings import evidence
    from pipelines.findings.judged import the_one

    with _opened(config) as (reader, control, everything):
        one = the_one(everything, finding)
        requests = evidence.requests_of(reader, one.finding, rows)
        places = origins(control, [(row.landing_id, row.source_line) for row in requests])
    sql = evidence.sql_of(one.finding)
    if as_json:
        told = [finding_report.request_data(row, places.get((row.landing_id, row.source_line))) for row in requests]
        said = [vars(word) for word in one.said]
        print_json({**finding_report.as_data(one), "said": said, "sql": sql, "requests": told})
        return
    for line in finding_report.as_lines(one, requests, sql, places):
        out.print(line, soft_wrap=True)


@findings_app.command()
def acknowledge(finding: Id, said_by: Who, note: Note = None, config: Config = None) -> None:
    """Somebody has seen it and looks after it."""
    _say(finding, "acknowledged", said_by, note, config)


@findings_app.command()
def done(finding: Id, said_by: Who, note: Note = None, config: Config = None) -> None:
    """It is mended. Seen on a later day, it is listed again as still seen."""
    _say(finding, "done", said_by, note, config)


@findings_app.command()
def reopen(finding: Id, said_by: Who, note: Note = None, config: Config = None) -> None:
    """It was not seen to after all."""
    _say(finding, "open", said_by, note, config)


def _say(wanted: str, state: State, said_by: str, note: str | None, config: Path | None) -> None:
    from pipelines.findings.judged import place_md5, since_of, the_one
    from warehouse.finding_states import say

    if not said_by.strip():
        stop("--as needs a name.", USAGE)
    with _opened(config) as (_, control, everything):
        one = the_one(everything, wanted)
        since = one.said[-1].since if one.said else since_of(one.finding)
        say(control, one.finding_id, place_md5(one.finding), since, state, said_by.strip(), note)
    out.print(f"{one.finding_id}: {state}, by {said_by.strip()}.", markup=False)


@contextmanager
def _opened(config: Path | None) -> Generator[tuple[Reader, Control, list[Judged]]]:
    """The reader, the control database, and all findings with what was said of them."""
    from pipelines.findings.known import known
    from warehouse.control import Control
    from warehouse.reader import Reader

    settings = load_settings(config)
    reader, control = Reader(settings.data_dir), Control(settings.control_url)
    try:
        yield reader, control, known(reader, control, settings.findings)
    finally:
        reader.close()
        control.close()


def _is_in(one: Judged, state: str) -> bool:
    return state in (_ANY, one.state) or (state == "open" and one.is_open)


def _write(path: Path, found: list[Judged]) -> None:
    """As files for finance: cells that a spreadsheet would run are made harmless."""
    import csv

    from pipelines.exports.csv_file import cell
    from pipelines.finding_report import COLUMNS, as_data

    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([cell(value) for value in as_data(one).values()] for one in found)
