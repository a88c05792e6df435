"""A table's runs as the log, the outcomes and the costs that a company would have: for the product's ordinary readers.

logs/runs.jsonl            one canonical record per task: feature = run, model and tokens as published
feeds/task_outcomes.csv    how each task ended; nothing where the table does not say
feeds/cost_events.csv      the published cost, one event per task; nothing where nobody recorded one
prices.toml                the tokens are paid by that cost: nothing at contracted, their list price stays beside it
margincall.toml            what `margincall run` needs
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sample_data.published.columns import TableError
from sample_data.published.runs import PICO_PER_USD, Run

COMPONENT = "published_run"
"""Of the cost events: what a run cost as its authors measured it."""
UNRECORDED = "unrecorded"
"""Service tier of a run whose cost nobody recorded: no tier that the product knows, so that its cost is never complete."""
CONFIG = "margincall.toml"

_SETTINGS = """\
# Written by `python -m sample_data.published`; every other setting has its default.
config_version = 1
data_dir = "var"
logs = ["logs"]
feeds = ["feeds"]

[pricing]
company_prices = "prices.toml"
"""
_PRICES = """\
# What a run cost is published as a whole and comes as cost events. Its tokens cost nothing more: contracted price 0, while
# their list price stands beside it (`list_cost_pico`).
[[discount]]
provider = "*"
model = "*"
multiplier = "0"
"""
_OUTCOME_HEADER = ["outcome_id", "task_id", "outcome", "observed_at", "source"]
_EVENT_HEADER = ["event_id", "occurred_at", "task_id", "tenant_id", "feature", "component", "amount", "currency"]


def write_task_log(out: Path, tenant_id: str, runs: Iterable[Run], models: Mapping[str, str]) -> Path:
    """Write every run that can be logged; returns the configuration file. Same table, same bytes.

    Raises TableError where the folder holds the log of another table, which would stay in its books; OSError.
    """
    logged = [run for run in runs if run.is_logged]
    log = "".join(
        json.dumps(record, ensure_ascii=False) + "\n" for run in logged for record in _records(run, tenant_id)
    )
    files = {
        "logs/runs.jsonl": log,
        "feeds/task_outcomes.csv": _csv(_OUTCOME_HEADER, (row for run in logged for row in _outcomes(run))),
        "feeds/cost_events.csv": _csv(_EVENT_HEADER, (row for run in logged for row in _events(run, tenant_id))),
    }
    for name, text in files.items():
        there = out / name
        if there.exists() and there.read_bytes() != text.encode():
            raise TableError(f"{out} holds the log of another table, or of other options: choose a new folder")
    for name, text in (files | {"prices.toml": _prices(models), CONFIG: _SETTINGS}).items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(text.encode())
    return out / CONFIG


def even(total: int, parts: int) -> list[int]:
    """A whole number in so many whole parts that differ by one at most and add up to it; the larger ones first."""
    share, rest = divmod(total, parts)
    return [share + 1] * rest + [share] * (parts - rest)


def _records(run: Run, tenant_id: str) -> Iterator[dict[str, object]]:
    tasks = _count(run)
    tokens = zip(_parts(run.input_tokens, tasks), _parts(run.output_tokens, tasks), strict=True)
    for number, (inputs, outputs) in enumerate(tokens, start=1):
        started, ended = _times(run, number)
        yield {
            "source_record_id": _task_id(run, number),
            "task_id": _task_id(run, number),
            "started_at": _iso(started),
            "ended_at": _iso(ended),
            "tenant_id": tenant_id,
            "feature": run.name,
            "response_model": run.model,
            "input_tokens": inputs,
            "output_tokens": outputs,
            # The total is reported; that every task took the same is not.
            "usage_quality": "missing" if inputs is None else "estimated",
            "service_tier": UNRECORDED if run.cost_pico is None else None,
        }


def _outcomes(run: Run) -> Iterator[Sequence[object]]:
    """Which tasks passed is not published: the first ones, and of a task its first trials."""
    if run.tasks_by_passes is None:
        return
    passes = [n for n in sorted(run.tasks_by_passes, reverse=True) for _ in range(run.tasks_by_passes[n])]
    verdicts = (trial < n for n in passes for trial in range(run.trials))
    for number, is_passed in enumerate(verdicts, start=1):
        task = _task_id(run, number)
        outcome = "success" if is_passed else "failure"
        yield task, task, outcome, _iso(_times(run, number)[1]), "published"


def _events(run: Run, tenant_id: str) -> Iterator[Sequence[object]]:
    if run.cost_pico is None:
        return
    for number, pico in enumerate(even(run.cost_pico, _count(run)), start=1):
        amount = f"{pico // PICO_PER_USD}.{pico % PICO_PER_USD:012d}"
        task, at = _task_id(run, number), _iso(_times(run, number)[0])
        yield task, at, task, tenant_id, run.name, COMPONENT, amount, "USD"


def _count(run: Run) -> int:
    assert run.tasks is not None, "only runs that are logged come here"
    return run.tasks


def _task_id(run: Run, number: int) -> str:
    """`run/17`, or `run/17/2` for a second trial."""
    task, trial = divmod(number - 1, run.trials)
    return f"{run.name}/{task + 1}" + (f"/{trial + 1}" if run.trials > 1 else "")


def _parts(total: int | None, tasks: int) -> list[int] | list[None]:
    return [None] * tasks if total is None else even(total, tasks)


def _times(run: Run, number: int) -> tuple[datetime, datetime]:
    """A millisecond apart from the day's start on, so that all tasks of a run begin on its day."""
    assert run.day is not None, "only runs that are logged come here"
    started = datetime(run.day.year, run.day.month, run.day.day, tzinfo=UTC) + timedelta(milliseconds=number)
    seconds = run.seconds_per_task
    return started, started + timedelta(milliseconds=round(seconds.value * 1000) if seconds else 0)


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _prices(models: Mapping[str, str]) -> str:
    """The price file: no charge for tokens, and which priced models the published names mean."""
    aliases = (
        f'\n[[alias]]\nprovider = ""\nmodel = {json.dumps(name, ensure_ascii=False)}\nmeans = {json.dumps(means)}\n'
        for name, means in models.items()
    )
    return _PRICES + "".join(aliases)
