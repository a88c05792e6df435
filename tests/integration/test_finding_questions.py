"""What findings are made of, read from a handful of calls whose sums are plain to see.

A call to claude-sonnet-4-5 has 1,000 tokens in and 100 out: 0.003 + 0.0015 USD, 4,500,000,000 pico-dollars. One to gpt-5 has
the same tokens for 0.00125 + 0.001 USD.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings import evidence
from tests.workspace import Workspace, request
from warehouse.finding_rows import (
    BilledUse,
    CutStreams,
    KeyDay,
    OverList,
    RetryDay,
    SimpleWorkDay,
    SpendDay,
    TaskDay,
    UnpricedUse,
)
from warehouse.reader import Reader

DAY = date(2026, 11, 10)
CALL = 4_500_000_000
LARGE = 2_250_000_000
DEARER = """
[[discount]]
provider = "anthropic"
model = "claude-haiku-*"
uplift = "1.5"
"""


def at(minute: int, **values: Any) -> dict[str, Any]:
    started = f"2026-11-10T10:{minute:02d}:00Z"
    return request(source_record_id=f"r-{minute}", started_at=started, ended_at=started, feature="chat", **values)


CALLS = [
    at(0, gateway_call_id="c1", status="error", api_key_hash="k1", task_id="t1"),
    at(1, gateway_call_id="c1", status="ok", api_key_hash="k1", task_id="t1"),
    at(2, gateway_call_id="c2", status="ok", api_key_hash="k1", environment="ci", tenant_id="lab"),
    at(3, gateway_call_id="c3", status="ok", provider_name="openai", response_model="gpt-5", task_id="t2"),
    at(4, gateway_call_id="c4", status="ok", provider_name="openai", response_model="no-such-model", task_id="t2"),
    at(5, gateway_call_id="c5", status="cancelled", output_tokens=40, task_id="t3"),
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    root = tmp_path_factory.mktemp("questions")
    workspace = Workspace(root)
    workspace.land_records("calls", CALLS)
    workspace.land_feed("features", [{"feature": "chat", "task_tier": 3}])
    bill = {"provider": "Anthropic", "period_start": str(DAY), "model": "claude-sonnet-4-5", "currency": "USD"}
    workspace.land_feed(
        "provider_bills",
        [
            {**bill, "line_item": "in", "token_type": "input", "amount": "0.015", "quantity": "5000", "unit": "tokens"},
            {**bill, "line_item": "out", "token_type": "output", "amount": "0.0060"},
            {**bill, "line_item": "seats", "model": None, "amount": "10"},
        ],
    )
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    yield reader
    reader.close()
    workspace.control.close()


def test_a_failed_try_that_a_later_one_replaced_is_told_with_its_cost(asked: Reader) -> None:
    assert asked.retry_days() == [RetryDay("acme", "chat", DAY, 4, 1, CALL)]


def test_calls_outside_production_are_told_with_the_share_of_production_on_their_key(asked: Reader) -> None:
    assert asked.key_days() == [KeyDay("lab", "chat", "ci", "k1", DAY, 1, CALL, 66)]


def test_simple_work_of_a_large_model_stands_beside_that_of_smaller_ones(asked: Reader) -> None:
    assert asked.simple_work_days() == [SimpleWorkDay("acme", "chat", "openai", "gpt-5", DAY, 1, LARGE, 3, 1, CALL)]


def test_tasks_and_spend_are_those_of_the_day(asked: Reader) -> None:
    # four calls of acme and one of the lab to claude, of which one was cut at 40 tokens
    acme = 2 * CALL + LARGE + 3_600_000_000
    assert asked.task_days() == [TaskDay("acme", DAY, 3, acme)]
    assert asked.spend_days() == [SpendDay(DAY, acme + CALL)]


def test_bills_stand_beside_what_was_logged_of_the_same_model_and_kind(asked: Reader) -> None:
    # four logged calls to the model: 4,000 tokens in, 340 out; the line without a model cannot be compared
    following = date(2026, 11, 11)
    assert asked.billed_use() == [
        BilledUse(
            "anthropic", "claude-sonnet-4-5", "input", DAY, following, 5000, 15 * 10**9, 4000, 12 * 10**9, 0
        ),
        BilledUse(
            "anthropic", "claude-sonnet-4-5", "output", DAY, following, None, 6 * 10**9, 340, 5_100_000_000, 0
        ),
    ]  # fmt: skip
    assert asked.cut_streams() == [CutStreams("anthropic", "claude-sonnet-4-5", "chat", DAY, 1, 40, 100)]


def test_calls_without_a_price_are_told_with_the_reason(asked: Reader) -> None:
    assert asked.unpriced_use() == [
        UnpricedUse("chat", "openai", "no-such-model", "unknown_model", DAY, DAY, 1, 1000, 100)
    ]


def test_evidence_is_the_calls_that_the_condition_picks(asked: Reader) -> None:
    def keys(kind: str, tenant: str | None, model: str | None = None) -> list[str]:
        found = Finding(
            kind, tenant, "chat", model, None, DAY, date(2026, 11, 11), True, None, False, 1, "", Remedy("", None, "")
        )
        rows = evidence.requests_of(asked, found, 10)
        told = asked.query(evidence.sql_of(found))
        assert [row.record_key for row in rows] == [row[told.columns.index("record_key")] for row in told.rows]
        return [f"{row.model} {row.status}" for row in rows]

    assert keys("retry_storm", "acme") == ["claude-sonnet-4-5 error"]
    assert keys("ci_on_production_keys", "lab") == ["claude-sonnet-4-5 ok"]
    assert keys("oversized_model", "acme", "gpt-5") == ["gpt-5 ok"]
    assert keys("unpriced_model", None) == ["no-such-model ok"]


def test_a_price_of_ones_own_above_the_list_is_told_by_what_it_adds(workspace: Workspace) -> None:
    prices = workspace.root / "prices.toml"
    prices.write_text(DEARER)
    settings = workspace.settings
    priced = Workspace(
        workspace.root / "priced", pricing=settings.pricing.model_copy(update={"company_prices": prices})
    )
    priced.root.mkdir(exist_ok=True)
    priced.land_records("calls", [at(0, response_model="claude-haiku-4-5")])
    priced.build()
    reader = Reader(priced.settings.data_dir)
    # 1,000 tokens in and 100 out at 1 and 5 USD a million, and half as much again
    assert reader.over_list(DAY, date(2026, 11, 11)) == [
        OverList("anthropic", "claude-haiku-4-5", DAY, DAY, 1, 1_500_000_000, 2_250_000_000)
    ]
    reader.close()
    priced.control.close()
