"""The sample company through the product: everything lands, and the published marts find the dollars of its truth.

The truth is priced by the sample's own table, the marts by the catalogue's price book and the SQL models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from pipelines.landing.collect import find, ingest
from pipelines.landing.land import FileResult
from sample_data import generate
from tests.workspace import Workspace
from warehouse.reader import Period, Reader


@dataclass
class Company:
    workspace: Workspace
    files: list[FileResult]
    truth: list[dict[str, Any]]

    def planted(self, kind: str) -> dict[str, Any]:
        (entry,) = [entry for entry in self.truth if entry["kind"] == kind]
        return entry

    def cost_usd(self, where: str, amount: str = "cost_pico") -> Decimal:
        """Dollars of the priced requests that a condition picks."""
        ((pico,),) = self.workspace.rows(f"select sum({amount}) from fct_llm_request_priced where {where}")
        return Decimal(int(pico)) / 10**12


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    root = tmp_path_factory.mktemp("sample_company")
    generate(root / "sample", seed=13, attempts=24_000)
    workspace = Workspace(root)
    folders = [str(root / "sample" / name) for name in ("litellm", "canonical", "feeds")]
    files = ingest(workspace.context, find(folders, workspace.settings.data_dir))
    workspace.build()
    yield Company(workspace, files, json.loads((root / "sample" / "truth.json").read_text(encoding="utf-8")))
    workspace.control.close()


def test_every_file_lands_and_only_the_planted_lines_are_quarantined(company: Company) -> None:
    assert {result.state for result in company.files} == {"landed"}
    assert all(not result.message for result in company.files)
    assert (
        sum(result.counts.quarantined for result in company.files) == company.planted("malformed_lines")["count"] == 4
    )
    feeds = {"tenants", "features", "revenue_lines", "contracts", "credit_burns", "stale_reports", "task_outcomes"}
    feeds |= {"cost_events", "cost_pools", "acquisition", "provider_bills", "fx"}
    assert {result.source for result in company.files} == feeds | {"litellm", "canonical"}


def test_every_known_model_is_fully_priced_at_what_the_gateway_charged(company: Company) -> None:
    rows = company.workspace.rows(
        "select pricing_status, count(*), sum(case when cost_pico <> cost_reported * 1000000000000 then 1 else 0 end) "
        "from fct_llm_request_priced where not coalesce(is_gateway_cache_hit, false) group by all order by all"
    )
    unpriced = company.planted("unpriced_model")["count"]
    assert [(status, differ) for status, _, differ in rows] == [("priced", 0), ("reported_none", 0), ("unpriced", 0)]
    assert rows[-1][1] == unpriced


def test_the_marts_find_the_retry_storm(company: Company) -> None:
    storm = company.planted("retry_storm")
    cost = company.cost_usd(
        f"tenant_id = '{storm['tenant_id']}' and status = 'error' and logical_call_id in "
        "(select logical_call_id from fct_llm_request_priced where status = 'ok')"
    )
    assert cost == Decimal(storm["cost_usd"])


def test_the_marts_find_the_tests_on_production_keys(company: Company) -> None:
    tests = company.planted("ci_on_production_keys")
    cost = company.cost_usd(f"environment = 'ci' and usage_date >= '{tests['from']}' and usage_date < '{tests['to']}'")
    assert cost == Decimal(tests["cost_usd"])


def test_the_marts_find_the_tenant_at_10x(company: Company) -> None:
    tenant = company.planted("tenant_at_10x")
    cost = company.cost_usd(f"tenant_id = '{tenant['tenant_id']}' and end_user_id like '%-api'")
    assert cost == Decimal(tenant["cost_usd"])
    before, after = company.workspace.rows(
        f"select count(distinct task_id) / count(distinct usage_date) from fct_llm_request_priced "
        f"where tenant_id = '{tenant['tenant_id']}' and dayofweek(usage_date) between 1 and 5 "
        f"group by usage_date >= '{tenant['from']}' order by usage_date >= '{tenant['from']}'"
    )
    assert 9 < after[0] / before[0] < 11


def test_the_marts_find_the_price_change(company: Company) -> None:
    """Half of what the days of the doubled price cost."""
    change = company.planted("price_change")
    cost = company.cost_usd(
        f"model = 'mistral-large-4' and usage_date >= '{change['from']}' and usage_date < '{change['to']}'"
    )
    assert cost == 2 * Decimal(change["cost_usd"]) > 0


def test_the_marts_find_the_five_tenants_under_water(company: Company) -> None:
    rows = company.workspace.rows(
        "select tenant_id from fct_tenant_day where tenant_id <> 'unattributed' group by tenant_id "
        "having sum(revenue_pico) > 0 and sum(inference_cost_pico) > sum(revenue_pico) order by tenant_id"
    )
    assert [row[0] for row in rows] == [e["tenant_id"] for e in company.truth if e["kind"] == "under_water_tenant"]


def test_the_week_is_believable(company: Company) -> None:
    assert 0.05 < company.workspace.weekly("inference_cost_share_of_revenue")["this_week"] < 0.20
    assert 0.55 < company.workspace.weekly("gross_margin")["this_week"] < 0.85
    # the five that were planted, and who is under water only in this week: a credit pack burns slowly, shared cost is borne
    metric = company.workspace.weekly("tenants_under_water")
    reader = Reader(company.workspace.settings.data_dir)
    margins = reader.tenant_margins(Period.week(metric["week_start"]))
    reader.close()
    under_water = {row.tenant_id for row in margins if row.is_under_water}
    planted = {entry["tenant_id"] for entry in company.truth if entry["kind"] == "under_water_tenant"}
    assert len(planted) == 5
    assert planted <= under_water
    assert len(under_water) == metric["this_week"] < 10
