"""An attempt as LiteLLM's proxy logs it: a StandardLoggingPayload, cut down to the fields that matter for cost.

Kept on purpose, because real records have them: a failed try is a record of its own whose `id` is the call id; a cache
hit carries `_cache_hit<epoch>` in its id, costs 0.0 and still shows a cost breakdown; a client that hangs up is a
success with an error class; `error_information` is there, empty, on success; `stream` is null where it is false.
"""

from __future__ import annotations

import json
from typing import Any

from sample_data.attempts import Attempt, Task
from sample_data.company import api_key_hash
from sample_data.period import epoch_s
from sample_data.planted import UNPRICED_MODEL
from sample_data.prices import FREE_OF_CHARGE, PICO_PER_USD

_PROVIDERS = {"claude": "anthropic", "gemini": "gemini", "mistral": "mistral"}
_GROUPS = {
    "claude-sonnet-4-5-20250929": "claude-sonnet-4-5",
    "claude-haiku-4-5-20251001": "claude-haiku-4-5",
    UNPRICED_MODEL: "rerank-experiment",
}
_USER_AGENTS = {"devtools": "claude-cli/2.3.1", "search": "python-httpx/0.28.1"}
_ERRORS = {
    "": ("", "", ""),
    "429": ("RateLimitError", "429", "litellm.RateLimitError: Rate limit reached for requests"),
    "500": ("InternalServerError", "500", "litellm.InternalServerError: The server had an error"),
    "cut": ("ReadError", "", "Response payload is not completed"),
    "499": ("ClientDisconnected", "499", "Client disconnected the request"),
}
_REDACTED = "redacted-by-litellm"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode

Json = dict[str, Any]


def provider_of(model: str) -> str:
    """The provider's name as LiteLLM writes it; an OpenAI-compatible endpoint counts as openai."""
    return _PROVIDERS.get(model.split("-", maxsplit=1)[0], "openai")


class LiteLLMLog:
    """Turns attempts into lines of the proxy's log."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._keys: dict[tuple[str, str], str] = {}

    def line(self, attempt: Attempt) -> str:
        return _encode(self.payload(attempt))

    def payload(self, attempt: Attempt) -> Json:
        task, usage = attempt.task, attempt.usage
        provider, is_failure = provider_of(attempt.model), attempt.status == "error"
        group = _GROUPS.get(attempt.model, attempt.model)
        agent = _USER_AGENTS.get(task.feature.team, "OpenAI/Python 2.54.0")
        error_class, error_code, error_text = _ERRORS[attempt.error]
        route = "embeddings" if attempt.operation == "embeddings" else "chat/completions"
        return {
            "id": attempt.record_id,
            "litellm_call_id": attempt.call_id,
            "trace_id": attempt.trace_id,
            "call_type": "aembedding" if attempt.operation == "embeddings" else "acompletion",
            "status": "failure" if is_failure else "success",
            "model": f"{provider}/{attempt.model}",
            "model_group": group,
            "custom_llm_provider": provider,
            "stream": True if attempt.is_stream and not is_failure else None,
            "cache_hit": True if attempt.status == "hit" else False if attempt.is_stream or is_failure else None,
            "startTime": epoch_s(attempt.start_us),
            "endTime": epoch_s(attempt.end_us),
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "response_cost": _usd(attempt.charged_pico or 0),
            "cost_breakdown": _cost_breakdown(attempt, provider),
            "end_user": task.user if task.has_tenant else None,
            "request_tags": _tags(task, agent),
            "messages": _REDACTED,
            "error_information": {"error_class": error_class, "error_code": error_code, "error_message": error_text},
            "hidden_params": {"additional_headers": None if is_failure else _headers(attempt)},
            "metadata": {
                "user_api_key_hash": self._key_hash(task),
                "user_api_key_team_id": f"team-{task.feature.team}" if task.has_tenant else None,
                "user_api_key_request_route": f"/v1/{route}",
                "requester_ip_address": "127.0.0.1",
                "user_agent": agent,
                "spend_logs_metadata": _spend_logs_metadata(attempt),
                "usage_object": _usage_object(attempt, provider),
            },
        } | _where_it_applies(attempt)

    def _key_hash(self, task: Task) -> str:
        """Each team has a key; tests have keys of their own, except while they borrow the support team's."""
        team, purpose = task.feature.team, "production" if task.environment == "production" else task.environment
        if task.environment == "ci" and task.on_production_key:
            team, purpose = "support", "production"
        if (team, purpose) not in self._keys:
            self._keys[team, purpose] = api_key_hash(self._seed, team, purpose)
        return self._keys[team, purpose]


def _where_it_applies(attempt: Attempt) -> Json:
    """Fields that say something for a stream, a cache hit, a tier that was asked for, and are left out elsewhere."""
    fields: Json = {"completionStartTime": epoch_s(attempt.first_chunk_us)} if attempt.is_stream else {}
    if attempt.status == "hit" and attempt.cost:
        fields["saved_cache_cost"] = _usd(attempt.cost.total)
    if attempt.tier_asked:
        fields["model_parameters"] = {"service_tier": attempt.tier_asked}
    return fields


def _spend_logs_metadata(attempt: Attempt) -> Json:
    """The caller's own keys; what it does not know is absent, not null."""
    task = attempt.task
    known: Json = {"tenant_id": task.tenant.tenant_id} if task.has_tenant else {}
    if task.has_key:
        known["task_id"] = task.task_id
    known |= {
        "feature": task.feature.name,
        "environment": task.environment,
        "prompt_version": task.prompt_version,
        "step": attempt.step,
    }
    return known


def _tags(task: Task, agent: str) -> list[str]:
    """The caller's tags and the noise that the proxy adds to them."""
    commit = [f"commit:{task.commit}"] if task.commit else []
    return [f"feature:{task.feature.name}", f"env:{task.environment}", *commit, f"User-Agent: {agent.split('/', 1)[0]}",
            f"User-Agent: {agent}"]  # fmt: skip


def _headers(attempt: Attempt) -> Json:
    return {
        "x-litellm-attempted-fallbacks": attempt.fallbacks,
        "x-litellm-attempted-retries": attempt.retries,
    }


def _usage_object(attempt: Attempt, provider: str) -> Json:
    """The provider's usage as LiteLLM normalises it: prompt tokens include cache reads and writes."""
    usage = attempt.usage
    counts: Json = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }
    if not usage.input:
        return counts
    details: Json = {"cached_tokens": usage.cache_read}
    if provider == "anthropic":
        written = usage.cache_write_5m + usage.cache_write_1h
        counts |= {"cache_creation_input_tokens": written, "cache_read_input_tokens": usage.cache_read}
        details["cache_creation_token_details"] = {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        }
    is_embedding = attempt.operation == "embeddings"
    counts["prompt_tokens_details"] = None if is_embedding else details
    counts["completion_tokens_details"] = None if is_embedding else {"reasoning_tokens": usage.reasoning}
    return counts


def _cost_breakdown(attempt: Attempt, provider: str) -> Json | None:
    """What the gateway reckons, also for a cache hit; a model without a price looks free; none for a refusal."""
    if not attempt.usage.input:
        return None
    cost = attempt.cost or FREE_OF_CHARGE
    parts: Json = {"cache_read_cost": _usd(cost.cache_read)} if cost.cache_read else {}
    if cost.cache_write:
        parts["cache_creation_cost"] = _usd(cost.cache_write)
    return parts | {
        "input_cost": _usd(cost.total - cost.output),
        "output_cost": _usd(cost.output),
        "total_cost": _usd(cost.total),
        "margin_total_amount": 0.0,
        "service_tier": _served_tier(attempt, provider),
    }


def _served_tier(attempt: Attempt, provider: str) -> str | None:
    if attempt.is_stream or attempt.status == "hit" or attempt.operation == "embeddings" or provider == "gemini":
        return None
    return "standard" if provider == "anthropic" else attempt.tier


def _usd(amount_pico: int) -> float:
    """LiteLLM writes money as JSON floats: the float nearest to the exact amount."""
    return amount_pico / PICO_PER_USD
