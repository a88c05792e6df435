"""Plays one task call by call: what fails first, which model answers in the end, and how long it takes."""

from __future__ import annotations

from random import Random

from sample_data.attempts import Attempt, Call, Task, price_context
from sample_data.period import SECOND_US, day_of
from sample_data.planted import Plants
from sample_data.prices import FREE_OF_CHARGE, MISTRAL, Cost, Usage, cost_of

_MILLISECOND_US = 1_000
_FALLBACK = {
    "gpt-5": "claude-sonnet-4-5-20250929",
    "gpt-5-mini": "claude-haiku-4-5-20251001",
    "gpt-4o-mini": "gemini-2.5-flash",
    "claude-sonnet-4-5-20250929": "gpt-5",
    "claude-haiku-4-5-20251001": "gpt-5-mini",
    "gemini-2.5-pro": "gpt-5",
    "gemini-2.5-flash": "gpt-4o-mini",
    MISTRAL: "gemini-2.5-flash",
}
_OUTPUT_US_PER_TOKEN = {"gpt-5": 9_000, "claude-sonnet-4-5-20250929": 11_000, "gemini-2.5-pro": 8_000}
_SHARE_FAILING = 0.022
_MAX_RETRIES = 2
_SHARE_CUT_BY_CLIENT = 0.008
_NO_USAGE = Usage()


class Script:
    """Plays one task: each call appends its attempts and moves the clock."""

    def __init__(self, rng: Random, task: Task, start_us: int, plants: Plants) -> None:
        self.rng = rng
        self.plants = plants
        self.task = task
        self.now_us = start_us
        self._trace_id = self._hex(8)
        self._step = 0
        self._is_lost_hit = False

    def pause(self, low_us: int, high_us: int) -> None:
        """Time in which the task waits for a tool, a person or the next step."""
        self.now_us += self._between(low_us, high_us)

    def call(self, call: Call) -> str:
        """Play one logical call; the status of its last attempt: ok, hit, cancelled or error."""
        self._step += 1
        if call.grown_tokens:
            call = call._replace(usage=call.usage._replace(input=call.usage.input + call.grown_tokens))
        if not self.task.has_key:
            self._trace_id = self._hex(8)
        call_id = self._uuid()
        drawn = self.rng.random()
        self._is_lost_hit = call.hit_share <= drawn < call.hit_share + call.lost_share
        if drawn < call.hit_share:
            return self._answer(call, call.model, call_id, status="hit")
        model, retries, fallbacks = self._failures(call, call_id)
        if model is None:
            return "error"
        is_cut = call.is_stream and self.rng.random() < _SHARE_CUT_BY_CLIENT
        status = "cancelled" if is_cut else "ok"
        return self._answer(call, model, call_id, status=status, retries=retries, fallbacks=fallbacks)

    def _failures(self, call: Call, call_id: str) -> tuple[str | None, int, int]:
        """Play what fails first; the model that answers in the end (None: given up), retries and fallbacks so far."""
        if self.task.in_storm:
            for n in range(count := self.rng.randint(2, 4)):
                self._cut_upstream(call, call_id, n)
            return call.model, count, 0
        retries = 0
        while self.rng.random() < _SHARE_FAILING * (1 + 7 * retries):
            self._refuse(call, call_id, retries)
            if self.rng.random() < 0.25 and call.model in _FALLBACK:
                return _FALLBACK[call.model], retries, 1
            retries += 1
            if retries > _MAX_RETRIES:
                return None, retries, 0
        return call.model, retries, 0

    def _refuse(self, call: Call, call_id: str, retries: int) -> None:
        """The provider answers 429 or 500 at once and reports no usage."""
        error = "429" if self.rng.random() < 0.7 else "500"
        end_us = self.now_us + self._between(60, 900) * _MILLISECOND_US
        span_us = (end_us, end_us)
        self._append(
            call, call_id, call_id, status="error", error=error, usage=_NO_USAGE, span_us=span_us, retries=retries
        )
        self.now_us = end_us + self._between(400, 2_500) * _MILLISECOND_US * (retries + 1)

    def _cut_upstream(self, call: Call, call_id: str, retries: int) -> None:
        """The provider drops the stream half way: a failure that is billed."""
        usage = _partly_written(self.rng, call.usage)
        span_us = self._duration(call.model, usage)
        self._append(call, call_id, call_id, status="error", error="cut", usage=usage, span_us=span_us, retries=retries)
        self.now_us = span_us[1] + self._between(300, 1_500) * _MILLISECOND_US

    def _answer(
        self, call: Call, model: str, call_id: str, *, status: str, retries: int = 0, fallbacks: int = 0
    ) -> str:
        usage = _partly_written(self.rng, call.usage) if status == "cancelled" else call.usage
        unseen_output = int((call.usage.output - usage.output) * self.plants.size)
        if fallbacks:  # another provider holds no prompt cache of this prefix
            usage = usage._replace(cache_read=0, cache_write_5m=0, cache_write_1h=0)
        first_us, end_us = self._duration(model, usage)
        record_id = call_id if call.operation == "embeddings" else f"chatcmpl-{self._uuid()}"
        if status == "hit":
            end_us = self.now_us + self._between(2, 9) * _MILLISECOND_US + self._between(0, 999)
            first_us = end_us
            record_id = f"{record_id}_cache_hit{(end_us + 400) / SECOND_US:.6f}"
        self._append(
            call, call_id, record_id, status=status, error="499" if status == "cancelled" else "", usage=usage,
            span_us=(first_us, end_us), model=model, retries=retries, fallbacks=fallbacks, unseen_output=unseen_output,
        )  # fmt: skip
        self.now_us = end_us
        return status

    def _append(
        self, call: Call, call_id: str, record_id: str, *, status: str, error: str, usage: Usage,
        span_us: tuple[int, int], model: str | None = None, retries: int = 0, fallbacks: int = 0,
        unseen_output: int = 0,
    ) -> None:  # fmt: skip
        """`span_us` is the first chunk and the end; without a model it is the one that was asked for."""
        model = model or call.model
        is_asked_model = model == call.model  # tier and batch are of the model that was asked for, not of its fallback
        tier = call.tier if call.tier and is_asked_model and status != "hit" else "default"
        is_batch = call.is_batch and is_asked_model
        self.task.attempts.append(
            Attempt(
                task=self.task, record_id=record_id, call_id=call_id, trace_id=self._trace_id, step=self._step,
                start_us=self.now_us, first_chunk_us=span_us[0], end_us=span_us[1],
                model=model, requested_model=call.model, operation=call.operation, usage=usage,
                cost=_cost(model, tier, is_batch, usage, self.now_us), status=status, error=error,
                is_stream=call.is_stream and status != "hit", tier_asked=call.tier, tier=tier, is_batch=is_batch,
                retries=retries, fallbacks=fallbacks,
                grown_tokens=call.grown_tokens if usage.input and status != "hit" else 0,
                is_lost_hit=self._is_lost_hit, unseen_output=unseen_output,
            )
        )  # fmt: skip

    def _duration(self, model: str, usage: Usage) -> tuple[int, int]:
        """Instants of the first chunk and of the end of an answer that begins now."""
        first_us = self.now_us + self._between(180_000, 900_000) + 8 * usage.input
        writing_us = usage.output * _OUTPUT_US_PER_TOKEN.get(model, 5_000)
        return first_us, first_us + int(writing_us * self.rng.uniform(0.8, 1.4))

    def _between(self, low: int, high: int) -> int:
        """A whole number in [low, high]; quicker than `randint`, which is exact where nobody looks."""
        return low + int(self.rng.random() * (high - low + 1))

    def _uuid(self) -> str:
        text = self._hex(16)
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"

    def _hex(self, size_bytes: int) -> str:
        return f"{self.rng.getrandbits(8 * size_bytes):0{2 * size_bytes}x}"


def _cost(model: str, tier: str, is_batch: bool, usage: Usage, start_us: int) -> Cost | None:
    if usage == _NO_USAGE:
        return FREE_OF_CHARGE
    return cost_of(model, price_context(tier, is_batch), usage, day_of(start_us))


def _partly_written(rng: Random, usage: Usage) -> Usage:
    """The usage of an answer that was cut off: all of the input, some of the output."""
    output = max(1, int(usage.output * rng.uniform(0.1, 0.8)))
    return usage._replace(output=output, reasoning=min(usage.reasoning, output))
