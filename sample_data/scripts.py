"""How a task of each feature goes: which calls it makes, on which models, with how many tokens.

Every function plays one task of the feature it is named after, and says in `Task.is_answered` how its last call went.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random
from typing import TypeVar

from sample_data import planted
from sample_data.attempts import Call, Script
from sample_data.period import HOUR_US, MINUTE_US, SECOND_US
from sample_data.planted import Role
from sample_data.prices import Usage

SONNET = "claude-sonnet-4-5-20250929"
HAIKU = "claude-haiku-4-5-20251001"
_REASONING_MODELS = ("gpt-5", "gpt-5-mini", "gemini-2.5-pro", "gemini-2.5-flash")
_OPENAI_CACHE_BLOCK = 128
_OPENAI_CACHE_MIN = 1_024
_T = TypeVar("_T")


def support_reply(script: Script, day: date) -> None:
    """One to three turns; a hard question is escalated to the large model."""
    rng = script.rng
    grown = planted.PROMPT_GROWTH_TOKENS if day >= planted.PROMPT_GROWTH_FROM else 0
    model = _pick(rng, (("gpt-5-mini", 0.52), (HAIKU, 0.36), ("gemini-2.5-flash", 0.12)))
    for turn in range(_pick(rng, ((1, 0.62), (2, 0.27), (3, 0.11)))):
        usage = _usage(rng, model, _around(rng, 3_400 + 900 * turn, 0.45), _around(rng, 240, 0.5), cached=0.55)
        hit_share = 0.34 if turn == 0 else 0.08
        status = script.call(Call(model, usage, is_stream=rng.random() < 0.6, hit_share=hit_share, grown_tokens=grown))
        if status != "ok":
            script.task.is_answered = status == "hit"
            return
        script.pause(20 * SECOND_US, 9 * MINUTE_US)
    if rng.random() < 0.10:
        usage = _usage(rng, "gpt-5", _around(rng, 4_800, 0.4), _around(rng, 520, 0.5), cached=0.4)
        tier = "priority" if day >= planted.SERVICE_TIERS_FROM and rng.random() < 0.35 else None
        script.task.is_answered = script.call(Call("gpt-5", usage, tier=tier, grown_tokens=grown)) == "ok"


def search_answer(script: Script, day: date) -> None:  # noqa: ARG001
    """Embed the query, sometimes rerank with an experimental model, answer from what was found."""
    rng = script.rng
    query = Usage(input=_around(rng, 34, 0.5))
    script.call(Call("text-embedding-3-small", query, operation="embeddings", hit_share=0.24))
    if rng.random() < 0.06:
        reranked = Usage(input=_around(rng, 5_200, 0.3), output=_around(rng, 40, 0.3))
        script.call(Call(planted.UNPRICED_MODEL, reranked))
    model = _pick(rng, (("gpt-4o-mini", 0.55), ("gemini-2.5-flash", 0.33), (HAIKU, 0.12)))
    usage = _usage(rng, model, _around(rng, 4_600, 0.4), _around(rng, 330, 0.5), cached=0.25)
    status = script.call(Call(model, usage, is_stream=rng.random() < 0.7, hit_share=0.27))
    script.task.is_answered = status in ("ok", "hit")


def code_review(script: Script, day: date) -> None:
    """An agent that reads a growing context step by step; now and then it waits hours for a person."""
    rng = script.rng
    model = _pick(rng, ((SONNET, 0.68), ("gpt-5", 0.32)))
    context, written = _around(rng, 30_000, 0.45), 0
    for step in range(min(12, 2 + int(rng.expovariate(1 / 3.6)))):
        context = min(context + _around(rng, 4_800, 0.6), 170_000)
        output = _around(rng, 950, 0.6)
        if model == SONNET:
            fresh = min(context - written, _around(rng, 6_500, 0.5) + (context // 2 if step == 0 else 0))
            is_long_lived = rng.random() < 0.2
            usage = Usage(context, written, 0 if is_long_lived else fresh, fresh if is_long_lived else 0, output, 0)
            written += fresh
        else:
            usage = _usage(rng, model, context, output, cached=0.0 if step == 0 else 0.95, cached_share=0.7)
        tier = None
        is_stream = step == 0 or script.task.in_storm
        # Not for streams: LiteLLM does not log which tier served a stream, so that its price could not be told.
        if model == "gpt-5" and not is_stream and day >= planted.SERVICE_TIERS_FROM and rng.random() < 0.35:
            tier = "priority" if rng.random() < 0.6 else "flex"
        status = script.call(Call(model, usage, tier=tier, is_stream=is_stream))
        if status == "error":
            script.task.is_answered = False
            return
        is_waiting = rng.random() < 0.012
        script.pause(*((2 * HOUR_US, 13 * HOUR_US) if is_waiting else (2 * SECOND_US, 70 * SECOND_US)))


def draft_email(script: Script, day: date) -> None:  # noqa: ARG001
    rng = script.rng
    usage = _usage(rng, "gpt-4o-mini", _around(rng, 900, 0.4), _around(rng, 260, 0.4))
    script.task.is_answered = script.call(Call("gpt-4o-mini", usage, is_stream=True)) == "ok"


def eval_suite(script: Script, day: date) -> None:  # noqa: ARG001
    """One case of the evaluation suite: the prompt under test and a judge."""
    rng = script.rng
    for model, prompt, answer in (
        (_pick(rng, (("gpt-5-mini", 0.5), (HAIKU, 0.5))), 2_600, 260),
        (_pick(rng, (("gpt-5", 0.35), ("gpt-5-mini", 0.65))), 3_300, 180),
    ):
        status = script.call(Call(model, _usage(rng, model, _around(rng, prompt, 0.3), _around(rng, answer, 0.4))))
        script.task.is_answered = status == "ok"


def doc_summary(script: Script, day: date) -> None:  # noqa: ARG001
    """Summarise the parts of a document one after the other."""
    rng = script.rng
    model = _pick(rng, (("gemini-2.5-flash", 0.42), (HAIKU, 0.38), ("gpt-5-mini", 0.20)))
    for _ in range(_pick(rng, ((1, 0.45), (2, 0.35), (3, 0.20)))):
        usage = _usage(rng, model, _around(rng, 15_000, 0.5), _around(rng, 800, 0.4), cached=0.15)
        script.task.is_answered = script.call(Call(model, usage)) == "ok"
        script.pause(1 * SECOND_US, 20 * SECOND_US)


def extraction(script: Script, day: date) -> None:
    """Fields from a form; one tenant sends this simple work to the largest model."""
    rng = script.rng
    model = _pick(rng, (("gpt-4o-mini", 0.55), ("gpt-5-mini", 0.45)))
    if script.task.tenant.role is Role.OVERSIZED_MODEL and day >= planted.OVERSIZED_MODEL_FROM:
        model = "gpt-5"
    is_batch = model == "gpt-5-mini" and day >= planted.BATCH_FROM and rng.random() < 0.2
    for _ in range(_pick(rng, ((1, 0.85), (2, 0.15)))):
        usage = _usage(rng, model, _around(rng, 3_900, 0.5), _around(rng, 260, 0.4), cached=0.3)
        script.task.is_answered = script.call(Call(model, usage, is_batch=is_batch)) == "ok"


def long_doc(script: Script, day: date) -> None:  # noqa: ARG001
    """A question to a whole document, often close to the price step at 200,000 tokens."""
    rng = script.rng
    near_step = rng.random() < 0.30
    size = rng.randint(186_000, 219_000) if near_step else min(_around(rng, 105_000, 0.35), 185_000)
    usage = _usage(rng, "gemini-2.5-pro", size, _around(rng, 1_500, 0.4), cached=0.2, cached_share=0.5)
    script.task.is_answered = script.call(Call("gemini-2.5-pro", usage)) == "ok"


SCRIPTS: dict[str, Callable[[Script, date], None]] = {
    f.__name__: f
    for f in (support_reply, search_answer, code_review, draft_email, eval_suite, doc_summary, extraction, long_doc)
}


def _usage(
    rng: Random, model: str, prompt: int, answer: int, *, cached: float = 0.0, cached_share: float = 0.45
) -> Usage:
    """Tokens of a call; `cached` is the chance that the provider finds a part of the prompt in its cache."""
    read = 0
    if cached and rng.random() < cached and prompt > _OPENAI_CACHE_MIN and not model.startswith("claude"):
        share = min(cached_share * rng.uniform(0.7, 1.3), 0.95)
        read = int(prompt * share) // _OPENAI_CACHE_BLOCK * _OPENAI_CACHE_BLOCK
    reasoning = 0
    if model in _REASONING_MODELS and rng.random() < 0.7:
        reasoning = _around(rng, 260 if model == "gpt-5" else 140, 0.6)
    return Usage(input=prompt, cache_read=read, output=answer + reasoning, reasoning=reasoning)


def _around(rng: Random, median: float, spread: float) -> int:
    """A whole number with the given median and lognormal spread, at least 1."""
    return max(1, round(median * rng.lognormvariate(0, spread)))


def _pick(rng: Random, choices: tuple[tuple[_T, float], ...]) -> _T:
    """One of the choices by its share; the shares add up to 1."""
    drawn = rng.random()
    for value, share in choices:
        drawn -= share
        if drawn < 0:
            return value
    return choices[-1][0]
