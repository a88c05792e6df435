"""From raw records to `llm_request` rows, in one SQL statement: extraction, typing, identity, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.sources import Fields, Source, json_paths
from warehouse.connection import literal
from warehouse.schemas import COLUMNS, LINEAGE, REQUEST, sql_type

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
"""No language model was billed before; an earlier start is a clock or a unit gone wrong."""

# Each breaks a promise that pricing and models rely on; a row that does is never clamped into shape.
_INVARIANTS = (
    ("started_at < {earliest}", "started_at: before 2015"),
    ("started_at > {latest}", "started_at: more than an hour in the future"),
    ("ended_at < started_at", "ended_at: before started_at"),
    ("ended_at > {latest}", "ended_at: more than an hour in the future"),
    # It orders versions: one from a clock gone wrong would win for good.
    ("observed_at > {latest}", "observed_at: more than an hour in the future"),
    ("contains(f::varchar, chr(0))", "a text holds a NUL character"),
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
    ("greatest(web_search_requests, rerank_searches) > 1000000", "more than a million searches in one request"),
)


@dataclass(frozen=True)
class Origin:
    """Where the records come from; becomes their lineage."""

    file: str
    landing_id: str
    instance: str


def shape_json(
    source: Source, mapping: Mapping[str, tuple[str, ...]], relation: str, origin: Origin, now: datetime
) -> str:
    """SQL over `relation(source_line, line)`: the canonical columns, `raw`, and `problem` (null for a good row)."""
    fields = Fields()
    columns = source.read(fields, mapping)
    identity = source.natural_id(fields)
    objects = ["", *source.objects]
    kinds = "[" + ", ".join("'$'" if not path else json_paths([path])[1:-1] for path in objects) + "]"
    broken = [
        f"case when t[{index}] not in ('OBJECT', 'NULL') then {literal(f'{path}: not an object')} end"
        for index, path in enumerate(objects, start=1)
        if path
    ]
    unreadable = "case when f is null then 'not valid JSON' when t[1] <> 'OBJECT' then 'not a JSON object' end"
    extracted = (
        f"select source_line, line as raw, try(json_extract_string(line, {json_paths(fields.paths)})) as f, "
        f"try(json_type(line, {kinds})) as t from {relation} where trim(line, ' \t\r\n') <> ''"
    )
    return _shape(source, extracted, columns, identity, [*broken, *fields.problems], origin, now, unreadable)


def shape_table(
    source: Source,
    mapping: Mapping[str, tuple[str, ...]],
    relation: str,
    present: Mapping[str, str],
    origin: Origin,
    now: datetime,
) -> str:
    """The same over a table (CSV, Parquet) with `source_line`; `present`: lower-case name -> SQL of its column's text."""
    fields = Fields()
    columns = source.read(fields, mapping)
    identity = source.natural_id(fields)
    values = [f"({present.get(path.lower(), 'null')})::varchar" for path in fields.paths]
    extracted = f"select source_line, null::varchar as raw, [{', '.join(values)}]::varchar[] as f from {relation}"
    return _shape(source, extracted, columns, identity, fields.problems, origin, now)


def _shape(
    source: Source,
    extracted: str,
    columns: Mapping[str, str],
    identity: str,
    problems: list[str],
    origin: Origin,
    now: datetime,
    unreadable: str = "null",
) -> str:
    names = ("source_record_id", "observed_at", *(column.name for column in REQUEST))
    types = {column.name: sql_type(column.type) for column in COLUMNS}
    read = ", ".join(f"({columns.get(name, 'null')})::{types[name]} as {name}" for name in names)
    latest = now + timedelta(hours=1)
    limits = {"earliest": _instant(EARLIEST), "latest": _instant(latest)}
    invariants = [f"case when {sql.format(**limits)} then {literal(text)} end" for sql, text in _INVARIANTS]
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
    }
    stored = ", ".join(
        f"({lineage[column.name]})::{sql_type(column.type)} as {column.name}" if column.name in lineage else column.name
        for column in (*LINEAGE, *REQUEST)
        if column.name != "latency_ms"
    )
    return f"""
with extracted as ({extracted}),
typed as (
    select
        source_line, raw, f, {identity} as natural_id, {read},
        case when {unreadable} is null then [{", ".join(problems)}]::varchar[] else [{unreadable}] end as wrong
    from extracted
),
checked as (
    select *, list_filter(list_concat(wrong, [{", ".join(invariants)}]::varchar[]), lambda x: x is not null) as found from typed
)
select {stored}, coalesce(latency_ms, epoch_ms(ended_at) - epoch_ms(started_at)) as latency_ms,
    case when len(found) > 0 then raw end as raw, case when len(found) > 0 then array_to_string(found[1:3], '; ') end as problem
from checked"""


def _instant(value: datetime) -> str:
    return f"timestamptz '{value.isoformat()}'"
