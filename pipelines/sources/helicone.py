"""Rows of Helicone's ClickHouse table `request_response_rmt`, exported as JSON lines, CSV or Parquet.

What its rows need (read in Helicone's migrations and in the code that writes the table):

- A row is written again when scores or properties change; the one with the latest `updated_at` counts.
- `cost` is an integer, billionths of a dollar; 0 stands for an unknown price, too.
- Whether `prompt_tokens` includes what was read from and written to the provider's cache is documented nowhere. All of
  the code that fills the cache columns leaves cached tokens out of `prompt_tokens`, so they are added. For Anthropic, or
  where the cached tokens are more than the prompt, that is certain (`exclusive_converted`), elsewhere it is `ambiguous`.
- Reasoning is counted beside `completion_tokens` where a release writes `reasoning_tokens`, and is added.
- `response_id` is Helicone's id of its own row, not the provider's; that one stands in the body only, which is not read.
- A hit of the response cache has a `cache_reference_id` other than zeros, and no tokens.
- `status` is the HTTP status, or 0 where there was none, or -3 for a call that the client cut off.
- `user_id` can be the text `undefined` or `null`. `time_to_first_token` is 0 where nothing was streamed.
- Properties are a map of texts; a session is the property `Helicone-Session-Id`.

The table has no service tier, no batch mark, no lifetime of cache writes, no rerank searches and no number of an attempt:
flex, batch, one-hour writes and retries cannot be told from its rows. The operation is told by the model's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source, paths_or_tag
from pipelines.sources.json_text import read_with_json
from pipelines.sources.mapped import with_defaults
from pipelines.sources.model_name import operation_of

_NO_UUID = "00000000-0000-0000-0000-000000000000"
_CUT_OFF = "-3"


def _recognise(record: Mapping[str, Any]) -> str | None:
    telling = {"request_id", "request_created_at"}
    known = telling | ({"response_id", "cache_reference_id", "prompt_tokens", "proxy_key_id"} & record.keys())
    return f"has {', '.join(sorted(known))}" if telling <= record.keys() and len(known) > len(telling) else None


def _natural_id(f: Fields) -> str:
    return f.text("request_id")


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    return read_with_json(f, "properties", lambda fields: _columns(fields, mapping), is_clickhouse=True)


def _columns(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    f.require(f.text("request_id"), "request_id: missing")
    f.require(f.text("request_created_at"), "request_created_at: missing")
    started, latency = f.instant("request_created_at"), f.count("latency")
    session, model = f.text("properties.Helicone-Session-Id"), f.text("model")
    return (
        with_defaults({column: _named(f, paths) for column, paths in mapping.items()}, session)
        | _usage(f)
        | _outcome(f)
        | _cost(f)
        | {
            "source_record_id": f.text("request_id"),
            "observed_at": f.instant("updated_at"),
            "started_at": started,
            "ended_at": f"coalesce({f.instant('response_created_at')}, {started} + to_milliseconds({latency}))",
            "latency_ms": latency,
            "time_to_first_chunk_ms": f"nullif({f.count('time_to_first_token')}, 0)",
            "trace_id": session,
            "operation_name": operation_of(model),
            "provider_name": f.text("provider"),
            "response_model": model,
        }
    )


def _named(f: Fields, paths: tuple[str, ...]) -> str:
    """First path that is filled with more than the word for nothing."""
    found = [f"nullif(nullif({paths_or_tag(f, (path,), 'null')}, 'undefined'), 'null')" for path in paths]
    return f"coalesce({', '.join(found)}, null)"


def _usage(f: Fields) -> dict[str, str]:
    prompt, completion = f.count("prompt_tokens"), f.count("completion_tokens")
    read, written = f.count("prompt_cache_read_tokens"), f.count("prompt_cache_write_tokens")
    reasoning = f.count("reasoning_tokens")
    cached = f"(coalesce({read}, 0) + coalesce({written}, 0))"
    is_anthropic = f"(lower({f.text('provider')}) like '%anthropic%' or lower({f.text('model')}) like '%claude%')"
    return {
        "input_tokens": f"{prompt} + {cached}",
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": f"{completion} + coalesce({reasoning}, 0)",
        "reasoning_output_tokens": reasoning,
        "input_audio_tokens": f.count("prompt_audio_tokens"),
        "output_audio_tokens": f.count("completion_audio_tokens"),
        "usage_semantics": f"case when {cached} = 0 then 'inclusive' "
        f"when {is_anthropic} or {cached} > {prompt} then 'exclusive_converted' else 'ambiguous' end",
        "usage_quality": f"case when coalesce({prompt}, 0) + {cached} + coalesce({completion}, 0) = 0 then 'missing' "
        f"when {f.text('status')} = '{_CUT_OFF}' then 'estimated' else 'reported' end",
    }


def _outcome(f: Fields) -> dict[str, str]:
    code, reference = f.text("status"), f.text("cache_reference_id")
    status = f"try_cast({code} as bigint)"
    f.refuse(f"{code} is not null and {status} is null", "status: not a whole number")
    return {
        "status": f"case when {status} = {_CUT_OFF} then 'cancelled' when {status} between 200 and 399 then 'ok' "
        f"when {status} is null then 'ok' else 'error' end",
        "http_status": f"case when {status} between 100 and 599 then {status} end",
        # A number that is no HTTP status is Helicone's own; it is kept as what it is.
        "error_type": f"case when {status} not between 100 and 599 and {status} <> {_CUT_OFF} then 'status ' || {status} end",
        "is_gateway_cache_hit": f"case when coalesce({reference}, {f.text('cache_enabled')}) is not null "
        f"then coalesce({reference} <> '{_NO_UUID}', false) end",
    }


def _cost(f: Fields) -> dict[str, str]:
    cost = f.count("cost")
    return {
        "cost_reported": f"({cost}::decimal(18,0) * 0.000000001::decimal(10,9))::decimal(38,12)",
        "cost_currency": f"case when {cost} is not null then 'USD' end",
        "cost_source": f"case when {cost} is not null then 'helicone' end",
    }


SOURCE = Source(
    name="helicone",
    title="Helicone request_response_rmt rows",
    version=1,
    formats=("json", "csv", "parquet"),
    recognise=_recognise,
    signs="`request_id`, `request_created_at`, and one of `response_id`, `cache_reference_id`, `prompt_tokens`, "
    "`proxy_key_id`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("properties.tenant_id", "user_id"),
        "task_id": ("properties.task_id",),
        "workflow_key": ("properties.workflow_key",),
        "conversation_id": ("properties.conversation_id",),
        "end_user_id": ("user_id",),
        "feature": ("properties.feature", "properties.Feature"),
        "environment": ("properties.environment", "properties.Environment"),
        "prompt_version": ("prompt_version",),
        "experiment": ("properties.experiment",),
    },
)
