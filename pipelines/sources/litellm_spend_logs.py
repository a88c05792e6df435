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

from pipelines.sources import Fields, Source, paths_or_tag, tag_list
from pipelines.sources.json_text import read_with_json
from warehouse.connection import literal
from warehouse.schemas import UNATTRIBUTED

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
    return f"regexp_replace({f.text('request_id')}, '_cache_hit[0-9.]+$', '')"


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

    def mapped(column: str) -> str:
        return paths_or_tag(f, mapping[column], tags)

    return (
        _identity(f, mapped)
        | _usage(f)
        | _outcome(f)
        | _cost(f)
        | {
            "feature": mapped("feature"),
            "environment": mapped("environment"),
            "prompt_version": mapped("prompt_version"),
            "experiment": f"case when {f.flag('metadata.is_silent_experiment')} then 'silent' "
            f"else {mapped('experiment')} end",
            "tags": f"to_json(list_filter({tag_list(tags)}, lambda x: not starts_with(x, 'User-Agent:')))::varchar",
        }
    )


def _identity(f: Fields, mapped: Any) -> dict[str, str]:
    model, base = f.text("model"), f.text("metadata.model_map_information.model_map_key")
    started, ended, chunk = f.instant("startTime"), f.instant("endTime"), f.instant("completionStartTime")
    session, call = f.text("session_id"), f.text("litellm_call_id", "metadata.litellm_call_id")
    return {
        "source_record_id": f.text("request_id"),
        "started_at": started,
        "ended_at": ended,
        # Where nothing was streamed the column repeats the end.
        "time_to_first_chunk_ms": f"case when {chunk} < {ended} then epoch_ms({chunk}) - epoch_ms({started}) end",
        "trace_id": session,
        "gateway_call_id": call,
        # A hit of the cache has its original's; where the provider gave none the call's own id stands there.
        "response_id": f"case when not {_is_hit(f)} then nullif({f.text('request_id')}, {call}) end",
        "task_id": f"coalesce({mapped('task_id')}, {session})",
        "attempt_no": f"{f.count('metadata.attempted_retries')} + 1",
        "is_fallback": f"{f.count('metadata.attempted_fallbacks')} > 0",
        "requested_model_group": f.text("model_group"),
        "operation_name": _operation(f.text("call_type")),
        "provider_name": f.text("custom_llm_provider"),
        "request_model": f.text("model_group", "model"),
        "response_model": model,
        # The operator's own statement of which public model a deployment runs (`model_info.base_model`).
        "base_model": f"case when {base} <> {model} then {base} end",
        "tenant_id": f"coalesce({mapped('tenant_id')}, {literal(UNATTRIBUTED)})",
        "end_user_id": mapped("end_user_id"),
        "team_id": f.text("team_id", "metadata.user_api_key_team_id"),
        "api_key_hash": f.text("api_key", "metadata.user_api_key"),
    }


def _operation(call_type: str) -> str:
    return (
        f"case when {call_type} like '%embedding%' then 'embeddings' when {call_type} like '%rerank%' then 'rerank' "
        f"when {call_type} like '%completion%' or {call_type} like '%responses%' or {call_type} like '%messages%' "
        f"or {call_type} like '%generate_content%' then 'chat' else coalesce({call_type}, 'chat') end"
    )


def _usage(f: Fields) -> dict[str, str]:
    def most(*names: str) -> str:
        return f"greatest({', '.join(f.count(base + name) for name in names for base in (_USAGE, _EXTRA))})"

    def first(name: str) -> str:
        return f.count(_USAGE + name, _EXTRA + name)

    five, hour = first(f"{_WRITES}.ephemeral_5m_input_tokens"), first(f"{_WRITES}.ephemeral_1h_input_tokens")
    written = most(".cache_creation_input_tokens", f"{_INPUT}.cache_creation_tokens")
    inputs, outputs = _counted(f, "prompt_tokens"), _counted(f, "completion_tokens")
    audio = f.milliseconds(f"{_USAGE}.seconds", f"{_EXTRA}.seconds")
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
        # What a cut stream used is the gateway's own count, not the provider's.
        "usage_quality": f"case when coalesce({inputs}, 0) + coalesce({outputs}, 0) + coalesce({audio}, 0) = 0 then 'missing' "
        f"when {_status(f)} = 'failure' or {_client_left(f)} then 'estimated' else 'reported' end",
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
    kind = f.text(f"{_ERROR}.error_class")
    # The message decides and is not kept: provider budgets of the router have no class of their own.
    message = f.whole(f"{_ERROR}.error_message")
    budget = (
        f"{kind} = 'BudgetExceededError' or {f.text(f'{_ERROR}.error_rate_limit_type')} = 'budget' "
        f"or contains({message}, 'crossed budget')"
    )
    return {
        "status": f"case when {budget} then 'blocked_budget' when {_status(f)} = 'failure' then 'error' "
        f"when {_client_left(f)} then 'cancelled' else 'ok' end",
        "http_status": f"try_cast({f.text(f'{_ERROR}.error_code')} as bigint)",
        "error_type": kind,
        "is_gateway_cache_hit": _is_hit(f),
    }


def _status(f: Fields) -> str:
    # Older releases leave the column empty and say it in the metadata, or nowhere when the call went well.
    return f"coalesce({f.text('status', 'metadata.status')}, 'success')"


def _is_hit(f: Fields) -> str:
    return f"coalesce(lower({f.text('cache_hit')}) = 'true', false)"


def _client_left(f: Fields) -> str:
    return f"coalesce({f.text(f'{_ERROR}.error_class')} = 'ClientDisconnected', false)"


def _cost(f: Fields) -> dict[str, str]:
    # On a hit the breakdown is that of the answer's first call, its margin too.
    markup = f"case when {_is_hit(f)} then null else {f.money(f'{_BREAKDOWN}.margin_total_amount')} end"
    spend = f.money("spend")
    return {
        "cost_reported": f"({spend} - coalesce({markup}, 0))::decimal(38,12)",
        "cost_currency": f"case when {spend} is not null then 'USD' end",
        "cost_source": f"case when {spend} is not null then 'litellm' end",
        "cost_markup": markup,
    }


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
        "end_user_id": ("end_user", "metadata.user_api_key_end_user_id"),
        "feature": ("metadata.spend_logs_metadata.feature", "tag:feature"),
        "environment": ("metadata.spend_logs_metadata.environment", "tag:environment", "tag:env"),
        "prompt_version": ("metadata.spend_logs_metadata.prompt_version",),
        "experiment": ("metadata.spend_logs_metadata.experiment",),
    },
)
