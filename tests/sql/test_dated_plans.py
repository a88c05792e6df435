"""A customer that changed its plan counts, week by week and month by month, on the plan that it was on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.workspace import Workspace, request

CALL = Decimal("0.0045")


def test_users_and_margins_are_of_the_plan_of_then(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    days = ("2026-10-28", "2026-11-04", "2026-11-11")
    workspace.land_records("requests", [request(started_at=f"{day}T12:00:00Z") for day in days])
    tenant = {"tenant_id": "acme", "started_on": "2026-09-15"}
    workspace.land_feed(
        "tenants",
        [
            {**tenant, "plan": "starter", "segment": "self_serve", "observed_at": "2026-09-15T00:00:00Z"},
            {**tenant, "plan": "pro", "segment": "smb", "observed_at": "2026-11-05T00:00:00Z"},
        ],
    )
    line = {"tenant_id": "acme", "amount": "31.00", "currency": "USD", "kind": "subscription"}
    october = {"service_start": "2026-10-01", "service_end": "2026-11-01"}
    workspace.land_feed("revenue_lines", [{"line_id": "october", **line, **october}])
    workspace.build()
    # the week of 2 November ends on the 8th, when it had changed
    assert workspace.rows("select week_start::varchar, plan, cost_usd from mart_user_cost_week order by 1") == [
        ("2026-10-26", "starter", CALL),
        ("2026-11-02", "pro", CALL),
        ("2026-11-09", "pro", CALL),
    ]
    # of October the data has the 28th to the 31st: a dollar a day
    columns = "month::varchar, plan, start_month::varchar, revenue_usd, cogs_usd"
    assert workspace.rows(f"select {columns} from mart_cohort_margin_month order by 1") == [
        ("2026-10-01", "starter", "2026-09-01", Decimal(4), CALL),
        ("2026-11-01", "pro", "2026-09-01", Decimal(0), 2 * CALL),
    ]
    earned = workspace.rows("select month::varchar, segment, paying_tenants, arpa_usd from mart_ltv_cac_month")
    assert earned == [("2026-10-01", "self_serve", 1, Decimal(4))]
    workspace.control.close()
