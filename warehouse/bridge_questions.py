"""Two weeks side by side, for the margin bridge."""

from __future__ import annotations

from typing import Any

from warehouse.bridge_rows import (
    BridgeCalls,
    BridgeCell,
    BridgeCost,
    BridgeCoverage,
    BridgePart,
    BridgeRevenue,
    BridgeWeeks,
    Two,
)
from warehouse.questions import Questions
from warehouse.rows import Period

_COMPONENTS = ("input", "cache_read", "cache_write", "output")
_PRICES = {"input": "input", "cache_read": "cache_read", "cache_write": "cache_write_5m", "output": "output"}
"""Which price says how a component's price moved; both kinds of cache writes move together."""

_SIDE = "case when usage_date >= $next_start and usage_date < $next_end then 1 else 0 end as side"
_IN_EITHER = "(usage_date >= $start and usage_date < $end or usage_date >= $next_start and usage_date < $next_end)"

# Model calls that are cost of goods: in production, and not of a tenant-day on a free plan that sales pays for.
_REQUESTS = f"""
goods as materialized (
    select distinct tenant_id, usage_date from fct_cost_day
    where is_model_call and is_cost_of_goods and {_IN_EITHER}
),
requests as materialized (
    select
        {_SIDE},
        tenant_id, coalesce(feature, 'unattributed') as feature, provider_name, model,
        operation_name in ('embeddings', 'rerank') as is_other,
        logical_call_id, coalesce(is_gateway_cache_hit, false) as is_hit, pricing_status,
        price_provider, price_model, price_context, context_step_tokens, day,
        epoch_us(started_at) // 1000000 % 86400 as second_of_day,
        coalesce(cache_read_input_tokens, 0) as cache_read_tokens,
        coalesce(cache_creation_input_tokens, 0) as cache_write_tokens,
        greatest(coalesce(input_tokens, 0) - cache_read_tokens - cache_write_tokens, 0) as input_tokens,
        coalesce(output_tokens, 0) as output_tokens,
        input_cost_pico, cache_read_cost_pico, cache_write_cost_pico, output_cost_pico,
        media_cost_pico + request_cost_pico as attempt_cost_pico,
        drawdown_pico, cost_pico
    from fct_llm_request_priced
    where is_production and (tenant_id, usage_date) in (select (tenant_id, usage_date) from goods)
        and {_IN_EITHER}
),
seen as (
    -- one row per tenant, feature and model: attempts of each week that have a price, and that have none
    select tenant_id, feature, provider_name, model,
        count(*) filter (where side = 0 and cost_pico is not null) as priced_before,
        count(*) filter (where side = 1 and cost_pico is not null) as priced_after,
        count(*) filter (where side = 0 and cost_pico is null) as unpriced_before,
        count(*) filter (where side = 1 and cost_pico is null) as unpriced_after
    from requests where not is_hit and not is_other group by all
),
attempts as (
    select requests.*,
        priced_before = 0 and unpriced_before > 0 or priced_after = 0 and unpriced_after > 0 as is_coverage
    from requests
    join seen on requests.tenant_id = seen.tenant_id and requests.feature = seen.feature
        and requests.provider_name is not distinct from seen.provider_name and requests.model is not distinct from seen.model
    where not is_hit and not is_other and cost_pico is not null
)"""


def _both(expression: str, name: str) -> str:
    """A sum for each week; a week without a row has zero of everything."""
    return ", ".join(
        f"coalesce(sum({expression}) filter (where side = {side}), 0)::decimal(38, 0) as {name}_{side}"
        for side in (0, 1)
    )


class BridgeQuestions(Questions):
    """Of cost of goods and revenue; in whole pico-dollars."""

    def bridge_weeks(self, before: Period, after: Period) -> BridgeWeeks:
        """What is in each of two periods of equal length, which must not overlap."""
        asked = {"start": before.start, "end": before.end, "next_start": after.start, "next_end": after.end}
        states = self._rows(
            f"""with {_REQUESTS} select {_both("(cost_pico is null)::int", "unpriced")},
                {_both("(pricing_status = 'partial')::int", "partial")} from requests""",
            asked,
        )[0]
        unpriced, partial = _twos(states)
        return BridgeWeeks(
            cells=self._bridge_cells(asked),
            parts=self._bridge_parts(asked, (after.start - before.start).days),
            coverage=self._bridge_coverage(asked),
            costs=self._bridge_costs(asked),
            revenue=self._bridge_revenue(asked),
            unpriced_attempts=unpriced,
            partial_attempts=partial,
            without_rate=self._bridge_without_rate(asked),
        )

    def bridge_calls(self, before: Period, after: Period) -> BridgeCalls:
        """Calls of models in each of two periods of equal length, which must not overlap."""
        asked = {"start": before.start, "end": before.end, "next_start": after.start, "next_end": after.end}
        return BridgeCalls(
            cells=self._bridge_cells(asked),
            parts=self._bridge_parts(asked, (after.start - before.start).days),
            coverage=self._bridge_coverage(asked),
        )

    def _bridge_cells(self, asked: dict[str, Any]) -> list[BridgeCell]:
        rows = self._rows(
            f"""with {_REQUESTS},
            calls as (
                select side, tenant_id, feature, logical_call_id, true as is_served, 0 as lookup_pico
                from attempts where not is_coverage
                union all
                select side, tenant_id, feature, logical_call_id, false, cost_pico from requests
                where is_hit and not is_other and cost_pico is not null
            ),
            logical as (
                select side, tenant_id, feature, logical_call_id, bool_or(is_served)::int as served,
                    sum(lookup_pico) as lookup_pico
                from calls group by all
            )
            select tenant_id, feature, {_both("1", "calls")}, {_both("served", "served")}, {_both("lookup_pico", "lookup")}
            from logical group by tenant_id, feature order by tenant_id, feature""",
            asked,
        )
        return [BridgeCell(tenant, feature, *_twos(amounts)) for tenant, feature, *amounts in rows]

    def _bridge_parts(self, asked: dict[str, Any], days_between: int) -> list[BridgePart]:
        paid = ", ".join(
            f"case when has_contract then contract_{price}_per_million else {price}_per_million end as {component}_price"
            for component, price in _PRICES.items()
        )
        moved = " or ".join(f"own.{name}_price <> other.{name}_price" for name in _COMPONENTS)
        ratios = ", ".join(f"other.{name}_price / nullif(own.{name}_price, 0) as {name}_ratio" for name in _COMPONENTS)
        # Rounded per request: a sum of floats would be another one on every run.
        elsewhere = ", ".join(
            _both(f"round({name}_cost_pico * coalesce({name}_ratio, 1))::decimal(38, 0)", f"other_{name}")
            for name in _COMPONENTS
        )
        tokens = ", ".join(_both(f"{name}_tokens", f"{name}_tokens") for name in _COMPONENTS)
        costs = ", ".join(_both(f"{name}_cost_pico", name) for name in (*_COMPONENTS, "attempt"))
        rows = self._rows(
            f"""with {_REQUESTS},
            prices as (
                select price_provider, price_model, price_context, context_step_tokens, time_of_day_from_s, time_of_day_to_s,
                    weekday_mask, valid_from, valid_to, {paid}
                from dim_price
            ),
            moved as (
                -- one row per price and another one of the same model, context and step
                select own.*, other.valid_from as other_from, other.valid_to as other_to, {ratios}
                from prices as own join prices as other using (
                    price_provider, price_model, price_context, context_step_tokens, time_of_day_from_s, weekday_mask
                )
                where {moved}
            )
            select attempts.tenant_id, attempts.feature, attempts.provider_name, attempts.model, {_both("1", "attempts")},
                {tokens}, {costs}, {elsewhere}, {_both("drawdown_pico", "drawdown")}
            from attempts left join moved
                on attempts.price_provider = moved.price_provider and attempts.price_model = moved.price_model
                and attempts.price_context = moved.price_context and attempts.context_step_tokens = moved.context_step_tokens
                and day >= valid_from and day < valid_to
                and day + (case side when 0 then $shift else -$shift end) >= other_from
                and day + (case side when 0 then $shift else -$shift end) < other_to
                and second_of_day >= time_of_day_from_s and second_of_day < time_of_day_to_s
                and (weekday_mask & (1 << ((day - date '1900-01-01') % 7))::int) <> 0
            where not is_coverage
            group by all order by all""",
            asked | {"shift": days_between},
        )
        found: list[BridgePart] = []
        for tenant, feature, provider, model, *amounts in rows:
            attempts, *others = _twos(amounts)
            found.append(
                BridgePart(
                    tenant,
                    feature,
                    provider,
                    model,
                    attempts,
                    (others[0], others[1], others[2], others[3]),
                    (others[4], others[5], others[6], others[7], others[8]),
                    # What is charged by the attempt keeps its price.
                    (others[9], others[10], others[11], others[12], others[8]),
                    others[13],
                )
            )
        return found

    def _bridge_coverage(self, asked: dict[str, Any]) -> list[BridgeCoverage]:
        rows = self._rows(
            f"""with {_REQUESTS} select tenant_id, feature, provider_name, model, {_both("cost_pico", "cost")}
            from attempts where is_coverage group by all order by all""",
            asked,
        )
        return [BridgeCoverage(*row[:4], *_twos(row[4:])) for row in rows]

    def _bridge_costs(self, asked: dict[str, Any]) -> list[BridgeCost]:
        rows = self._rows(
            f"""with costs as (
                select usage_date, tenant_id, feature, provider_name, model, component, cost_pico from fct_cost_day
                where is_cost_of_goods and not (is_model_call and component = 'inference')
                union all
                select usage_date, tenant_id, null, null, null, 'allocated', cost_pico from fct_allocated_cost_day
            ),
            sided as (
                select *, {_SIDE} from costs where {_IN_EITHER}
            )
            select tenant_id, feature, provider_name, model, component, {_both("cost_pico", "cost")}
            from sided group by all order by all""",
            asked,
        )
        return [BridgeCost(*row[:5], *_twos(row[5:])) for row in rows]

    def _bridge_revenue(self, asked: dict[str, Any]) -> list[BridgeRevenue]:
        rows = self._rows(
            f"""with sided as (
                select *, {_SIDE} from fct_revenue_day where {_IN_EITHER}
            )
            select tenant_id, {_both("revenue_pico", "revenue")} from sided group by tenant_id order by tenant_id""",
            asked,
        )
        return [BridgeRevenue(tenant, *_twos(amounts)) for tenant, *amounts in rows]

    def _bridge_without_rate(self, asked: dict[str, Any]) -> Two:
        rows = self._rows(
            f"""with lacking as (
                select usage_date, unconverted_events as lines from fct_cost_day where is_cost_of_goods
                union all
                select usage_date, unconverted_lines from fct_revenue_day
                union all
                select usage_date, unconverted_days from fct_allocated_cost_day
            ),
            sided as (
                select *, {_SIDE} from lacking where {_IN_EITHER}
            )
            select {_both("lines", "lines")} from sided""",
            asked,
        )
        return _twos(rows[0])[0]


def _twos(amounts: Any) -> list[Two]:
    """Pairs of neighbours, as whole numbers."""
    whole = [int(amount) for amount in amounts]
    return list(zip(whole[::2], whole[1::2], strict=True))
