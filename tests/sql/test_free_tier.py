"""What free plans cost is cost of goods, or acquisition; never both."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import FreeTier
from tests.workspace import Workspace, request

CALL = Decimal("0.0045")
TENANTS = [
    {"tenant_id": "acme", "plan": "pro", "segment": "smb", "started_on": "2026-06-01", "observed_at": "2026-06-01T00:00:00Z"},
    {"tenant_id": "gratis", "plan": "free", "segment": "smb", "started_on": "2026-06-01",
     "observed_at": "2026-06-01T00:00:00Z"},
]  # fmt: skip


def company(root: Path, **free_tier: Any) -> Workspace:
    """A day on which a paying tenant makes two calls and one on a free plan three, of which one in CI, and uses a tool.

    Of a subscription of 7.00 a week that day earns 1.00.
    """
    workspace = Workspace(root, free_tier=FreeTier(**free_tier))
    calls = [("acme", {}), ("acme", {}), ("gratis", {}), ("gratis", {}), ("gratis", {"environment": "ci"})]
    workspace.land_records(
        "requests",
        [request(source_record_id=str(n), tenant_id=tenant, **said) for n, (tenant, said) in enumerate(calls)],
    )
    workspace.land_feed("tenants", TENANTS)
    days = {"service_start": "2026-11-09", "service_end": "2026-11-16", "currency": "USD", "kind": "subscription"}
    workspace.land_feed("revenue_lines", [{"line_id": "1", "tenant_id": "acme", "amount": "7.00", **days}])
    tool = {"occurred_at": "2026-11-10T12:00:00Z", "component": "tool", "amount": "0.10", "currency": "USD"}
    workspace.land_feed("cost_events", [{"event_id": "tool", "tenant_id": "gratis", **tool}])
    won = {"month": "2026-11", "segment": "smb", "sales_marketing_usd": "10", "new_customers": 2}
    workspace.land_feed("acquisition", [won])
    workspace.build()
    return workspace


def figures(workspace: Workspace) -> dict[str, Any]:
    cogs = dict(workspace.rows("select tenant_id, cogs_usd from mart_tenant_margin_month"))
    outside = dict(workspace.rows("select tenant_id, outside_cogs_usd from mart_tenant_margin_month"))
    ((cac,),) = workspace.rows("select cac_usd from mart_ltv_cac_month where segment = 'smb'")
    return {"cogs": cogs, "outside": outside, "cac": cac, "profit": workspace.weekly("gross_profit")["this_week"]}


def test_the_cost_of_free_plans_is_cost_of_goods_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    workspace = company(tmp_path)
    goods = 2 * CALL + Decimal("0.10")
    assert figures(workspace) == {
        "cogs": {"acme": 2 * CALL, "gratis": goods},
        "outside": {"acme": 0, "gratis": CALL},
        "cac": Decimal(5),
        "profit": Decimal(1) - 2 * CALL - goods,
    }
    workspace.control.close()


def test_as_acquisition_it_is_in_no_margin_and_in_what_a_customer_costs(tmp_path: Path) -> None:
    workspace = company(tmp_path, cost="sales_marketing")
    goods = 2 * CALL + Decimal("0.10")
    assert figures(workspace) == {
        "cogs": {"acme": 2 * CALL, "gratis": 0},
        "outside": {"acme": 0, "gratis": goods + CALL},
        "cac": (10 + goods) / 2,
        "profit": Decimal(1) - 2 * CALL,
    }
    # from the 1st on the tenant pays: its calls of the 10th are cost of goods again
    upgraded = {**TENANTS[1], "plan": "pro", "observed_at": "2026-11-01T00:00:00Z"}
    workspace.land_feed("tenants", [upgraded], "-upgraded")
    built = workspace.build()
    assert (built.kind, built.reason) == ("full", "plans decide what is cost of goods, and changed")
    assert figures(workspace)["cogs"] == {"acme": 2 * CALL, "gratis": goods}
    assert figures(workspace)["cac"] == Decimal(5)
    workspace.control.close()


@pytest.mark.parametrize("value", ["marketing", ""])
def test_an_unknown_policy_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cogs"):
        FreeTier.model_validate({"cost": value})
