"""Raw bodies of OpenAI's chat completions, responses, completions and embeddings with their `usage`, one per line.

What they need (the response types of openai-python):

- The time of a body is `created` or `created_at`, in whole seconds; an embedding has none. A logger's `started_at` or
  `timestamp` beside or around the body goes before it; `pipelines/sources/provider_body.py` lists what else it may add.
- An embedding has no id either: the logger writes `request_id`.
- Input counts include what was read from and written to the cache; output counts include reasoning and audio.
- `service_tier` in a body is the tier that served.
- A line of batch output is `{"id", "custom_id", "response": {"status_code", "body"}, "error"}`; `custom_id` is what tells
  it. It names a request within its batch and repeats in the next one, so it is no task unless the mapping says so.
- A failed line, and an expired one, has no time and no model: without a time beside it it is unreadable.
- Only the last chunk of a stream carries usage, and only when asked for. Chunks without it are refused; a cut stream is
  what the logger wrote with `status: cancelled`, and its counts are estimates.
- A response that is queued or in progress is not finished and is refused; an incomplete one was billed.

Web searches stand among the output items, which are not read: a logger that wants them priced writes
`web_search_requests` beside the body. A body knows no gateway: retries, fallbacks and cache hits are what the logger says
of them. There is no rerank and no one-hour cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source
from pipelines.sources.provider_body import AROUND, at, beside, bodies, moment
from warehouse.connection import literal
from warehouse.schemas import STATUSES

_PLACES = ("response.body", *AROUND, "")
_OBJECTS = ("chat.completion", "chat.completion.chunk", "text_completion", "response", "list")
_NO_TIME = (
    "no time: this body has no created and no created_at; a logger writes started_at or timestamp beside or around it"
)
_NO_ID = "no id: this body has none; a logger writes request_id beside or around it"


def _recognise(record: Mapping[str, Any]) -> str | None:
    if "custom_id" in record and "response" in record and "error" in record:
        return "a line of batch output: has custom_id, error, response"
    for body in bodies(record):
        kind = body.get("object")
        if kind in _OBJECTS and isinstance(body.get("usage"), dict):
            return f"a body of object {kind} with usage"
    return None


def _at(*names: str) -> tuple[str, ...]:
    return at(_PLACES, *names)


def _natural_id(f: Fields) -> str:
    return f.text(*_at("id"), "request_id", "_request_id", "response.request_id")


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    times = ("started_at", "timestamp", *_at("created", "created_at"))
    started = moment(f, *times)
    f.require(_natural_id(f), _NO_ID)
    f.require(f.text(*times), _NO_TIME)
    usage = _usage(f)
    counted = f"coalesce({usage['input_tokens']}, 0) + coalesce({usage['output_tokens']}, 0)"
    kind, state = f.text(*_at("object")), f.text("status", *_at("status"))
    f.refuse(
        f"{kind} = 'chat.completion.chunk' and {usage['input_tokens']} is null",
        "a chunk of a stream without usage; only the last one can carry it",
    )
    f.refuse(f"{state} in ('queued', 'in_progress')", "status: the response is not finished")
    return (
        beside(f, mapping, started)
        | usage
        | _outcome(f, state)
        | {
            "source_record_id": _natural_id(f),
            "response_id": f.text("response_id", *_at("id")),
            "operation_name": f"case when {kind} = 'list' then 'embeddings' else 'chat' end",
            "provider_name": f"coalesce({f.text('provider_name', 'provider')}, 'openai')",
            "response_model": f.text(*_at("model")),
            "service_tier": f.text(*_at("service_tier")),
            "is_batch": f"coalesce({f.flag('is_batch')}, {f.text('custom_id')} is not null)",
            "web_search_requests": f.count("web_search_requests"),
            "usage_semantics": "'inclusive'",
            "usage_quality": f"case when {counted} = 0 then 'missing' when {state} = 'cancelled' then 'estimated' "
            "else 'reported' end",
        }
    )


def _usage(f: Fields) -> dict[str, str]:
    def count(name: str, *shapes: str) -> str:
        return f.count(*_at(*(f"usage.{shape}.{name}" for shape in shapes)))

    inputs, outputs = (
        ("prompt_tokens_details", "input_tokens_details"),
        (
            "completion_tokens_details",
            "output_tokens_details",
        ),
    )
    return {
        "input_tokens": f.count(*_at("usage.prompt_tokens", "usage.input_tokens")),
        "cache_read_input_tokens": count("cached_tokens", *inputs),
        "cache_creation_input_tokens": count("cache_write_tokens", *inputs),
        "output_tokens": f.count(*_at("usage.completion_tokens", "usage.output_tokens")),
        "reasoning_output_tokens": count("reasoning_tokens", *outputs),
        "input_audio_tokens": count("audio_tokens", *inputs),
        "output_audio_tokens": count("audio_tokens", *outputs),
        "input_image_tokens": count("image_tokens", *inputs),
        "output_image_tokens": count("image_tokens", *outputs),
    }


def _outcome(f: Fields, state: str) -> dict[str, str]:
    kind = f.text(*_at("error.code", "error.type"))
    code = f.count("response.status_code", "status_code", "http_status")
    return {
        "status": f"case when {state} in ({', '.join(map(literal, STATUSES))}) then {state} "
        f"when {kind} is not null or {state} = 'failed' or {code} >= 400 then 'error' else 'ok' end",
        "http_status": code,
        "error_type": kind,
    }


SOURCE = Source(
    name="openai_response",
    title="OpenAI response bodies",
    version=1,
    formats=("json",),
    recognise=_recognise,
    signs="`usage` and an `object` that is chat.completion, text_completion, response or list, also under `response` "
    "or `body` beside a time; or, of batch output, `custom_id`, `response` and `error`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("tenant_id", *_at("metadata.tenant_id"), "user"),
        "task_id": ("task_id", *_at("metadata.task_id")),
        "workflow_key": ("workflow_key", *_at("metadata.workflow_key")),
        "conversation_id": ("conversation_id", *_at("metadata.conversation_id")),
        "end_user_id": ("end_user_id", "user_id", *_at("metadata.user_id", "user", "safety_identifier")),
        "feature": ("feature", *_at("metadata.feature")),
        "environment": ("environment", *_at("metadata.environment"), "tag:env"),
        "prompt_version": ("prompt_version", *_at("metadata.prompt_version")),
        "experiment": ("experiment", *_at("metadata.experiment")),
    },
    objects=_at("usage"),
)
