"""The models' own unit tests, a few hand-worked rows each in the `x.yml` twins, run by dbt in a warehouse that was built."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from pipelines.building.dbt import MODELS, run_dbt
from pipelines.settings import Pricing
from tests.sql import example_c
from tests.sql.example_c import NOVEMBER_9
from tests.workspace import Workspace

TESTED = (
    *(
        "stg_llm_request",
        "int_llm_request_quantity",
        "int_llm_request_cost",
        "int_revenue_line",
        "fct_revenue_day",
        "dim_tenant_plan",
        "int_task_outcome",
    ),
    *("fct_task", "int_week_task_measure", "mart_weekly_unit_economics"),
)
"""Models whose arithmetic is worked by hand."""


def declared() -> dict[str, str]:
    """Unit tests of the project: name -> model."""
    found = [test for path in MODELS.rglob("*.yml") for test in yaml.safe_load(path.read_text()).get("unit_tests", [])]
    return {test["name"]: test["model"] for test in found}


def prepared(root: Path) -> Workspace:
    """A warehouse with every table that a test stands in for, and every feed that the weekly view can wait for."""
    workspace = Workspace(root, pricing=Pricing(gateway_lookup_usd=Decimal(example_c.LOOKUP_USD)))
    example_c.land(workspace, NOVEMBER_9)
    period = {"service_start": "2026-11-01", "service_end": "2026-12-01"}
    sold = {"line_id": "l1", "tenant_id": "acme", "kind": "subscription", "amount": "10.00", "currency": "USD"}
    workspace.land_feed("revenue_lines", [{**sold, **period}])
    workspace.land_feed("tenants", [{"tenant_id": "acme", "started_on": "2026-01-01"}])
    workspace.land_feed("acquisition", [{"month": "2026-10", "sales_marketing_usd": "90", "new_customers": 3}])
    workspace.build()
    return workspace


def test_every_unit_test_of_the_models_ran_and_passed(tmp_path: Path) -> None:
    workspace = prepared(tmp_path)
    data_dir = workspace.settings.data_dir
    ran: list[str] = []
    run_dbt(
        ["test", "--select", "test_type:unit"],
        data_dir=data_dir,
        warehouse=data_dir / "warehouse.duckdb",
        inputs=data_dir / "build" / "inputs",
        on_done=lambda name, *_: ran.append(name),
    )
    workspace.control.close()
    assert sorted(ran) == sorted(declared())


@pytest.mark.parametrize("model", TESTED)
def test_the_model_has_a_unit_test(model: str) -> None:
    assert model in declared().values()
