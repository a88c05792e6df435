"""What a successful task cost, by tenant and feature: production tasks that began in the period, over their whole life."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pipelines.economics.apportion import apportion_nested, split
from pipelines.exports.csv_file import Column, Table
from pipelines.exports.finance.costs import exact_sum
from pipelines.exports.periods import period_column
from warehouse.reader import Period
from warehouse.rows import TaskCost

NAME = "cost_per_successful_task.csv"
_COLUMNS = (
    Column("tenant_id", "unattributed: no tenant is named"),
    Column("feature", "unattributed: no feature is named"),
    Column("tasks", "Production tasks that began in the period", is_summed=True),
    Column("successes", "Of these, successful", is_summed=True),
    Column("failures", "Of these, failed, escalated or abandoned", is_summed=True),
    Column("unknowns", "Of these, without a known outcome", is_summed=True),
    Column("incomplete_tasks", "Tasks of which a part has no price", is_summed=True),
    Column("cost_usd", "Cost of all of them over all attempts, tools and reviews", is_summed=True, bound="at_least"),
    Column("spend_without_success_usd", "cost_usd where no task succeeded, else 0", is_summed=True, bound="at_least"),
    Column("cost_per_successful_task_usd", "Cost over successes, of the exact amounts; empty without a success"),
    Column("lower_bound_usd", "The same if every unknown outcome were a success"),
    Column("upper_bound_usd", "The same if none were; empty where a part has no price: then there is no upper bound"),
    Column("is_lower_bound", "true: the cost is at least what is printed"),
)  # fmt: skip


def task_table(found: Sequence[TaskCost], period: Period, decimals: int) -> Table:
    """One row per tenant and feature, which are the keys of what was found."""
    tasks = sorted(found, key=lambda task: tuple(map(str, task.key)))
    return Table(
        NAME,
        "Tasks, their outcomes as known now and what they cost, by tenant and feature of their first attempt. A task that runs "
        "past the period counts whole and calls without a task do not count, so the cost is not that of the period.",
        (period_column(period), *_COLUMNS),
        [
            (
                period.start,
                *task.key,
                task.tasks,
                task.successes,
                task.failures,
                task.unknowns,
                task.incomplete_tasks,
                amount,
                Decimal(0).scaleb(-decimals) if task.successes else amount,
                task.cost_per_success_usd,
                task.lower_bound_usd,
                task.upper_bound_usd,
                task.incomplete_tasks > 0,
            )
            for task, amount in zip(tasks, _amounts(tasks, decimals), strict=True)
        ],
    )


def _amounts(tasks: list[TaskCost], decimals: int) -> list[Decimal]:
    """The total into what was spent without and with success, these over tenants and features."""
    futile, fruitful = ([p for p, task in enumerate(tasks) if bool(task.successes) is has] for has in (False, True))
    without, with_success = (exact_sum(tasks[p].cost_usd for p in positions) for positions in (futile, fruitful))
    totals = split(without, with_success, decimals)
    amounts: dict[int, Decimal] = {}
    for positions, total in zip((futile, fruitful), totals, strict=True):
        keys, values = [tasks[p].key for p in positions], [tasks[p].cost_usd for p in positions]
        amounts.update(zip(positions, apportion_nested(keys, values, decimals, total), strict=True))
    return [amounts[position] for position in range(len(tasks))]
