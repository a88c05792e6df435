"""What the published marts say: one typed function per question. All that reports, exports and pages ever read.

A process keeps one read-only connection per published version and gives every call a cursor of its own; when a newer
version is published the next call uses it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import duckdb

from warehouse import publish
from warehouse.alert_questions import AlertQuestions
from warehouse.bridge_questions import BridgeQuestions
from warehouse.connection import published
from warehouse.finding_questions import FindingQuestions
from warehouse.model_questions import ModelQuestions
from warehouse.publish import SERVING_VERSION, Pointer, PublishError
from warehouse.questions import usd as _usd
from warehouse.rows import (
    Answer,
    CostLine,
    DataState,
    Dimension,
    Period,
    ResultDay,
    RevenueGap,
    RevenueMonth,
    SharedCost,
    TaskCost,
    TenantDay,
    TenantMargin,
    ToldTwice,
    TrendPoint,
    UnpricedLine,
    Week,
    WeeklyMetric,
)
from warehouse.savings_questions import SavingsQuestions
from warehouse.task_questions import TaskQuestions
from warehouse.user_questions import UserQuestions

__all__ = ["NoSuchWeek", "NothingPublished", "Period", "QueryError", "Reader", "Week", "WeeklyMetric"]

UNATTRIBUTED = "unattributed"
UNALLOCATED = "unallocated"
"""Tenant ids of what names no tenant, and of shared cost that no tenant bears."""
SHARED = "shared"
"""Feature of a tenant's part of shared cost."""
_TASK_KEYS = ("tenant_id", "feature")


class NothingPublished(Exception):
    """No build has been published yet; the message says what to run."""


class NoSuchWeek(Exception):
    """The data has no such week; the message lists what there is."""


class QueryError(Exception):
    """A query that cannot be answered; the message is the database's own."""


class Reader(
    TaskQuestions, ModelQuestions, UserQuestions, BridgeQuestions, FindingQuestions, AlertQuestions, SavingsQuestions
):
    """Reads the published version of one data folder. Safe to share between threads.

    Questions about tasks, models and caches, users, the margin bridge, findings, alerts and savings stand in a file for each
    subject.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = publish.serving_folder(data_dir.resolve())
        self._data_dir = data_dir
        self._lock = threading.Lock()
        self._pointer: Pointer | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._pointer = None, None

    def weeks(self) -> list[date]:
        """First days of the weeks that the data has."""
        return [row[0] for row in self._rows("select distinct week_start from mart_weekly_unit_economics order by 1")]

    def weekly(self, week: date | None = None) -> Week:
        """The weekly view of the week that holds `week`; without one the latest complete week, else the latest.

        Raises NothingPublished, NoSuchWeek.
        """
        chosen = self._rows(
            """select week_start, any_value(week_end), bool_and(is_complete), any_value(days_with_requests)
            from mart_weekly_unit_economics where $week is null or $week between week_start and week_end
            group by week_start order by bool_and(is_complete) desc, week_start desc limit 1""",
            {"week": week},
        )
        if not chosen:
            known = self.weeks()
            range_known = f"{known[0]} to {known[-1]}" if known else "none: no request was landed"
            raise NoSuchWeek(f"No week with {week} in the data. Weeks in the data begin on: {range_known}.")
        start, end, is_complete, days = chosen[0]
        rows = self._rows(
            """select metric_id, label, unit, this_week, last_week, target, is_met, missing, bound, last_bound,
                lower_bound, upper_bound
            from mart_weekly_unit_economics where week_start = $start order by sort_order""",
            {"start": start},
        )
        return Week(start, end, is_complete, days, self.version().n, tuple(WeeklyMetric(*row) for row in rows))

    def trend(self) -> list[TrendPoint]:
        """Every metric of every week as known now, oldest week first, in the order of the view."""
        rows = self._rows(
            """select week_start, is_complete, metric_id, label, unit, this_week, bound, target
            from mart_weekly_unit_economics order by week_start, sort_order"""
        )
        return [TrendPoint(*row) for row in rows]

    def state(self) -> DataState:
        """How far the published data reaches. Raises NothingPublished."""
        rows = self._rows(
            """select known_at at time zone 'UTC', first_usage_date, last_usage_date, requests, price_book_id, reporting_zone,
                first_day_of_week from mart_data_state"""
        )
        return DataState(*rows[0])

    def told_twice(self) -> list[ToldTwice]:
        """What is left out because another source has the same call, the most first; nothing where no two sources meet."""
        rows = self._rows(
            """select source, counted_from, sum(requests)::bigint from fct_told_twice_day
            group by all order by 3 desc, 1, 2"""
        )
        return [ToldTwice(*row) for row in rows]

    def revenue_gaps(self) -> list[RevenueGap]:
        """What keeps revenue from being complete, by name; nothing where nothing does."""
        rows = self._rows("select gap, count(*), sum(cases)::bigint from mart_revenue_gap group by gap order by gap")
        return [RevenueGap(*row) for row in rows]

    def revenue_months(self) -> list[RevenueMonth]:
        """Revenue, deferred and unbilled balance of every month and kind of line, oldest first."""
        rows = self._rows(
            """select month, kind, any_value(balance_on), sum(revenue_usd), sum(accrued_usd), sum(deferred_usd),
                sum(unbilled_usd)
            from mart_revenue_month group by month, kind order by month, kind"""
        )
        return [RevenueMonth(*row) for row in rows]

    def months(self) -> list[date]:
        """First days of the months that have requests."""
        rows = self._rows(
            "select distinct date_trunc('month', usage_date)::date from fct_tenant_day where requests > 0 order by 1"
        )
        return [row[0] for row in rows]

    def tenant_margins(self, period: Period) -> list[TenantMargin]:
        """Revenue and cost of every tenant with either, its part of shared cost included, dearest first; `unallocated`
        for what no tenant bears, where there is any."""
        rows = self._rows(
            """with days as (
                select tenant_id, revenue_pico, inference_cogs_pico, other_cogs_pico,
                    inference_cost_pico + other_cost_pico - inference_cogs_pico - other_cogs_pico as outside_pico,
                    requests, unpriced_requests, partial_requests, unconverted_events + unconverted_lines as unconverted
                from fct_tenant_day where usage_date >= $start and usage_date < $end
                union all
                select tenant_id, 0, 0, cost_pico, 0, 0, 0, 0, unconverted_days
                from fct_allocated_cost_day where usage_date >= $start and usage_date < $end
            ), sums as (
                select tenant_id, sum(revenue_pico) as revenue, sum(inference_cogs_pico) as inference,
                    sum(other_cogs_pico) as other,
                    sum(outside_pico) as outside, sum(requests)::bigint as requests, sum(unpriced_requests)::bigint as unpriced,
                    sum(partial_requests)::bigint as partials, sum(unconverted)::bigint as unconverted
                from days group by tenant_id
            )
            select tenant_id, name, plan, segment, revenue, inference, other, outside, requests, unpriced, partials, unconverted
            from sums left join dim_tenant using (tenant_id) order by inference + other desc, tenant_id""",
            {"start": period.start, "end": period.end},
        )
        return [TenantMargin(*row[:4], *(_usd(pico) for pico in row[4:8]), *row[8:]) for row in rows]

    def costs(self, period: Period, by: Sequence[Dimension] = (), *, tenant_id: str | None = None) -> list[CostLine]:
        """Costs of model calls and cost events by any dimensions, dearest first; all environments, shared pools not included."""
        keys = _checked(by, get_args(Dimension))
        rows = self._rows(
            f"""select {"".join(f"{key}, " for key in keys)} sum(cost_pico), sum(requests)::bigint,
                sum(unpriced_requests)::bigint, sum(partial_requests)::bigint, sum(unconverted_events)::bigint,
                sum(input_tokens)::bigint, sum(cache_read_input_tokens)::bigint, sum(output_tokens)::bigint,
                sum(list_cost_pico), sum(contracted_cost_pico)
            from fct_cost_day where usage_date >= $start and usage_date < $end
                and ($tenant is null or tenant_id = $tenant)
            group by all having count(*) > 0 order by sum(cost_pico) desc{"".join(f", {key}" for key in keys)}""",
            {"start": period.start, "end": period.end, "tenant": tenant_id},
        )
        n = len(keys)
        return [
            CostLine(
                row[:n], _usd(row[n]), *row[n + 1 : -2], list_cost_usd=_usd(row[-2]), contracted_cost_usd=_usd(row[-1])
            )
            for row in rows
        ]

    def tenant_days(self, tenant_id: str, period: Period) -> list[TenantDay]:
        """A tenant's days with revenue, cost or requests, oldest first."""
        rows = self._rows(
            """select usage_date, revenue_usd, cogs_usd, requests from fct_tenant_day
            where tenant_id = $tenant and usage_date >= $start and usage_date < $end order by usage_date""",
            {"start": period.start, "end": period.end, "tenant": tenant_id},
        )
        return [TenantDay(*row) for row in rows]

    def result_days(self, period: Period) -> list[ResultDay]:
        """Every tenant's days with revenue, cost or requests, part of shared cost included, by tenant and day."""
        rows = self._rows(
            """with days as (
                select tenant_id, usage_date, revenue_pico, inference_cost_pico,
                    inference_cogs_pico + other_cogs_pico as cogs_pico,
                    unpriced_requests + partial_requests + unconverted_events + unconverted_lines as incomplete
                from fct_tenant_day where usage_date >= $start and usage_date < $end
                union all
                select tenant_id, usage_date, 0, 0, cost_pico, unconverted_days
                from fct_allocated_cost_day where usage_date >= $start and usage_date < $end
            )
            select tenant_id, usage_date, sum(revenue_pico), sum(inference_cost_pico), sum(cogs_pico), sum(incomplete)::bigint
            from days group by tenant_id, usage_date order by tenant_id, usage_date""",
            {"start": period.start, "end": period.end},
        )
        return [
            ResultDay(tenant, day, _usd(revenue), _usd(inference), _usd(cogs), incomplete)
            for tenant, day, revenue, inference, cogs, incomplete in rows
        ]

    def shared_costs(self, period: Period) -> list[SharedCost]:
        """What tenants bear of shared cost, by component, dearest first; `unallocated` for what nobody does."""
        rows = self._rows(
            """select tenant_id, component, sum(cost_pico), sum(unconverted_days)::bigint
            from fct_allocated_cost_day where usage_date >= $start and usage_date < $end
            group by all order by 3 desc, tenant_id, component""",
            {"start": period.start, "end": period.end},
        )
        return [SharedCost(tenant, component, _usd(pico), missing) for tenant, component, pico, missing in rows]

    def task_costs(self, period: Period, by: Sequence[str] = ()) -> list[TaskCost]:
        """Production tasks that began in the period by tenant, by feature or both, dearest first."""
        keys = _checked(by, _TASK_KEYS)
        rows = self._rows(
            f"""select {"".join(f"coalesce({key}, '{UNATTRIBUTED}') as {key}, " for key in keys)} count(*),
                count(*) filter (where outcome = 'success'),
                count(*) filter (where outcome not in ('success', 'unknown')),
                count(*) filter (where outcome = 'unknown'),
                count(*) filter (where unpriced_attempts + partial_attempts + unconverted_events > 0),
                sum(llm_cost_pico + other_cost_pico)
            from fct_task where is_production and task_date >= $start and task_date < $end
            group by all having count(*) > 0
            order by sum(llm_cost_pico + other_cost_pico) desc{"".join(f", {key}" for key in keys)}""",
            {"start": period.start, "end": period.end},
        )
        n = len(keys)
        return [
            TaskCost(tuple(row[:n]), row[n], row[n + 1], row[n + 2], row[n + 3], row[n + 4], _usd(row[-1]))
            for row in rows
        ]

    def cost_and_successes(self, period: Period) -> list[tuple[Decimal, int]]:
        """Of each tenant with production tasks that began in the period: what they cost, and how many succeeded."""
        lines = sorted(self.task_costs(period, ("tenant_id",)), key=lambda line: str(line.key[0]))
        return [(line.cost_usd, line.successes) for line in lines]

    def unpriced(self, period: Period) -> list[UnpricedLine]:
        """Models whose requests have no price or a part of one, most requests first."""
        rows = self._rows(
            """select provider_name, model, pricing_status, pricing_reason, count(*),
                coalesce(sum(input_tokens), 0)::bigint, coalesce(sum(output_tokens), 0)::bigint
            from fct_llm_request_priced
            where pricing_status in ('unpriced', 'partial') and usage_date >= $start and usage_date < $end
            group by all order by count(*) desc, provider_name, model, pricing_status, pricing_reason""",
            {"start": period.start, "end": period.end},
        )
        return [UnpricedLine(*row) for row in rows]

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """Run one SELECT over the published marts and `fct_llm_request_priced`. Raises QueryError, NothingPublished."""
        cursor = self._cursor()
        try:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or str(statements[0].type).rpartition(".")[2] not in ("SELECT", "EXPLAIN"):
                raise QueryError("One SELECT at a time; the published marts are read-only.")
            found = cursor.execute(sql, list(parameters))
            columns = tuple(column[0] for column in found.description or ())
            return Answer(columns, tuple(found.fetchall()))
        except duckdb.Error as error:
            raise QueryError(str(error)) from None
        finally:
            cursor.close()

    def version(self) -> Pointer:
        """The version that is read. Raises NothingPublished, PublishError."""
        pointer = publish.current(self._data_dir)
        if pointer is None:
            raise NothingPublished(
                f"Nothing is published under {self._data_dir}. `margincall ingest` logs, then `margincall build`."
            )
        if pointer.serving_version != SERVING_VERSION:
            raise PublishError(
                f"{pointer.file} has version {pointer.serving_version}, this release reads {SERVING_VERSION}. "
                "`margincall build` publishes anew."
            )
        return pointer

    def _rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        cursor = self._cursor()
        try:
            return cursor.execute(sql, parameters).fetchall() if parameters else cursor.execute(sql).fetchall()
        finally:
            cursor.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            pointer = self.version()
            if self._connection is None or pointer != self._pointer:
                # Let go, not closed: another thread may be reading through it. It ends with its last cursor.
                self._connection, self._pointer = self._open(pointer), pointer
            return self._connection.cursor()

    def _open(self, pointer: Pointer) -> duckdb.DuckDBPyConnection:
        try:
            connection = published(self.folder / pointer.file, self.folder)
        except duckdb.IOException as error:
            reason = f"{self.folder / pointer.file}: {str(error).splitlines()[0]}"
            raise PublishError(f"{reason}. `margincall build --full` publishes anew.") from None
        return connection


def _checked(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Column names go into the statement as text, so only known ones may."""
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise QueryError(f"Unknown dimension {', '.join(map(repr, unknown))}. Known: {', '.join(known)}.")
    return list(asked)
