"""What tasks cost, what makes them dear, what was spent in vain, and the requests behind one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, get_args

from warehouse.questions import Questions, usd
from warehouse.rows import Period
from warehouse.task_rows import Attempt, ContextBin, PromptGrowth, Task, TaskDriver, TaskGroup, Waste

WasteKey = Literal["tenant_id", "feature"]
_P95_TASKS = 20
"""Under so many a 95th percentile is the slowest task."""
_TASK_COLUMNS = """task_id, tenant_id, feature, environment, outcome, started_at at time zone 'UTC', task_date,
    coalesce(duration_ms, 0)::bigint, attempts::bigint, (unpriced_attempts + partial_attempts + unconverted_events)::bigint,
    llm_cost_pico, other_cost_pico"""


class TaskQuestions(Questions):
    """`feature`: None for all of them, `unattributed` for tasks that name none."""

    def task_groups(self, period: Period) -> list[TaskGroup]:
        """Production tasks that began in the period: all together first (empty key), then by feature, dearest first."""
        rows = self._rows(
            """with tasks as (
                select coalesce(feature, 'unattributed') as feature, outcome, llm_cost_pico + other_cost_pico as cost_pico,
                    unpriced_attempts + partial_attempts + unconverted_events > 0 as is_incomplete,
                    input_tokens + output_tokens as tokens, duration_ms, human_review_cost_usd, is_served_from_cache,
                    outcome not in ('success', 'unknown') as is_failed
                from fct_task where is_production and task_date >= $start and task_date < $end
            )
            select feature, grouping(feature), count(*), count(*) filter (where outcome = 'success'),
                count(*) filter (where is_failed), count(*) filter (where outcome = 'unknown'),
                count(*) filter (where is_incomplete), sum(cost_pico),
                coalesce(sum(cost_pico) filter (where is_failed), 0), sum(human_review_cost_usd),
                count(*) filter (where is_served_from_cache and outcome = 'success'),
                coalesce(sum(cost_pico) filter (where is_served_from_cache), 0), coalesce(sum(tokens), 0)::bigint,
                case when count(*) >= $least then percentile_disc(0.95) within group (order by duration_ms) end
            from tasks group by rollup (feature) having count(*) > 0
            order by grouping(feature) desc, sum(cost_pico) desc, feature""",
            {"start": period.start, "end": period.end, "least": _P95_TASKS},
        )
        return [
            TaskGroup(
                () if is_all else (feature,),
                *counts,
                cost_usd=usd(cost),
                failed_cost_usd=usd(failed),
                human_review_cost_usd=review,
                cached_successes=cached,
                cached_cost_usd=usd(cached_cost),
                tokens=tokens,
                p95_duration_ms=p95,
            )
            for feature, is_all, *counts, cost, failed, review, cached, cached_cost, tokens, p95 in rows
        ]

    def waste(
        self, week: date, by: Sequence[WasteKey] = (), *, feature: str | None = None, kind: str | None = None
    ) -> list[Waste]:
        """Spend of the week that a team can act on, by kind and keys, dearest first; kinds overlap and are not to be added."""
        keys = [key for key in get_args(WasteKey) if key in by]
        listed = "".join(f"coalesce({key}, 'unattributed') as {key}, " for key in keys)
        rows = self._rows(
            f"""select {listed}kind, sum(cases)::bigint, bool_or(is_estimate), sum(cost_usd) as cost_usd
            from mart_waste_week
            where week_start = $week and ($feature is null or feature = $feature) and ($kind is null or kind = $kind)
            group by all order by cost_usd desc, kind{"".join(f", {key}" for key in keys)}""",
            {"week": week, "feature": feature, "kind": kind},
        )
        n = len(keys)
        return [Waste(row[:n], *row[n:]) for row in rows]

    def task_drivers(self, week: date, feature: str | None = None) -> list[TaskDriver]:
        """What makes the week's production tasks dear, dearest first; drivers overlap and are not to be added."""
        rows = self._rows(
            """select driver, sum(tasks)::bigint, sum(cost_usd) from mart_task_driver_week
            where week_start = $week and ($feature is null or feature = $feature)
            group by driver order by sum(cost_usd) desc, driver""",
            {"week": week, "feature": feature},
        )
        return [TaskDriver(*row) for row in rows]

    def context_bins(self, week: date, feature: str | None = None) -> list[ContextBin]:
        """Outcomes of the week's production tasks by context length, shortest first."""
        rows = self._rows(
            """select input_tokens_from, any_value(input_tokens_to), sum(tasks)::bigint, sum(successes)::bigint,
                sum(failures)::bigint, sum(cost_usd)
            from mart_context_week where week_start = $week and ($feature is null or feature = $feature)
            group by input_tokens_from order by input_tokens_from""",
            {"week": week, "feature": feature},
        )
        return [ContextBin(*row) for row in rows]

    def prompt_growth(self, week: date, feature: str | None = None) -> list[PromptGrowth]:
        """Median prompts against their baseline, dearest growth first; of each endpoint all versions together come first."""
        rows = self._rows(
            """select feature, coalesce(endpoint, ''), coalesce(prompt_version, ''), is_all_versions, requests::bigint,
                unpriced_requests::bigint, median_input_tokens, baseline_week, baseline_median_input_tokens, growth,
                growth_cost_usd
            from mart_prompt_growth_week where week_start = $week and ($feature is null or feature = $feature)
            order by max(growth_cost_usd) filter (where is_all_versions) over (partition by feature, endpoint) desc nulls last,
                feature, endpoint, is_all_versions desc, requests desc, prompt_version""",
            {"week": week, "feature": feature},
        )
        return [PromptGrowth(*row) for row in rows]

    def dearest_tasks(self, period: Period, limit: int, feature: str | None = None) -> list[Task]:
        """The `limit` production tasks that began in the period and cost most."""
        rows = self._rows(
            f"""select {_TASK_COLUMNS} from fct_task
            where is_production and task_date >= $start and task_date < $end
                and ($feature is null or coalesce(feature, 'unattributed') = $feature)
            order by llm_cost_pico + other_cost_pico desc, task_id limit $limit""",
            {"start": period.start, "end": period.end, "feature": feature, "limit": limit},
        )
        return [_task(row) for row in rows]

    def task(self, task_id: str) -> Task | None:
        """One task, of any environment and time; None where there is none of that id."""
        rows = self._rows(f"select {_TASK_COLUMNS} from fct_task where task_id = $task", {"task": task_id})
        return _task(rows[0]) if rows else None

    def attempts(self, task_id: str) -> list[Attempt]:
        """Every request of a task, oldest first; what a later attempt of the same call replaced is marked."""
        rows = self._rows(
            """select record_key, started_at at time zone 'UTC', provider_name, model, status,
                row_number() over (partition by logical_call_id order by started_at desc, record_key desc) > 1,
                is_gateway_cache_hit, input_tokens, output_tokens, pricing_status, pricing_reason, cost_pico, landing_id,
                source_line
            from fct_llm_request_priced
            where task_id = $task
                and day between (select task_day from fct_task where task_id = $task)
                    and (select last_day from fct_task where task_id = $task)
            order by started_at, record_key""",
            {"task": task_id},
        )
        return [
            Attempt(*facts, cost_usd=None if cost is None else usd(cost), landing_id=landing, source_line=line)
            for *facts, cost, landing, line in rows
        ]


def _task(row: tuple[Any, ...]) -> Task:
    return Task(*row[:-2], llm_cost_usd=usd(row[-2]), other_cost_usd=usd(row[-1]))
