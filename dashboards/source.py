"""Where the pages get their figures: one reader and one control database for the process, answers kept for each version.

An answer is kept under (data folder, version, question, arguments, tenant): a new version asks anew and mixes with no old one.
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
from warehouse.control import Control
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
def _answer(data_dir: str, n: int, question: str, arguments: tuple[Any, ...], tenant_id: str | None) -> Any:
    source = reader(data_dir)
    scope = {"tenant_id": tenant_id} if tenant_id is not None else {}
    answer = getattr(source, question)(*arguments, **scope)
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

    def _ask(self, question: str, *arguments: Any, tenant_id: str | None = None) -> Any:
        return _answer(self.data_dir, self.n, question, arguments, tenant_id)
