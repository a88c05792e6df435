"""Tasks of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from warehouse.questions import Questions, usd
from warehouse.rows import Period


@dataclass(frozen=True)
class ExperimentTask:
    """A production task with the label that its attempts name; `is_mixed` where they name both."""

    task_id: str
    arm: str
    is_mixed: bool
    tenant_id: str | None
    end_user_id: str | None
    outcome: str
    cost_usd: Decimal
    is_incomplete: bool


class SavingsQuestions(Questions):
    """Periods by days of the reporting zone."""

    def experiment_tasks(
        self, arms: tuple[str, str], period: Period, *, tenant_id: str | None = None, feature: str | None = None
    ) -> list[ExperimentTask]:
        """Tasks that began in the period and of which an attempt has one of the labels, by id."""
        rows = self._rows(
            """with labelled as (
                -- one row per task
                select task_id, min(experiment) as arm, count(distinct experiment) > 1 as is_mixed,
                    min(end_user_id) as end_user_id
                from fct_llm_request_priced
                where experiment in ($control, $treatment) and task_id is not null and usage_date >= $start
                group by task_id
            )
            select task_id, arm, is_mixed, tenant_id, end_user_id, outcome, llm_cost_pico + other_cost_pico,
                unpriced_attempts + partial_attempts + unconverted_events > 0
            from fct_task join labelled using (task_id)
            where is_production and task_date >= $start and task_date < $end
                and ($tenant is null or tenant_id = $tenant)
                and ($feature is null or coalesce(feature, 'unattributed') = $feature)
            order by task_id""",
            {
                "control": arms[0],
                "treatment": arms[1],
                "start": period.start,
                "end": period.end,
                "tenant": tenant_id,
                "feature": feature,
            },
        )
        return [
            ExperimentTask(task, arm, is_mixed, tenant, user, outcome, usd(cost_pico), is_incomplete)
            for task, arm, is_mixed, tenant, user, outcome, cost_pico, is_incomplete in rows
        ]
