"""Stand-ins for dbt and the project's macros: SQL of the right shape, so that sqlfluff needs no warehouse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

target = SimpleNamespace(type="duckdb")
execute = False


def config(**_: Any) -> str:
    return ""


def ref(name: str) -> str:
    return name


def input(name: str) -> str:
    return f"input_{name}"


def lake(dataset: str) -> str:
    return f"lake_{dataset}"


def setting(_: str) -> str:
    return "30"


def in_build_days(column: str = "day", _table: str = "build_day") -> str:
    return f"{column} in (date '2026-11-09', date '2026-11-10')"


def replace_days_strategy() -> str:
    return "replace_days"


def latest_of_feed(feed: str, key: list[str]) -> str:
    return f"select {', '.join(key)} from feed_{feed}"


def amount_to_pico_usd(amount: str, currency: str, rate: str) -> str:
    return f"to_pico({amount}, {currency}, {rate})"


def usd_to_pico(usd: str) -> str:
    return f"to_pico({usd})"


def pico_to_usd(pico: str) -> str:
    return f"to_usd({pico})"


def sum_big(expression: str) -> str:
    return f"sum({expression})"


def div_half_even(a: str, b: str) -> str:
    return f"div_half_even({a}, {b})"


def spread_day(amount_pico: str, k: str, n: str) -> str:
    return f"spread_day({amount_pico}, {k}, {n})"


def component_pico(quantity: str, num: str, block: str) -> str:
    return f"component_pico({quantity}, {num}, {block})"


def price_components() -> list[str]:
    return ["input", "output", "request"]


def used_fallbacks() -> str:
    return "'reasoning<-output'"


def is_cost_of_goods(component: str) -> str:
    return f"{component} <> 'support'"


def usage_date(instant: str) -> str:
    return f"cast({instant} as date)"


def week_start(day: str) -> str:
    return f"cast(date_trunc('week', {day}) as date)"


def add_days(day: str, days: int | str) -> str:
    return f"date_add({day}, {days})"


def add_hours(instant: str, hours: int) -> str:
    return f"add_hours({instant}, {hours})"


def days_between(first: str, last: str) -> str:
    return f"days_between({first}, {last})"


def ms_between(first: str, last: str) -> str:
    return f"ms_between({first}, {last})"


def second_of_day(instant: str) -> str:
    return f"second_of_day({instant})"


def weekly_metrics() -> list[dict[str, str]]:
    common = {"label": "Label", "unit": "usd", "numerator": "1"}
    return [{"id": "revenue", **common}, {"id": "cost_per_successful_task", "bound": "at_least", **common}]


def metric_value(_metric: dict[str, str], side: str) -> str:
    return f"{side}revenue_pico"


def metric_missing(_metric: dict[str, str], _side: str) -> str:
    return "cast(null as string)"


def ratio(numerator: str, denominator: str) -> str:
    return f"({numerator}) * 1000000000000 / ({denominator})"
