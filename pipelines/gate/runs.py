"""An evaluation run as the models see it: landed and priced in a scratch folder with the company's settings and price book.

Only what a task needs is built: `fct_task` and what stands before it, with their checks. Nothing of the company's data folder is
written; its price book is read from there where one is pinned, so that a run costs what the company pays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb

from pipelines.building.dbt import DbtFailed, run_dbt
from pipelines.building.inputs import write_inputs
from pipelines.building.prices import books
from pipelines.building.prices.books import Candidate
from pipelines.economics.gate import Trial, case_of
from pipelines.landing import quarantine
from pipelines.landing.land import FileResult
from pipelines.run import ingest_names
from pipelines.settings import Control as ControlSettings
from pipelines.settings import Settings
from warehouse import lake
from warehouse.connection import warehouse
from warehouse.control import Control
from warehouse.lake import Lake
from warehouse.planner import Marks, Plan

Progress = Callable[[str, int, int], None]
_SHOWN = 5
_PICO = 12


class GateError(Exception):
    """The runs cannot be compared; the message says why and what to do."""


@dataclass(frozen=True)
class Unpriced:
    """Requests of a task that have no full price, for one reason."""

    provider_name: str
    model: str
    reason: str
    requests: int


@dataclass(frozen=True)
class Run:
    """One evaluation run. `untasked_*`: requests that belong to no task, and so to no case; what they cost, as far as known."""

    name: str
    trials: tuple[Trial, ...]
    requests: int
    cache_hits: int
    untasked_requests: int
    untasked_cost_usd: Decimal
    unpriced: tuple[Unpriced, ...]
    passed_over: tuple[str, ...]
    """Files of a folder that no reader knows, each with why."""
    price_book_id: str


def read_run(
    settings: Settings, name: str, inputs: Iterable[str], outcomes: str | None, separator: str, progress: Progress
) -> Run:
    """Land and price one run's files. Raises GateError, and what fetching, landing, prices and the control database raise."""
    chosen = _price_book(settings)
    with tempfile.TemporaryDirectory(prefix="margincall-gate-") as folder:
        scratch = _scratch(settings, Path(folder) / "var")
        landed = ingest_names(scratch, inputs, progress)
        if outcomes is not None:
            landed += ingest_names(scratch, [outcomes], progress, feed="task_outcomes")
        passed_over = _checked(scratch, name, landed)
        control = Control(scratch.control_url)
        try:
            _build(scratch, control, name, chosen, progress)
        finally:
            control.close()
        with warehouse(scratch.data_dir / "warehouse.duckdb") as database:
            return _run(database, name, separator, passed_over, chosen.book.price_book_id)


def _price_book(settings: Settings) -> Candidate:
    """The book that the company's next build would price with; of installed prices where nothing was ever built."""
    if settings.control.url is None and not (settings.data_dir.resolve() / "control.sqlite").exists():
        # Opening the control database would make one, in a folder that is not ours to make.
        with tempfile.TemporaryDirectory(prefix="margincall-gate-") as folder:
            empty = Control(_scratch(settings, Path(folder)).control_url)
            try:
                return books.candidate(settings, empty)
            finally:
                empty.close()
    control = Control(settings.control_url)
    try:
        return books.candidate(settings, control)
    finally:
        control.close()


def _scratch(settings: Settings, data_dir: Path) -> Settings:
    """The company's settings with all state elsewhere; ids are hashed with a key of the scratch folder's own."""
    privacy = settings.privacy.model_copy(update={"hash_key_env": None})
    return settings.at(data_dir).model_copy(update={"control": ControlSettings(), "privacy": privacy})


def _checked(settings: Settings, name: str, landed: list[FileResult]) -> tuple[str, ...]:
    """What was passed over; a row or a file that cannot be read would make the figures those of another run."""
    failed = [file.message or file.path for file in landed if file.state in ("failed", "busy")]
    if failed:
        raise GateError(f"{name}: " + "\n".join(failed[:_SHOWN]))
    count = sum(file.counts.quarantined for file in landed)
    if count:
        folder = quarantine.folder(settings.data_dir)
        rows = quarantine.read(settings.data_dir, sorted(path.stem for path in folder.glob("*.jsonl")))
        told = [f"  {row.file}:{row.line}: {row.reason}" for row, _ in zip(rows, range(_SHOWN), strict=False)]
        left = [f"  and {count - len(told)} more"] if count > len(told) else []
        raise GateError("\n".join([f"{name}: {count} rows cannot be read.", *told, *left]))
    return tuple(f"{file.path}: {file.message}" for file in landed if file.state in ("unknown", "empty"))


def _build(settings: Settings, control: Control, name: str, chosen: Candidate, progress: Progress) -> None:
    data_dir = settings.data_dir.resolve()
    books.adopt(settings, control, chosen, "gate")
    with control.read() as connection:
        files = tuple(file for dataset in lake.datasets() for file in lake.files(connection, dataset))
    days = frozenset(date.fromisoformat(file.day) for file in files if file.dataset == lake.REQUESTS and file.day)
    if not days:
        raise GateError(f"{name}: holds no request.")
    none: frozenset[date] = frozenset()
    plan = Plan("full", "gate", days, none, none, files, Marks(0, 0, 0))
    inputs = data_dir / "build" / "inputs"
    write_inputs(inputs, plan, settings, chosen.book, control, Lake(data_dir / "lake"))
    # Cautious: of the checks those that read nothing but what is built here.
    only = ["--select", "+fct_task", "--indirect-selection", "cautious"]
    command = ["build", "--exclude-resource-type", "unit_test", "--full-refresh", *only]
    try:
        run_dbt(command, data_dir=data_dir, warehouse=data_dir / "warehouse.duckdb", inputs=inputs, on_done=progress)
    except DbtFailed as error:
        raise GateError(f"{name}: could not be priced.\n{error}") from None


def _run(
    database: duckdb.DuckDBPyConnection, name: str, separator: str, passed_over: tuple[str, ...], price_book_id: str
) -> Run:
    # A request without usage has no price, so that what is missing of its tokens is said by its reason.
    tasks = database.execute(
        """with told as (
            select task_id, count(*) filter (where ended_at is null) as unended,
                count(*) filter (where pricing_reason in ('usage_missing', 'inconsistent_usage')) as untold
            from fct_llm_request_priced group by task_id
        )
        select task_id, outcome, llm_cost_pico + other_cost_pico, unpriced_attempts + partial_attempts + unconverted_events,
            input_tokens + output_tokens, untold, case when unended = 0 then duration_ms end
        from fct_task inner join told using (task_id) order by task_id"""
    ).fetchall()
    trials = tuple(
        Trial(
            case_of(task, separator),
            _usd(pico),
            None if outcome == "unknown" else outcome == "success",
            not unpriced,
            int(tokens),
            not untold,
            None if duration is None else int(duration),
        )
        for task, outcome, pico, unpriced, tokens, untold, duration in tasks
    )
    (counts,) = database.execute(
        """select count(*), count(*) filter (where is_gateway_cache_hit), count(*) filter (where not is_tasked),
            coalesce(sum(cost_pico) filter (where not is_tasked), 0)
        from (
            select *, coalesce(task_id in (select task_id from fct_task), false) as is_tasked from fct_llm_request_priced
        )"""
    ).fetchall()
    unpriced = database.execute(
        """select coalesce(provider_name, ''), coalesce(model, ''), coalesce(pricing_reason, pricing_status), count(*)
        from fct_llm_request_priced where pricing_status in ('unpriced', 'partial')
        group by all order by 4 desc, 1, 2, 3"""
    ).fetchall()
    if not trials:
        raise GateError(
            f"{name}: none of its {counts[0]} requests names a task. A task id is the case of the suite; "
            "say where your log keeps it in [sources.<name>] task_id, and see `margincall ingest --explain`."
        )
    facts = tuple(Unpriced(*row) for row in unpriced)
    return Run(name, trials, counts[0], counts[1], counts[2], _usd(counts[3]), facts, passed_over, price_book_id)


def _usd(pico: int | Decimal) -> Decimal:
    return Decimal(pico).scaleb(-_PICO)
