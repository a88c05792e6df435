"""What is read of LiteLLM's table `LiteLLM_SpendLogs`, as SQL that leaves everything else in the database.

The columns are those of schema.prisma (LiteLLM 1.80 to 1.102). `messages`, `response` and `proxy_server_request` may hold
prompts and answers, `requester_ip_address` an address: they are never selected. Of `metadata`, which is one JSON object,
only the keys named here leave the database; tracebacks, guardrail findings, tool calls and retrieved texts stand under
others. The list is fixed, not that of a mapping: a mapping mended later reads the same fetched files again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.fetching import FetchError

if TYPE_CHECKING:
    from psycopg import sql

TABLE = "LiteLLM_SpendLogs"
NEEDED = (
    "request_id", "call_type", "spend", "prompt_tokens", "completion_tokens", "startTime", "endTime", "model", "metadata",
)  # fmt: skip
KEPT = (
    *NEEDED, "api_key", "completionStartTime", "model_id", "model_group", "custom_llm_provider", "user", "cache_hit",
    "request_tags", "team_id", "organization_id", "agent_id", "end_user", "session_id", "status", "litellm_call_id",
)  # fmt: skip
NEVER = ("messages", "response", "proxy_server_request", "requester_ip_address")
METADATA = (
    "additional_usage_values", "attempted_fallbacks", "attempted_retries", "batch_models", "cost_breakdown",
    "is_silent_experiment", "litellm_call_id", "litellm_overhead_time_ms", "max_retries", "original_model_group",
    "spend_logs_metadata", "status", "usage_object", "user_api_key", "user_api_key_alias", "user_api_key_end_user_id",
    "user_api_key_org_id", "user_api_key_project_id", "user_api_key_team_alias", "user_api_key_team_id",
    "user_api_key_user_id",
)  # fmt: skip
ERROR = ("error_class", "error_code", "error_rate_limit_type")
"""Of `metadata.error_information`. Of its message only whether it is about a budget, see `_METADATA_SQL`."""

_TIMES = ("startTime", "endTime", "completionStartTime")

# A message can quote the prompt. What the source looks for in it is these two words.
_METADATA_SQL = """
    case when m is null or jsonb_typeof(m) = 'null' then null
    when jsonb_typeof(m) <> 'object' then to_jsonb(jsonb_typeof(m))
    else (select coalesce(jsonb_object_agg(key, value), '{{}}') from jsonb_each(m) where key = any ({kept}))
        || case when m #> '{{model_map_information,model_map_key}}' is null then '{{}}' else jsonb_build_object(
            'model_map_information', jsonb_build_object('model_map_key', m #> '{{model_map_information,model_map_key}}'))
        end
        || case when jsonb_typeof(m -> 'error_information') = 'object' then jsonb_build_object('error_information', (
            select coalesce(jsonb_object_agg(key, value), '{{}}') from jsonb_each(m -> 'error_information')
            where key = any ({error})
        ) || jsonb_build_object('error_message', case
            when strpos(m #>> '{{error_information,error_message}}', 'crossed budget') > 0 then 'crossed budget' end))
        else '{{}}' end
    end"""
_TAGS_SQL = """
    case when jsonb_typeof({tags}) = 'array' then
        (select jsonb_agg(tag) from jsonb_array_elements({tags}) as t(tag) where tag #>> '{{}}' not like 'User-Agent:%%')
    else {tags} end"""
_PAGE_SQL = """
select "startTime"::text, request_id, jsonb_strip_nulls(jsonb_build_object({fields}))::text
from (
    select {columns}, metadata::jsonb as m from {table}
    where ("startTime", request_id) > (%s::timestamp, %s) and "startTime" >= %s::timestamp
        -- One from the future waits for its time: it would move the mark that later runs look back from.
        and "startTime" <= now() at time zone 'UTC'
    order by "startTime", request_id limit %s
) as page
order by "startTime", request_id"""


def page_query(schema: str, columns: Iterable[str]) -> sql.Composed:
    """SQL of one page: key (two columns) and the row as a line of JSON, exact values as text.

    Its parameters: the key after which to read, its time again, and how many rows.
    """
    from psycopg import sql

    def lists(names: Sequence[str]) -> sql.Composed:
        return sql.SQL("array[{}]").format(sql.SQL(", ").join(map(sql.Literal, names)))

    special = {
        "metadata": sql.SQL(_METADATA_SQL).format(kept=lists(METADATA), error=lists(ERROR)),
        "request_tags": sql.SQL(_TAGS_SQL).format(tags=sql.SQL("request_tags::jsonb")),
    }
    names = [name for name in KEPT if name in columns]
    fields: list[sql.Composable] = []
    for name in names:
        as_text = sql.SQL("to_char({}, 'YYYY-MM-DD\"T\"HH24:MI:SS.US')" if name in _TIMES else "{}::text")
        value = special.get(name) or as_text.format(sql.Identifier(name))
        fields.append(sql.SQL("{}, {}").format(sql.Literal(name), value))
    return sql.SQL(_PAGE_SQL).format(
        fields=sql.SQL(", ").join(fields),
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        table=sql.Identifier(schema, TABLE),
    )


def check_mapping(mapping: Mapping[str, object]) -> None:
    """Refuse a mapping that looks where nothing is fetched from. Raises FetchError."""
    for column, paths in mapping.items():
        for path in paths if isinstance(paths, tuple) else ():
            head, _, rest = str(path).partition(".")
            key = rest.partition(".")[0]
            if (
                str(path).startswith("tag:")
                or (head != "metadata" and head in KEPT)
                or (head == "metadata" and key in METADATA)
            ):
                continue
            raise FetchError(
                f"[sources.litellm_spend_logs] {column}: {path} is not read out of a database. Columns that are: "
                f"{', '.join(sorted(KEPT))}; keys of metadata: {', '.join(METADATA)}."
            )
