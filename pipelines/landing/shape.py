"""From raw records to `llm_request` rows, in one SQL statement: extraction, typing, identity, and what is wrong.

Of a source whose files hold other things too, a row also says what it is: column `kind`, and the columns of the feed
`task_outcomes` under an `o_` before their names. A trace fills the columns that it shares with requests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.sources import OUTCOME, TRACE, Fields, Scores, Source, json_paths, looks_nested, no_text
from pipelines.sources import REQUEST as REQUEST_KIND
from warehouse.connection import literal
from warehouse.feed_schemas import FEEDS
from warehouse.schemas import COLUMNS, LINEAGE, REQUEST, sql_type

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""No language model was billed before; an earlier start is a clock or a unit gone wrong."""

OUTCOMES = FEEDS["task_outcomes"]
_LET = re.compile(r"\blet_\w+")
NO_SCORES = Scores((), None, (), (), ())

# Each breaks a promise that pricing and models rely on; a row that does is never clamped into shape.
_NO_NUL = ("contains(f::varchar, chr(0))", "a text holds a NUL character")
_INVARIANTS = (
    ("started_at < {earliest}", "started_at: before 2015"),
    ("started_at > {latest}", "started_at: more than an hour in the future"),
    ("ended_at < started_at", "ended_at: before started_at"),
    ("ended_at > {latest}", "ended_at: more than an hour in the future"),
    # It orders versions: one from a clock gone wrong would win for good.
    ("observed_at > {latest}", "observed_at: more than an hour in the future"),
    _NO_NUL,
    (
        "coalesce(cache_read_input_tokens, 0) + coalesce(cache_creation_input_tokens, 0) > coalesce(input_tokens, 0)",
        "cache tokens exceed input_tokens",
    ),
    (
        "coalesce(cache_creation_5m_input_tokens, 0) + coalesce(cache_creation_1h_input_tokens, 0) "
        "> coalesce(cache_creation_input_tokens, 0)",
        "cache_creation 5m and 1h exceed cache_creation_input_tokens",
    ),
    (
        "coalesce(reasoning_output_tokens, 0) > coalesce(output_tokens, 0)",
        "reasoning_output_tokens exceed output_tokens",
    ),
    (
        "coalesce(input_audio_tokens, 0) + coalesce(input_image_tokens, 0) > coalesce(input_tokens, 0)",
        "audio and image tokens exceed input_tokens",
    ),
    (
        "coalesce(output_audio_tokens, 0) + coalesce(output_image_tokens, 0) > coalesce(output_tokens, 0)",
        "audio and image tokens exceed output_tokens",
    ),
    # A cost is a 64-bit number of pico-dollars: one such row would fail every build from then on.
    ("greatest(input_tokens, output_tokens) > 1000000000", "more than a billion tokens in one request"),
    ("audio_ms > 86400000", "more than a day of audio in one request"),
    ("greatest(web_search_requests, rerank_searches) > 1000000", "more than a million searches in one request"),
)
_OUTCOME_INVARIANTS = (
    ("o_outcome_id is null", "the outcome has no id"),
    ("o_observed_at is null", "observed_at: missing"),
    ("o_observed_at < {earliest}", "observed_at: before 2015"),
    ("o_observed_at > {latest}", "observed_at: more than an hour in the future"),
    _NO_NUL,
)

_TRACE_INVARIANTS = (
    ("started_at < {earliest}", "timestamp: before 2015"),
    ("started_at > {latest}", "timestamp: more than an hour in the future"),
    ("observed_at > {latest}", "observed_at: more than an hour in the future"),
    _NO_NUL,
)


@dataclass(frozen=True)
class Origin:
    """Where the records come from; becomes their lineage."""

    file: str
    landing_id: str
    instance: str


@dataclass(frozen=True)
class _Reading:
    """What a source makes of its fields, in SQL."""

    fields: Fields
    columns: Mapping[str, str]
    identity: str
    kind: str | None
    kind_fields: Fields
    outcome: Mapping[str, str]
    outcome_fields: Fields
    trace: Mapping[str, str]
    trace_fields: Fields

    @property
    def texts(self) -> list[str]:
        """Every path that is read as text, by a request, an outcome or a trace."""
        return list(dict.fromkeys([*self.fields.texts, *self.outcome_fields.texts, *self.trace_fields.texts]))

    def column(self, name: str) -> str:
        """SQL of a canonical column, of a request or a trace."""
        of_request = self.columns.get(name, "null")
        if name not in self.trace:
            return of_request
        return f"case when ({self.kind}) = '{TRACE}' then {self.trace[name]} else {of_request} end"


def shape_json(
    source: Source,
    mapping: Mapping[str, tuple[str, ...]],
    relation: str,
    origin: Origin,
    now: datetime,
    scores: Scores = NO_SCORES,
    *,
    fields_until: int = 0,
) -> str:
    """SQL over `relation(source_line, line)`: the canonical columns, `raw`, and `problem` (null for a good row).

    For a source whose records hold several rows the relation is what `elements_of` made of them. With `fields_until` there is
    also `fields`, the texts that were read, of rows up to that `source_line`.
    """
    reading = _reading(source, mapping, scores)
    if source.expand:
        extracted = f"select *, {_types_of_texts(reading, 'f')} as nested from {relation}"
        return _shape(source, extracted, reading, [], origin, now, "unreadable", fields_until)
    filled = _filled(relation)
    objects = ["", *source.objects]
    kinds = "[" + ", ".join(["'$'", *(json_paths([path])[1:-1] for path in source.objects)]) + "]"
    broken = [
        f"case when t[{index}] not in ('OBJECT', 'NULL') then {literal(f'{path}: not an object')} end"
        for index, path in enumerate(objects, start=1)
        if path
    ]
    unreadable = "case when f is null then 'not valid JSON' when t[1] <> 'OBJECT' then 'not a JSON object' end"
    extracted = (
        f"select *, {_types_of_texts(reading, 'f')} as nested from ("
        f"select source_line, line as raw, try(json_extract_string(line, {json_paths(reading.fields.paths)})) as f, "
        f"try(json_type(line, {kinds})) as t from {filled})"
    )
    return _shape(source, extracted, reading, broken, origin, now, unreadable, fields_until)


def elements_of(source: Source, mapping: Mapping[str, tuple[str, ...]], relation: str, scores: Scores) -> str:
    """SQL over `relation(source_line, line)` of a source that expands: a row for each element, as `Source.expand` says."""
    if source.expand is None:
        raise AssertionError(f"{source.name}: one record is one row")
    paths = _reading(source, mapping, scores).fields.paths
    return source.expand(f"(select source_line, line from {_filled(relation)})", paths)


def _filled(relation: str) -> str:
    return f"{relation} where regexp_matches(line, '[^ \\t\\r\\n]')"


def shape_table(
    source: Source,
    mapping: Mapping[str, tuple[str, ...]],
    relation: str,
    present: Mapping[str, str],
    origin: Origin,
    now: datetime,
    scores: Scores = NO_SCORES,
    *,
    fields_until: int = 0,
) -> str:
    """The same over a table (CSV, Parquet) with `source_line`; `present`: lower-case name -> SQL of its column's text."""
    reading = _reading(source, mapping, scores)
    values = [f"({present.get(path.lower(), 'null')})::varchar" for path in reading.fields.paths]
    fields = f"select source_line, null::varchar as raw, [{', '.join(values)}]::varchar[] as f from {relation}"
    extracted = f"select *, {_types_of_texts(reading, 'f')} as nested from ({fields})"
    return _shape(source, extracted, reading, [], origin, now, "null", fields_until)


def _reading(source: Source, mapping: Mapping[str, tuple[str, ...]], scores: Scores) -> _Reading:
    fields = Fields()
    columns = source.read(fields, mapping)
    identity = source.natural_id(fields)
    kind, of_kind = (source.kind(fields), Fields()) if source.kind else (None, Fields())
    if source.kind:
        source.kind(of_kind)
    # The same fields with problems of their own: a request is not refused for what only an outcome needs.
    of_outcome, of_trace = Fields(fields.paths), Fields(fields.paths)
    of_outcome.lets = of_trace.lets = fields.lets
    outcome = source.outcomes(of_outcome, mapping, scores) if source.outcomes else {}
    trace = source.traces(of_trace, mapping) if source.traces else {}
    return _Reading(fields, columns, identity, kind, of_kind, outcome, of_outcome, trace, of_trace)


def _types_of_texts(reading: _Reading, fields: str) -> str:
    """SQL list of the JSON types of the texts, null for what is no JSON; null where none looks like an object or an array.

    An object may stand there as what it is or as its text: either could hold a whole prompt.
    """
    types = f"list_transform({_texts_of(reading, fields)}, lambda x: try(json_type(x)))"
    return f"case when {_are_suspected(reading, fields)} then {types} end"


def _are_suspected(reading: _Reading, fields: str) -> str:
    """SQL: whether one of the texts looks like an object or an array. Most rows have none: their types are not asked for."""
    return looks_nested(f"array_to_string({_texts_of(reading, fields)}, chr(31))")


def _texts_of(reading: _Reading, fields: str) -> str:
    return f"list_select({fields}, [{', '.join(str(reading.fields.paths.index(path) + 1) for path in reading.texts)}])"


def _not_texts(reading: _Reading, fields: Fields) -> str:
    """SQL of what is wrong where an object or an array stands at a path that these fields read as text."""
    places = [reading.texts.index(path) + 1 for path in fields.texts]
    is_all = fields.texts == reading.texts
    return no_text("nested" if is_all else f"list_select(nested, {places})", fields.texts)


def _shape(
    source: Source,
    extracted: str,
    reading: _Reading,
    broken: Sequence[str],
    origin: Origin,
    now: datetime,
    unreadable: str,
    fields_until: int,
) -> str:
    names = ("source_record_id", "observed_at", *(column.name for column in REQUEST))
    types = {column.name: sql_type(column.type) for column in COLUMNS}
    read = [f"({reading.column(name)})::{types[name]} as {name}" for name in names]
    named = f"{literal(source.name)}, {literal(origin.instance)}"
    lineage = {
        "record_key": f"md5(concat_ws(chr(31), {named}, natural_id, epoch_ms(started_at)))",
        "day": "(started_at at time zone 'UTC')::date",
        "source": literal(source.name),
        "source_instance": literal(origin.instance),
        "source_file": literal(origin.file),
        "landing_id": literal(origin.landing_id),
        "version_at": "coalesce(observed_at, ended_at, started_at)",
        "row_hash": "md5(f::varchar)",
        # A first chunk before the start is two clocks, no measurement; nothing is priced by it.
        "time_to_first_chunk_ms": "case when time_to_first_chunk_ms >= 0 then time_to_first_chunk_ms end",
    }
    stored = [
        f"({lineage[column.name]})::{sql_type(column.type)} as {column.name}" if column.name in lineage else column.name
        for column in (*LINEAGE, *REQUEST)
        if column.name != "latency_ms"
    ]
    if fields_until:
        stored.append(f"case when source_line <= {fields_until} then f end as fields")
    problems, invariants = (
        [*broken, _not_texts(reading, reading.fields), *reading.fields.problems],
        _held(_INVARIANTS, now),
    )
    if reading.kind is None:
        wrong = f"case when {unreadable} is null then {_texts(problems)} else [{unreadable}] end"
        breaks = _texts(invariants)
    else:
        of_outcome, of_trace = (
            [_not_texts(reading, fields), *fields.problems] for fields in (reading.outcome_fields, reading.trace_fields)
        )
        outcome = {column.name: reading.outcome.get(column.name, "null") for column in OUTCOMES.columns}
        # Null where the source gives none; the ids of two sources never meet.
        outcome["outcome_id"] = f"{literal(f'{source.name}/{origin.instance}/')} || {outcome['outcome_id']}"
        read += [f"({reading.kind}) as kind"]
        read += [f"({outcome[c.name]})::{sql_type(c.arrow_type)} as o_{c.name}" for c in OUTCOMES.columns]
        stored += ["kind", *(f"o_{column.name}" for column in OUTCOMES.columns)]
        unknown = literal(f"no record of {source.title}")
        wrong = (
            f"case when {unreadable} is not null then [{unreadable}] when ({reading.kind}) is null then [{unknown}] "
            f"when ({reading.kind}) = '{REQUEST_KIND}' then {_texts(problems)} "
            f"when ({reading.kind}) = '{OUTCOME}' then {_texts(of_outcome)} "
            f"when ({reading.kind}) = '{TRACE}' then {_texts(of_trace)} "
            f"else {_texts([_not_texts(reading, reading.kind_fields)])} end"
        )
        breaks = (
            f"case kind when '{REQUEST_KIND}' then {_texts(invariants)} "
            f"when '{OUTCOME}' then {_texts(_held(_OUTCOME_INVARIANTS, now))} "
            f"when '{TRACE}' then {_texts(_held(_TRACE_INVARIANTS, now))} else []::varchar[] end"
        )
    return f"""
with extracted as ({extracted}),
{_prepared(reading.fields.lets)},
typed as (
    select source_line, raw, f, {reading.identity} as natural_id, {", ".join(read)}, {wrong} as wrong
    from prepared
),
checked as (
    select *, list_filter(list_concat(wrong, {breaks}), lambda x: x is not null) as found from typed
)
select {", ".join(stored)}, coalesce(latency_ms, epoch_ms(ended_at) - epoch_ms(started_at)) as latency_ms,
    case when len(found) > 0 then raw end as raw, case when len(found) > 0 then array_to_string(found[1:3], '; ') end as problem
from checked"""


def _prepared(lets: Mapping[str, str]) -> str:
    """Common table expressions from `extracted` to `prepared`: one step for what stands on no other name, and so on."""
    steps: list[list[str]] = []
    step_of: dict[str, int] = {}
    for name, sql in lets.items():
        step_of[name] = max((step_of[other] + 1 for other in _LET.findall(sql)), default=0)
        if step_of[name] == len(steps):
            steps.append([])
        steps[step_of[name]].append(f"{sql} as {name}")
    relations = ["extracted", *(f"prepared_{number}" for number in range(1, len(steps))), "prepared"]
    steps = steps or [[]]
    return ",\n".join(
        f"{after} as (select {', '.join(['*', *step])} from {before})"
        for before, after, step in zip(relations[:-1], relations[1:], steps, strict=True)
    )


def _held(invariants: Sequence[tuple[str, str]], now: datetime) -> list[str]:
    limits = {"earliest": _instant(EARLIEST), "latest": _instant(now + timedelta(hours=1))}
    return [f"case when {sql.format(**limits)} then {literal(text)} end" for sql, text in invariants]


def _texts(values: Sequence[str]) -> str:
    return f"[{', '.join(values)}]::varchar[]"


def _instant(value: datetime) -> str:
    return f"timestamptz '{value.isoformat()}'"
