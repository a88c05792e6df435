"""Requests for every model of the price book, with the places where pricing goes wrong visited on purpose."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pipelines.economics.pricing import TIER_END, PriceSlice
from tests.workspace import request

Record = dict[str, Any]
Book = Mapping[tuple[str, str], Sequence[PriceSlice]]

DAY = date(2026, 11, 10)
LAST_DAY = date(2026, 11, 16)
SECONDS = (0, 1, 12 * 3600 + 1, 86_399)
CONTEXTS: tuple[Mapping[str, Any], ...] = (
    *({}, {}, {"service_tier": "default"}, {"service_tier": "On_Demand"}, {"is_batch": True}, {"speed": "FAST"}),
    *({"service_tier": tier} for tier in ("flex", "priority", "batch", "fast", "standard", "auto", "provisioned")),
    {"is_batch": True, "service_tier": "provisioned"},
    {"is_batch": False, "speed": "slow", "service_tier": "Priority"},
)


def traffic(book: Book, models: Sequence[tuple[str, str]], seed: int) -> list[Record]:
    """One plain request per model, then the boundaries of its slices; every rule of pricing is met many times."""
    rng = random.Random(seed)
    records = [_mixed(rng, provider, model) for provider, model in models]
    for provider, model in models:
        records += _at_boundaries(rng, book[provider, model], provider, model)
    records += [_odd(rng, *rng.choice(models)) for _ in range(600)]
    for number, record in enumerate(records):
        record["source_record_id"] = f"r-{number}"
    return records


def over_weeks(models: Sequence[tuple[str, str]], count: int, seed: int) -> list[Record]:
    """Requests to these models on every weekday and at every hour of five weeks, in no order."""
    rng = random.Random(seed)
    found: list[Record] = []
    for number in range(count):
        provider, model = rng.choice(models)
        day = LAST_DAY - timedelta(days=rng.randrange(35))
        at = _at(day, rng.randrange(86_400), rng.choice((0, 0, 999_999)))
        usage = _usage(rng, rng.choice((_tokens(rng), 200_000, 200_001)))
        found.append(_record(rng, provider, model, started_at=at, source_record_id=f"w-{number}", **usage))
    return found


def _at(day: date, second: int, microsecond: int = 0) -> str:
    midnight = datetime.combine(day, time(), UTC)
    return (midnight + timedelta(seconds=second, microseconds=microsecond)).isoformat()


def _record(rng: random.Random, provider: str, model: str, **values: Any) -> Record:
    name = model.upper() if rng.random() < 0.05 else model
    chosen = {"started_at": _at(DAY, rng.choice(SECONDS), rng.choice((0, 999_999))), **rng.choice(CONTEXTS), **values}
    return request(provider_name=provider, response_model=name, **chosen)


def _tokens(rng: random.Random) -> int:
    """Log-uniform, so that a few tokens and a whole context window are equally likely."""
    return int(10 ** rng.uniform(0, 6.2))


def _part(rng: random.Random, whole: int) -> int:
    return rng.choice((0, rng.randint(0, whole), whole // 3))


def _usage(rng: random.Random, inputs: int) -> Record:
    """Counts that keep the promises of landing; cache with audio, or reasoning with audio, may still contradict."""
    reads = _part(rng, inputs)
    writes = _part(rng, inputs - reads)
    hour = _part(rng, writes)
    outputs = rng.choice((0, _tokens(rng)))
    audio_in, audio_out = (rng.choice((0, 0, 0, _part(rng, whole))) for whole in (inputs, outputs))
    return {
        "input_tokens": inputs,
        "cache_read_input_tokens": reads,
        "cache_creation_input_tokens": writes,
        "cache_creation_1h_input_tokens": hour,
        "output_tokens": outputs,
        "reasoning_output_tokens": _part(rng, outputs),
        "input_audio_tokens": audio_in,
        "input_image_tokens": rng.choice((0, 0, 0, _part(rng, inputs - audio_in))),
        "output_audio_tokens": audio_out,
        "output_image_tokens": rng.choice((0, 0, 0, _part(rng, outputs - audio_out))),
        "audio_ms": rng.choice((0, 0, 0, 0, 0, 0, 9_999, 10_000, 10_001, 61_234)),
        "web_search_requests": rng.choice((0, 0, 0, 1, 7)),
        "rerank_searches": rng.choice((0, 0, 0, 0, 3)),
    }


def _mixed(rng: random.Random, provider: str, model: str) -> Record:
    return _record(rng, provider, model, **_usage(rng, _tokens(rng)))


def _at_boundaries(rng: random.Random, slices: Sequence[PriceSlice], provider: str, model: str) -> Iterator[Record]:
    """Both sides of every step in tokens, date and time of day, and both sides of every half pico-dollar."""
    context = next(s.price_context for s in rng.sample(slices, len(slices)))
    chosen = {"batch": {"is_batch": True}, "fast": {"speed": "fast"}}.get(context, {"service_tier": context})
    steps = {s.tier_lo for s in slices if s.tier_lo}
    for inputs in sorted({step + shift for step in steps for shift in (-1, 0, 1)}):
        yield _record(rng, provider, model, **_usage(rng, inputs), **chosen)
    turns = {s.valid_from for s in slices if date(2015, 1, 2) < s.valid_from <= LAST_DAY}
    for day in sorted({turn - timedelta(days=back) for turn in turns for back in (0, 1)}):
        at = _at(day, rng.choice((0, 86_399)), rng.choice((0, 999_999)))
        yield _record(rng, provider, model, started_at=at, **_usage(rng, _tokens(rng)), **chosen)
    hours = {s.tod_from_s for s in slices if s.tod_from_s}
    for second in sorted({hour - back for hour in hours for back in (0, 1)}):
        yield _record(rng, provider, model, started_at=_at(DAY, second, 999_999), **_usage(rng, _tokens(rng)), **chosen)
    if any(s.price_block > 1 and s.tier_hi == TIER_END for s in slices):
        for inputs in range(1, 25):
            yield _record(rng, provider, model, input_tokens=inputs, output_tokens=inputs + 1, **chosen)


def _odd(rng: random.Random, provider: str, model: str) -> Record:
    """What has no ordinary price: hits, failures, silence, invented names, no provider, usage that contradicts itself."""
    nothing = {"input_tokens": 0, "output_tokens": 0}
    kinds: list[Record] = [
        {"is_gateway_cache_hit": True, **_usage(rng, _tokens(rng))},
        {"is_gateway_cache_hit": True, **nothing},
        *({"status": status, **nothing} for status in ("ok", "cancelled", "error", "blocked_budget")),
        *({"status": status, **_usage(rng, 1000)} for status in ("cancelled", "error", "blocked_budget")),
        {"status": "error", "input_tokens": None, "output_tokens": None},
        {"response_model": f"{model}-acme", **_usage(rng, 1000)},
        {"response_model": f"{model}-acme", **nothing},
        {"response_model": "private-deployment", "base_model": model, **_usage(rng, 1000)},
        {"provider_name": None, **_usage(rng, 1000)},
        {"provider_name": "self-hosted", **_usage(rng, 1000)},
        {"input_tokens": 100, "cache_read_input_tokens": 60, "input_audio_tokens": 50, "output_tokens": 1},
        {"input_tokens": 100, "output_tokens": 100, "reasoning_output_tokens": 60, "output_image_tokens": 41},
        {"input_tokens": 0, "output_tokens": 0, "web_search_requests": 2},
        {"input_tokens": 0, "output_tokens": 0, "rerank_searches": 1},
    ]
    chosen = rng.choice(kinds)
    provider = chosen.pop("provider_name", provider)
    model = chosen.pop("response_model", model)
    return _record(rng, provider, model, **chosen)
