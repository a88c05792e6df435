"""The figures in `traces.py` are those of the traces, and what the sample company logs has these figures."""

from __future__ import annotations

import csv
import json
import statistics
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sample_data.arrivals import MEAN_BURST, Arrivals
from sample_data.lengths import from_table
from sample_data.period import DAY_US, HOURS_CUMULATIVE, midnight_us
from sample_data.scripts import SEARCH_PROMPT_TOKENS
from sample_data.traces import (
    CODE,
    CONVERSATION,
    LONG_CONVERSATION,
    PERCENTS,
    REPEATED_BLOCKS_PER_MILLE,
    REPEATED_PREFIX_PERCENTS,
    Trace,
)
from tests.unit.test_sample_data import Sample, usage_of, written

TRACES = {"CONVERSATION": CONVERSATION, "CODE": CODE, "LONG_CONVERSATION": LONG_CONVERSATION}


def quantiles(values: Sequence[int]) -> tuple[int, ...]:
    ordered = sorted(values)
    return tuple(ordered[(percent * (len(ordered) - 1) + 50) // 100] for percent in PERCENTS)


def ranks(values: Sequence[int]) -> list[float]:
    """Ranks from 1, equal values sharing the mean of theirs."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered, start=1)))}
    counts = Counter(values)
    return [first[value] + (counts[value] - 1) / 2 for value in values]


@pytest.fixture(scope="module")
def recorded(real_data: Path) -> dict[str, list[tuple[float, int, int]]]:
    """Seconds, input and output tokens of every request of the traces."""
    found: dict[str, list[tuple[float, int, int]]] = {}
    for name, file in (("CONVERSATION", "conv"), ("CODE", "code")):
        with (real_data / "azure_llm" / f"AzureLLMInferenceTrace_{file}.csv").open(
            encoding="utf-8", newline=""
        ) as text:
            found[name] = [
                (datetime.fromisoformat(row["TIMESTAMP"][:26] + "+00:00").timestamp(), int(row["ContextTokens"]),
                 int(row["GeneratedTokens"]))
                for row in csv.DictReader(text)
            ]  # fmt: skip
    found["LONG_CONVERSATION"] = [
        (request["timestamp"] / 1000, request["input_length"], request["output_length"])
        for request in mooncake(real_data)
    ]
    return found


def mooncake(real_data: Path) -> list[dict[str, Any]]:
    text = (real_data / "mooncake" / "conversation_trace.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", TRACES)
def test_the_lengths_are_those_of_the_trace(recorded: dict[str, list[tuple[float, int, int]]], name: str) -> None:
    trace, requests = TRACES[name], recorded[name]
    inputs, outputs = [request[1] for request in requests], [request[2] for request in requests]
    assert len(requests) == trace.requests
    assert quantiles(inputs) == trace.input_tokens
    assert quantiles(outputs) == trace.output_tokens
    assert statistics.correlation(ranks(inputs), ranks(outputs)) == pytest.approx(trace.rank_correlation, abs=0.001)


@pytest.mark.parametrize("name", TRACES)
def test_the_bursts_are_those_of_the_trace(recorded: dict[str, list[tuple[float, int, int]]], name: str) -> None:
    trace, seconds = TRACES[name], [request[0] for request in recorded[name]]
    gaps = [after - before for before, after in pairwise(seconds)]
    dispersion = statistics.pvariance(gaps) / statistics.mean(gaps) ** 2
    if name == "LONG_CONVERSATION":  # its clock ticks every three seconds
        minutes = Counter(int((second - seconds[0]) // 60) for second in seconds)
        counts = [minutes[minute] for minute in range(max(minutes) + 1)]
        dispersion = statistics.pvariance(counts) / statistics.mean(counts)
    assert dispersion == pytest.approx(trace.dispersion, rel=0.005)
    assert trace.mean_burst == pytest.approx((trace.dispersion + 1) / 2, abs=0.01)


def test_the_repeated_blocks_are_those_of_the_trace(real_data: Path) -> None:
    seen: set[int] = set()
    blocks = repeated = 0
    percents: list[int] = []
    for request in mooncake(real_data):
        found = sum(block in seen for block in request["hash_ids"])
        seen.update(request["hash_ids"])
        blocks += len(request["hash_ids"])
        repeated += found
        percents.append(100 * found // len(request["hash_ids"]))
    assert quantiles(percents) == REPEATED_PREFIX_PERCENTS
    assert round(Fraction(1000 * repeated, blocks)) == REPEATED_BLOCKS_PER_MILLE


@pytest.mark.parametrize("name", TRACES)
def test_what_is_drawn_has_the_quantiles_of_its_table(name: str) -> None:
    trace: Trace = TRACES[name]
    for table in (trace.input_tokens, trace.output_tokens):
        rng = Random(5)
        drawn = [from_table(rng, table) for _ in range(20_000)]
        assert table[0] <= min(drawn) <= max(drawn) <= table[-1]
        assert_has_quantiles(drawn, table, 1.0)


def assert_has_quantiles(drawn: Sequence[int], table: tuple[int, ...], off_by_percents: float) -> None:
    """Of every value of the table: as large a share of the drawn ones lies up to it as the table says."""
    ordered = sorted(drawn)
    for place, value in enumerate(table):
        below, above = bisect_right(ordered, value - 1), bisect_right(ordered, value + 1)
        share_low, share_high = 100 * below / len(drawn), 100 * above / len(drawn)
        assert share_low - off_by_percents <= PERCENTS[place] <= share_high + off_by_percents, (value, PERCENTS[place])


def positions(feature: str, a_day: int, days: int) -> list[float]:
    """Starts of the tasks of some Mondays in load time: day and share of the day's load, so that the load is even."""
    rng, arrivals = Random(3), Arrivals()
    hours = (0, *HOURS_CUMULATIVE[0])
    found: list[float] = []
    for number in range(days):
        day = date(2026, 9, 7) + timedelta(weeks=number)
        for _ in range(a_day):
            start_us = arrivals.start_us(rng, feature, day) - midnight_us(day)
            assert 0 <= start_us < DAY_US
            hour, rest_us = divmod(start_us, DAY_US // 24)
            found.append(number + (hours[hour] + (hours[hour + 1] - hours[hour]) * rest_us * 24 / DAY_US) / hours[-1])
    return sorted(found)


@pytest.mark.parametrize(
    ("feature", "dispersion"),
    [("support_reply", 1.20), ("long_doc", 2.85), ("code_review", 15.0), ("doc_summary", 1.0)],
)
def test_arrivals_are_as_bursty_as_their_trace(feature: str, dispersion: float) -> None:
    gaps = [after - before for before, after in pairwise(positions(feature, 80, 400))]
    assert statistics.pvariance(gaps) / statistics.mean(gaps) ** 2 == pytest.approx(dispersion, rel=0.12)
    assert 2 * MEAN_BURST.get(feature, 1.0) - 1 == pytest.approx(dispersion, rel=0.01)


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """One week of the company at its default size."""
    return written(tmp_path_factory.mktemp("week"), 7, 26_000, 1)


def test_answers_to_searches_are_as_long_as_conversations(week: Sample) -> None:
    answers = [
        usage_of(r)
        for r in week.litellm
        if r["metadata"]["spend_logs_metadata"]["feature"] == "search_answer"
        and r["call_type"] == "acompletion"
        and r["status"] == "success"
        and r["error_information"]["error_class"] == ""
        and not r["model"].endswith("acme-rerank-exp-1")
    ]
    assert len(answers) > 2_000
    assert_has_quantiles([u.input - SEARCH_PROMPT_TOKENS for u in answers], CONVERSATION.input_tokens, 3.0)
    assert_has_quantiles([u.output - u.reasoning for u in answers], CONVERSATION.output_tokens, 3.0)


def test_questions_to_documents_are_as_long_as_long_conversations(week: Sample) -> None:
    asked = [r for r in week.canonical if r["feature"] == "long_doc" and 0 < r.get("input_tokens", 0) < 180_000]
    assert len(asked) > 300
    assert_has_quantiles([r["input_tokens"] for r in asked], LONG_CONVERSATION.input_tokens, 6.0)
    assert_has_quantiles([r["output_tokens"] - r["reasoning_output_tokens"] for r in asked],
                         LONG_CONVERSATION.output_tokens, 6.0)  # fmt: skip


def test_tool_calls_of_reviews_are_as_short_as_code_completions(week: Sample) -> None:
    by_trace: dict[str, list[dict[str, Any]]] = {}
    for record in week.litellm:
        is_review = record["metadata"]["spend_logs_metadata"]["feature"] == "code_review"
        if is_review and record["status"] == "success" and record["model"].startswith("anthropic/"):
            by_trace.setdefault(record["trace_id"], []).append(record)
    steps = [r for records in by_trace.values() for r in sorted(records, key=lambda r: r["startTime"])[:-1]]
    uncut = [r["completion_tokens"] for r in steps if not r["error_information"]["error_class"]]
    assert len(uncut) > 500
    assert sum(tokens <= 10 for tokens in uncut) / len(uncut) == pytest.approx(0.36, abs=0.05)
    assert_has_quantiles(uncut, CODE.output_tokens, 6.0)


def test_ten_percent_of_the_users_make_most_of_the_cost_of_a_week(week: Sample) -> None:
    """66% over the ten weeks of the default company; a single week is more uneven than ten."""
    by_user: Counter[str] = Counter()
    for record in week.litellm:
        if record["metadata"]["spend_logs_metadata"]["environment"] == "production" and record["end_user"]:
            by_user[record["end_user"]] += round(record["response_cost"] * 10**12)
    for record in week.canonical:
        if "cost_reported" in record and "end_user_id" in record and record["environment"] == "production":
            by_user[record["end_user_id"]] += int(record["cost_reported"].replace(".", ""))
    costs = sorted(by_user.values(), reverse=True)
    assert len(costs) > 1_000
    assert 50 <= 100 * sum(costs[: -(-len(costs) // 10)]) / sum(costs) <= 75


def test_four_hundred_tenants_are_on_four_plans(week: Sample) -> None:
    plans = Counter(tenant["plan"] for tenant in week.feed("tenants"))
    assert plans == {"free": 176, "starter": 160, "pro": 52, "enterprise": 12}
