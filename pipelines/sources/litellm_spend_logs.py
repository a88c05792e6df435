"""Rows of LiteLLM's table `LiteLLM_SpendLogs`, exported as JSON lines, CSV or Parquet under the names of its schema.

What its rows need (read in LiteLLM's schema.prisma and in rows that a 1.102 proxy wrote):

- One row per call, not per attempt: an attempt that failed before another one answered has no row, only the answer's
  `metadata.attempted_retries` and `attempted_fallbacks`. The payload source has a record of every attempt.
- A call is also in the callbacks' payloads: `gateway_call_id` is the same there; the build counts it once, from the
  payload unless `sources.precedence` says otherwise. Releases after 1.102 write the call id as `request_id` too.
- JSON columns arrive as objects or as their text; times are UTC without a zone; `cache_hit` is the text True, False or
  None; what is not there is an empty text.
- A refused call has a guess of its prompt in `prompt_tokens` and the provider's own zeros in `metadata.usage_object`:
  where a call failed the usage object counts.
- `spend` includes a configured margin. On a hit of the response cache `spend` is 0 while tokens and the breakdown are
  filled, and the id carries `_cache_hit<epoch>`. The breakdown is never summed.
- Input counts include cache reads and writes. `cached_tokens` can be 0 while `cache_read_input_tokens` is not.
- A model that the proxy does not know is written as `unknown-model`; no provider was reached.
- Rerank calls carry no search count: LiteLLM logs tokens only. A batch has no mark of its own in a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source, litellm_record
from pipelines.sources.json_text import read_with_json
from pipelines.sources.mapped import mapped

_USAGE = "metadata.usage_object"
_EXTRA = "metadata.additional_usage_values"
_INPUT = ".prompt_tokens_details"
_OUTPUT = ".completion_tokens_details"
_WRITES = f"{_INPUT}.cache_creation_token_details"
_ERROR = "metadata.error_information"
_BREAKDOWN = "metadata.cost_breakdown"


def _recognise(record: Mapping[str, Any]) -> str | None:
    telling = {"request_id", "startTime", "spend"}
    known = telling | ({"call_type", "custom_llm_provider", "model_group", "prompt_tokens"} & record.keys())
    return f"has {', '.join(sorted(known))}" if telling <= record.keys() and len(known) > len(telling) else None


def _natural_id(f: Fields) -> str:
    return litellm_record.bare_id(f.text("request_id"))


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    return read_with_json(f, "metadata", lambda fields: _columns(fields, mapping))


def _columns(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    tags = f.whole("request_tags")
    f.require(f.text("request_id"), "request_id: missing")
    f.require(f.text("startTime"), "startTime: missing")
    f.refuse(f"{_status(f)} not in ('success', 'failure')", "status: not success or failure")
    f.refuse(
        f"lower({f.text('cache_hit')}) not in ('true', 'false', 'none', 'null')", "cache_hit: not True, False or None"
    )
    columns = mapped(f, mapping, f.text("session_id"), tags)
    experiment = litellm_record.experiment_of(f.flag("metadata.is_silent_experiment"), columns["experiment"])
    return (
        columns
        | _identity(f)
        | _usage(f)
        | _outcome(f)
        | litellm_record.cost(f, "spend", f"{_BREAKDOWN}.margin_total_amount", _is_hit(f))
        | {"experiment": experiment, "tags": litellm_record.tags_of(tags)}
    )


def _identity(f: Fields) -> dict[str, str]:
    model, base = f.text("model"), f.text("metadata.model_map_information.model_map_key")
    started, ended, chunk = f.instant("startTime"), f.instant("endTime"), f.instant("completionStartTime")
    call = f.text("litellm_call_id", "metadata.litellm_call_id")
    return {
        "source_record_id": f.text("request_id"),
        "started_at": started,
        "ended_at": ended,
        # Where nothing was streamed the column repeats the end.
        "time_to_first_chunk_ms": f"case when {chunk} < {ended} then epoch_ms({chunk}) - epoch_ms({started}) end",
        "trace_id": f.text("session_id"),
        "gateway_call_id": call,
        # A hit of the cache has its original's; where the provider gave none the call's own id stands there.
        "response_id": f"case when not {_is_hit(f)} then nullif({f.text('request_id')}, {call}) end",
        "attempt_no": f"{f.count('metadata.attempted_retries')} + 1",
        "is_fallback": f"{f.count('metadata.attempted_fallbacks')} > 0",
        "requested_model_group": f.text("model_group"),
        "operation_name": litellm_record.operation_of(f.text("call_type")),
        "provider_name": f.text("custom_llm_provider"),
        "request_model": f.text("model_group", "model"),
        "response_model": model,
        "base_model": litellm_record.base_model_of(base, model),
        "team_id": f.text("team_id", "metadata.user_api_key_team_id"),
        "api_key_hash": f.text("api_key", "metadata.user_api_key"),
    }


def _usage(f: Fields) -> dict[str, str]:
    def most(*names: str) -> str:
        return f"greatest({', '.join(f.count(base + name) for name in names for base in (_USAGE, _EXTRA))})"

    def first(name: str) -> str:
        return f.count(_USAGE + name, _EXTRA + name)

    five, hour = first(f"{_WRITES}.ephemeral_5m_input_tokens"), first(f"{_WRITES}.ephemeral_1h_input_tokens")
    written = most(".cache_creation_input_tokens", f"{_INPUT}.cache_creation_tokens")
    inputs, outputs = _counted(f, "prompt_tokens"), _counted(f, "completion_tokens")
    audio, left = f.milliseconds(f"{_USAGE}.seconds", f"{_EXTRA}.seconds"), litellm_record.client_left(f, _ERROR)
    return {
        "input_tokens": inputs,
        "cache_read_input_tokens": most(".cache_read_input_tokens", f"{_INPUT}.cached_tokens"),
        "cache_creation_input_tokens": f"greatest({written}, coalesce({five}, 0) + coalesce({hour}, 0))",
        "cache_creation_5m_input_tokens": five,
        "cache_creation_1h_input_tokens": hour,
        "output_tokens": outputs,
        "reasoning_output_tokens": first(f"{_OUTPUT}.reasoning_tokens"),
        "input_audio_tokens": first(f"{_INPUT}.audio_tokens"),
        "output_audio_tokens": first(f"{_OUTPUT}.audio_tokens"),
        "input_image_tokens": first(f"{_INPUT}.image_tokens"),
        "output_image_tokens": first(f"{_OUTPUT}.image_tokens"),
        "audio_ms": audio,
        "web_search_requests": first(".server_tool_use.web_search_requests"),
        "usage_semantics": "'inclusive'",
        "usage_quality": litellm_record.usage_quality((inputs, outputs, audio), _status(f), left),
        "service_tier": f.text(f"{_BREAKDOWN}.service_tier", f"{_USAGE}.service_tier"),
        "speed": f.text(f"{_USAGE}.speed"),
        "region": f.text(f"{_USAGE}.inference_geo"),
    }


def _counted(f: Fields, name: str) -> str:
    whole, reported = f.count(name), f.count(f"{_USAGE}.{name}")
    return (
        f"case when {_status(f)} = 'failure' then coalesce({reported}, {whole}) else coalesce({whole}, {reported}) end"
    )


def _outcome(f: Fields) -> dict[str, str]:
    ended = litellm_record.outcome(f, _ERROR, (f"{_ERROR}.error_message",), _status(f))
    return ended | {"is_gateway_cache_hit": _is_hit(f)}


def _status(f: Fields) -> str:
    # Older releases leave the column empty and say it in the metadata, or nowhere when the call went well.
    return f"coalesce({f.text('status', 'metadata.status')}, 'success')"


def _is_hit(f: Fields) -> str:
    return f"coalesce(lower({f.text('cache_hit')}) = 'true', false)"


SOURCE = Source(
    name="litellm_spend_logs",
    title="LiteLLM_SpendLogs rows",
    version=1,
    formats=("json", "csv", "parquet"),
    recognise=_recognise,
    signs="`request_id`, `startTime`, `spend`, and one of `call_type`, `custom_llm_provider`, `model_group`, "
    "`prompt_tokens`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("metadata.spend_logs_metadata.tenant_id", "end_user", "team_id", "metadata.user_api_key_team_id"),
        "task_id": ("metadata.spend_logs_metadata.task_id",),
        "workflow_key": ("metadata.spend_logs_metadata.workflow_key",),
        "conversation_id": ("metadata.spend_logs_metadata.conversation_id",),
        "end_user_id": ("end_user", "metadata.user_api_key_end_user_id"),
        "feature": ("metadata.spend_logs_metadata.feature", "tag:feature"),
        "environment": ("metadata.spend_logs_metadata.environment", "tag:environment", "tag:env"),
        "prompt_version": ("metadata.spend_logs_metadata.prompt_version",),
        "experiment": ("metadata.spend_logs_metadata.experiment",),
    },
)
