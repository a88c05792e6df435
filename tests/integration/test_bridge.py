"""Two weeks of hand-made logs and what the bridge says of them; and its sum beside the weekly view's gross profit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.bridge import Bar, BridgeError, MarginBridge, View, bridge_of_week, margin_bridge
from pipelines.bridge_report import as_json, as_table, in_cents
from pipelines.settings import Pricing
from tests.workspace import WEEK, Workspace, request
from warehouse.reader import Reader
from warehouse.rows import Period

BEFORE = WEEK - timedelta(days=7)
# Dollars per million tokens; the dear week begins on the Monday of the later one.
PRICES = """
[[override]]
provider = "own"
model = "steady"
input = 2
cache_read = 0.2
output = 10

[[override]]
provider = "own"
model = "dearer"
input = 1
output = 4
to = 2026-11-09

[[override]]
provider = "own"
model = "dearer"
input = 1.5
output = 4
from = 2026-11-09
"""


def calls(tenant: str, model: str, week: Any, count: int, **values: Any) -> list[dict[str, Any]]:
    common = {"tenant_id": tenant, "provider_name": "own", "response_model": model, "feature": f"of_{tenant}"}
    return [
        request(
            **common | {"input_tokens": 1000, "output_tokens": 100} | values,
            source_record_id=f"{tenant}-{model}-{week:%m%d}-{n}-{sorted(values)}",
            gateway_call_id=f"{tenant}-{week:%m%d}-{n}",
            started_at=(week + timedelta(hours=5 * n)).isoformat(),
        )
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    root = tmp_path_factory.mktemp("bridge")
    (root / "prices.toml").write_text(PRICES)
    pricing = Pricing(company_prices=root / "prices.toml", gateway_lookup_usd=Decimal("0.00001"))
    workspace = Workspace(root, pricing=pricing)
    rows = [
        # Half as many again, otherwise the same: 20 -> 30 calls of 0.003 dollars.
        *calls("more", "steady", BEFORE, 20),
        *calls("more", "steady", WEEK, 30),
        # The same calls at 1.5 instead of 1 dollar a million of input: 10 calls of 1,000 tokens.
        *calls("dear", "dearer", BEFORE, 10),
        *calls("dear", "dearer", WEEK, 10),
        # Prompts twice as long: 10 calls, 1,000 tokens more each.
        *calls("long", "steady", BEFORE, 10),
        *calls("long", "steady", WEEK, 10, input_tokens=2000),
        # Half of the input is read from the provider's cache: 10 calls, 500 tokens at 0.2 instead of 2.
        *calls("cached", "steady", BEFORE, 10),
        *calls("cached", "steady", WEEK, 10, cache_read_input_tokens=500),
        # Every call is tried twice: 10 calls of 0.003 dollars more.
        *calls("again", "steady", BEFORE, 10),
        *calls("again", "steady", WEEK, 10),
        *calls("again", "steady", WEEK, 10, retry_attempt=1),
        # Answered by the gateway's cache, at 0.00001 dollars a lookup.
        *calls("hits", "steady", BEFORE, 10),
        *calls("hits", "steady", WEEK, 10, is_gateway_cache_hit=True),
        *calls("gone", "steady", BEFORE, 10),
        *calls("new", "steady", WEEK, 10),
        # No price in the later week's log: the model is another one there.
        *calls("blind", "unheard-of", BEFORE, 3),
        *calls("blind", "steady", BEFORE, 3),
        # In a test environment it is no cost of goods.
        *calls("more", "steady", WEEK, 5, environment="ci"),
    ]
    workspace.land_records("logs", rows)
    line = {"kind": "subscription", "currency": "USD"}
    both = {"service_start": "2026-11-02", "service_end": "2026-11-16"}
    sold = [
        {"line_id": "1", "tenant_id": "more", "amount": "14.00", **line, **both},
        {"line_id": "2", "tenant_id": "gone", "amount": "7.00", **line, **both | {"service_end": "2026-11-09"}},
        {"line_id": "3", "tenant_id": "new", "amount": "3.50", **line, **both | {"service_start": "2026-11-09"}},
    ]
    workspace.land_feed("revenue_lines", sold)
    spent = {"component": "tool", "amount": "0.25", "currency": "USD", "tenant_id": "more"}
    workspace.land_feed("cost_events", [{"event_id": "t", "occurred_at": "2026-11-10T00:00:00Z", **spent}])
    pool = {"pool_id": "search", "component": "vector_store", "amount": "2.00", "currency": "USD", "driver": "even"}
    workspace.land_feed("cost_pools", [{**pool, "period_start": "2026-11-09", "period_end": "2026-11-16"}])
    workspace.build()
    yield Reader(workspace.settings.data_dir)
    workspace.control.close()


def of(reader: Reader, **view: str) -> dict[str, Decimal]:
    """Bars that do something, by name."""
    _, bridge = bridge_of_week(reader, WEEK.date(), View(**view))
    return {bar.name: bar.effect_usd for bar in bridge.bars if bar.effect_usd}


@pytest.mark.parametrize(
    ("tenant", "bars"),
    [
        ("more", {"volume": "-0.03"}),
        ("dear", {"list_price": "-0.005"}),
        ("long", {"prompt_length": "-0.02"}),
        ("cached", {"prompt_cache": "0.009"}),
        ("again", {"retries": "-0.03"}),
        ("hits", {"response_cache": "0.0299"}),
        ("gone", {"volume_lost": "0.03"}),
        ("new", {"volume_new": "-0.03"}),
    ],
)
def test_one_change_is_one_bar(reader: Reader, tenant: str, bars: dict[str, str]) -> None:
    assert of(reader, feature=f"of_{tenant}") == {name: Decimal(effect) for name, effect in bars.items()}


def test_a_tenant_has_its_other_cost_and_its_revenue_too(reader: Reader) -> None:
    bars = of(reader, tenant_id="more")
    assert bars.pop("allocated") < 0
    assert bars == {"volume": Decimal("-0.03"), "tool": Decimal("-0.25")}
    new = of(reader, tenant_id="new")
    assert new.pop("allocated") < 0
    assert new == {"volume_new": Decimal("-0.03"), "revenue_new": Decimal("3.5")}
    assert of(reader, tenant_id="gone") == {"volume_lost": Decimal("0.03"), "revenue_lost": Decimal(-7)}


def test_the_company_is_the_sum_of_its_tenants_and_equals_the_weekly_view(reader: Reader) -> None:
    weeks = reader.bridge_weeks(Period.week(BEFORE.date()), Period.week(WEEK.date()))
    tenants = {row.tenant_id for row in (*weeks.cells, *weeks.costs, *weeks.revenue)}
    company, *others = margin_bridge(weeks, [View(), *map(View, sorted(tenants))])
    metrics = {row.metric_id: row for row in reader.weekly(WEEK.date()).metrics}
    profit, margin = metrics["gross_profit"], metrics["gross_margin"]
    assert profit.this_week is not None
    assert profit.last_week is not None
    assert company.change_usd == profit.this_week - profit.last_week
    for name in {bar.name for bar in company.bars}:
        assert by_name(company)[name].effect_usd == sum(
            (by_name(tenant)[name].effect_usd for tenant in others if name in by_name(tenant)), Decimal(0)
        )
    points = sum((bar.points for bar in company.bars if bar.points is not None), Decimal(0))
    assert margin.this_week is not None
    assert margin.last_week is not None
    assert abs(points - (margin.this_week - margin.last_week)) < Decimal("1e-11")
    assert by_name(company)["allocated"].effect_usd == -2
    assert company.unpriced_attempts == (3, 0)
    assert sum(amount for _, amount in in_cents(company)) == round(company.change_usd, 2)


def by_name(bridge: MarginBridge) -> dict[str, Bar]:
    return {bar.name: bar for bar in bridge.bars}


def test_a_model_has_its_own_bridge_of_cost(reader: Reader) -> None:
    assert of(reader, model="dearer") == {"list_price": Decimal("-0.005")}
    _, bridge = bridge_of_week(reader, None, View(model="dearer"))
    assert bridge.cost_usd == (Decimal("0.014"), Decimal("0.019"))
    assert bridge.revenue_usd is None


def test_what_is_not_there_is_named(reader: Reader) -> None:
    with pytest.raises(BridgeError, match=r"No tenant 'mor' in either week\. Did you mean more"):
        bridge_of_week(reader, WEEK.date(), View("mor"))
    with pytest.raises(BridgeError, match="first in the data: there is none before it"):
        bridge_of_week(reader, BEFORE.date(), View())


def test_it_is_printed_and_told_exactly(reader: Reader) -> None:
    from rich.console import Console

    period, bridge = bridge_of_week(reader, WEEK.date(), View())
    told = json.loads(json.dumps(as_json(period, View(), bridge)))
    effects = {bar["name"]: Decimal(bar["effect_usd"]) for bar in told["bars"]}
    assert effects["list_price"] == Decimal("-0.005")
    assert sum(effects.values()) == Decimal(told["change_usd"]) == bridge.change_usd
    console = Console(width=100)
    with console.capture() as printed:
        console.print(as_table(period, View(), bridge))
    words = " ".join(printed.get().split())
    assert "Not in it: 3 attempts without a price in the earlier week, 0 in the later." in words
    assert "Revenue: lost tenants -$7.00" in words
