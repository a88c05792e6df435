"""Stand-ins for dbt and the project's macros: SQL of the right shape, so that sqlfluff needs no warehouse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

target = SimpleNamespace(type="duckdb")
execute = False
this = "this"


def config(**_: Any) -> str:
    return ""


def ref(name: str) -> str:
    return name


def input(name: str) -> str:
    return f"input_{name}"


def lake(dataset: str) -> str:
    return f"lake_{dataset}"


def setting(name: str) -> str:
    return {"usage_unit": "requests", "accrue_outcomes": "true"}.get(name, "30")


def has_outcomes_without_task() -> bool:
    return True


def task_of_outcome(outcome_id: str) -> str:
    return f"('outcome:' || {outcome_id})"


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


def round_half_even(a: str, b: str) -> str:
    return f"round_half_even({a}, {b})"


def earned(amount_pico: str, part: str, whole: str) -> str:
    return f"earned({amount_pico}, {part}, {whole})"


def earned_upto(line: str, k: str) -> str:
    return f"earned({line}.spread_pico, {k}, {line}.spread_days)"


def month_of(day: str) -> str:
    return f"month_of({day})"


def next_month_of(day: str) -> str:
    return f"next_month_of({day})"


def spread_day(amount_pico: str, k: str, n: str) -> str:
    return f"spread_day({amount_pico}, {k}, {n})"


def price_bit(_component: str) -> int:
    return 1


def price_bits(condition: str, _components: list[str] | None = None) -> str:
    return f"cast({condition.replace('{}', 'input')} as integer)"


def bits_of(_components: list[str]) -> int:
    return 3


def is_fraction(price: str, side: str) -> str:
    return f"{price} % {side}_block <> 0"


def int_div(a: str, b: str) -> str:
    return f"int_div({a}, {b})"


def billed_quantity(component: str) -> str:
    return f"{component}_quantity"


def price_contexts() -> list[str]:
    return ["standard", "batch", "fast"]


def whole_cost(components: list[str], side: str) -> str:
    return " + ".join(f"{component}_quantity * {side}_{component}_num" for component in components)


def rounded_cost(components: list[str], side: str) -> str:
    return " + ".join(rounded_component(component, side) for component in components)


def rounded_component(component: str, side: str) -> str:
    return f"rounded({component}_quantity, {side}_{component}_num, {side}_block)"


def converted_cost(components: list[str], side: str) -> str:
    return " + ".join(f"converted({side}_{component}_in_currency, {side}_nano_rate)" for component in components)


def nano_rate(rate: str) -> str:
    return f"nano_rate({rate})"


def missing_prices() -> str:
    return "'input,output'"


def nano_rate_of(side: str, _is_abroad: bool) -> str:
    return f"{side}_rates.nano_rate"


def drawdown_of(_has_drawdowns: bool) -> str:
    return "coalesce(drawn.drawdown_pico, 0)"


def prices_of(sides: list[str]) -> list[tuple[str, str]]:
    return [(side, component) for side in sides for component in price_components()]


def price_groups() -> list[tuple[str, list[str]]]:
    return [("input", ["input"]), ("request", ["output", "request"])]


def any_row(_table: str, _condition: str = "") -> bool:
    return True


def is_any_price_abroad() -> bool:
    return True


def is_incremental() -> bool:
    return True


def big(expression: str) -> str:
    return f"cast({expression} as decimal(38, 0))"


def weekday_bit(day: str) -> str:
    return f"weekday_bit({day})"


def drawn_tokens() -> str:
    return "(input_tokens + output_tokens)"


def window_start(day: str, drawdown: str) -> str:
    return f"greatest({day}, {drawdown}.valid_from)"


def charge_upto(units: str, segment: str) -> str:
    return f"charge_upto({units}, {segment}.lo)"


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


def metric_bound(_metric: dict[str, str], _side: str) -> str:
    return "cast(null as string)"


def metric_missing(_metric: dict[str, str], _side: str) -> str:
    return "cast(null as string)"


def ratio(numerator: str, denominator: str) -> str:
    return f"({numerator}) * 1000000000000 / ({denominator})"


def cost_measures() -> list[tuple[str, str]]:
    return [("requests", "bigint"), ("unconverted_events", "bigint"), ("cost_pico", "decimal(38, 0)")]


def day_measures() -> list[tuple[str, str, str, str]]:
    return [("requests", "bigint", "requests", ""), ("inference_cost_pico", "decimal(38, 0)", "cost_pico", "")]


def sum_measure(name: str, _kind: str, condition: str = "") -> str:
    return f"sum(case when {condition or 'true'} then {name} end)"


def day_sums() -> str:
    return "sum(requests) as requests, sum(cost_pico) as inference_cost_pico"


def day_usd() -> str:
    return "to_usd(inference_cost_pico) as inference_cost_usd"


def context_bin(tokens: str) -> str:
    return f"context_bin({tokens})"


def next_context_bin(bin_from: str) -> str:
    return f"next_context_bin({bin_from})"


def cached_components() -> list[str]:
    return ["cache_read"]


def plain_input_cost(tokens: str, _is_abroad: bool) -> str:
    return f"plain_input_cost({tokens})"


def at_lower_price(cost: str, component: str) -> str:
    return f"at_lower_price({cost}, {component})"


def add_months(first_day: str, months: int) -> str:
    return f"add_months({first_day}, {months})"


def sum_usd(expression: str) -> str:
    return f"sum({expression})"


def per_million(price: str, block: str) -> str:
    return f"per_million({price}, {block})"


def is_feed_loaded(_feed: str) -> str:
    return "true"


def json_entries(json: str) -> str:
    return f"map_keys({json}) as tenant_id, map_values({json}) as weight"


def has_traces() -> bool:
    return True


def stored_columns(_dataset: str) -> list[str]:
    return ["record_key", "tenant_id"]


def filled_from_trace(column: str, request: str, trace: str) -> str:
    return f"coalesce({request}.{column}, {trace}.{column})"


def is_trace_of(trace: str, request: str) -> str:
    return f"{trace}.trace_id = {request}.trace_id"


def begins_with(text: str, start: str) -> str:
    return f"{text} = {start}"


def holds_on(day: str, stretch: str) -> str:
    return f"{stretch}.valid_from <= {day}"
