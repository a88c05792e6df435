"""Raw bodies of Anthropic's Messages API with their `usage`, one per line, and lines of batch results.

What they need (the response types of anthropic-sdk-python):

- A message carries no time. The logger writes `started_at`, `timestamp` or `created_at` beside it or around it, as
  ISO 8601 or as seconds since 1970; without one the record is unreadable. That holds for batch results too.
  `pipelines/sources/provider_body.py` lists what else a logger may add. The body may also stand under `message`, but then
  the source has to be named: transcripts of agents look the same and repeat one message on many lines.
- `input_tokens` counts neither what was read from the cache nor what was written to it: the three are added up.
- `cache_creation` says how long a write lives; five minutes and one hour have prices of their own.
- `output_tokens` includes thinking, of which `output_tokens_details.thinking_tokens` is the part.
- `service_tier` is the tier that served; `batch` is the batch interface.
- A line of batch results is `{"custom_id", "result": {"type", "message"}}` with type succeeded, errored, canceled or expired;
  all but the first cost nothing.
- Events of a stream are refused: the usage of `message_start` is that of the beginning. A cut stream is what the logger
  wrote with `status: cancelled`, and its counts are estimates.

A message knows no gateway: retries, fallbacks and cache hits are what the logger says of them. There are no embeddings,
no rerank, no audio and no flex tier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source
from pipelines.sources.provider_body import AROUND, at, beside, bodies, moment
from warehouse.connection import literal
from warehouse.schemas import STATUSES

_PLACES = ("result.message", *AROUND, "message", "")
_RESULTS = ("succeeded", "errored", "canceled", "expired")
_EVENTS = ("message_start", "message_delta", "message_stop", "content_block_start", "content_block_delta")
_NO_TIME = "no time: a message has none; a logger writes started_at, timestamp or created_at beside or around it"


def _recognise(record: Mapping[str, Any]) -> str | None:
    result = record.get("result")
    if "custom_id" in record and isinstance(result, dict) and result.get("type") in _RESULTS:
        return f"a line of batch results: has custom_id and a result that {result['type']}"
    for body in bodies(record):
        if body.get("type") == "message" and isinstance(body.get("usage"), dict):
            return "a body of type message with usage"
    return None


def _at(*names: str) -> tuple[str, ...]:
    return at(_PLACES, *names)


def _natural_id(f: Fields) -> str:
    return f.text(*_at("id"), "request_id", "_request_id", "custom_id")


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    times = ("started_at", "timestamp", "created_at")
    started = moment(f, *times)
    f.refuse(
        f"{f.text('type')} in ({', '.join(map(literal, _EVENTS))})",
        "an event of a stream; only the whole message has the whole usage",
    )
    f.require(_natural_id(f), "no id: a logger writes request_id beside a body that has none")
    f.require(f.text(*times), _NO_TIME)
    usage, tier = _usage(f), f.text(*_at("usage.service_tier"))
    counted = f"coalesce({usage['input_tokens']}, 0) + coalesce({usage['output_tokens']}, 0)"
    return (
        beside(f, mapping, started)
        | usage
        | _outcome(f)
        | {
            "source_record_id": _natural_id(f),
            "response_id": f.text("response_id", *_at("id")),
            "operation_name": "'chat'",
            "provider_name": f"coalesce({f.text('provider_name', 'provider')}, 'anthropic')",
            "response_model": f.text(*_at("model")),
            "service_tier": tier,
            "is_batch": f"coalesce({f.flag('is_batch')}, {f.text('custom_id')} is not null or {tier} = 'batch', false)",
            "region": f.text(*_at("usage.inference_geo")),
            "speed": f.text(*_at("usage.speed")),
            "usage_semantics": "'exclusive_converted'",
            "usage_quality": f"case when {counted} = 0 then 'missing' when {f.text('status')} = 'cancelled' "
            "then 'estimated' else 'reported' end",
        }
    )


def _usage(f: Fields) -> dict[str, str]:
    def count(name: str) -> str:
        return f.count(*_at(f"usage.{name}"))

    five, hour = count("cache_creation.ephemeral_5m_input_tokens"), count("cache_creation.ephemeral_1h_input_tokens")
    written = f"coalesce({count('cache_creation_input_tokens')}, {five} + {hour}, {five}, {hour})"
    read = count("cache_read_input_tokens")
    return {
        "input_tokens": f"{count('input_tokens')} + coalesce({read}, 0) + coalesce({written}, 0)",
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation_5m_input_tokens": five,
        "cache_creation_1h_input_tokens": hour,
        "output_tokens": count("output_tokens"),
        "reasoning_output_tokens": count("output_tokens_details.thinking_tokens"),
        "web_search_requests": count("server_tool_use.web_search_requests"),
    }


def _outcome(f: Fields) -> dict[str, str]:
    state, result = f.text("status"), f.text("result.type")
    code = f.count("status_code", "http_status")
    # An error is wrapped in one of type `error`, in a batch twice.
    kind = f"coalesce({f.text('result.error.error.type', *_at('error.type'))}, case when {result} = 'expired' then {result} end)"
    return {
        "status": f"case when {state} in ({', '.join(map(literal, STATUSES))}) then {state} "
        f"when {result} = 'canceled' then 'cancelled' "
        f"when {kind} is not null or {result} = 'errored' or {code} >= 400 then 'error' else 'ok' end",
        "http_status": code,
        "error_type": kind,
    }


SOURCE = Source(
    name="anthropic_message",
    title="Anthropic message bodies",
    version=1,
    formats=("json",),
    recognise=_recognise,
    signs="a body of `type` message with `usage`, also under `response` or `body` beside a time; or, of batch results, "
    "`custom_id` and `result`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("tenant_id", "metadata.tenant_id", "metadata.user_id", "request.metadata.user_id"),
        "task_id": ("task_id", "metadata.task_id"),
        "workflow_key": ("workflow_key", "metadata.workflow_key"),
        "conversation_id": ("conversation_id", "metadata.conversation_id"),
        "end_user_id": ("end_user_id", "user_id", "metadata.user_id", "request.metadata.user_id"),
        "feature": ("feature", "metadata.feature"),
        "environment": ("environment", "metadata.environment", "tag:env"),
        "prompt_version": ("prompt_version", "metadata.prompt_version"),
        "experiment": ("experiment", "metadata.experiment"),
    },
    objects=("result", *_at("usage")),
)
