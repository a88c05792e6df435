"""The options of a table, for every command that reads one."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from sample_data.published.columns import HEADERS, Asked


def parser(prog: str, description: str | None) -> argparse.ArgumentParser:
    """Options in a file, one a line: `@FILE`."""
    made = argparse.ArgumentParser(prog=prog, description=description, fromfile_prefix_chars="@")
    made.add_argument("table", type=Path, help="a CSV file with a header row")
    made.add_argument("--out", type=Path, required=True, help="a folder for this table alone")
    made.add_argument(
        "--column", action="append", default=[], type=_pair, metavar="ROLE=HEADER",
        help=f"what a column is, where its header does not say; roles: {', '.join(HEADERS)}",
    )  # fmt: skip
    made.add_argument(
        "--tasks", action="append", default=[], type=_tasks, metavar="N or DOMAIN=N",
        help="tasks of a run where the table does not count them, for all or by domain",
    )  # fmt: skip
    made.add_argument("--trials", type=_positive, help="times that each task was tried; default: highest k of pass^k")
    made.add_argument("--date", type=date.fromisoformat, metavar="YYYY-MM-DD", help="of runs that have none")
    made.add_argument("--rates", choices=["percent", "fraction"], help="how pass rates are written")
    made.add_argument("--zero-is-free", action="store_true", help="a cost of 0 was paid; default: it was not recorded")
    made.add_argument("--tokens-per-task", action="store_true", help="token columns are averages, not totals")
    made.add_argument(
        "--model", action="append", default=[], type=_model, metavar="NAME=PROVIDER/MODEL",
        help="the priced model that a published name means, for list prices",
    )  # fmt: skip
    return made


def asked_of(options: argparse.Namespace) -> Asked:
    domains = {domain: tasks for domain, tasks in options.tasks if domain}
    general = [tasks for domain, tasks in options.tasks if not domain]
    return Asked(
        columns=dict(options.column),
        tasks=general[-1] if general else None,
        domain_tasks=domains,
        trials=options.trials,
        day=options.date,
        rates=options.rates,
        is_zero_free=options.zero_is_free,
        tokens_per_task=options.tokens_per_task,
        models=dict(options.model),
    )


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not (found and name.strip() and value.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def _model(text: str) -> tuple[str, str]:
    name, found, means = (part.strip() for part in text.rpartition("="))
    provider, slash, model = means.partition("/")
    if not (found and name and provider and slash and model):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PROVIDER/MODEL")
    return name, means


def _tasks(text: str) -> tuple[str, int]:
    domain, found, tasks = text.rpartition("=")
    return (domain.strip() if found else ""), _positive(tasks)


def _positive(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of tasks or trials")
    return int(text)
