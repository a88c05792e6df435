"""A company small enough to be worked out by hand, with names that are code in HTML, in Markdown and in formulas.

A request of 1,000 tokens in and 100 out costs 1,000 × $3 + 100 × $15 per million tokens = $0.0045.

| week of 9 Nov | requests | own cost | hosting | revenue | gross profit                 |
| acme          | 4        | 0.0180   | 0.05833 | 7.00    | 6.92367                      |
| beta          | 10       | 0.0450   | 0.00833 | 0.01    | -0.04333: under water        |
| evil          | 1        | 0.0045   | 0.00333 |         | -0.00783: no revenue         |
| unattributed  | 1        | 0.0045   |         |         | -0.0045                      |
| company       | 17       | 0.072    | 0.07    | 7.01    | 6.868; one request of acme has no price |

Hosting is 0.01 a day, shared evenly by who has a request or revenue on it: all three on Monday, acme and beta on Thursday, which
has beta's cent of revenue, acme alone on the other days.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.workspace import Workspace, request

EVIL = "<b>$x$</b> [a](javascript:alert(1)) :red[x] `y`"
FIRST, SECOND = "2026-11-02", "2026-11-09"


def built_company(root: Path) -> Workspace:
    """Landed, built and published once; `config` in its folder is a configuration that names it."""
    workspace = Workspace(root)
    land(workspace)
    workspace.build()
    config(root).write_text('config_version = 1\ndata_dir = "var"\n')
    return workspace


def config(root: Path) -> Path:
    return root / "margincall.toml"


def land(workspace: Workspace) -> None:
    workspace.land_records("requests", [*_requests("acme", 2, FIRST), *_requests("beta", 3, FIRST), *_second_week()])
    workspace.land_feed("tenants", [
        {"tenant_id": "acme", "name": "Acme", "plan": "pro", "segment": "smb", "started_on": "2026-01-31"},
        {"tenant_id": "beta", "name": "=Beta", "plan": "starter", "segment": "self_serve", "started_on": "2026-01-31"},
        {"tenant_id": "evil", "name": EVIL, "plan": "free", "segment": "self_serve", "started_on": "2026-01-31"},
    ])  # fmt: skip
    workspace.land_feed("revenue_lines", [_line("a", "acme", "7.00"), _line("b", "beta", "0.01")])
    workspace.land_feed("cost_pools", [
        {"pool_id": "hosting", "component": "hosting", "amount": "0.30", "currency": "USD", "driver": "even",
         "period_start": "2026-11-01", "period_end": "2026-12-01"},
    ])  # fmt: skip
    workspace.land_feed("task_outcomes", [
        {"outcome_id": f"o{number}", "task_id": f"acme-{SECOND}-{number}", "outcome": "success" if number else "failure",
         "observed_at": "2026-11-15T12:00:00Z"}
        for number in range(3)
    ])  # fmt: skip


def _second_week() -> list[dict[str, Any]]:
    last = f"{'2026-11-15'}T20:00:00Z"  # so that the week is complete
    return [
        *_requests("acme", 4, SECOND),
        *_requests("beta", 10, SECOND),
        *_requests("evil", 1, SECOND),
        request(source_record_id="nobody", tenant_id=None, task_id="nobody", started_at=last),
        request(source_record_id="dear", task_id="dear", response_model="acme-rerank-exp", started_at=last),
    ]


def _requests(tenant: str, count: int, day: str) -> list[dict[str, Any]]:
    return [
        request(source_record_id=f"{tenant}-{day}-{number}", tenant_id=tenant, task_id=f"{tenant}-{day}-{number}",
                started_at=f"{day}T10:{number:02}:00Z")
        for number in range(count)
    ]  # fmt: skip


def _line(name: str, tenant: str, amount: str) -> dict[str, Any]:
    days = {"service_start": SECOND, "service_end": "2026-11-16"}
    return {"line_id": name, "tenant_id": tenant, "amount": amount, "kind": "subscription", "currency": "USD", **days}
