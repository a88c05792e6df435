"""Costs of real LiteLLM records, recomputed from their JSON with the catalogue's own calculator and nothing of ours."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from tests.workspace import Workspace

FILES = ("standard_logging_payload.jsonl", "standard_logging_payload_nodb.jsonl")
PICO = Decimal(10) ** 12


def test_every_request_and_every_task_costs_what_an_independent_calculation_says(
    real_data: Path, workspace: Workspace
) -> None:
    lines = [line for name in FILES for line in (real_data / "litellm" / name).read_text().splitlines()]
    records = [json.loads(line) for line in lines]
    for name in FILES:
        workspace.land(real_data / "litellm" / name)
    workspace.build()
    expected, tasks = _requests(records), _tasks(records)
    found = workspace.rows(
        """select source_record_id, epoch_ms(priced.started_at), pricing_status, cost_pico
        from fct_llm_request_priced as priced
        inner join read_parquet('{}/*/*.parquet') as lake using (landing_id, source_line)""".format(
            workspace.lake.root / "llm_request"
        )
    )
    assert len(found) == len(expected)
    differences = {
        key: (status, cost, expected[key])
        for record, started_ms, status, cost in found
        if cost != expected[key := (record.partition("_cache_hit")[0], started_ms)]
    }
    assert differences == {}
    assert dict(workspace.rows("select task_id, llm_cost_pico from fct_task")) == tasks
    assert len(tasks) > 100


def _requests(records: list[dict[str, Any]]) -> dict[tuple[str, int], int | None]:
    """Cost in pico-dollars by record; the latest of several records of one call that the router refused."""
    return {_key(record): _cost_pico(record) for record in records}


def _tasks(records: list[dict[str, Any]]) -> dict[str, Decimal]:
    costs: dict[str, Decimal] = defaultdict(Decimal)
    for record in {_key(record): record for record in records}.values():
        named = (record["metadata"].get("spend_logs_metadata") or {}).get("task_id")
        costs[named or record["trace_id"]] += _cost_pico(record) or 0
    return dict(costs)


def _key(record: dict[str, Any]) -> tuple[str, int]:
    return record["id"].partition("_cache_hit")[0], round(Decimal(str(record["startTime"])) * 1000)


def _cost_pico(record: dict[str, Any]) -> int | None:
    """What the provider bills: nothing for a hit of the gateway's cache or a failure without usage; null if unknown."""
    if record["cache_hit"]:
        return 0
    if not record["prompt_tokens"] and not record["completion_tokens"]:
        assert record["status"] == "failure"
        return 0
    model = record["model"]
    named = record["model_map_information"]["model_map_key"]
    reference = (named if model.startswith("azure/") else model).partition("/")[2]
    try:
        price = calc_price(
            _usage(record["metadata"]["usage_object"]),
            reference,
            provider_id={"gemini": "google"}.get(record["custom_llm_provider"], record["custom_llm_provider"]),
            genai_request_timestamp=datetime.fromtimestamp(record["startTime"], UTC),
            price_context=_context(record),
        )
    except LookupError:
        return None
    return int((price.total_price * PICO).quantize(Decimal(1), ROUND_HALF_EVEN))


def _context(record: dict[str, Any]) -> dict[str, str] | None:
    tier = (record["cost_breakdown"] or {}).get("service_tier")
    return {"service_tier": tier} if tier in ("flex", "priority") else None


def _usage(usage: dict[str, Any]) -> Usage:
    read, written = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    writes = read.get("cache_creation_token_details") or {}
    counts = {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "cache_read_tokens": max(usage.get("cache_read_input_tokens") or 0, read.get("cached_tokens") or 0),
        "cache_write_tokens": usage.get("cache_creation_input_tokens"),
        "cache_write_1h_tokens": writes.get("ephemeral_1h_input_tokens"),
        "input_audio_tokens": read.get("audio_tokens"),
        "output_audio_tokens": written.get("audio_tokens"),
        "web_searches": (usage.get("server_tool_use") or {}).get("web_search_requests"),
    }
    return Usage(**{name: count for name, count in counts.items() if count})


def test_the_unpriced_model_is_counted_and_costs_nothing(real_data: Path, workspace: Workspace) -> None:
    workspace.land(real_data / "litellm" / FILES[0])
    workspace.build()
    rows = workspace.rows(
        """select model, pricing_reason, count(*), count(cost_pico) from fct_llm_request_priced
        where pricing_status = 'unpriced' group by all order by 1"""
    )
    assert [(model, reason, priced) for model, reason, _, priced in rows] == [
        ("openai/acme-unpriced-1", "unknown_model", 0),
        ("openai/llama-3-internal", "unknown_model", 0),
    ]


@pytest.mark.parametrize("name", FILES)
def test_every_real_record_lands(real_data: Path, workspace: Workspace, name: str) -> None:
    result = workspace.land(real_data / "litellm" / name)
    lines = len((real_data / "litellm" / name).read_text().splitlines())
    counts = result.counts
    assert (counts.rows_in, counts.landed, counts.duplicate, counts.quarantined) == (lines, lines, 0, 0)
