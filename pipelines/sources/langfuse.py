"""Langfuse's blob export: observations, scores and traces, each in files of their own, as JSON lines, JSON, CSV or Parquet.

What its records need (Langfuse's export field reference and ingestion code, 3.x and 4.x):

- Observations of type GENERATION and EMBEDDING are requests; spans, agents, tools and the like are passed over and counted.
- `observations_v2/` (enriched) carries the trace's user, session, tags and name on every observation. The older
  `observations/` does not: there what the observation's own metadata leaves open comes from its trace, in `traces/`. A trace
  lands by itself, before or after its observations; a build joins them by the trace's id, and its latest `updated_at`
  counts. Without its trace an observation that names no tenant is `unattributed`.
- `usage_details` are buckets that exclude each other: every key with `input` in its name is a part of the input, every one
  with `output` of the output; `output` excludes reasoning, `input` what was cached. They are summed. Some emitters send the
  provider's inclusive counts all the same: where `total` is `input` plus `output` without the other buckets, those two
  are the whole (inclusive); where it fits neither reading the row is ambiguous.
- Windows overlap: a record is known by its id, the latest `updated_at` counts. Times name no zone and are UTC.
- Columns can be absent: field groups are chosen by who set the export up. `latency` is in seconds or milliseconds by the
  integration's age, so it is not read; `environment` is `default` where nobody set one.
- `total_cost` is 0 where no price matched; then `cost_details` is empty and it is no cost.
- LiteLLM's callback names a generation `time-<time>_<response id>` (litellm.utils.get_logging_id); other integrations keep
  the response's id nowhere that is exported.
- Scores become outcomes of their trace, or of their session; a trace's id is its task wherever the mapping names no other.

The export cannot say: the provider, rerank, batch, gateway cache hits, the tier that served (`flex` alone is taken from the
model parameters: it is served or refused), a cut stream, which attempt a retry is; nor whether Langfuse counted the
tokens itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.sources import Fields, Scores, Source, tag_list
from pipelines.sources.json_text import read_with_json
from pipelines.sources.mapped import named, with_defaults
from warehouse.connection import literal

_OBSERVATION = frozenset({"id", "trace_id", "project_id", "type", "start_time"})
_SCORE = frozenset({"id", "project_id", "timestamp", "name", "value", "data_type"})
_TRACE = frozenset({"id", "project_id", "timestamp", "session_id", "bookmarked", "public"})

_CACHE_READ = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cache_read.input_tokens")
_WRITTEN_5M, _WRITTEN_1H = ("input_cache_creation_5m",), ("input_cache_creation_1h",)
_WRITTEN = (
    "input_cache_creation", "input_cache_write", "cache_creation_input_tokens", "cache_creation.input_tokens",
    *_WRITTEN_5M, *_WRITTEN_1H,
)  # fmt: skip
_REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning.output_tokens")
_OF_LITELLM = "^time-[0-9]{2}-[0-9]{2}-[0-9]{2}-[0-9]+_(.+)$"
_SOURCES = {"ANNOTATION": "reviewer", "EVAL": "evaluation", "API": "api"}


def _recognise(record: Mapping[str, Any]) -> str | None:
    for what, telling in (("observation", _OBSERVATION), ("score", _SCORE), ("trace", _TRACE)):
        if telling <= record.keys():
            return f"{what}: has {', '.join(sorted(telling))}"
    return None


def _kind(f: Fields) -> str:
    kind = f.text("type")
    return f.let(
        "kind",
        f"case when {f.text('data_type')} is not null then 'outcome' "
        f"when {kind} in ('GENERATION', 'EMBEDDING') then 'request' "
        f"when {kind} is not null then 'observations that are no model call' "
        f"when {f.text('timestamp')} is not null then 'trace' end",
    )


def _natural_id(f: Fields) -> str:
    return f"concat_ws(chr(31), {f.text('project_id')}, {f.text('id')})"


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    mapped = read_with_json(f, "metadata", lambda fields: _mapped(fields, mapping))
    return {**_identity(f), **mapped, **_usage(f), **_cost(f)}


def _identity(f: Fields) -> dict[str, str]:
    f.require(f.text("id"), "id: missing")
    f.require(f.text("start_time"), "start_time: missing")
    started, embedding = f.instant("start_time"), f"{f.text('type')} = 'EMBEDDING'"
    first = f.instant("completion_start_time")
    failed = f"{f.text('level')} = 'ERROR'"
    return {
        "source_record_id": f.text("id"),
        "observed_at": f.instant("updated_at"),
        "started_at": started,
        "ended_at": f.instant("end_time"),
        "time_to_first_chunk_ms": f"epoch_ms({first}) - epoch_ms({started})",
        "trace_id": f.text("trace_id"),
        "span_id": f.text("id"),
        "parent_span_id": f.text("parent_observation_id"),
        "response_id": f"nullif(regexp_extract({f.text('id')}, {literal(_OF_LITELLM)}, 1), '')",
        "operation_name": f"case when {embedding} then 'embeddings' else 'chat' end",
        "response_model": f.text("provided_model_name"),
        "tags": f"to_json({tag_list(f.whole('tags'))})::varchar",
        "status": f"case when {failed} then 'error' else 'ok' end",
        "service_tier": _tier(f),
        "tool_calls": f"try(json_array_length({f.whole('tool_call_names')}))",
    }


def _mapped(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return with_defaults(_named(f, mapping), f.text("trace_id"))


def _named(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What an observation or a trace says itself of the columns that a mapping names."""
    columns = named(f, mapping, f.whole("tags"))
    version = columns["prompt_version"]
    return columns | {
        "environment": f"nullif({columns['environment']}, 'default')",
        # A number that counts within its prompt.
        "prompt_version": f"case when {version} is not null then concat_ws(':', {f.text('prompt_name')}, {version}) end",
    }


def _tier(f: Fields) -> str:
    asked = f"try(json_extract_string({f.whole('model_parameters')}, '$.service_tier'))"
    return f"case when {asked} = 'flex' then 'flex' end"


def _usage(f: Fields) -> dict[str, str]:
    details = f.whole("usage_details")
    entries = f"map_entries(try_cast(try_cast({details} as json) as map(varchar, varchar)))"
    is_filled = f"list_filter({entries}, lambda e: e.value is not null)"
    counted = (
        "case when regexp_full_match(e.value, '[0-9]{1,15}([.]0+)?') then trunc(e.value::decimal(18,2))::bigint end"
    )
    buckets = f.let("buckets", f"list_transform({is_filled}, lambda e: {{'key': e.key, 'n': {counted}}})")
    f.refuse(f"{details} is not null and {buckets} is null", "usage_details: not an object")
    f.refuse(
        f"len(list_filter({buckets}, lambda b: b.n is null)) > 0", "usage_details: not whole numbers of at least 0"
    )

    def summed(name: str, condition: str) -> str:
        kept = f"list_filter({buckets}, lambda b: {condition})"
        return f.let(name, f"list_sum(list_transform({kept}, lambda b: b.n))::bigint")

    def of(name: str, *keys: str) -> str:
        return summed(name, f"b.key in ({', '.join(map(literal, keys))})")

    inputs, outputs = summed("inputs", "contains(b.key, 'input')"), summed("outputs", "contains(b.key, 'output')")
    whole_input, whole_output, total = of("input", "input"), of("output", "output"), of("total", "total")
    loose = f.let("loose", f"coalesce({of('reasoning_bucket', 'reasoning_tokens')}, 0)")
    parts = f.let("parts", f"coalesce({inputs}, 0) + coalesce({outputs}, 0)")
    whole = f.let("whole", f"coalesce({whole_input}, 0) + coalesce({whole_output}, 0)")
    is_inclusive = f.let("is_inclusive", f"coalesce({total} = {whole} and {whole} <> {parts}, false)")
    # A key without `output` in its name is a bucket of its own, if the total says so.
    is_loose_apart = f"coalesce({total} = {parts} + {loose}, false)"
    fits_neither = f"coalesce({total} not in ({parts}, {parts} + {loose}), {loose} > 0)"
    return {
        "input_tokens": f"case when {is_inclusive} then {whole_input} else {inputs} end",
        "output_tokens": f"case when {is_inclusive} then {whole_output} "
        f"when {is_loose_apart} then coalesce({outputs}, 0) + {loose} else {outputs} end",
        "cache_read_input_tokens": of("read", *_CACHE_READ),
        "cache_creation_input_tokens": of("written", *_WRITTEN),
        "cache_creation_5m_input_tokens": of("written_5m", *_WRITTEN_5M),
        "cache_creation_1h_input_tokens": of("written_1h", *_WRITTEN_1H),
        "reasoning_output_tokens": of("reasoning", *_REASONING, "reasoning_tokens"),
        "input_audio_tokens": of("input_audio", "input_audio_tokens"),
        "output_audio_tokens": of("output_audio", "output_audio_tokens"),
        "input_image_tokens": of("input_image", "input_image_tokens"),
        "output_image_tokens": of("output_image", "output_image_tokens"),
        "usage_semantics": f"case when {is_inclusive} then 'inclusive' "
        f"when {fits_neither} then 'ambiguous' else 'exclusive_converted' end",
        "usage_quality": f"case when {parts} = 0 then 'missing' else 'reported' end",
    }


def _cost(f: Fields) -> dict[str, str]:
    details = f.whole("cost_details")
    cost = f"case when {f.money('total_cost')} <> 0 or {details} <> '{{}}' then {f.money('total_cost')} end"
    return {
        "cost_reported": cost,
        "cost_currency": f"case when ({cost}) is not null then 'USD' end",
        "cost_source": f"case when ({cost}) is not null then 'langfuse' end",
    }


def _traces(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    # On a trace the trace's name is its own.
    own = {
        column: tuple("name" if path == "trace_name" else path for path in paths) for column, paths in mapping.items()
    }
    f.require(f.text("id"), "id: missing")
    return {
        "trace_id": f.text("id"),
        "started_at": f.instant("timestamp"),
        "observed_at": f.instant("updated_at"),
        **read_with_json(f, "metadata", lambda fields: _named(fields, own)),
    }


def _outcomes(f: Fields, mapping: Mapping[str, tuple[str, ...]], scores: Scores) -> Mapping[str, str]:
    del mapping  # a score knows its trace or its session, nothing that a mapping could name
    kind, trace = f.text("data_type"), f.text("trace_id")
    value, judge = f.money("value"), f.text("source")
    # The number of a category is its place in a list, that of a text always 0.
    number = f"case when {kind} = 'NUMERIC' then {value} end"
    flag = f"case when {kind} = 'BOOLEAN' then {value} = 1 end"
    label = f"case when {kind} = 'CATEGORICAL' then {f.text('string_value')} end"
    who = " ".join(f"when {literal(name)} then {literal(meaning)}" for name, meaning in _SOURCES.items())
    f.refuse(f"{kind} = 'BOOLEAN' and {value} not in (0, 1)", "value: a boolean score is 0 or 1")
    return {
        "outcome_id": f"{f.text('project_id')} || '/' || {f.text('id')}",
        "task_id": trace,
        "conversation_id": f"case when {trace} is null then {f.text('session_id')} end",
        "attribution_window_hours": "24",
        "outcome": scores.outcome(f.text("name"), label, f"({flag})", f"({number})"),
        "observed_at": f"coalesce({f.instant('updated_at')}, {f.instant('timestamp')})",
        "score": f"case when {kind} in ('NUMERIC', 'BOOLEAN') then {value} end",
        "source": f"case {judge} {who} else lower({judge}) end",
    }


SOURCE = Source(
    name="langfuse",
    title="Langfuse blob export",
    version=2,
    formats=("json", "csv", "parquet"),
    recognise=_recognise,
    signs="`id`, `trace_id`, `project_id`, `type` and `start_time` of an observation; `name`, `value`, `data_type` and "
    "`timestamp` of a score; `bookmarked` and `public` of a trace",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("metadata.tenant_id", "tag:tenant", "user_id"),
        "task_id": ("metadata.task_id",),
        "workflow_key": ("metadata.workflow_key",),
        "conversation_id": ("session_id",),
        "end_user_id": ("user_id",),
        "feature": ("metadata.feature", "tag:feature", "trace_name"),
        "environment": ("environment",),
        "prompt_version": ("prompt_version",),
        "experiment": ("metadata.experiment",),
    },
    kind=_kind,
    outcomes=_outcomes,
    traces=_traces,
)
