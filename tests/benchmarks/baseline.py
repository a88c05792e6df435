"""B, the yardstick of `make bench`: DuckDB reads the same files with explicit columns into a table of its own.

The seconds are those of that one statement and its checkpoint; a process starts faster than any of ours.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

BASELINE: Mapping[str, Mapping[str, str]] = {
    "canonical": {
        **dict.fromkeys(
            ("source_record_id", "trace_id", "gateway_call_id", "task_id", "requested_model_group", "operation_name",
             "provider_name", "request_model", "response_model", "tenant_id", "end_user_id", "team_id", "api_key_hash",
             "feature", "endpoint", "environment", "prompt_version", "status", "error_type"), "VARCHAR"
        ),
        **dict.fromkeys(("started_at", "ended_at"), "TIMESTAMPTZ"),
        **dict.fromkeys(
            ("time_to_first_chunk_ms", "attempt_no", "input_tokens", "cache_read_input_tokens", "output_tokens",
             "reasoning_output_tokens", "http_status"), "BIGINT"
        ),
        "tags": "VARCHAR[]",
        "is_gateway_cache_hit": "BOOLEAN",
        "cost_reported": "DECIMAL(38,12)",
    },
    "litellm": {
        **dict.fromkeys(
            ("id", "litellm_call_id", "trace_id", "call_type", "status", "model", "model_group", "custom_llm_provider",
             "end_user", "error_information.error_class", "error_information.error_code", "metadata.user_api_key_hash",
             "metadata.user_api_key_team_id", "metadata.user_api_key_request_route",
             *(f"metadata.spend_logs_metadata.{name}" for name in
               ("tenant_id", "task_id", "feature", "environment", "prompt_version"))), "VARCHAR"
        ),
        **dict.fromkeys(("startTime", "endTime", "completionStartTime"), "DOUBLE"),
        **dict.fromkeys(
            ("prompt_tokens", "completion_tokens", "hidden_params.additional_headers.x-litellm-attempted-retries",
             "metadata.usage_object.cache_read_input_tokens",
             "metadata.usage_object.completion_tokens_details.reasoning_tokens"), "BIGINT"
        ),
        "request_tags": "VARCHAR[]",
        **dict.fromkeys(("stream", "cache_hit"), "BOOLEAN"),
        "response_cost": "DECIMAL(38,12)",
    },
}  # fmt: skip
"""What B reads: dotted path -> type, the same 31 fields in both formats."""


def main(kind: str, folder: str) -> None:
    paths = BASELINE[kind]
    columns = ", ".join(f"'{name}': '{of}'" for name, of in _nested(paths).items())
    picked = ", ".join(".".join(f'"{key}"' for key in path.split(".")) + f' as "{path}"' for path in paths)
    files = (
        f"read_json('{folder}/*.jsonl', format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}})"
    )
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as place, duckdb.connect(f"{place}/b.duckdb") as database:
        database.execute("set timezone = 'UTC'")
        database.execute("set preserve_insertion_order = false")
        began, began_cpu = time.perf_counter(), time.process_time()
        database.execute(f"create table b as select {picked} from {files}")
        database.execute("checkpoint")
        wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
        (rows,) = database.execute("select count(*) from b").fetchall()[0]
    print(json.dumps({"rows": rows, "wall_s": wall_s, "cpu_s": cpu_s}))


def _nested(paths: Mapping[str, str]) -> dict[str, str]:
    """Top-level key -> type, structs for dotted paths."""
    below: dict[str, dict[str, str]] = {}
    for path, kind in paths.items():
        head, _, rest = path.partition(".")
        below.setdefault(head, {})[rest] = kind
    return {head: found[""] if "" in found else _struct(_nested(found)) for head, found in below.items()}


def _struct(fields: Mapping[str, str]) -> str:
    inside = ", ".join(f'"{name}" {kind}' for name, kind in fields.items())
    return f"STRUCT({inside})"


if __name__ == "__main__":
    main(*sys.argv[1:])
