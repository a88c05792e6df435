"""Usages of every kind under the names that gateways log, for every model of the catalogue; the same for one seed.

Names are the catalogue's own ids and the texts of its match clauses, with the prefixes and suffixes of real logs and
with some that nobody ever logged. Providers are spelled as LiteLLM, OpenTelemetry and the catalogue spell them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseStartsWith,
    MatchLogic,
    Provider,
)

from pipelines.economics.pricing import Usage

GATEWAY_NAMES = {
    "aws": ("bedrock", "aws", "bedrock_converse", "aws.bedrock"),
    "azure": ("azure", "azure_ai", "az.ai.openai"),
    "cohere": ("cohere", "cohere_chat"),
    "fireworks": ("fireworks", "fireworks_ai"),
    "google": ("google", "gemini", "vertex", "vertex_ai", "gcp.vertex_ai"),
    "mistral": ("mistral", "mistral_ai"),
    "together": ("together", "together_ai"),
    "x-ai": ("xai", "x-ai"),
}
PREFIXES = (
    *("openai/", "anthropic.", "us.anthropic.", "eu.", "global.", "models/", "publishers/anthropic/models/", "acme-"),
    *("accounts/fireworks/models/", "meta.", "us."),
)
SUFFIXES = (
    *("-latest", "-20250929", "-2025-09-29", "@20250929", "-001", "-preview", "-v1:0", "-acme", "-mini", "-0613"),
    *(":free", "-thinking", "-exp-0827"),
)
CONTEXTS = ("standard", "standard", "default", "batch", "flex", "priority", "fast")
PROMPTS = (99_999, 100_000, 100_001, 128_000, 128_001, 199_999, 200_000, 200_001, 260_000, 272_000, 272_001, 1_000_001)
LAST = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """One logged request; `provider` is the catalogue's id and `logged_provider` what the log says."""

    provider: str
    logged_provider: str
    model: str
    context: str
    started_at: datetime
    usage: Usage = field(default_factory=Usage)


def calls(providers: Sequence[Provider], seed: int) -> Iterator[Call]:
    rng = random.Random(seed)
    for provider in providers:
        for model in provider.models:
            for name in _names(rng, model.id, model.match):
                yield Call(
                    provider=provider.id,
                    logged_provider=rng.choice(GATEWAY_NAMES.get(provider.id, (provider.id,))),
                    model=name,
                    context=rng.choice(CONTEXTS),
                    started_at=LAST - rng.choice((0, 0, 1)) * timedelta(seconds=rng.randrange(900 * 86_400)),
                    usage=_usage(rng),
                )


def _names(rng: random.Random, model_id: str, match: MatchLogic) -> list[str]:
    """The id, and one text of its clauses: as it is, in capitals, or with an affix or two."""
    text = rng.choice(sorted({model_id, *_texts(match)}))
    affixed = rng.choice(("", rng.choice(PREFIXES))) + text + rng.choice(("", rng.choice(SUFFIXES)))
    return [model_id, rng.choice((text, text.upper(), affixed, affixed))]


def _texts(match: MatchLogic) -> Iterator[str]:
    match match:
        case ClauseOr(or_=parts) | ClauseAnd(and_=parts):
            for part in parts:
                yield from _texts(part)
        case ClauseEquals(equals=text) | ClauseStartsWith(starts_with=text):
            yield text
        case ClauseContains(contains=text) | ClauseEndsWith(ends_with=text):
            yield text
        case _:
            return


def _usage(rng: random.Random) -> Usage:
    """A usage that does not contradict itself; audio and images are never part of a cache here."""
    inputs, outputs = int(10 ** rng.uniform(0, 4.7)), int(10 ** rng.uniform(0, 4))
    kind = rng.choice(
        (
            "base",
            "read",
            "write_5m",
            "write_1h",
            "mixed",
            "reasoning",
            "audio",
            "image",
            "long",
            "long_read",
            "embed",
            "web",
        )
    )
    if kind in ("long", "long_read"):
        inputs = rng.choice(PROMPTS)
    counts: dict[str, dict[str, int]] = {
        "read": {"cache_read_input_tokens": rng.randint(1, inputs)},
        "long_read": {"cache_read_input_tokens": inputs - inputs // 9},
        "write_5m": {"cache_creation_input_tokens": rng.randint(1, inputs)},
        "write_1h": dict.fromkeys(("cache_creation_input_tokens", "cache_creation_1h_input_tokens"), inputs // 2),
        "mixed": {
            "cache_read_input_tokens": inputs // 3,
            "cache_creation_input_tokens": inputs // 2,
            "cache_creation_1h_input_tokens": inputs // 5,
        },
        "reasoning": {"reasoning_output_tokens": rng.randint(1, outputs)},
        "audio": {"input_audio_tokens": rng.randint(1, inputs), "output_audio_tokens": rng.randint(0, outputs)},
        "image": {"input_image_tokens": rng.randint(1, inputs), "output_image_tokens": rng.randint(0, outputs)},
        "web": {"web_search_requests": rng.randint(1, 9)},
    }
    return Usage(input_tokens=inputs, output_tokens=0 if kind == "embed" else outputs, **counts.get(kind, {}))
