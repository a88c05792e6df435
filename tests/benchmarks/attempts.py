"""Attempts for benchmarks: any number of them, each a pure function of its number and the seed, written by DuckDB.

One file per day, in the order of the calls. Real logs hold these as well, and their numbers are known beforehand:

- of 40 records one stands twice in its file;
- of 40 records one is exported a second time, in the file of the next day;
- of 5,000 records one counts fewer than no tokens, and every file ends in a line that breaks off.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

FIRST_DAY = date(2026, 9, 1)
FORMATS = ("canonical", "litellm")
_EVERY, _AGAIN_HERE, _AGAIN_NEXT_DAY = 40, 7, 11
_BAD_EVERY, _BAD = 5_000, 13  # no multiple of _EVERY apart from the two above: what is repeated is readable
_PER_TASK = 4

_MODELS = (
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5"),
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4o"),
    ("openai", "gpt-4.1-mini"),
    ("gemini", "gemini-2.5-flash"),
)
_FEATURES = ("support_reply", "search", "summary", "email_draft", "code_review")


@dataclass(frozen=True)
class Expected:
    """What landing must make of the days written: `rows_in = landed + duplicate + quarantined`; `current` records."""

    rows_in: int = 0
    duplicate: int = 0
    quarantined: int = 0
    current: int = 0

    @property
    def landed(self) -> int:
        return self.rows_in - self.duplicate - self.quarantined

    def __add__(self, other: Expected) -> Expected:
        return Expected(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True)
class Attempts:
    """`rows_per_day` attempts on each of any number of days."""

    seed: int
    rows_per_day: int

    def path(self, folder: Path, number: int) -> Path:
        return folder / f"{FIRST_DAY + timedelta(number)}.jsonl"

    def write(self, database: duckdb.DuckDBPyConnection, folder: Path, kind: str, number: int) -> Expected:
        """Write the file of day `number`, from 0, in one of FORMATS; what landing must find in it."""
        start, stop = number * self.rows_per_day, (number + 1) * self.rows_per_day
        before = max(start - self.rows_per_day, 0)
        numbers = f"""
            select i from range({start}, {stop}) as t(i)
            union all select i from range({start}, {stop}) as t(i) where i % {_EVERY} = {_AGAIN_HERE}
            union all select i from range({before}, {start}) as t(i) where i % {_EVERY} = {_AGAIN_NEXT_DAY}
            order by i"""
        path, record = self.path(folder, number), {"canonical": _CANONICAL, "litellm": _LITELLM}[kind]
        query = f"select {record} from ({self._drawn(numbers)})"
        database.execute(f"copy ({query}) to '{path}' (format json)")
        with path.open("ab") as file:
            file.write(b'{"id": "cut off\n')
        bad = _count(start, stop, _BAD_EVERY, _BAD)
        here = _count(start, stop, _EVERY, _AGAIN_HERE)
        again = _count(before, start, _EVERY, _AGAIN_NEXT_DAY)
        return Expected(stop - start + here + again + 1, here, bad + 1, stop - start - bad)

    def _drawn(self, numbers: str) -> str:
        """Everything that chance decides, by name."""

        def chance(salt: int) -> str:
            return f"((hash((i * 64 + {salt}) * 1000003 + {self.seed}) % 1000003) / 1000003.0)"

        def one_of(names: tuple[str, ...], salt: int) -> str:
            listed = ", ".join(f"'{name}'" for name in names)
            return f"[{listed}][1 + floor(pow({chance(salt)}, 2) * {len(names)})::int]"

        drawn = {
            "n": f"1 + floor(pow({chance(1)}, 2) * {len(_MODELS)})::int",
            "start_s": f"epoch(timestamp '{FIRST_DAY}') + i * 86400.0 / {self.rows_per_day}",
            "took_s": f"0.2 + {chance(2)} * 8",
            "task": f"md5(concat('task', {self.seed}, i // {_PER_TASK}))",
            "call": f"md5(concat('call', {self.seed}, i))",
            # A customer has few users and many tasks; a task is one customer's.
            "tenant": f"floor(pow((hash(i // {_PER_TASK} + {self.seed}) % 1000003) / 1000003.0, 3) * 400)::int",
            "app_user": f"hash(i // {_PER_TASK} * 3 + {self.seed}) % 50",
            "feature": one_of(_FEATURES, 5),  # of an attempt: a task may use several
            "inputs": f"40 + floor(exp({chance(6)} * ln(30000)))::bigint",
            "share_read": f"case when {chance(7)} < 0.4 then {chance(8)} else 0 end",
            "outputs": f"1 + floor(exp({chance(9)} * ln(4000)))::bigint",
            "share_thought": f"case when {chance(10)} < 0.2 then {chance(11)} else 0 end",
            "is_hit": f"{chance(12)} < 0.05",
            "is_failure": f"{chance(13)} < 0.02",
            "is_bad": f"i % {_BAD_EVERY} = {_BAD}",
        }
        columns = ", ".join(f"{sql} as {name}" for name, sql in drawn.items())
        models = ", ".join(f"{{'provider': '{p}', 'model': '{m}'}}" for p, m in _MODELS)
        return f"""
            select *, floor(inputs * share_read)::bigint as reads, floor(outputs * share_thought)::bigint as thoughts,
                [{models}][n].provider as provider, [{models}][n].model as model,
                case when is_bad then -1 else inputs end as prompt,
                round((inputs * 2.5 + outputs * 10) / 1e6, 9) as cost
            from (select i, {columns} from ({numbers}))"""


def _count(start: int, stop: int, every: int, rest: int) -> int:
    """Numbers of range(start, stop) that leave this rest."""
    return len(range(start + (rest - start) % every, stop, every))


def _time(sql: str) -> str:
    return f"strftime(make_timestamp((({sql}) * 1000000)::bigint), '%Y-%m-%dT%H:%M:%S.%fZ')"


_CANONICAL = f"""
    'chatcmpl-' || call[:24] as source_record_id,
    {_time("start_s")} as started_at,
    {_time("start_s + took_s")} as ended_at,
    floor(took_s * 200)::bigint as time_to_first_chunk_ms,
    task as trace_id,
    call::uuid::varchar as gateway_call_id,
    task as task_id,
    1 + i % {_PER_TASK} as attempt_no,
    model as requested_model_group,
    'chat' as operation_name,
    provider as provider_name,
    model as request_model,
    model as response_model,
    'tenant-' || tenant as tenant_id,
    'user-' || tenant || '-' || app_user as end_user_id,
    'team-' || feature as team_id,
    md5(feature) || md5('key') as api_key_hash,
    feature,
    '/v1/chat/completions' as endpoint,
    case when i % 29 = 0 then 'staging' else 'production' end as environment,
    'v' || (1 + i % 3) as prompt_version,
    ['feature:' || feature, 'env:production'] as tags,
    prompt as input_tokens,
    reads as cache_read_input_tokens,
    outputs as output_tokens,
    thoughts as reasoning_output_tokens,
    is_hit as is_gateway_cache_hit,
    case when is_failure then 'error' else 'ok' end as status,
    case when is_failure then 500 else 200 end as http_status,
    case when is_failure then 'InternalServerError' end as error_type,
    cost as cost_reported"""

_LITELLM = f"""
    'chatcmpl-' || call[:24] as id,
    call::uuid::varchar as litellm_call_id,
    task as trace_id,
    'acompletion' as call_type,
    case when is_failure then 'failure' else 'success' end as status,
    provider || '/' || model as model,
    model as model_group,
    md5(model) || md5(provider) as model_id,
    provider as custom_llm_provider,
    'http://127.0.0.1:9101/v1' as api_base,
    case when is_failure then null else true end as stream,
    is_hit as cache_hit,
    null as cache_key,
    start_s as "startTime",
    start_s + took_s as "endTime",
    start_s + took_s / 5 as "completionStartTime",
    took_s as response_time,
    prompt as prompt_tokens,
    outputs as completion_tokens,
    prompt + outputs as total_tokens,
    case when is_hit then 0.0 else cost end as response_cost,
    {{'input_cost': cost * 0.6, 'output_cost': cost * 0.4, 'total_cost': cost, 'original_cost': cost, 'discount_amount': 0.0,
      'margin_total_amount': 0.0, 'tool_usage_cost': 0.0, 'service_tier': null}} as cost_breakdown,
    'user-' || tenant || '-' || app_user as end_user,
    ['feature:' || feature, 'env:production', 'User-Agent: OpenAI', 'User-Agent: OpenAI/Python 2.54.0'] as request_tags,
    'redacted-by-litellm' as messages,
    {{'text': 'redacted-by-litellm'}} as response,
    {{'temperature': 0.2, 'max_tokens': 4000, 'stream': true}} as model_parameters,
    {{'error_class': case when is_failure then 'InternalServerError' else '' end,
      'error_code': case when is_failure then '500' else '' end, 'error_message': '', 'llm_provider': '', 'traceback': ''}}
      as error_information,
    {{'model_map_key': model, 'model_map_value': null}} as model_map_information,
    {{'model_id': md5(model) || md5(provider), 'cache_key': null, 'api_base': 'http://127.0.0.1:9101/v1',
      'litellm_overhead_time_ms': 12.5, 'response_cost': cost,
      'additional_headers': {{'x-litellm-attempted-retries': i % {_PER_TASK}, 'x-litellm-attempted-fallbacks': 0,
        'llm_provider-server': 'uvicorn', 'llm_provider-x-request-id': 'req_' || call,
        'x_ratelimit_limit_requests': 10000, 'x_ratelimit_remaining_requests': 9999,
        'x_ratelimit_limit_tokens': 2000000, 'x_ratelimit_remaining_tokens': 1999000}}}} as hidden_params,
    {{'user_api_key_hash': md5(feature) || md5('key'), 'user_api_key_alias': 'key-' || feature,
      'user_api_key_team_id': 'team-' || feature, 'user_api_key_org_id': null, 'user_api_key_user_id': null,
      'user_api_key_team_alias': feature, 'user_api_key_end_user_id': null, 'user_api_key_spend': 0.0,
      'user_api_key_max_budget': null, 'user_api_key_request_route': '/v1/chat/completions',
      'requester_ip_address': '127.0.0.1', 'user_agent': 'OpenAI/Python 2.54.0', 'applied_guardrails': [],
      'requester_custom_headers': {{}}::json,
      'spend_logs_metadata': {{'tenant_id': 'tenant-' || tenant, 'task_id': task, 'feature': feature,
        'environment': case when i % 29 = 0 then 'staging' else 'production' end, 'prompt_version': 'v' || (1 + i % 3)}},
      'usage_object': {{'prompt_tokens': prompt, 'completion_tokens': outputs, 'total_tokens': prompt + outputs,
        'cache_read_input_tokens': reads, 'cache_creation_input_tokens': 0,
        'prompt_tokens_details': {{'cached_tokens': reads, 'audio_tokens': null, 'image_tokens': null,
          'cache_creation_token_details': {{'ephemeral_5m_input_tokens': 0, 'ephemeral_1h_input_tokens': 0}}}},
        'completion_tokens_details': {{'reasoning_tokens': thoughts, 'audio_tokens': null, 'image_tokens': null}}}}}}
      as metadata"""


def main(kind: str, folder: str, seed: str, rows_per_day: str, first: str, last: str) -> None:
    """Write the days from `first` to before `last`; prints what landing must find in them."""
    attempts, total = Attempts(int(seed), int(rows_per_day)), Expected()
    with duckdb.connect() as database:
        for number in range(int(first), int(last)):
            total += attempts.write(database, Path(folder), kind, number)
    print(json.dumps(asdict(total)))


if __name__ == "__main__":
    main(*sys.argv[1:])
