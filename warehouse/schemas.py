"""The stored shape of a request: one row per provider attempt. The one place that names its columns and types.

Names follow OpenTelemetry's GenAI conventions and FOCUS where they have one. Times are UTC microseconds, counts are
integers, money is DECIMAL(38,12). Nothing here holds a prompt, a completion, a header or an address.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

SCHEMA_VERSION = 3
"""Version of the lake's files. A file says its own in its Parquet metadata under `margincall.schema_version`.

2 added `response_id` and `audio_ms`, 3 `workflow_key`, which are null for rows of earlier files; log files that are still there
are read again.
"""

ITEMS = 10_000_000
"""More elements than a record can hold: the `source_line` of element 12 of line 3 is 3 × ITEMS + 12."""

TEXT = pa.string()
COUNT = pa.int64()
FLAG = pa.bool_()
MONEY = pa.decimal128(38, 12)
SHARE = pa.decimal128(18, 9)
TIME = pa.timestamp("us", tz="UTC")
DAY = pa.date32()


@dataclass(frozen=True)
class Column:
    name: str
    type: pa.DataType
    meaning: str
    required: bool = False


LINEAGE = (
    Column("record_key", TEXT, "md5 of source, instance, natural id and start to the millisecond", True),
    Column("day", DAY, "UTC day of started_at; the partition", True),
    Column("source", TEXT, "log format it came from", True),
    Column("source_instance", TEXT, "which deployment of that source", True),
    Column("source_record_id", TEXT, "the source's own id, as it wrote it"),
    Column("source_file", TEXT, "file it was read from", True),
    Column(
        "source_line",
        COUNT,
        "line (text formats) or record number, from 1; of a source whose records hold several rows that number times "
        "10,000,000 plus the place in the record, from 1",
        True,
    ),
    Column("landing_id", TEXT, "the landing that wrote the row", True),
    Column("observed_at", TIME, "the source's own version time, where it has one"),
    Column("version_at", TIME, "orders versions of one record: observed_at, else ended_at, else started_at", True),
    Column("row_hash", TEXT, "md5 of the content; breaks ties between versions of the same instant", True),
)

REQUEST = (
    Column("started_at", TIME, "start of the attempt", True),
    Column("ended_at", TIME, "end of the attempt"),
    Column("latency_ms", COUNT, "end minus start"),
    Column("time_to_first_chunk_ms", COUNT, "first streamed chunk minus start"),
    Column("trace_id", TEXT, "trace or session"),
    Column("span_id", TEXT, "span"),
    Column("parent_span_id", TEXT, "span that caused it"),
    Column("gateway_call_id", TEXT, "the gateway's id of the logical call; retries and fallbacks share it"),
    Column("response_id", TEXT, "the provider's id of the response; the same call has it in every log"),
    Column(
        "workflow_key", TEXT, "the caller's key of a run of a workflow, which an outcome may name instead of a task"
    ),
    Column("conversation_id", TEXT, "conversation"),
    Column("task_id", TEXT, "the caller's task key, else trace_id"),
    Column("attempt_no", COUNT, "1 for a first attempt, 2 for its first retry"),
    Column("is_fallback", FLAG, "another model than the one asked for, after a failure"),
    Column("requested_model_group", TEXT, "the name the caller asked the gateway for"),
    Column("operation_name", TEXT, "chat, embeddings, rerank, execute_tool, …", True),
    Column("provider_name", TEXT, "provider that served, as logged"),
    Column("request_model", TEXT, "model asked for"),
    Column("response_model", TEXT, "model that served, raw text; it is what gets priced"),
    Column("base_model", TEXT, "the public model that the gateway says stands behind a deployment's private name"),
    Column("tenant_id", TEXT, "paying customer; `unattributed` where the log names none", True),
    Column("end_user_id", TEXT, "the tenant's user"),
    Column("team_id", TEXT, "team of the key"),
    Column("api_key_hash", TEXT, "hash of the key, as the gateway wrote it"),
    Column("feature", TEXT, "product feature"),
    Column("endpoint", TEXT, "route of the call"),
    Column("environment", TEXT, "production, staging, ci, … as logged"),
    Column("prompt_version", TEXT, "version of the prompt"),
    Column("tags", TEXT, "request tags, a JSON list, without User-Agent noise"),
    Column("input_tokens", COUNT, "INCLUDES cache reads and writes"),
    Column("cache_read_input_tokens", COUNT, "part of input"),
    Column("cache_creation_input_tokens", COUNT, "part of input; the two below are parts of it"),
    Column("cache_creation_5m_input_tokens", COUNT, "written for five minutes"),
    Column("cache_creation_1h_input_tokens", COUNT, "written for one hour"),
    Column("output_tokens", COUNT, "INCLUDES reasoning"),
    Column("reasoning_output_tokens", COUNT, "part of output"),
    Column("input_audio_tokens", COUNT, "part of input"),
    Column("output_audio_tokens", COUNT, "part of output"),
    Column("input_image_tokens", COUNT, "part of input"),
    Column("output_image_tokens", COUNT, "part of output"),
    Column("audio_ms", COUNT, "length of audio that is billed by time; 0 or null where tokens are billed"),
    Column("web_search_requests", COUNT, "provider-side searches"),
    Column("rerank_searches", COUNT, "rerank units"),
    Column("usage_semantics", TEXT, "inclusive, exclusive_converted or ambiguous", True),
    Column("usage_quality", TEXT, "reported, estimated or missing", True),
    Column("is_gateway_cache_hit", FLAG, "answered by the gateway's response cache; null where it does not say"),
    Column("service_tier", TEXT, "tier that was served"),
    Column("is_batch", FLAG, "batch interface"),
    Column("region", TEXT, "region that served"),
    Column("speed", TEXT, "speed option that was served"),
    Column("status", TEXT, "ok, error, blocked_budget or cancelled", True),
    Column("http_status", COUNT, "status code"),
    Column("error_type", TEXT, "class of the error, never its text"),
    Column("cost_reported", MONEY, "what the source says it cost, without its markup; never used as ours"),
    Column("cost_currency", TEXT, "ISO 4217"),
    Column("cost_source", TEXT, "who said so"),
    Column("cost_markup", MONEY, "markup the source adds"),
    Column("cost_saved_gateway_cache", MONEY, "what the source says a cache hit saved"),
    Column("tool_calls", COUNT, "tool calls made"),
    Column("retrieval_chunks", COUNT, "chunks retrieved"),
    Column("route_decision", TEXT, "router's choice"),
    Column("route_confidence", SHARE, "router's confidence"),
    Column("risk_score", SHARE, "risk score"),
    Column("cache_kind", TEXT, "exact, semantic, embedding or tool"),
    Column("cache_similarity", SHARE, "similarity of a semantic hit"),
    Column("experiment", TEXT, "experiment arm; `silent` for shadow traffic"),
    Column("budget_revision", TEXT, "budget in force"),
    Column("budget_decision", TEXT, "what the enforcer decided"),
    Column("prefix_hash", TEXT, "keyed hash of the prompt's prefix"),
)

COLUMNS = LINEAGE + REQUEST
LLM_REQUEST = pa.schema(
    [pa.field(c.name, c.type, nullable=not c.required) for c in COLUMNS],
    metadata={"margincall.schema_version": str(SCHEMA_VERSION)},
)

TRACE = (
    *(column for column in LINEAGE if column.name not in ("record_key", "source_record_id")),
    Column("started_at", TIME, "start of the trace", True),
    Column("trace_id", TEXT, "the trace; source, source_instance and trace_id are its key", True),
    Column("tenant_id", TEXT, "paying customer; null where the trace names none"),
    *(
        column
        for column in REQUEST
        if column.name
        in (
            *("workflow_key", "conversation_id", "task_id", "end_user_id", "feature"),
            *("environment", "prompt_version", "experiment"),
        )
    ),
)
"""What a log says of a whole trace: one row per trace and version. A request that lacks one of these takes it from here."""
TRACE_SCHEMA = pa.schema(
    [pa.field(c.name, c.type, nullable=not c.required) for c in TRACE],
    metadata={"margincall.schema_version": str(SCHEMA_VERSION)},
)

STATUSES = ("ok", "error", "blocked_budget", "cancelled")
USAGE_QUALITIES = ("reported", "estimated", "missing")
UNATTRIBUTED = "unattributed"


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name for a stored type."""
    if pa.types.is_decimal128(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    names: dict[pa.DataType, str] = {
        TEXT: "VARCHAR",
        COUNT: "BIGINT",
        FLAG: "BOOLEAN",
        TIME: "TIMESTAMPTZ",
        DAY: "DATE",
    }
    return names[kind]
