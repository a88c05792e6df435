"""The `margincall` command. Each sub-command reads its options, calls one function and prints what it returns.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 threshold not met (`--strict`: rows in quarantine), 4 locked,
130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipelines.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    help="Unit economics of AI features: what each successful task costs, and which tenants pay for themselves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
report_app = typer.Typer(help="Reports over the published marts.", no_args_is_help=True)
app.add_typer(report_app, name="report")

FAILED, USAGE, THRESHOLD, LOCKED, INTERRUPTED = 1, 2, 3, 4, 130

# A file or a pipe has no width of its own; 80 columns would break every table.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 118)
err = Console(stderr=True, highlight=False)

Config = Annotated[Path | None, typer.Option("--config", help="Configuration file; default: margincall.toml if there.")]
Json = Annotated[bool, typer.Option("--json", help="Print data instead of text; decimals as strings.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 3 if any row went to quarantine or a file is unknown.")]


def main() -> NoReturn:
    """Run the command; turn what a user can mend into a message and an exit code."""
    from pipelines.building.build import BuildError
    from pipelines.building.lock import Locked
    from pipelines.landing.detect import UnknownFormat
    from pipelines.landing.land import LandingError
    from pipelines.pricebook.book import PriceBookError
    from pipelines.sources import UnknownSource
    from warehouse.control import ControlError
    from warehouse.publish import PublishError
    from warehouse.reader import NoSuchWeek, NothingPublished, QueryError

    usage = (SettingsError, UnknownSource, NoSuchWeek, QueryError)
    failures = (LandingError, UnknownFormat, BuildError, ControlError, PriceBookError, PublishError, NothingPublished)
    try:
        app()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # what the command library makes of Ctrl-C
            _stop("Interrupted. Nothing is lost: the same command goes on where this one stopped.", INTERRUPTED)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except usage as error:
        _stop(str(error), USAGE)
    except Locked as error:
        _stop(str(error), LOCKED)
    except failures as error:
        _stop(str(error), FAILED)
    except OSError as error:
        _stop(f"{error.filename or 'data folder'}: {error.strerror or error}", FAILED)
    raise SystemExit(0)


@app.command()
def demo(config: Config = None, as_json: Json = False) -> None:
    """A sample company from its logs to its weekly unit economics, in a data folder of its own."""
    from pipelines.demo import run_demo

    with _progress(as_json) as progress:
        settings, _ = run_demo(load_settings(config), progress)
    _print_weekly(settings, None, as_json)
    if not as_json:
        err.print(f"Everything is under {_short(settings.data_dir)}. Your own logs next: margincall init", style="dim")


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write margincall.toml.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented margincall.toml."""
    from pipelines.config_template import TEMPLATE

    path = folder / "margincall.toml"
    if path.exists() and not force:
        _stop(f"{path} is there already. --force replaces it.", USAGE)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(TEMPLATE)
    out.print(f"Wrote {path}. Put logs into {folder / 'logs'} (or name their folder in it), then: margincall run")


@app.command()
def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Log or feed files, folders or globs; default: those of the configuration."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Log format, if it is not to be recognised from content.")] = None,
    feed: Annotated[
        str | None, typer.Option(help="Business feed, if it is not to be recognised from name or content.")
    ] = None,
    explain: Annotated[Path | None, typer.Option(help="Show how a file would be read; land nothing.")] = None,
    status: Annotated[bool, typer.Option("--status", help="Show what has landed so far; land nothing.")] = False,
    strict: Strict = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Land log and feed files in the lake, each exactly once."""
    from pipelines.run import ingest_names

    settings = load_settings(config)
    if explain is not None:
        _print_explanation(settings, explain, source, as_json)
        return
    if status:
        _print_status(settings, as_json)
        return
    names = list(paths or [*settings.logs, *settings.feeds])
    if not names:
        _stop("Nothing to ingest: name files or folders, or set `logs` and `feeds` in margincall.toml.", USAGE)
    with _progress(as_json) as progress:
        results = ingest_names(settings, names, progress, source=source, feed=feed)
    _print_files(results, as_json)
    _exit_for_files(results, strict)


@app.command()
def build(
    full: Annotated[bool, typer.Option("--full", help="Rebuild every day from the lake.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Bring the published marts up to date with the lake."""
    from pipelines.building.build import build as run_build

    settings = load_settings(config)
    with _progress(as_json) as progress:
        result = run_build(settings, full=full, progress=progress)
    if as_json:
        _print_json(vars(result))
    else:
        out.print(_build_sentence(result))


@app.command()
def run(strict: Strict = False, config: Config = None, as_json: Json = False) -> None:
    """Ingest what the configuration names, then build: what a scheduler calls."""
    from pipelines.run import run as run_all

    settings = load_settings(config)
    if not settings.logs and not settings.feeds:
        _stop("Nothing to run: set `logs` and `feeds` in margincall.toml (`margincall init` writes one).", USAGE)
    with _progress(as_json) as progress:
        result = run_all(settings, progress)
    if as_json:
        _print_json({"files": [_file(item) for item in result.files], "build": vars(result.build)})
    else:
        _print_files(result.files, as_json)
        out.print(_build_sentence(result.build))
    _exit_for_files(result.files, strict)


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
    _print_weekly(load_settings(config), week.date() if week else None, as_json)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the published marts.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask the published marts in SQL, read-only."""
    from warehouse.reader import Reader

    reader = Reader(load_settings(config).data_dir)
    answer = reader.query(sql)
    reader.close()
    if as_json:
        _print_json({"columns": list(answer.columns), "rows": [list(row) for row in answer.rows]})
        return
    table = Table(*answer.columns)
    for row in answer.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    out.print(table)


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
        with _progress(as_json) as progress:
            results = replay_files(settings, file, progress)
        _print_files(results, as_json)
        _exit_for_files(results, strict=False)
        return
    rows = listed(settings, file)
    if as_json:
        _print_json({"total": len(rows), "rows": [vars(row) for row in rows[:limit]]})
        return
    table = Table("file", "line", "reason", "record (texts replaced)")
    for row in rows[:limit]:
        table.add_row(_short(row.file), str(row.line), row.reason, row.body[:80])
    out.print(table if rows else "Quarantine is empty.")
    if len(rows) > limit:
        out.print(f"… and {len(rows) - limit:,} more; --limit shows them.")


@app.command()
def doctor(config: Config = None, as_json: Json = False) -> None:
    """Check the installation, the data folder, the ledger and what is published; say how to mend what is not well."""
    from pipelines.doctor import examine

    checks = examine(load_settings(config))
    if as_json:
        _print_json({"checks": [vars(check) for check in checks]})
    else:
        table = Table("", "check", "found", "what to do")
        for check in checks:
            table.add_row("✓" if check.is_well else "✗", check.name, check.detail, "" if check.is_well else check.mend)
        out.print(table)
    if not all(check.is_well for check in checks):
        raise typer.Exit(FAILED)


def _print_weekly(settings: Settings, week: date | None, as_json: bool) -> None:
    from pipelines.report import as_json as report_json
    from pipelines.report import as_table, weekly_report
    from warehouse.control import Control
    from warehouse.reader import Reader

    reader, control = Reader(settings.data_dir), Control(settings.control_url)
    try:
        report = weekly_report(reader, control, week)
    finally:
        reader.close()
        control.close()
    if as_json:
        _print_json(report_json(report))
    else:
        out.print(as_table(report))


def _print_explanation(settings: Settings, path: Path, source: str | None, as_json: bool) -> None:
    from pipelines.landing.explain import explain_file

    explanation = explain_file(settings, path, source)
    if as_json:
        _print_json(explanation.as_data())
    else:
        explanation.print_to(out)


def _print_status(settings: Settings, as_json: bool) -> None:
    from pipelines.landing.status import landing_status

    status = landing_status(settings)
    if as_json:
        _print_json(status.as_data())
    else:
        status.print_to(out)


def _print_files(results: list[Any], as_json: bool) -> None:
    if as_json:
        _print_json({"files": [_file(result) for result in results]})
        return
    table = Table("file", "format", "state", "rows in", "landed", "duplicate", "quarantined")
    total = [0, 0, 0, 0]
    for result in results:
        counts = [result.counts.rows_in, result.counts.landed, result.counts.duplicate, result.counts.quarantined]
        if result.state == "landed":
            total = [a + b for a, b in zip(total, counts, strict=True)]
        if len(results) <= 30 or result.state not in ("landed", "already"):
            table.add_row(_short(result.path), result.source, result.state, *(f"{count:,}" for count in counts))
    table.add_section()
    new = sum(result.state == "landed" for result in results)
    table.add_row(f"{len(results)} files", "", f"{new} landed", *(f"{count:,}" for count in total))
    out.print(table)
    for result in results:
        if result.message and result.state in ("failed", "unknown", "busy"):
            where = "" if result.path in result.message else f"{_short(result.path)}: "
            err.print(where + result.message, markup=False)


def _file(result: Any) -> dict[str, Any]:
    told = {"path": result.path, "source": result.source, "state": result.state, "message": result.message}
    return told | vars(result.counts)


def _exit_for_files(results: list[Any], strict: bool) -> None:
    if any(result.state == "failed" for result in results):
        raise typer.Exit(FAILED)
    if strict and any(result.counts.quarantined or result.state == "unknown" for result in results):
        raise typer.Exit(THRESHOLD)


def _build_sentence(result: Any) -> str:
    if result.kind == "nothing":
        return f"Up to date: version {result.serving_n} is published and nothing changed."
    return f"Published version {result.serving_n}: {result.kind} build of {result.days} days ({result.reason})."


_KINDS = ("sample company", "ingest", "prices", "publish")


@contextmanager
def _progress(quiet: bool) -> Generator[Callable[[str, int, int], None]]:
    """A bar per kind of work on standard error; none where nobody looks."""
    if quiet or not err.is_terminal:
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bars:
        current: list[Any] = [None, None]

        def tell(what: str, done: int, total: int) -> None:
            kind = what if what in _KINDS else "models and checks"
            if current[0] != kind:
                current[:] = [kind, bars.add_task(kind, total=total)]
            bars.update(
                current[1], completed=done, total=total, description=kind if kind == what else f"{kind}: {what}"
            )

        yield tell


def _print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, default=_plain, ensure_ascii=False) + "\n")


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _short(path: str | Path) -> str:
    """A path below the working folder without it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _stop(message: str, code: int) -> NoReturn:
    err.print(message, markup=False, soft_wrap=True)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
