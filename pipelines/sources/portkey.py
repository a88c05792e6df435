"""Portkey's log export: one JSON object per line with the columns that were requested for the export.

What its rows need (Portkey's documentation of the export and of its log schema):

- `cost` is in cents.
- `req_units` and `res_units` are the tokens of request and response. The export has no cached, reasoning or audio counts,
  and whether `req_units` includes cached tokens is documented nowhere: every row is `ambiguous`.
- `response_time` is in milliseconds; the end is start plus that.
- `cache_status` is HIT, SEMANTIC HIT, MISS or DISABLED, of the gateway's response cache.
- A call is one row: `retry_success_count` retries came before the answer and have no rows of their own. The export
  names the strategy of the config (`mode`), not whether a fallback answered.
- `metadata` is an object of the caller's own keys; `_user` is the one that Portkey knows. An older export that was made on
  request has two lists instead, `metadata.key` and `metadata.value`, which are not read.
- No column has the provider's id of the response; it stands in the body only, which is not read.
- Request the column `id` with the export: without it a row has no identity.

Batch, service tier, lifetime of cache writes, rerank searches and cut streams have no column.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Source
from pipelines.sources.mapped import mapped
from pipelines.sources.model_name import operation_of


def _recognise(record: Mapping[str, Any]) -> str | None:
    telling = {"created_at"} & record.keys()
    known = {"req_units", "res_units", "total_units", "ai_model", "ai_org", "is_success"} & record.keys()
    return f"has {', '.join(sorted(telling | known))}" if telling and len(known) > 1 else None


def _natural_id(f: Fields) -> str:
    return f.text("id")


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    f.require(f.text("id"), "id: missing (request the column id with the export)")
    f.require(f.text("created_at"), "created_at: missing")
    started, latency = f.instant("created_at"), f"round({f.share('response_time')})::bigint"
    trace, model = f.text("trace_id"), f.text("ai_model")
    return (
        mapped(f, mapping, trace)
        | _usage(f)
        | _outcome(f)
        | _cost(f)
        | {
            "source_record_id": f.text("id"),
            "started_at": started,
            "ended_at": f"{started} + to_milliseconds({latency})",
            "latency_ms": latency,
            "trace_id": trace,
            "attempt_no": f"{f.count('retry_success_count')} + 1",
            "operation_name": operation_of(model),
            "provider_name": f.text("ai_org"),
            "response_model": model,
        }
    )


def _usage(f: Fields) -> dict[str, str]:
    inputs, outputs = f.count("req_units"), f.count("res_units")
    return {
        "input_tokens": inputs,
        "output_tokens": outputs,
        "usage_semantics": "'ambiguous'",
        "usage_quality": f"case when coalesce({inputs}, 0) + coalesce({outputs}, 0) = 0 then 'missing' else 'reported' end",
    }


def _outcome(f: Fields) -> dict[str, str]:
    code, cache = f.count("response_status_code"), f"upper({f.text('cache_status')})"
    return {
        "status": f"case when coalesce({f.flag('is_success')}, {code} < 400, true) then 'ok' else 'error' end",
        "http_status": code,
        "is_gateway_cache_hit": f"{cache} in ('HIT', 'SEMANTIC HIT')",
        "cache_kind": f"case {cache} when 'HIT' then 'exact' when 'SEMANTIC HIT' then 'semantic' end",
    }


def _cost(f: Fields) -> dict[str, str]:
    cents = f.money("cost")
    f.refuse(f"abs({cents}) > 1000000000", "cost: more than ten million dollars")
    return {
        "cost_reported": f"(try_cast({cents} as decimal(30,12)) * 0.01::decimal(3,2))::decimal(38,12)",
        "cost_currency": f"case when {cents} is not null then coalesce({f.text('cost_currency')}, 'USD') end",
        "cost_source": f"case when {cents} is not null then 'portkey' end",
    }


SOURCE = Source(
    name="portkey",
    title="Portkey log export",
    version=1,
    formats=("json",),
    recognise=_recognise,
    signs="`created_at`, and two of `req_units`, `res_units`, `total_units`, `ai_model`, `ai_org`, `is_success`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("metadata.tenant_id", "metadata._user"),
        "task_id": ("metadata.task_id",),
        "workflow_key": ("metadata.workflow_key",),
        "conversation_id": ("metadata.conversation_id",),
        "end_user_id": ("metadata._user",),
        "feature": ("metadata.feature",),
        "environment": ("metadata.environment", "metadata._environment"),
        "prompt_version": ("prompt_version_id",),
        "experiment": ("metadata.experiment",),
    },
    objects=("metadata",),
)
