"""The canonical record, for companies that log for themselves: JSON lines, CSV or Parquet with our own column names.

The short record `{request_id, user_id, workspace_id, feature, model, input_tokens, output_tokens, cache_hit, latency_ms,
cost_usd, timestamp}` is the same format under its everyday names. Input counts include cache reads and writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source, tag_list
from pipelines.sources.mapped import mapped
from warehouse.connection import literal
from warehouse.schemas import REQUEST, SHARE, STATUSES, USAGE_QUALITIES

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "source_record_id": ("source_record_id", "request_id", "id"),
    "started_at": ("started_at", "timestamp"),
    "end_user_id": ("end_user_id", "user_id"),
    "response_model": ("response_model", "model", "request_model"),
    "request_model": ("request_model", "model", "response_model"),
    "is_gateway_cache_hit": ("is_gateway_cache_hit", "cache_hit"),
    "cost_reported": ("cost_reported", "cost_usd"),
    "provider_name": ("provider_name", "provider"),
}
_READERS = {"string": Fields.text, "int64": Fields.count, "bool": Fields.flag, "timestamp[us, tz=UTC]": Fields.instant}


def _recognise(record: Mapping[str, Any]) -> str | None:
    identity = {"source_record_id", "request_id"} & record.keys()
    time = {"started_at", "timestamp"} & record.keys()
    tokens = {"input_tokens", "output_tokens"} & record.keys()
    if identity and time and tokens:
        return f"has {', '.join(sorted(identity | time | tokens))}"
    return None


def _natural_id(f: Fields) -> str:
    return f.text(*_ALIASES["source_record_id"])


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    f.require(f.text(*_ALIASES["source_record_id"]), "source_record_id (or request_id): missing")
    f.require(f.text(*_ALIASES["started_at"]), "started_at (or timestamp): missing")
    f.require(f.text(*_ALIASES["response_model"]), "response_model (or model): missing")
    f.refuse(
        f"{f.text('status')} not in ({', '.join(map(literal, STATUSES))})", f"status: not one of {', '.join(STATUSES)}"
    )
    f.refuse(
        f"{f.text('usage_quality')} not in ({', '.join(map(literal, USAGE_QUALITIES))})",
        f"usage_quality: not one of {', '.join(USAGE_QUALITIES)}",
    )
    tags = f.whole("tags")
    columns = {
        column.name: _typed(f, column.name, str(column.type), column.type == SHARE)
        for column in REQUEST
        if column.name not in mapping and column.name != "tags"
    }
    columns |= mapped(f, mapping, columns["trace_id"], tags)
    five, hour = columns["cache_creation_5m_input_tokens"], columns["cache_creation_1h_input_tokens"]
    written = columns["cache_creation_input_tokens"]
    started, ended, latency = columns["started_at"], columns["ended_at"], columns["latency_ms"]
    usage = " + ".join(f"coalesce({columns[name]}, 0)" for name in ("input_tokens", "output_tokens", "audio_ms"))
    columns |= {
        "source_record_id": f.text(*_ALIASES["source_record_id"]),
        "observed_at": f.instant("observed_at"),
        "ended_at": f"coalesce({ended}, {started} + to_milliseconds({latency}))",
        "latency_ms": f"coalesce({latency}, epoch_ms({ended}) - epoch_ms({started}))",
        "operation_name": f"coalesce({columns['operation_name']}, 'chat')",
        "tags": f"to_json({tag_list(tags)})::varchar",
        "cache_creation_input_tokens": f"coalesce({written}, {five} + {hour}, {five}, {hour})",
        "usage_semantics": "'inclusive'",
        "usage_quality": f"case when {usage} = 0 then 'missing' else coalesce({columns['usage_quality']}, 'reported') end",
        "status": f"coalesce({columns['status']}, 'ok')",
        "cost_currency": f"case when {columns['cost_reported']} is not null then coalesce({columns['cost_currency']}, 'USD') end",
        "cost_source": f"case when {columns['cost_reported']} is not null then coalesce({columns['cost_source']}, 'log') end",
    }
    return columns


def _typed(f: Fields, name: str, kind: str, is_share: bool) -> str:
    paths = _ALIASES.get(name, (name,))
    if kind.startswith("decimal"):
        return f.share(*paths) if is_share else f.money(*paths)
    return _READERS[kind](f, *paths)


SOURCE = Source(
    name="canonical",
    title="Canonical request record",
    version=1,
    formats=("json", "csv", "parquet"),
    recognise=_recognise,
    signs="`source_record_id` or `request_id`, `started_at` or `timestamp`, and `input_tokens` or `output_tokens`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("tenant_id", "workspace_id"),
        "task_id": ("task_id",),
        "workflow_key": ("workflow_key",),
        "conversation_id": ("conversation_id",),
        "end_user_id": ("end_user_id", "user_id"),
        "feature": ("feature",),
        "environment": ("environment", "tag:env"),
        "prompt_version": ("prompt_version",),
        "experiment": ("experiment",),
    },
)
