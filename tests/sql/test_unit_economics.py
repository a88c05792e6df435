"""The marts of unit economics on a small company whose every figure is worked out here by hand.

Prices (USD per million tokens: input, cache read, cache write, output): claude-sonnet-4-5 3, 0.30, 3.75, 15; above
200,000 input tokens 6, 0.60, 7.50, 22.50. claude-3-5-haiku 0.80, 0.08, 1, 4. claude-opus-4-1 15, 1.50, 18.75, 75.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.settings import Users
from tests import mart_page
from tests.workspace import WEEK, Workspace, request

SONNET, HAIKU, OPUS = "claude-sonnet-4-5", "claude-3-5-haiku-latest", "claude-opus-4-1"
MONDAY = date(2026, 11, 9)
Row = dict[str, Any]


def at(day: int, second: int = 0, week: int = 0) -> str:
    return (WEEK + timedelta(weeks=week, days=day, seconds=36_000 + second)).isoformat()


def call(name: str, day: int = 0, second: int = 0, *, week: int = 0, ms: int = 1000, **said: Any) -> Row:
    started = at(day, second, week)
    ended = (WEEK + timedelta(weeks=week, days=day, seconds=36_000 + second, milliseconds=ms)).isoformat()
    return request(source_record_id=name, started_at=started, ended_at=ended, gateway_call_id=name, **said)


HIT = {"is_gateway_cache_hit": True}
REQUESTS: tuple[Row, ...] = (
    # faq: four lookups; misses cost 0.0045 (1,000 x 3 + 100 x 15) and 0.045, a hit would have cost 0.0045, the other 0.0006
    call("f1", 0, feature="faq", ms=800),
    call("f2", 0, 10, feature="faq", input_tokens=10_000, output_tokens=1_000, ms=3000),
    call("f3", 0, 20, feature="faq", ms=20, cache_kind="exact", **HIT),
    call("f4", 1, 0, feature="faq", ms=40, cache_kind="semantic", response_model=HAIKU, input_tokens=250, **HIT),
    # cached: 8,000 of 10,000 read; 1,000 written: plain input 9,000 x 3 = 0.027; read 0.0024 + written 0.00375: saves 0.02085
    call(
        "p1",
        0,
        feature="cached",
        input_tokens=10_000,
        cache_read_input_tokens=8_000,
        cache_creation_input_tokens=1_000,
        cache_creation_5m_input_tokens=1_000,
    ),
    # written and never read: 4,000 x 3 = 0.012 as plain input, 0.015 as written: loses 0.003
    call(
        "p2",
        1,
        feature="cached",
        input_tokens=4_000,
        cache_creation_input_tokens=4_000,
        cache_creation_5m_input_tokens=4_000,
        end_user_id="user-2",
    ),
    # tiers: 2 small, 1 large, by request; simple work (tier 3) on the large one: 1,000 x 15 + 100 x 75 = 0.0225
    call("t1", 0, feature="triage", response_model=HAIKU, end_user_id="user-3"),
    call("t2", 1, feature="triage", response_model=HAIKU, end_user_id="user-3"),
    call("t3", 2, feature="triage", response_model=OPUS, end_user_id="user-3"),
    # may wait: 0.0045 at interactive price, and one in a batch, which costs half
    call("b1", 0, feature="nightly", end_user_id="svc-cron"),
    call("b2", 0, 10, feature="nightly", end_user_id="svc-cron", is_batch=True),
    # CI
    call("c1", 0, feature="triage", environment="ci", end_user_id="svc-ci"),
    # routed up a tier: small first, then the large one answers; another routed task stays where it was
    call("r1", 3, 0, feature="routed", task_id="up", route_decision="small", response_model=HAIKU, status="error"),
    call("r2", 3, 5, feature="routed", task_id="up", response_model=SONNET),
    call("r3", 3, 9, feature="routed", task_id="stay", route_decision="small", response_model=HAIKU),
    # 210,000 input tokens and 1,000 output: 210,000 x 6 + 1,000 x 22.5 = 1.2825
    call("l1", 4, feature="longdoc", tenant_id="beta", input_tokens=210_000, output_tokens=1_000, end_user_id="b"),
    # an agent: three calls of 1,000, 3,000 and 2,000 input tokens repeat 0, 1,000 and 2,000
    call("a1", 5, 0, feature="agent", task_id="loop", input_tokens=1_000, output_tokens=0, tenant_id="beta"),
    call("a2", 5, 1, feature="agent", task_id="loop", input_tokens=3_000, output_tokens=0, tenant_id="beta"),
    call("a3", 5, 2, feature="agent", task_id="loop", input_tokens=2_000, output_tokens=0, tenant_id="beta"),
)
TENANTS = (
    {"tenant_id": "acme", "plan": "pro", "segment": "smb", "started_on": "2026-06-15"},
    {"tenant_id": "beta", "plan": "team", "segment": "smb", "started_on": "2026-11-02"},
)
FEATURES = (
    {"feature": "triage", "task_tier": 3},
    {"feature": "nightly", "is_async_eligible": True},
)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("economics"), users=Users(service_accounts=("svc-*",)))
    workspace.land_records("requests", REQUESTS)
    workspace.land_feed("tenants", TENANTS)
    workspace.land_feed("features", FEATURES)
    # One hit is reported, and compared it disagrees with a fresh answer; the other one agrees.
    reports = [
        {"request_id": "f4"},
        {"request_id": "f4", "kind": "disagrees", "reported_at": at(3)},
        {"request_id": "f3", "kind": "agrees"},
        {"request_id": "f1", "kind": "disagrees"},  # a miss: nothing of it was cached
    ]
    workspace.land_feed("stale_reports", [{"reported_at": at(2), **report} for report in reports])
    workspace.land_feed(
        "task_outcomes",
        [
            {"outcome_id": "1", "task_id": "up", "outcome": "success", "observed_at": at(4)},
            {"outcome_id": "2", "task_id": "stay", "outcome": "escalated", "observed_at": at(4)},
            {"outcome_id": "3", "task_id": "loop", "outcome": "failure", "observed_at": at(6)},
        ],
    )
    workspace.build()
    yield workspace
    workspace.control.close()


def rows(workspace: Workspace, table: str, columns: str, where: str) -> list[tuple[Any, ...]]:
    return workspace.rows(f"select {columns} from {table} where {where} order by all")


def usd(*amounts: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(amount) for amount in amounts)


def test_cache_by_hits_and_by_what_they_would_have_cost(company: Workspace) -> None:
    columns = "cache_lookups, cache_hits, exact_hits, semantic_hits, saved_tokens, stale_hits, hits_without_price"
    assert rows(company, "mart_cache_week", columns, "feature = 'faq'") == [(4, 2, 1, 1, 1450, 1, 0)]
    # avoided: 0.0045 and 250 x 0.8 + 100 x 4 = 0.0006; paid for misses 0.0495; 0.0051 / 0.0546
    money = "avoided_cost_usd, miss_cost_usd, hit_rate, cost_weighted_hit_rate, stale_hit_rate, saved_tokens_per_1000_lookups"
    expected = usd("0.0051", "0.0495", "0.5", "0.093406593407", "0.5", "362500")
    assert rows(company, "mart_cache_week", money, "feature = 'faq'") == [expected]
    latencies = "hit_p50_latency_ms, hit_p95_latency_ms, miss_p50_latency_ms, miss_p95_latency_ms"
    assert rows(company, "mart_cache_week", latencies, "feature = 'faq'") == [(20, 40, 800, 3000)]


def test_a_bypass_sample_says_how_many_hits_disagree_with_a_fresh_answer(company: Workspace) -> None:
    columns = "sampled_hits, disagreeing_hits, disagreement_rate, stale_hits"
    assert rows(company, "mart_cache_week", columns, "feature = 'faq'") == [(2, 1, Decimal("0.5"), 1)]
    assert rows(company, "mart_cache_week", columns, "feature = 'routed'") == [(0, 0, None, 0)]


def test_prompt_cache_saves_reads_less_the_premium_of_writes(company: Workspace) -> None:
    columns = (
        "input_tokens, cache_read_input_tokens, cache_creation_input_tokens, prompt_cache_rate, prompt_cache_saving_usd"
    )
    # 8,000 of 14,000; 0.02085 - 0.003
    assert rows(company, "mart_prompt_cache_week", columns, "feature = 'cached'") == [
        (14_000, 8_000, 5_000, Decimal("0.571428571429"), Decimal("0.01785"))
    ]
    by_request = company.rows(
        """select source_line, prompt_cache_saving_pico from fct_llm_request_priced
        where prompt_cache_saving_pico <> 0 order by 1"""
    )
    assert [saving for _, saving in by_request] == [20_850_000_000, -3_000_000_000]


def test_tier_mix_by_requests_tokens_and_cost(company: Workspace) -> None:
    columns = "model_tier, served_requests, tokens, cost_usd, share_of_requests, share_of_cost"
    # small: 2 x 0.0012; large: 0.0225; together 0.0249
    assert rows(company, "mart_tier_mix_week", columns, "feature = 'triage'") == [
        ("large", 1, 1100, *usd("0.0225", "0.333333333333", "0.903614457831")),
        ("small", 2, 2200, *usd("0.0024", "0.666666666667", "0.096385542169")),
    ]
    # what the gateway's cache answered used no model
    assert rows(company, "mart_tier_mix_week", "served_requests, tokens", "feature = 'faq'") == [(2, 12_100)]


def test_waste_by_kind(company: Workspace) -> None:
    found = {
        (kind, feature): (cases, cost, estimate)
        for kind, feature, cases, cost, estimate in rows(
            company, "mart_waste_week", "kind, feature, cases, cost_usd, is_estimate", "kind <> 'without_task'"
        )
    }
    assert found == {
        ("outside_production", "triage"): (1, Decimal("0.0045"), False),
        ("batchable", "nightly"): (1, Decimal("0.0045"), False),
        ("simple_work_on_large_models", "triage"): (1, Decimal("0.0225"), False),
        # 'stay' was handed over: 0.0012; 'loop' failed: 6,000 x 3 = 0.018
        ("failed_tasks", "routed"): (1, Decimal("0.0012"), False),
        ("failed_tasks", "agent"): (1, Decimal("0.018"), False),
        # 3,000 of the 6,000 input tokens: 0.009; and of the routed task the second call repeats the first's 1,000: 0.003
        ("repeated_context", "agent"): (1, Decimal("0.009"), True),
        ("repeated_context", "routed"): (1, Decimal("0.003"), True),
        # cut to 200,000: 200,000 x 3 + 1,000 x 15 = 0.615 instead of 1.2825
        ("just_over_a_price_step", "longdoc"): (1, Decimal("0.6675"), True),
    }


def test_routing_up_a_tier_is_not_handing_over(company: Workspace) -> None:
    columns = (
        "tasks, routed_tasks, moved_up_tasks, handed_over_tasks, up_tier_rate, human_handoff_rate, moved_up_cost_usd"
    )
    # the task that moved up cost 0.0012 + 0.0045
    assert rows(company, "mart_routing_week", columns, "feature = 'routed'") == [
        (2, 2, 1, 1, *usd("0.5", "0.5", "0.0057"))
    ]


def test_cost_of_users_by_plan_leaves_service_accounts_out(company: Workspace) -> None:
    # pro: user-1 0.0045 + 0.045 + p1 (1,000 x 3 + 0.0024 + 0.00375 + 0.0015 = 0.01065) + routed 0.0012 + 0.0045 + 0.0012
    # = 0.06705; user-2 0.015 + 0.0015 = 0.0165; user-3 0.0249
    columns = "active_users, cost_usd, median_user_cost_usd, p80_user_cost_usd, p90_user_cost_usd"
    assert rows(company, "mart_user_cost_week", columns, "plan = 'pro'") == [
        (3, *usd("0.10845", "0.0249", "0.06705", "0.06705"))
    ]
    deciles = rows(company, "mart_user_decile_week", "decile, active_users, cost_usd", "plan = 'pro'")
    assert deciles == [(1, 1, Decimal("0.06705")), (4, 1, Decimal("0.0249")), (7, 1, Decimal("0.0165"))]
    service = rows(company, "fct_user_week", "end_user_id, requests, cost_usd", "is_service_account")
    assert service == [("svc-cron", 2, Decimal("0.00675"))]


def test_concentration_takes_the_next_whole_number_of_spenders(company: Workspace) -> None:
    # users: b 1.2825, user-1 of acme 0.06705, user-3 0.0249, user-1 of beta 0.018, user-2 0.0165; together 1.40895
    found = rows(
        company,
        "mart_concentration_week",
        "top_percent, spenders, top_spenders, cost_usd, share_of_cost",
        "entity = 'user' and top_percent in (20, 30, 100)",
    )
    assert found == [
        (20, 5, 1, *usd("1.2825", "0.910252315554")),
        (30, 5, 2, *usd("1.34955", "0.957840945385")),
        (100, 5, 5, *usd("1.40895", "1")),
    ]


def test_drivers_of_an_agents_cost_are_ranked_by_dollars(company: Workspace) -> None:
    # one task, so it is its own median: only what it repeats is waste, and every call was a cache miss
    found = rows(company, "mart_task_driver_week", "driver_rank, driver, cost_usd, share_of_cost", "feature = 'agent'")
    assert found == [(1, "cache_misses", *usd("0.018", "1"))]
    # routed: medians of two tasks are the lesser: 1,000 tokens and 1 call. 'up' has 2,000 tokens in 2 calls: half its input cost
    # (0.0008 + 0.003) and half its cost
    routed = rows(company, "mart_task_driver_week", "driver, cost_usd", "feature = 'routed'")
    assert routed == [
        ("cache_misses", Decimal("0.0069")),
        ("context_length", Decimal("0.0019")),
        ("tool_fan_out", Decimal("0.00285")),
    ]


def test_success_by_length_of_context(company: Workspace) -> None:
    columns = "feature, input_tokens_from, input_tokens_to, tasks, successes, failures, success_rate"
    assert rows(company, "mart_context_week", columns, "true") == [
        ("agent", 2000, 4000, 1, 0, 1, Decimal(0)),
        ("routed", 1000, 2000, 2, 1, 1, Decimal("0.5")),
    ]


def test_days_by_tenant_feature_and_model_are_the_same_dollars(company: Workspace) -> None:
    requests = company.rows(
        "select usage_date, count(*), sum(cost_pico) from fct_llm_request_priced group by 1 order by 1"
    )
    for table in ("fct_tenant_day", "fct_feature_day", "fct_model_day"):
        days = f"select usage_date, sum(requests), sum(inference_cost_pico + other_cost_pico) from {table} group by 1"
        assert company.rows(f"{days} order by 1") == requests, table


def test_prices_in_force_are_listed(company: Workspace) -> None:
    columns = (
        "context_step_tokens, input_per_million, cache_read_per_million, output_per_million, contract_input_per_million"
    )
    where = f"price_model = '{SONNET}' and price_context = 'standard' and price_provider = 'anthropic'"
    assert rows(company, "dim_price", columns, where) == [
        (0, *usd("3", "0.3", "15"), None),
        (200_001, *usd("6", "0.6", "22.5"), None),
    ]


def test_the_page_of_published_tables_is_current(company: Workspace) -> None:
    assert mart_page.PAGE.read_text() == mart_page.page(company), "run `make docs`"
