"""An attempt as a service of the company logs it for itself: the canonical record, in its recommended columns."""

from __future__ import annotations

import json
from typing import Any

from sample_data.attempts import Attempt
from sample_data.litellm_payload import provider_of
from sample_data.period import iso_utc
from sample_data.prices import Usage, decimal_usd

_ERROR_TYPES = {"429": "RateLimitError", "500": "InternalServerError", "cut": "ReadError", "499": "ClientDisconnected"}

_NO_USAGE = Usage()
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode

Json = dict[str, Any]


def canonical_line(attempt: Attempt) -> str:
    return _encode(canonical_record(attempt))


def canonical_record(attempt: Attempt) -> Json:
    """Only what the service knows: a refused request has no usage, a model without a price no cost."""
    task = attempt.task
    is_reported = attempt.usage != _NO_USAGE
    known = {
        "source_record_id": f"{attempt.call_id}-{attempt.retries + attempt.fallbacks + 1}",
        "started_at": iso_utc(attempt.start_us),
        "ended_at": iso_utc(attempt.end_us),
        "latency_ms": (attempt.end_us - attempt.start_us) // 1_000,
        "trace_id": attempt.trace_id,
        "gateway_call_id": attempt.call_id,
        "task_id": task.task_id if task.has_key else None,
        "attempt_no": attempt.retries + attempt.fallbacks + 1,
        "is_fallback": attempt.fallbacks > 0,
        "operation_name": attempt.operation,
        "provider_name": provider_of(attempt.model),
        "request_model": attempt.requested_model,
        "response_model": attempt.model,
        "tenant_id": task.tenant.tenant_id if task.has_tenant else None,
        "end_user_id": task.user if task.has_tenant else None,
        "team_id": f"team-{task.feature.team}",
        "feature": task.feature.name,
        "endpoint": task.feature.endpoint,
        "environment": task.environment,
        "prompt_version": task.prompt_version,
        "is_batch": attempt.is_batch,
        "status": attempt.status,
        "http_status": int(attempt.error) if attempt.error.isdigit() else 200,
        "error_type": _ERROR_TYPES.get(attempt.error),
    }
    return {
        name: value for name, value in (known | (_usage(attempt) if is_reported else {})).items() if value is not None
    }


def _usage(attempt: Attempt) -> Json:
    usage = attempt.usage
    charged_pico = attempt.charged_pico
    return {
        "input_tokens": usage.input,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_creation_5m_input_tokens": usage.cache_write_5m,
        "cache_creation_1h_input_tokens": usage.cache_write_1h,
        "output_tokens": usage.output,
        "reasoning_output_tokens": usage.reasoning,
        "service_tier": attempt.tier,
        "cost_reported": None if charged_pico is None else decimal_usd(charged_pico),
        "cost_currency": "USD",
    }
