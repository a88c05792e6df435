"""How a task of each feature goes: which calls it makes, on which models, with how many tokens.

Every function plays one task of the feature it is named after, and says in `Task.is_answered` how its last call went.
Lengths come from the traces where one of them is about such work: conversation for replies and answers, code for what a
review reads and for its tool calls, long conversation for questions to documents. Fixed prompts come on top.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random
from typing import TypeVar

from sample_data import planted
from sample_data.attempts import Call
from sample_data.lengths import around, from_table
from sample_data.period import HOUR_US, MINUTE_US, SECOND_US
from sample_data.planted import HEAVY_ROLES, Role
from sample_data.playing import Script
from sample_data.prices import MISTRAL, Usage
from sample_data.traces import CODE, CONVERSATION, LONG_CONVERSATION, REPEATED_PREFIX_PERCENTS

SONNET = "claude-sonnet-4-5-20250929"
HAIKU = "claude-haiku-4-5-20251001"
SUPPORT_PROMPT_TOKENS = 3_600
SEARCH_PROMPT_TOKENS = 8_200
"""Instructions, and for search the passages that were found."""

SEARCH_HIT_SHARE = 0.34
SEARCH_HIT_SHARE_LOST = 0.24
"""Of the answers of search_answer: what the gateway's cache finds, and how much less once the deploy has spoilt it."""

_REVIEW_CONTEXT_TOKENS = 30_000
_MAX_REVIEW_CONTEXT_TOKENS = 170_000
_NEAR_STEP_SHARE = 0.08
_NEAR_STEP_SHARE_HEAVY = 0.60
_NEAR_STEP_TOKENS = (186_000, 219_000)
_CACHE_BLOCK_TOKENS = 512
_REASONING_MODELS = ("gpt-5", "gpt-5-mini", "gemini-2.5-pro", "gemini-2.5-flash")
_OPENAI_CACHE_BLOCK = 128
_OPENAI_CACHE_MIN = 1_024
_T = TypeVar("_T")


def support_reply(script: Script, day: date) -> None:
    """One to three turns; a hard question is escalated to the large model."""
    rng = script.rng
    grown = int(planted.PROMPT_GROWTH_TOKENS * script.plants.size) if day >= planted.PROMPT_GROWTH_FROM else 0
    model = _pick(rng, (("gpt-5-mini", 0.30), (HAIKU, 0.46), ("gemini-2.5-flash", 0.10), ("gpt-5", 0.14)))
    prompt = SUPPORT_PROMPT_TOKENS + from_table(rng, CONVERSATION.input_tokens)
    for turn in range(_pick(rng, ((1, 0.62), (2, 0.27), (3, 0.11)))):
        answer = from_table(rng, CONVERSATION.output_tokens)
        usage = _usage(rng, model, prompt, answer, cached=0.55)
        hit_share = 0.34 if turn == 0 else 0.08
        status = script.call(Call(model, usage, is_stream=rng.random() < 0.6, hit_share=hit_share, grown_tokens=grown))
        if status != "ok":
            script.task.is_answered = status == "hit"
            return
        prompt += answer + around(rng, 90, 0.6)  # the next turn sends this answer and the next message along
        script.pause(20 * SECOND_US, 9 * MINUTE_US)
    if rng.random() < 0.10:
        usage = _usage(rng, "gpt-5", prompt + 900, around(rng, 520, 0.5), cached=0.4)
        tier = "priority" if day >= planted.SERVICE_TIERS_FROM and rng.random() < 0.35 else None
        script.task.is_answered = script.call(Call("gpt-5", usage, tier=tier, grown_tokens=grown)) == "ok"


def search_answer(script: Script, day: date) -> None:
    """Embed the query, sometimes rerank with an experimental model, answer from what was found."""
    rng = script.rng
    query = Usage(input=around(rng, 34, 0.5))
    script.call(Call("text-embedding-3-small", query, operation="embeddings", hit_share=0.24))
    if rng.random() < 0.06 * script.plants.size:
        reranked = Usage(input=around(rng, 5_200, 0.3), output=around(rng, 40, 0.3))
        script.call(Call(planted.UNPRICED_MODEL, reranked))
    model = _pick(rng, (("gpt-4o-mini", 0.25), ("gemini-2.5-flash", 0.35), (HAIKU, 0.40)))
    prompt = SEARCH_PROMPT_TOKENS + from_table(rng, CONVERSATION.input_tokens)
    usage = _usage(rng, model, prompt, from_table(rng, CONVERSATION.output_tokens), cached=0.25)
    lost = SEARCH_HIT_SHARE_LOST * script.plants.size if day >= planted.CACHE_DEPLOY_ON else 0.0
    call = Call(model, usage, is_stream=rng.random() < 0.7, hit_share=SEARCH_HIT_SHARE - lost, lost_share=lost)
    script.task.is_answered = script.call(call) in ("ok", "hit")


def code_review(script: Script, day: date) -> None:
    """An agent that reads a growing context step by step and then writes; now and then it waits hours for a person."""
    rng = script.rng
    model = _pick(rng, ((SONNET, 0.68), ("gpt-5", 0.32)))
    is_large = script.task.tenant.role in HEAVY_ROLES  # their repositories are
    context, written = around(rng, _REVIEW_CONTEXT_TOKENS * (2 if is_large else 1), 0.45), 0
    steps = min(12, 2 + int(rng.expovariate(1 / 3.6)))
    for step in range(steps):
        pieces = _pick(rng, ((1, 0.2), (2, 0.3), (3, 0.3), (4, 0.2)))
        context += sum(from_table(rng, CODE.input_tokens) for _ in range(pieces))
        context = min(context, _MAX_REVIEW_CONTEXT_TOKENS)
        output = from_table(rng, CODE.output_tokens) if step < steps - 1 else around(rng, 1_400, 0.6)
        if model == SONNET:
            fresh = min(context - written, around(rng, 6_500, 0.5) + (context // 2 if step == 0 else 0))
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
    usage = _usage(rng, "gpt-4o-mini", around(rng, 900, 0.4), from_table(rng, CONVERSATION.output_tokens))
    script.task.is_answered = script.call(Call("gpt-4o-mini", usage, is_stream=True)) == "ok"


def eval_suite(script: Script, day: date) -> None:  # noqa: ARG001
    """One case of the evaluation suite: the prompt under test and a judge."""
    rng = script.rng
    for model, prompt, answer in (
        (_pick(rng, (("gpt-5-mini", 0.5), (HAIKU, 0.5))), 2_600, 260),
        (_pick(rng, (("gpt-5", 0.35), ("gpt-5-mini", 0.65))), 3_300, 180),
    ):
        status = script.call(Call(model, _usage(rng, model, around(rng, prompt, 0.3), around(rng, answer, 0.4))))
        script.task.is_answered = status == "ok"


def doc_summary(script: Script, day: date) -> None:  # noqa: ARG001
    """Summarise the parts of a document one after the other; one of the models changes its price."""
    rng = script.rng
    on_mistral = 0.40 * script.plants.size
    models = (("gemini-2.5-flash", 0.52 - on_mistral), (MISTRAL, on_mistral), (HAIKU, 0.40), ("gpt-5-mini", 0.08))
    model = _pick(rng, models)
    for _ in range(_pick(rng, ((1, 0.45), (2, 0.35), (3, 0.20)))):
        usage = _usage(rng, model, around(rng, 15_000, 0.5), around(rng, 800, 0.4), cached=0.15)
        script.task.is_answered = script.call(Call(model, usage)) == "ok"
        script.pause(1 * SECOND_US, 20 * SECOND_US)


def extraction(script: Script, day: date) -> None:
    """Fields from a form; one tenant sends this simple work to the largest model."""
    rng = script.rng
    model = _pick(rng, (("gpt-4o-mini", 0.40), ("gpt-5-mini", 0.35), (HAIKU, 0.25)))
    is_oversized = script.task.tenant.role is Role.OVERSIZED_MODEL and day >= planted.OVERSIZED_MODEL_FROM
    if is_oversized and rng.random() < script.plants.size:
        model = "gpt-5"
    is_batch = model == "gpt-5-mini" and day >= planted.BATCH_FROM and rng.random() < 0.2
    for _ in range(_pick(rng, ((1, 0.85), (2, 0.15)))):
        usage = _usage(rng, model, around(rng, 5_600, 0.5), around(rng, 260, 0.4), cached=0.3)
        script.task.is_answered = script.call(Call(model, usage, is_batch=is_batch)) == "ok"


def long_doc(script: Script, day: date) -> None:  # noqa: ARG001
    """A question to a document; some documents are close to the price step at 200,000 tokens."""
    rng = script.rng
    is_heavy = script.task.tenant.role is Role.HEAVY_DOCUMENTS
    share = _NEAR_STEP_SHARE_HEAVY if is_heavy else _NEAR_STEP_SHARE * script.plants.size
    answer = from_table(rng, LONG_CONVERSATION.output_tokens)
    if rng.random() < share:
        prompt = rng.randint(*_NEAR_STEP_TOKENS)
        usage = _usage(rng, "gemini-2.5-pro", prompt, answer, cached=0.2, cached_share=0.5)
    else:
        usage = _usage(rng, "gemini-2.5-pro", from_table(rng, LONG_CONVERSATION.input_tokens), answer)
        repeated = usage.input * from_table(rng, REPEATED_PREFIX_PERCENTS) // 100
        usage = usage._replace(cache_read=repeated // _CACHE_BLOCK_TOKENS * _CACHE_BLOCK_TOKENS)
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
        reasoning = around(rng, 260 if model == "gpt-5" else 140, 0.6)
    return Usage(input=prompt, cache_read=read, output=answer + reasoning, reasoning=reasoning)


def _pick(rng: Random, choices: tuple[tuple[_T, float], ...]) -> _T:
    """One of the choices by its share; the shares add up to 1."""
    drawn = rng.random()
    for value, share in choices:
        drawn -= share
        if drawn < 0:
            return value
    return choices[-1][0]
