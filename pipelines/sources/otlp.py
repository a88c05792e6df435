"""OpenTelemetry traces as OTLP JSON: one export request per line, as the collector's file exporter writes, or one document.

What its records need (OTLP's JSON encoding, the GenAI conventions 1.27 to 1.40 and their successors, OpenInference):

- A request holds many spans: resourceSpans[].scopeSpans[].spans[]. Attributes are a list of key and value; a span inherits
  those of its resource. int64 is a string or a number, trace ids come in either case.
- Only a span of an inference is a request: `invoke_agent`, workflows, chains and tools repeat the usage of what they
  called. The operation name decides, else OpenInference's span kind, else whether the span names a model and no
  framework's kind. Other spans are passed over and counted.
- Names changed: `gen_ai.system` and `gen_ai.usage.prompt_tokens` became `gen_ai.provider.name` and `….input_tokens`.
- By the conventions input includes cache reads and writes, and output reasoning. Emitters disagree: where a total shows
  that the cached tokens stand beside the input they are added (exclusive_converted); a row whose parts exceed the whole is
  refused; cached tokens under names of no convention, and no total to check them by, are ambiguous.
- `gen_ai.response.id` is what the same call has in a gateway's log. LiteLLM's own spans also carry its call id as
  `litellm.call_id` (litellm/integrations/opentelemetry.py and the `otel` package after it), as do clients that copy the
  header `x-litellm-call-id`.
- `gen_ai.evaluation.result`, as an event of a span or as a log record (resourceLogs), is the outcome of the span's task.

Paths that begin with `span.` or `event.` are fields of those, all others names of attributes; `element` says which it is.

The conventions cannot say: one-hour cache writes, batch, gateway cache hits, rerank units, which attempt a retry is (each
attempt that is traced is a span). A stream that the caller cancelled shows as the exception's name where the emitter sets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.sources import Fields, Scores, Source, one_of, paths_or_tag, tag_list
from pipelines.sources.mapped import mapped
from warehouse.connection import literal

_INFERENCE = ("chat", "generate_content", "text_completion", "embeddings", "rerank")
_INFERENCE_KINDS = ("LLM", "EMBEDDING", "RERANKER")
_CANCELLED = (
    "CancelledError",
    "asyncio.CancelledError",
    "asyncio.exceptions.CancelledError",
    "GeneratorExit",
    "AbortError",
)
_EVALUATION = "gen_ai.evaluation.result"
_NAME, _LABEL, _VALUE = (f"gen_ai.evaluation.{name}" for name in ("name", "score.label", "score.value"))
_BAD_NEST = "resourceSpans, scopeSpans, spans (or resourceLogs, …): not lists of objects"

_SHORT = 4096
"""Characters of a span that are kept until it is read; of a longer one, the attributes that are read."""

_READ = ("gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read")
_READ_ALIKE = ("gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.input_cached_tokens")
_WRITTEN = ("gen_ai.usage.cache_creation.input_tokens", "llm.token_count.prompt_details.cache_write")
_WRITTEN_ALIKE = ("gen_ai.usage.cache_creation_input_tokens",)
_TOTAL = ("llm.token_count.total", "gen_ai.usage.total_tokens", "llm.usage.total_tokens")


def _recognise(record: Mapping[str, Any]) -> str | None:
    nests = {"resourceSpans", "resourceLogs"} & record.keys()
    return f"has {', '.join(sorted(nests))}" if nests else None


# --- one request, many spans ---


def _expand(relation: str, paths: Sequence[str]) -> str:
    """Spans, their evaluation events and log records, each with the attributes that are read; the first of a key counts.

    One step inwards at a time, and nothing large is carried along: a request may hold thousands of spans.
    """
    wanted = f"[{', '.join(map(literal, paths))}]"
    return f"""
with lines as (select source_line, line, try(json_type(line)) as t from {relation}),
signals as (
    select source_line, line, case
        when t is null then 'not valid JSON' when t <> 'OBJECT' then 'not a JSON object'
        when json_exists(line, '$.resourceSpans') = json_exists(line, '$.resourceLogs')
        then 'not one of resourceSpans, resourceLogs'
        when json_exists(line, '$.resourceSpans') then 'span' else 'log' end as signal
    from lines
),
outers as (select source_line, signal, unnest({_children("line", "resourceSpans", "resourceLogs")}) as o from signals),
scopes as (
    select source_line, signal, {_if_read("o -> '$.resource'")} as resource,
        unnest({_children("o", "scopeSpans", "scopeLogs")}) as s
    from outers
),
records as (
    select source_line, signal, resource, unnest({_children("s", "spans", "logRecords")}) as own from scopes
),
elements as (select source_line, signal, resource, unnest({_with_events("own")}) as e from records),
typed as (
    select source_line, signal, resource, e.own as own, e.span as span, {_if_read("json_type(e.own)")} as t,
        case when e.span is null then signal else 'event' end as element
    from elements
),
objects as (select *, case when t = 'OBJECT' then own end as body from typed),
fields as (
    select source_line, signal, own, t, element, json_type(body, '$.attributes') as attributes_type,
        from_json(coalesce(span, body), '{_SPAN}') as span, from_json(body, '{_EVENT}') as event,
        list_concat({_attributes("body", wanted)}, {_attributes("span", wanted)}, {_attributes("resource", wanted)}) as attributes
    from objects
),
named as (
    select *, list_transform(attributes, lambda a: a.key) as k, list_transform(attributes, lambda a: a.value) as v from fields
)
select source_line, case when len(own) <= {_SHORT} then own else to_json(attributes)::varchar end as raw,
    [{", ".join(map(_value, paths))}]::varchar[] as f,
    case when signal not in ('span', 'log') then signal when t is distinct from 'OBJECT' then {literal(_BAD_NEST)}
        when attributes_type not in ('ARRAY', 'NULL') then 'attributes: not a list' end as unreadable
from named"""


def _if_read(sql: str) -> str:
    """`sql` where the line is a request; of another one its text goes through as it is, to be refused at the end."""
    return f"case when signal in ('span', 'log') then {sql} end"


def _children(parent: str, of_spans: str, of_logs: str) -> str:
    """SQL list of the elements under a key. What is no list of objects becomes one that is none, for the end to refuse."""

    def under(key: str) -> str:
        kind = f"json_type({parent}, '$.{key}')"
        return (
            f"when json_type({parent}) is distinct from 'OBJECT' then ['false'] "
            f"when {kind} is null or {kind} = 'NULL' then []::varchar[] "
            f"when {kind} <> 'ARRAY' then ['false'] "
            f"""else from_json({parent} -> '$.{key}', '["JSON"]')::varchar[] end"""
        )

    return (
        f"case signal when 'span' then case {under(of_spans)} when 'log' then case {under(of_logs)} "
        f"else [{parent}::varchar] end"
    )


def _with_events(record: str) -> str:
    """SQL list of a record and, if it is a span, of its evaluations: `own`, and `span` for what stands in one."""
    one = f"[{{'own': {record}, 'span': null::varchar}}]"
    events = f"""from_json({record} -> '$.events', '["JSON"]')"""
    judged = f"list_filter({events}, lambda x: json_extract_string(x, '$.name') = '{_EVALUATION}')"
    both = f"list_concat({one}, list_transform({judged}, lambda x: {{'own': x::varchar, 'span': {record}}}))"
    # Few spans have one; looking for the word is cheaper than reading the events, which may hold whole prompts.
    has_one = f"signal = 'span' and contains({record}, '{_EVALUATION}') and json_type({record}, '$.events') = 'ARRAY'"
    return f"case when {has_one} then {both} else {one} end"


_SPAN = """{"traceId":"VARCHAR","spanId":"VARCHAR","parentSpanId":"VARCHAR","startTimeUnixNano":"VARCHAR",\
"endTimeUnixNano":"VARCHAR","status":{"code":"VARCHAR"}}"""
_EVENT = """{"name":"VARCHAR","eventName":"VARCHAR","timeUnixNano":"VARCHAR","observedTimeUnixNano":"VARCHAR"}"""
_ATTRIBUTES = """[{"key":"VARCHAR","value":{"stringValue":"VARCHAR","intValue":"VARCHAR","doubleValue":"VARCHAR",\
"boolValue":"VARCHAR","arrayValue":{"values":[{"stringValue":"VARCHAR"}]},"kvlistValue":{"values":"BOOLEAN"}}}]"""
_OF_ELEMENT = {
    "element": "element",
    **{f"span.{name}": f"span.{name}" for name in ("startTimeUnixNano", "endTimeUnixNano")},
    # Hexadecimal in either case; ids of another encoding stay what they are.
    **{
        f"span.{name}": f"case when regexp_full_match(span.{name}, '[0-9a-fA-F]*') then lower(span.{name}) else span.{name} end"
        for name in ("traceId", "spanId", "parentSpanId")
    },
    "span.status.code": "span.status.code",
    "event.name": "coalesce(event.eventName, v[list_position(k, 'event.name')], event.name)",
    "event.timeUnixNano": "event.timeUnixNano",
    "event.observedTimeUnixNano": "event.observedTimeUnixNano",
}


def _value(path: str) -> str:
    return _OF_ELEMENT.get(path) or f"v[list_position(k, {literal(path)})]"


def _attributes(element: str, wanted: str) -> str:
    """SQL list of key and text of the wanted attributes; a list of texts is a JSON list, an object an empty one.

    So an object is refused where a text is read, and nothing of it is taken along.
    """
    texts = "to_json(list_transform(a.value.arrayValue.values, lambda x: x.stringValue))::varchar"
    value = (
        "coalesce(a.value.stringValue, a.value.intValue, a.value.doubleValue, a.value.boolValue, "
        f"case when a.value.kvlistValue is not null then '{{}}' "
        f"when a.value.arrayValue is not null then coalesce({texts}, '[]') end)"
    )
    listed = f"from_json({element} -> '$.attributes', '{_ATTRIBUTES}')"
    kept = f"list_filter({listed}, lambda a: list_contains({wanted}, a.key))"
    return f"coalesce(list_transform({kept}, lambda a: {{'key': a.key, 'value': {value}}}), [])"


# --- a span as a request ---


def _kind(f: Fields) -> str:
    model = f.text("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "llm.response.model_name")
    operation, kind = f.text("gen_ai.operation.name"), f.text("openinference.span.kind")
    inference = (
        f"case when {operation} is not null then {one_of(operation, _INFERENCE)} "
        f"when {kind} is not null then {one_of(f'lower({kind})', _INFERENCE_KINDS)} "
        f"else {model} is not null and {f.text('traceloop.span.kind')} is null end"
    )
    is_evaluation = f"{f.text('event.name')} = '{_EVALUATION}' and {f.text('error.type')} is null"
    kinds = (
        f"case {f.text('element')} when 'span' then case when {inference} then 'request' else 'spans that are no inference' end "
        f"else case when {is_evaluation} then 'outcome' "
        f"when {f.text('event.name')} = '{_EVALUATION}' then 'evaluations that failed' "
        "else 'log records that are no evaluation' end end"
    )
    return f.let("kind", kinds)


def _natural_id(f: Fields) -> str:
    return f"concat_ws(chr(31), {f.text('span.traceId')}, {f.text('span.spanId')})"


def _read(f: Fields, mapping: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    f.require(f.text("span.traceId"), "traceId: missing")
    f.require(f.text("span.spanId"), "spanId: missing")
    f.require(f.nanos("span.startTimeUnixNano"), "startTimeUnixNano: missing")
    tags = f.whole("tag.tags")
    first_chunk_s = f.share("gen_ai.response.time_to_first_chunk")
    served = f.text("gen_ai.response.model", "llm.response.model_name", "llm.model_name", "embedding.model_name")
    asked = f.text("gen_ai.request.model", "llm.request.model_name")
    return (
        {
            "source_record_id": f"{f.text('span.traceId')} || {f.text('span.spanId')}",
            "started_at": f.nanos("span.startTimeUnixNano"),
            "ended_at": f.nanos("span.endTimeUnixNano"),
            "time_to_first_chunk_ms": f"round({first_chunk_s} * 1000)",
            "trace_id": f.text("span.traceId"),
            "span_id": f.text("span.spanId"),
            "parent_span_id": f.text("span.parentSpanId"),
            "gateway_call_id": f.text("litellm.call_id"),
            # LiteLLM writes the call's own id where the provider gave none.
            "response_id": f"nullif({f.text('gen_ai.response.id')}, {f.text('litellm.call_id')})",
            "operation_name": _operation(f),
            "provider_name": f.text("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
            "request_model": f"coalesce({asked}, {served})",
            "response_model": f"coalesce({served}, {f.text('reranker.model_name')}, {asked})",
            "tags": f"to_json({tag_list(tags)})::varchar",
            "service_tier": f.text("openai.response.service_tier", "gen_ai.openai.response.service_tier"),
        }
        | mapped(f, mapping, f.text("span.traceId"), tags)
        | _usage(f)
        | _status(f)
        | _cost(f)
    )


def _operation(f: Fields) -> str:
    operation, kind = f.text("gen_ai.operation.name"), f"upper({f.text('openinference.span.kind')})"
    return (
        f"case when {operation} in ('embeddings', 'rerank') then {operation} "
        f"when {operation} is null and {kind} = 'EMBEDDING' then 'embeddings' "
        f"when {operation} is null and {kind} = 'RERANKER' then 'rerank' else 'chat' end"
    )


def _usage(f: Fields) -> dict[str, str]:
    counted = f.count("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
    inputs = f.let("inputs", counted)
    counted = f.count("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
    outputs = f.let("outputs", counted)
    by_name = [f.let(name, f.count(*paths)) for name, paths in (("read", _READ), ("written", _WRITTEN))]
    read = f.let("any_read", f"coalesce({by_name[0]}, {f.count(*_READ_ALIKE)})")
    written = f.let("any_written", f"coalesce({by_name[1]}, {f.count(*_WRITTEN_ALIKE)})")
    cached = f.let("cached", f"coalesce({read}, 0) + coalesce({written}, 0)")
    known = f.let("known", f"coalesce({by_name[0]}, 0) + coalesce({by_name[1]}, 0)")
    both = f.let("both", f"coalesce({inputs}, 0) + coalesce({outputs}, 0)")
    total = f.let("total", f.count(*_TOTAL))
    is_beside = f.let("is_beside", f"{cached} > 0 and coalesce({total} = {both} + {cached}, false)")
    return {
        "input_tokens": f"{inputs} + case when {is_beside} then {cached} else 0 end",
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": outputs,
        "reasoning_output_tokens": f.count(
            "gen_ai.usage.reasoning.output_tokens",
            "llm.token_count.completion_details.reasoning",
            "gen_ai.usage.reasoning_tokens",
        ),
        "input_audio_tokens": f.count("gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio"),
        "output_audio_tokens": f.count("gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio"),
        "input_image_tokens": f.count("gen_ai.usage.image.input_tokens"),
        "usage_semantics": f"case when {is_beside} then 'exclusive_converted' when {cached} = {known} then 'inclusive' "
        f"when {total} = {both} then 'inclusive' else 'ambiguous' end",
        "usage_quality": f"case when {both} = 0 then 'missing' else 'reported' end",
    }


def _status(f: Fields) -> dict[str, str]:
    kind, code = f.text("error.type"), f.text("span.status.code")
    failed = f"coalesce({code} in ('2', 'STATUS_CODE_ERROR'), false) or {kind} is not null"
    http = f.text("http.response.status_code")
    return {
        "status": f"case when {one_of(f'lower({kind})', _CANCELLED)} then 'cancelled' when {failed} then 'error' else 'ok' end",
        "error_type": kind,
        "http_status": f"coalesce(try_cast({http} as bigint), "
        f"case when regexp_full_match({kind}, '[1-5][0-9][0-9]') then {kind}::bigint end)",
    }


def _cost(f: Fields) -> dict[str, str]:
    # No convention has it; frameworks that add it do so in dollars, or name the currency.
    cost = f.let("cost", f.money("gen_ai.usage.cost", "gen_ai.usage.cost.amount", "llm.cost.total"))
    currency = f"coalesce({f.text('gen_ai.usage.cost.currency')}, 'USD')"
    return {
        "cost_reported": cost,
        "cost_currency": f"case when {cost} is not null then {currency} end",
        "cost_source": f"case when {cost} is not null then 'otlp' end",
    }


# --- an evaluation as an outcome ---


def _outcomes(f: Fields, mapping: Mapping[str, tuple[str, ...]], scores: Scores) -> Mapping[str, str]:
    tags = f.whole("tag.tags")
    when = f"coalesce({f.nanos('event.timeUnixNano')}, {f.nanos('event.observedTimeUnixNano')})"
    trace, value = f.text("span.traceId"), f.let("score", f.money(_VALUE))
    of_event = ("span.spanId", "gen_ai.response.id", _NAME, "event.timeUnixNano", "event.observedTimeUnixNano")
    known = ", ".join(f"coalesce({text}, '')" for text in (trace, *(f.text(path) for path in of_event)))
    task = f"coalesce({paths_or_tag(f, mapping['task_id'], tags)}, {trace})"
    return {
        # An event has no id of its own.
        "outcome_id": f"md5(array_to_string([{known}], chr(31)))",
        "task_id": task,
        "conversation_id": f"case when {task} is null then {paths_or_tag(f, mapping['conversation_id'], tags)} end",
        "attribution_window_hours": "24",
        "outcome": scores.outcome(f.text(_NAME), f.text(_LABEL), "cast(null as boolean)", value),
        "observed_at": when,
        "score": value,
        "source": "'evaluation'",
    }


SOURCE = Source(
    name="otlp",
    title="OpenTelemetry traces (OTLP JSON)",
    version=2,
    formats=("json",),
    recognise=_recognise,
    signs="`resourceSpans` or `resourceLogs`",
    read=_read,
    natural_id=_natural_id,
    mapping={
        "tenant_id": ("tenant.id", "tenant_id"),
        "task_id": ("task.id", "task_id"),
        "workflow_key": ("workflow_key",),
        "conversation_id": ("gen_ai.conversation.id", "session.id"),
        "end_user_id": ("user.id", "enduser.id"),
        "feature": ("feature", "tag:feature"),
        "environment": ("deployment.environment.name", "deployment.environment", "tag:env"),
        "prompt_version": ("llm.prompt_template.version",),
        "experiment": ("experiment",),
    },
    expand=_expand,
    kind=_kind,
    outcomes=_outcomes,
)
