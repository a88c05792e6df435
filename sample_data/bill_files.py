"""The bills as each provider hands them out, one file per provider and calendar month.

OpenAI and Anthropic in the shape of their cost reports (amounts are text and never pass through a float), Google and
Mistral as a plain CSV of the feed's columns.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from sample_data.billed import Line
from sample_data.period import DAY_US, SECOND_US, midnight_us
from sample_data.prices import decimal_usd

CSV_COLUMNS = (
    *("provider", "day", "line_item", "model", "token_type", "service_tier", "account_id", "quantity", "unit"),
    *("amount", "currency", "invoice_id"),
)
_OPENAI_DIRECTIONS = {"input": "input", "cache_read": "cached input", "output": "output"}
_ANTHROPIC_TYPES = {
    "input": ("uncached_input_tokens", "Input Tokens"),
    "cache_read": ("cache_read_input_tokens", "Input Tokens, Cache Read"),
    "cache_write_5m": ("cache_creation.ephemeral_5m_input_tokens", "Input Tokens, Cache Write"),
    "cache_write_1h": ("cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write 1h"),
    "output": ("output_tokens", "Output Tokens"),
}
_NAMES = {"claude-sonnet-4-5-20250929": "Claude Sonnet 4.5", "claude-haiku-4-5-20251001": "Claude Haiku 4.5"}
_PICO_PER_CENT_DIGITS = 10

Json = dict[str, object]


def write_bills(folder: Path, lines: Iterable[Line]) -> None:
    for (provider, month), found in groupby(lines, key=lambda line: (line.meter.provider, f"{line.meter.day:%Y-%m}")):
        name = f"provider_bills-{provider}-{month}"
        if provider == "openai":
            _write_page(folder / f"{name}.json", openai_page(list(found)))
        elif provider == "anthropic":
            _write_page(folder / f"{name}.json", anthropic_page(list(found)))
        else:
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(CSV_COLUMNS)
                writer.writerows(csv_rows(list(found), month))


def openai_page(lines: list[Line]) -> Json:
    """`GET /v1/organization/costs`, grouped by line item; dollars."""
    buckets = [
        {
            "object": "bucket",
            "start_time": midnight_us(day) // SECOND_US,
            "end_time": (midnight_us(day) + DAY_US) // SECOND_US,
            "results": [_openai_result(line) for line in found],
        }
        for day, found in _by_day(lines)
    ]
    return {"object": "page", "data": buckets, "has_more": False, "next_page": None}


def anthropic_page(lines: list[Line]) -> Json:
    """`GET /v1/organizations/cost_report`, grouped by description; cents."""
    buckets = [
        {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
            "results": [_anthropic_result(line) for line in found],
        }
        for day, found in _by_day(lines)
    ]
    return {"data": buckets, "has_more": False, "next_page": None}


def csv_rows(lines: list[Line], month: str) -> Iterator[list[object]]:
    for meter, tokens, amount_pico in lines:
        step = ", long context" if meter.is_long else ""
        item = f"{meter.model} {meter.token_type.replace('_', ' ')} tokens{step}"
        yield [meter.provider, meter.day, item, meter.model, meter.token_type, meter.context, "acme-production", tokens,
               "token", decimal_usd(amount_pico), "USD", f"{meter.provider}-{month}"]  # fmt: skip


def _openai_result(line: Line) -> Json:
    meter = line.meter
    tier = "" if meter.context == "standard" else f"{meter.context} | "
    return {
        "object": "organization.costs.result",
        "amount": {"value": decimal_usd(line.amount_pico), "currency": "usd"},
        "line_item": f"{tier}{meter.model}, {_OPENAI_DIRECTIONS[meter.token_type]}",
        "project_id": "proj_production",
        "quantity": line.tokens,
        "quantity_unit": "tokens",
    }


def _anthropic_result(line: Line) -> Json:
    token_type, words = _ANTHROPIC_TYPES[line.meter.token_type]
    return {
        "currency": "USD",
        "amount": _decimal_cents(line.amount_pico),
        "workspace_id": "wrkspc_production",
        "description": f"{_NAMES[line.meter.model]} Usage - {words}",
        "cost_type": "tokens",
        "context_window": "0-200k",
        "model": line.meter.model,
        "service_tier": "standard",
        "token_type": token_type,
        "inference_geo": "global",
    }


def _decimal_cents(amount_pico: int) -> str:
    whole, rest = divmod(amount_pico, 10**_PICO_PER_CENT_DIGITS)
    return f"{whole}.{rest:0{_PICO_PER_CENT_DIGITS}d}"


def _by_day(lines: list[Line]) -> Iterator[tuple[date, Iterator[Line]]]:
    return groupby(lines, key=lambda line: line.meter.day)


def _write_page(path: Path, page: Json) -> None:
    path.write_text(json.dumps(page, separators=(",", ":")) + "\n", encoding="utf-8")
