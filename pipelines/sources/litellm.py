"""LiteLLM's StandardLoggingPayload, as its proxy's callbacks write it: one JSON object per attempt.

What its records need (read in LiteLLM 1.80 to 1.109 and in records of a 1.102 proxy):

- A retried or fallen-back attempt is a failure record of its own. `litellm_call_id` is then shared; `id` and startTime
  tell the attempts apart. Where the router itself refuses a call several times the records share both: none reached a
  provider, they are versions of one refused call.
- A hit of the gateway's response cache carries `_cache_hit<epoch>` behind its id and can be written twice with different
  ids; on it `response_cost` is 0 while tokens and `cost_breakdown` are filled. The breakdown is never summed.
- `response_cost` includes a configured margin.
- Input counts include cache reads and writes. `cached_tokens` can be 0 while `cache_read_input_tokens` is not.
- An upstream that cuts a stream leaves a failure with tokens; a client that leaves makes a success with ClientDisconnected.
- `error_information` is there with empty strings on success; `stream` and `cache_hit` are null where false.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source, litellm_record
from pipelines.sources.mapped import mapped

_USAGE = "metadata.usage_object"
_INPUT = f"{_USAGE}.prompt_tokens_details"
_OUTPUT = f"{_USAGE}.completion_tokens_details"
_WRITES = f"{_INPUT}.cache_creation_token_details"
_EXTRA = "metadata.additional_usage_values"
_HEADERS = "hidden_params.additional_headers"
_ERROR = "error_information"


def _recognise(record: Mapping[str, Any]) -> str | None:
    # `id` and `response_cost` tell it from a row of the proxy's spend log, which has other names for both.
    telling = {"id", "startTime", "response_cost"}
    known = telling | ({"call_type", "custom_llm_provider", "litellm_call_id", "model_group"} & record.keys())
    return f"has {', '.join(sorted(known))}" if telling <= record.keys() and len(known) > len(telling) else None


def _natural_id(f: Fields) -> str:
    return f"concat_ws(chr(31), {litellm_record.bare_id(f.text('id', 'litellm_call_id'))}, {f.text('trace_id')})"


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    tags = f.whole("request_tags")
    f.require(f.text("id", "litellm_call_id"), "id: missing")
    f.require(f.text("startTime"), "startTime: missing")
    f.refuse(
        f"{f.text('status')} is null or {f.text('status')} not in ('success', 'failure')",
        "status: not success or failure",
    )
    is_silent = f.flag("metadata.is_silent_experiment", "is_silent_experiment")
    columns = mapped(f, mapping, f.text("trace_id"), tags)
    experiment = litellm_record.experiment_of(is_silent, columns["experiment"])
    return (
        columns
        | _identity(f)
        | _usage(f)
        | _outcome(f)
        | _cost(f)
        | {"experiment": experiment, "tags": litellm_record.tags_of(tags)}
    )


def _identity(f: Fields) -> dict[str, str]:
    model, base = f.text("model"), f.text("model_map_information.model_map_key")
    started = f.epoch("startTime")
    first_chunk = f"case when {f.flag('stream')} then {f.epoch('completionStartTime')} end"
    return {
        "source_record_id": f.text("id", "litellm_call_id"),
        "started_at": started,
        "ended_at": f.epoch("endTime"),
        "time_to_first_chunk_ms": f"epoch_ms({first_chunk}) - epoch_ms({started})",
        "trace_id": f.text("trace_id"),
        "gateway_call_id": f.text("litellm_call_id"),
        "response_id": _response_id(f),
        "attempt_no": f"{f.count(f'{_HEADERS}.x-litellm-attempted-retries')} + 1",
        "is_fallback": f"{f.count(f'{_HEADERS}.x-litellm-attempted-fallbacks')} > 0",
        "requested_model_group": f.text("model_group"),
        "operation_name": litellm_record.operation_of(f.text("call_type")),
        "provider_name": f.text("custom_llm_provider"),
        "request_model": f.text("model_group", "model"),
        "response_model": model,
        "base_model": litellm_record.base_model_of(base, model),
        "team_id": f.text("metadata.user_api_key_team_id"),
        "api_key_hash": f.text("metadata.user_api_key_hash"),
        "endpoint": f.text("metadata.user_api_key_request_route"),
    }


def _response_id(f: Fields) -> str:
    # A hit of the cache has its original's; where the provider gave none (failures, embeddings) the call's own stands there.
    own = f"nullif({f.text('id')}, {f.text('litellm_call_id')})"
    return f"case when not coalesce({f.flag('cache_hit')}, false) then {own} end"


def _usage(f: Fields) -> dict[str, str]:
    read = _greatest(
        f.count(f"{_USAGE}.cache_read_input_tokens"),
        f.count(f"{_INPUT}.cached_tokens"),
        f.count(f"{_EXTRA}.cache_read_input_tokens"),
    )
    five, hour = f.count(f"{_WRITES}.ephemeral_5m_input_tokens"), f.count(f"{_WRITES}.ephemeral_1h_input_tokens")
    written = _greatest(
        f.count(f"{_USAGE}.cache_creation_input_tokens"),
        f.count(f"{_INPUT}.cache_creation_tokens"),
        f.count(f"{_EXTRA}.cache_creation_input_tokens"),
        f"coalesce({five}, 0) + coalesce({hour}, 0)",
    )
    inputs, outputs = (
        f.count("prompt_tokens", f"{_USAGE}.prompt_tokens"),
        f.count("completion_tokens", f"{_USAGE}.completion_tokens"),
    )
    # OpenAI's usage of what is billed by duration (openai.types.audio.transcription_text_usage_duration), passed on.
    audio = f.milliseconds(f"{_USAGE}.seconds")
    return {
        "input_tokens": inputs,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation_5m_input_tokens": five,
        "cache_creation_1h_input_tokens": hour,
        "output_tokens": outputs,
        "reasoning_output_tokens": f.count(f"{_OUTPUT}.reasoning_tokens"),
        "input_audio_tokens": f.count(f"{_INPUT}.audio_tokens"),
        "output_audio_tokens": f.count(f"{_OUTPUT}.audio_tokens"),
        "input_image_tokens": f.count(f"{_INPUT}.image_tokens"),
        "output_image_tokens": f.count(f"{_OUTPUT}.image_tokens"),
        "audio_ms": audio,
        "web_search_requests": f.count(f"{_USAGE}.server_tool_use.web_search_requests"),
        "usage_semantics": "'inclusive'",
        "usage_quality": litellm_record.usage_quality((inputs, outputs, audio), f.text("status"), _client_left(f)),
        "service_tier": f.text("cost_breakdown.service_tier", f"{_USAGE}.service_tier"),
        "speed": f.text(f"{_USAGE}.speed"),
        "region": f.text(f"{_USAGE}.inference_geo"),
    }


def _client_left(f: Fields) -> str:
    return litellm_record.client_left(f, _ERROR)


def _outcome(f: Fields) -> dict[str, str]:
    messages = (f"{_ERROR}.error_message", "error_str")
    return litellm_record.outcome(f, _ERROR, messages, f.text("status")) | {
        # null on a miss; the proxy looks every cacheable call up.
        "is_gateway_cache_hit": f"coalesce({f.flag('cache_hit')}, false)",
    }


def _cost(f: Fields) -> dict[str, str]:
    margin = "cost_breakdown.margin_total_amount"
    return litellm_record.cost(f, "response_cost", margin, f.flag("cache_hit")) | {
        "cost_saved_gateway_cache": f.money("saved_cache_cost"),
    }


def _greatest(*values: str) -> str:
    return f"greatest({', '.join(values)})"


SOURCE = Source(
    name="litellm",
    title="LiteLLM StandardLoggingPayload",
    version=1,
    formats=("json",),
    recognise=_recognise,
    signs="`id`, `startTime`, `response_cost`, and one of `call_type`, `custom_llm_provider`, `litellm_call_id`, "
    "`model_group`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("metadata.spend_logs_metadata.tenant_id", "end_user", "metadata.user_api_key_team_id"),
        "task_id": ("metadata.spend_logs_metadata.task_id",),
        "workflow_key": ("metadata.spend_logs_metadata.workflow_key",),
        "conversation_id": ("metadata.spend_logs_metadata.conversation_id",),
        "end_user_id": ("end_user", "metadata.user_api_key_end_user_id"),
        "feature": ("metadata.spend_logs_metadata.feature", "tag:feature"),
        "environment": ("metadata.spend_logs_metadata.environment", "tag:environment", "tag:env"),
        "prompt_version": ("metadata.spend_logs_metadata.prompt_version",),
        "experiment": ("metadata.spend_logs_metadata.experiment",),
    },
    objects=("metadata", "cost_breakdown", _USAGE, "error_information", "hidden_params"),
)
