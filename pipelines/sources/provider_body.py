"""A provider's answer as a company's own logger keeps it: the raw body, and what the logger adds beside or around it.

The body is the record itself, or stands under `response` or `body`. What the body does not know, the logger writes at the
top of the record under our own column names, all optional but the time where the body has none:

`started_at` or `timestamp` (ISO 8601, or seconds since 1970), `ended_at` or `latency_ms`, `request_id`, `status` (one of
ours: ok, error, blocked_budget, cancelled), `status_code`, `request_model`, `provider`, `trace_id`, `span_id`,
`parent_span_id`, `gateway_call_id`, `response_id` (where a gateway gave the answer another id),
`attempt_no`, `is_fallback`, `cache_hit`, `team_id`, `endpoint`, `tags`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, tag_list
from pipelines.sources.mapped import mapped

AROUND = ("response", "body")
_TIMES = ("started_at", "timestamp")
_EPOCH = r"\d{9,11}(\.\d*)?"


def at(places: tuple[str, ...], *names: str) -> tuple[str, ...]:
    """Paths of the names in every place a body may stand; an earlier name goes before an earlier place."""
    return tuple(f"{place}.{name}" if place else name for name in names for place in places)


def bodies(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Where the body may stand in a record: it is the record, or under a name beside which the logger wrote a time."""
    # Gateways keep whole answers under the same names; they have other names for the time.
    inner = [record.get(name) for name in AROUND] if any(name in record for name in _TIMES) else []
    return [record, *(body for body in inner if isinstance(body, dict))]


def moment(f: Fields, *paths: str) -> str:
    """First filled path as an instant, given in ISO 8601 or in seconds since 1970; anything else there is a problem."""
    typed: list[str] = []
    for path in paths:
        value = f.text(path)
        seconds = f"make_timestamptz((trunc(try_cast({value} as decimal(18,6))::decimal(30,6) * 1000000))::bigint)"
        written = f"case when isfinite(try_cast({value} as timestamptz)) then try_cast({value} as timestamptz) end"
        typed.append(f"case when regexp_full_match({value}, '{_EPOCH}') then {seconds} else {written} end")
        f.refuse(f"{value} is not null and {typed[-1]} is null", f"{path}: neither ISO 8601 nor seconds since 1970")
    return f"coalesce({', '.join(typed)})"


def beside(f: Fields, mapping: Mapping[str, tuple[str, ...]], started: str) -> dict[str, str]:
    """Columns from what the logger added; `started` is the SQL of the start."""
    tags = f.whole("tags")
    latency, trace = f.count("latency_ms"), f.text("trace_id")
    ended = f"coalesce({moment(f, 'ended_at')}, {started} + to_milliseconds({latency}))"
    return mapped(f, mapping, trace, tags) | {
        "started_at": started,
        "ended_at": ended,
        "latency_ms": latency,
        "time_to_first_chunk_ms": f.count("time_to_first_chunk_ms"),
        "trace_id": trace,
        "span_id": f.text("span_id"),
        "parent_span_id": f.text("parent_span_id"),
        "gateway_call_id": f.text("gateway_call_id"),
        "attempt_no": f.count("attempt_no"),
        "is_fallback": f.flag("is_fallback"),
        "request_model": f.text("request_model", "request.model"),
        "team_id": f.text("team_id"),
        "endpoint": f.text("endpoint"),
        "tags": f"to_json({tag_list(tags)})::varchar",
        "is_gateway_cache_hit": f.flag("is_gateway_cache_hit", "cache_hit"),
    }
