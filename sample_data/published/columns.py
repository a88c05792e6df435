"""Which column of a table is what: by the headers that tables use, or by what the user names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Literal

Rates = Literal["percent", "fraction"]

HEADERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "run": ("dirname", "run", "run_id", "run_name", "submission", "entry", "agent", "system", "name"),
        "model": ("model", "model_name", "model_id", "llm", "primary_model"),
        "domain": ("domain", "benchmark", "dataset", "category", "subset"),
        "date": ("date", "run_date", "submission_date", "submitted", "evaluated_on", "created"),
        "tasks": (
            *("test_cases", "tasks", "n_tasks", "num_tasks", "task_count", "tasks_run", "total_tasks", "instances"),
            *("n_instances", "num_instances", "total_instances", "problems", "num_problems", "n_problems", "samples"),
            *("n_samples", "num_samples", "questions", "cases", "total", "n"),
        ),
        "suite_tasks": ("total_tests", "suite_tasks", "tasks_in_suite"),
        "passed": (
            *("pass_num_2", "passed", "n_passed", "num_passed", "resolved", "n_resolved", "num_resolved", "solved"),
            *("n_solved", "num_solved", "successes", "n_successes", "num_success", "num_correct", "correct"),
            *("n_correct", "tasks_passed", "tasks_solved", "resolved_instances", "pass_num_1", "pass_num"),
        ),
        "pass_rate": (
            *("pass_rate_2", "pass_1", "pass_rate", "pass_rate_percent", "success_rate", "success_rate_percent"),
            *("resolve_rate", "resolved_rate", "solve_rate", "accuracy", "accuracy_percent", "percent_resolved"),
            *("resolved_percent", "percent_correct", "percent_passed", "pass_percent", "pass_at_1", "pass_rate_1"),
        ),
        "cost_usd": (
            *("total_cost", "total_cost_usd", "cost_total", "cost_total_usd", "total_cost_dollars", "run_cost_usd"),
            *("run_cost", "total_usd", "cost_of_run", "total_price"),
        ),
        "cost_per_task_usd": (
            *("cost_usd_per_task", "cost_per_task", "cost_per_task_usd", "avg_cost", "average_cost", "mean_cost"),
            *("avg_cost_usd", "average_cost_usd", "mean_cost_usd", "cost_per_instance", "cost_per_instance_usd"),
            *("instance_cost", "avg_cost_per_task", "average_cost_per_task", "mean_cost_per_task", "cost_per_case"),
            *("cost_per_problem", "cost_per_sample", "usd_per_task", "avg_instance_cost", "cost_per_question"),
            *("cost_task", "usd_task", "avg_usd", "mean_usd"),
        ),
        "input_tokens": (
            *("prompt_tokens", "input_tokens", "total_prompt_tokens", "total_input_tokens", "prompt_tokens_total"),
            *("input_tokens_total", "tokens_in"),
        ),
        "output_tokens": (
            *("completion_tokens", "output_tokens", "total_completion_tokens", "total_output_tokens"),
            *("completion_tokens_total", "output_tokens_total", "tokens_out"),
        ),
        "seconds_per_task": (
            *("seconds_per_case", "seconds_per_task", "avg_seconds", "mean_seconds", "average_seconds"),
            *("avg_time_s", "mean_time_s", "latency_s", "time_per_task_s", "seconds_per_instance", "avg_duration_s"),
        ),
    }
)
"""Role -> headers in small letters, a table's own choice before looser ones; the first that is there counts."""

_MANY_MEANINGS = {
    "cost": ("cost_usd", "cost_per_task_usd"),
    "cost_usd": ("cost_usd", "cost_per_task_usd"),
    "price": ("cost_usd", "cost_per_task_usd"),
    "usd": ("cost_usd", "cost_per_task_usd"),
}
"""Headers that may be a total or an average: the user says which."""
PASS_K = re.compile(r"pass_?([1-9])")
"""tau2-bench: the chance that k of k trials pass. Not pass@k, which is folded to `pass_at_k`."""


class TableError(Exception):
    """The table cannot be read as asked; the message says what to add."""


@dataclass(frozen=True)
class Asked:
    """What the user says beside the table."""

    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    """Role -> header."""
    tasks: int | None = None
    """Tasks of a run where the table has no count."""
    domain_tasks: Mapping[str, int] = field(default_factory=dict[str, int])
    """The same by domain."""
    trials: int | None = None
    """Times each task was tried; default: the highest k of a pass^k that the row has, else 1."""
    day: date | None = None
    """Day of runs without one."""
    rates: Rates | None = None
    is_zero_free: bool = False
    """A cost of 0 is what was paid; otherwise it is a cost that nobody recorded."""
    tokens_per_task: bool = False
    """Token columns are averages per task."""
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    """Model as published -> 'provider/model' of the price list."""


@dataclass(frozen=True)
class Columns:
    """Role -> header as the table writes it. `pass_k`: k -> header, of 2 and more."""

    by_role: Mapping[str, str]
    pass_k: Mapping[int, str]
    unread: tuple[str, ...]


def folded(header: str) -> str:
    """`Cost per task (USD)` -> `cost_per_task_usd`, `pass@1` -> `pass_at_1`, `% Resolved` -> `percent_resolved`."""
    text = header.strip().lower().replace("@", "_at_").replace("%", "_percent_").replace("$", "_usd_").replace("^", "_")
    return re.sub(r"[^a-z0-9]+", "_", text).strip("_")


def columns_of(header: Sequence[str], asked: Asked) -> Columns:
    """What each column is. Raises TableError naming what is missing or has several meanings."""
    by_folded = _unique(header)
    for role, name in asked.columns.items():
        if role not in HEADERS:
            raise TableError(f"--column {role}=…: no such role; roles: {', '.join(HEADERS)}")
        if folded(name) not in by_folded:
            raise TableError(f"--column {role}={name}: the table has no such column; it has {', '.join(header)}")
    found = {role: by_folded[folded(name)] for role, name in asked.columns.items()}
    for role, names in HEADERS.items():
        free = [name for name in names if name in by_folded and by_folded[name] not in found.values()]
        if role not in found and free:
            found[role] = by_folded[free[0]]
    for name, roles in _MANY_MEANINGS.items():
        if name in by_folded and by_folded[name] not in found.values() and not any(role in found for role in roles):
            choices = " or ".join(f"--column '{role}={by_folded[name]}'" for role in roles)
            raise TableError(f"the column {by_folded[name]!r} may be the cost of a run or of a task: say {choices}")
    _complain_of_gaps(found, header, asked)
    matched = {int(m[1]): original for name, original in by_folded.items() if (m := PASS_K.fullmatch(name))}
    is_pass_k = 1 in matched and found.get("pass_rate") == matched[1]
    pass_k = {k: name for k, name in sorted(matched.items()) if k > 1} if is_pass_k else {}
    read = {*found.values(), *pass_k.values()}
    return Columns(found, pass_k, tuple(name for name in header if name not in read))


def _unique(header: Sequence[str]) -> dict[str, str]:
    by_folded: dict[str, str] = {}
    for name in header:
        if by_folded.setdefault(folded(name), name) is not name:
            raise TableError(f"two columns are called {name!r}")
    return by_folded


def _complain_of_gaps(found: Mapping[str, str], header: Sequence[str], asked: Asked) -> None:
    problems: list[str] = []
    if "run" not in found and "model" not in found:
        problems.append("no column names the run or the model: --column run=HEADER")
    if "passed" not in found and "pass_rate" not in found:
        problems.append("no column has what passed: --column passed=HEADER or --column pass_rate=HEADER")
    if "cost_usd" not in found and "cost_per_task_usd" not in found:
        problems.append("no column has a cost: --column cost_usd=HEADER (of the run) or cost_per_task_usd=HEADER")
    if not {"tasks", "suite_tasks"} & found.keys() and asked.tasks is None and not asked.domain_tasks:
        problems.append("no column counts the tasks of a run: --column tasks=HEADER, or --tasks N, or --tasks DOMAIN=N")
    if problems:
        raise TableError(f"{'; '.join(problems)}. The table has {', '.join(header)}")
