"""A company whose tasks, caches and models can be worked out by hand; one week, that of 9 November 2026.

A call of claude-sonnet-4-5 (mid) with 1,000 tokens in and 100 out costs 1,000 × $3 + 100 × $15 per million = $0.0045, one of
claude-haiku-4-5 (small) at $1 and $5 a third of it, $0.0015. A read from the prompt cache costs $0.30, a write $3.75.

| task    | feature | requests                                       | cost    | outcome |
| retried | reply   | two of sonnet, the first failed; a tool: $0.02 | 0.029   | success |
| failed  | reply   | one of sonnet                                  | 0.0045  | failure |
| cached  | reply   | sonnet: 200 plain, 600 read, 200 written       | 0.00303 | success |
| plain   | search  | one of haiku                                   | 0.0015  |         |
| hit     | search  | one of haiku, answered by the gateway's cache  | 0       | success |
| dark    | search  | one of a model without a price                 | ?       |         |

cached: 200 × 3 + 600 × 0.3 + 200 × 3.75 + 100 × 15 = 600 + 180 + 750 + 1,500 millionths of a dollar.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.workspace import Workspace, request

NAME = "<b>retried</b>"
"""Id of the retried task: it is code in HTML."""


def built_company(root: Path) -> Workspace:
    """Landed, built and published once; `margincall.toml` in its folder is a configuration that names it."""
    workspace = Workspace(root)
    workspace.land_records("requests", RECORDS)
    workspace.land_feed("task_outcomes", [
        {"outcome_id": task, "task_id": task, "outcome": outcome, "observed_at": "2026-11-15T12:00:00Z"}
        for task, outcome in ((NAME, "success"), ("failed", "failure"), ("cached", "success"), ("hit", "success"))
    ])  # fmt: skip
    workspace.land_feed("cost_events", [
        {"event_id": "tool", "task_id": NAME, "tenant_id": "acme", "feature": "reply", "component": "tool", "amount": "0.02",
         "currency": "USD", "occurred_at": "2026-11-10T10:05:00Z"},
    ])  # fmt: skip
    workspace.land_feed("stale_reports", [{"task_id": "hit", "reported_at": "2026-11-12T12:00:00Z"}])
    workspace.build()
    (root / "margincall.toml").write_text('config_version = 1\ndata_dir = "var"\n')
    return workspace


def call(name: str, minute: int, tenant: str, feature: str, model: str, **values: Any) -> dict[str, Any]:
    at = f"2026-11-10T10:{minute:02}:0"
    times = {"started_at": f"{at}0Z", "ended_at": f"{at}2Z"}
    names = {"tenant_id": tenant, "feature": feature, "response_model": model}
    return request(**({"source_record_id": f"r{minute}", "task_id": name} | times | names | values))


SONNET, HAIKU = "claude-sonnet-4-5", "claude-haiku-4-5"
RECORDS = [
    call(NAME, 1, "acme", "reply", SONNET, gateway_call_id="c1", status="error"),
    call(NAME, 2, "acme", "reply", SONNET, gateway_call_id="c1"),
    call("failed", 3, "acme", "reply", SONNET),
    call("cached", 4, "acme", "reply", SONNET, cache_read_input_tokens=600, cache_creation_input_tokens=200),
    call("plain", 5, "beta", "search", HAIKU),
    call("hit", 6, "beta", "search", HAIKU, is_gateway_cache_hit=True, ended_at="2026-11-10T10:06:00.005Z"),
    call("dark", 7, "beta", "search", "acme-rerank-exp"),
    # So that the week is complete; it belongs to no task.
    call("", 8, "beta", "search", HAIKU, task_id=None, environment="ci", started_at="2026-11-15T20:00:00Z",
         ended_at="2026-11-15T20:00:02Z"),
]  # fmt: skip
