"""Where the pages get their figures: one reader and one control database for the process, answers kept for each version.

An answer is kept under (data folder, version, question, arguments): a new version asks anew and mixes with no old one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import streamlit as st

from pipelines.settings import Settings, load_settings
from warehouse.bridge_rows import BridgeWeeks
from warehouse.control import Control
from warehouse.model_questions import UserKey
from warehouse.model_rows import CacheWeek, ModelPrice, PromptCacheUse, RoutedTasks, TierUse
from warehouse.reader import Reader
from warehouse.rows import (
    CostLine,
    DataState,
    Dimension,
    Period,
    SharedCost,
    TaskCost,
    TenantDay,
    TenantMargin,
    TrendPoint,
    UnpricedLine,
    Week,
)
from warehouse.task_questions import WasteKey
from warehouse.task_rows import Attempt, ContextBin, PromptGrowth, Task, TaskDriver, TaskGroup, Waste
from warehouse.user_rows import PlanUsers, SegmentValue, TopShare

CONFIG_VARIABLE = "MARGINCALL_CONFIG"
"""Set by `margincall dashboard`: the configuration file that was asked for."""


class Moved(Exception):
    """A newer version was published while a page was put together."""


def settings() -> Settings:
    """The configuration that the command was started with. Raises SettingsError."""
    path = os.environ.get(CONFIG_VARIABLE)
    return load_settings(Path(path) if path else None)


@st.cache_resource(show_spinner=False)
def reader(data_dir: str) -> Reader:
    return Reader(Path(data_dir))


@st.cache_resource(show_spinner=False)
def control(url: str) -> Control:
    return Control(url)


@st.cache_data(show_spinner=False, max_entries=500)
def _answer(
    data_dir: str, n: int, question: str, arguments: tuple[Any, ...], named: tuple[tuple[str, Any], ...]
) -> Any:
    source = reader(data_dir)
    answer = getattr(source, question)(*arguments, **dict(named))
    if source.version().n != n:
        raise Moved
    return answer


@dataclass(frozen=True)
class Marts:
    """The reader's questions, answered by version `n` only. Each raises Moved when another is published meanwhile."""

    data_dir: str
    n: int

    def state(self) -> DataState:
        return self._ask("state")

    def weeks(self) -> list[date]:
        return self._ask("weeks")

    def months(self) -> list[date]:
        return self._ask("months")

    def weekly(self, week: date | None = None) -> Week:
        return self._ask("weekly", week)

    def trend(self) -> list[TrendPoint]:
        return self._ask("trend")

    def tenant_margins(self, period: Period) -> list[TenantMargin]:
        return self._ask("tenant_margins", period)

    def costs(self, period: Period, by: Sequence[Dimension], tenant_id: str | None = None) -> list[CostLine]:
        return self._ask("costs", period, tuple(by), tenant_id=tenant_id)

    def tenant_days(self, tenant_id: str, period: Period) -> list[TenantDay]:
        return self._ask("tenant_days", tenant_id, period)

    def shared_costs(self, period: Period) -> list[SharedCost]:
        return self._ask("shared_costs", period)

    def task_costs(self, period: Period, by: Sequence[str]) -> list[TaskCost]:
        return self._ask("task_costs", period, tuple(by))

    def cost_and_successes(self, period: Period) -> list[tuple[Decimal, int]]:
        return self._ask("cost_and_successes", period)

    def unpriced(self, period: Period) -> list[UnpricedLine]:
        return self._ask("unpriced", period)

    def task_groups(self, period: Period) -> list[TaskGroup]:
        return self._ask("task_groups", period)

    def waste(
        self, week: date, by: Sequence[WasteKey] = (), *, feature: str | None = None, kind: str | None = None
    ) -> list[Waste]:
        return self._ask("waste", week, tuple(by), feature=feature, kind=kind)

    def task_drivers(self, week: date, feature: str | None) -> list[TaskDriver]:
        return self._ask("task_drivers", week, feature)

    def context_bins(self, week: date, feature: str | None) -> list[ContextBin]:
        return self._ask("context_bins", week, feature)

    def prompt_growth(self, week: date, feature: str | None) -> list[PromptGrowth]:
        return self._ask("prompt_growth", week, feature)

    def dearest_tasks(self, period: Period, limit: int, feature: str | None) -> list[Task]:
        return self._ask("dearest_tasks", period, limit, feature)

    def task(self, task_id: str) -> Task | None:
        return self._ask("task", task_id)

    def attempts(self, task_id: str) -> list[Attempt]:
        return self._ask("attempts", task_id)

    def cache_weeks(self) -> list[CacheWeek]:
        return self._ask("cache_weeks")

    def prompt_cache(self, week: date) -> list[PromptCacheUse]:
        return self._ask("prompt_cache", week)

    def model_prices(self, period: Period) -> list[ModelPrice]:
        return self._ask("model_prices", period)

    def model_users(self, period: Period, provider: str | None, model: str | None, by: UserKey) -> list[CostLine]:
        return self._ask("model_users", period, provider, model, by)

    def tier_uses(self, week: date) -> list[TierUse]:
        return self._ask("tier_uses", week)

    def routed_tasks(self, week: date) -> list[RoutedTasks]:
        return self._ask("routed_tasks", week)

    def plan_users(self, week: date) -> list[PlanUsers]:
        return self._ask("plan_users", week)

    def top_shares(self, week: date) -> list[TopShare]:
        return self._ask("top_shares", week)

    def bridge_weeks(self, before: Period, after: Period) -> BridgeWeeks:
        return self._ask("bridge_weeks", before, after)

    def segment_values(self, month: date) -> list[SegmentValue]:
        return self._ask("segment_values", month)

    def _ask(self, question: str, *arguments: Any, **named: Any) -> Any:
        return _answer(self.data_dir, self.n, question, arguments, tuple(named.items()))
