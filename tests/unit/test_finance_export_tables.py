"""The finance tables from rows given by hand: what they print adds up, row by row, file by file and to the exact total."""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.exports import ExportError
from pipelines.exports.csv_file import Table
from pipelines.exports.finance.costs import KINDS, Cost, Kind, cost_table, exact_sum, rounded_costs
from pipelines.exports.finance.margins import margin_table
from pipelines.exports.finance.tasks import task_table
from pipelines.exports.manifest import Coverage, describe, describe_file, encode_manifest
from pipelines.exports.periods import gaps, is_complete
from warehouse.rows import DataState, Period, TaskCost, TenantMargin

NOVEMBER = Period.month(date(2026, 11, 1))
AMOUNTS = st.decimals("-2", "9", places=12)
THIRD = Decimal("0.003333333333")


def spent(tenant: str, feature: str, kind: Kind, amount: Decimal, model: str | None = "claude") -> Cost:
    is_call = kind == "inference_cogs"
    key = (tenant, feature, None, kind != "outside_cogs", "inference" if is_call else "tool", None, model, None)
    return Cost(key, kind, amount, (1, 1000, 10, 100), (0, 0, 0))


def margin(tenant: str, revenue: Decimal, costs: list[Cost], **values: Any) -> TenantMargin:
    sums = [
        exact_sum(cost.exact_usd for cost in costs if (cost.tenant_id, cost.kind) == (tenant, kind)) for kind in KINDS
    ]
    counts = {"requests": 9, "unpriced_requests": 0, "partial_requests": 0, "unconverted_rows": 0}
    return TenantMargin(tenant, None, None, None, revenue, *sums, **{**counts, **values})


def task(tenant: str, feature: str, cost: str, **values: int) -> TaskCost:
    counts = {"tasks": 9, "successes": 0, "failures": 0, "unknowns": 0, "incomplete_tasks": 0}
    return TaskCost(key=(tenant, feature), cost_usd=Decimal(cost), **{**counts, **values})


def as_dicts(table: Table) -> list[dict[str, Any]]:
    return [dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows]


def tables(
    costs: list[Cost], margins: list[TenantMargin], decimals: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rounded = rounded_costs(costs, margins, decimals)
    return as_dicts(margin_table(margins, rounded, NOVEMBER, decimals)), as_dicts(cost_table(rounded, NOVEMBER))


def test_thirds_of_cents_are_printed_so_that_every_file_adds_up() -> None:
    # Nine costs of a third of a cent are 2.9999999997 cents: three cents in the total, so each tenant of three prints one.
    costs = [spent(tenant, feature, "inference_cogs", THIRD) for tenant in "abc" for feature in "xyz"]
    margins = [margin(tenant, Decimal("0.005"), costs) for tenant in "abc"]
    by_tenant, by_feature = tables(costs, margins, 2)
    assert [str(row["cost_usd"]) for row in by_feature] == ["0.01", "0.00", "0.00"] * 3
    # 1.5 cents of revenue is two cents, the half to the even one; the first two of three equal remainders have them.
    assert [[str(row[name]) for name in ("revenue_usd", "cogs_usd", "gross_profit_usd")] for row in by_tenant] == [
        ["0.01", "0.01", "0.00"],
        ["0.01", "0.01", "0.00"],
        ["0.00", "0.01", "-0.01"],
    ]
    # (0.005 - 0.009999999999) / 0.005, of what was not rounded
    assert {row["gross_margin"] for row in by_tenant} == {Decimal("-0.999999999800")}


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy"), st.sampled_from(KINDS), AMOUNTS), max_size=14),
    st.lists(AMOUNTS, min_size=4, max_size=4),
    st.integers(2, 12),
)
def test_the_margins_and_the_costs_tie_out_to_the_last_digit(
    rows: list[tuple[str, str, Kind, Decimal]], revenues: list[Decimal], decimals: int
) -> None:
    costs = [spent(*row, model=str(number)) for number, row in enumerate(rows)]
    margins = [margin(tenant, revenue, costs) for tenant, revenue in zip("abcd", revenues, strict=True)]
    by_tenant, by_cost = tables(costs, margins, decimals)
    unit = Decimal(1).scaleb(-decimals)
    cogs = exact_sum(cost.exact_usd for cost in costs if cost.kind != "outside_cogs")
    everything = exact_sum(cost.exact_usd for cost in costs)
    assert sum(row["revenue_usd"] for row in by_tenant) == exact_sum(revenues).quantize(unit, ROUND_HALF_EVEN)
    assert sum(row["cost_usd"] for row in by_cost) == everything.quantize(unit, ROUND_HALF_EVEN)
    assert abs(sum(row["cogs_usd"] for row in by_tenant) - cogs) * 2 <= unit
    for row in by_tenant:
        assert row["cogs_usd"] == row["inference_cogs_usd"] + row["other_cogs_usd"]
        assert row["gross_profit_usd"] == row["revenue_usd"] - row["cogs_usd"]
        for name, goods in (("cogs_usd", True), ("outside_cogs_usd", False)):
            mine = [
                cost for cost in by_cost if (cost["tenant_id"], cost["is_cost_of_goods"]) == (row["tenant_id"], goods)
            ]
            assert row[name] == sum(cost["cost_usd"] for cost in mine)
    for cost, exact in zip(by_cost, costs, strict=True):
        assert abs(cost["cost_usd"] - exact.exact_usd) < unit


def test_costs_that_are_not_what_the_margins_say_are_not_written() -> None:
    costs = [spent("acme", "chat", "other_cogs", Decimal(1))]
    wrong = margin("acme", Decimal(5), [spent("acme", "chat", "other_cogs", Decimal("1.000000000001"))])
    with pytest.raises(ExportError, match="acme: other_cogs is not the sum of its costs"):
        rounded_costs(costs, [wrong], 6)
    with pytest.raises(ExportError, match="without a margin"):
        rounded_costs(costs, [], 6)


def test_cost_per_successful_task_has_its_bounds_and_its_spend_without_success() -> None:
    found = [
        task("acme", "chat", "1.00", successes=3, failures=5, unknowns=1),
        task("acme", "search", "0.70", successes=2, unknowns=5, incomplete_tasks=1),
        task("beta", "chat", "0.25", failures=9),
    ]
    table = task_table(found, NOVEMBER, 6)
    names = (
        "cost_usd",
        "spend_without_success_usd",
        "cost_per_successful_task_usd",
        "lower_bound_usd",
        "upper_bound_usd",
    )
    assert [[row[name] for name in names] for row in as_dicts(table)] == [
        # 1 / 3 and 1 / (3 + 1)
        [Decimal("1.000000"), 0, Decimal("0.333333333333"), Decimal("0.25"), Decimal("0.333333333333")],
        # 0.7 / 2 and 0.7 / 7; a part has no price, so nothing bounds it from above
        [Decimal("0.700000"), 0, Decimal("0.35"), Decimal("0.1"), None],
        [Decimal("0.250000"), Decimal("0.250000"), None, None, None],
    ]
    assert [row["is_lower_bound"] for row in as_dicts(table)] == [False, True, False]
    assert table.totals() == {
        "tasks": 27, "successes": 5, "failures": 14, "unknowns": 6, "incomplete_tasks": 1,
        "cost_usd": Decimal("1.95"), "spend_without_success_usd": Decimal("0.25"),
    }  # fmt: skip


def test_the_manifest_is_a_function_of_what_it_describes_and_ends_with_a_newline() -> None:
    coverage = Coverage.of([margin("acme", Decimal(1), []), margin("beta", Decimal(1), [], unpriced_requests=6)])
    state = DataState(datetime(2026, 11, 17, 9, 30), date(2026, 9, 7), date(2026, 11, 15), 18, "book", "UTC", "monday")  # noqa: DTZ001
    said = describe("finance", "2026-11", NOVEMBER, state, coverage, decimals=2, is_complete=False)
    assert said["period"] == {"start": "2026-11-01", "end_exclusive": "2026-12-01", "is_complete": False}
    assert said["data"] == {"known_at": "2026-11-17T09:30:00Z", "first_date": "2026-09-07", "last_date": "2026-11-15"}
    # 12 of 18 have a full price
    assert said["coverage"] == {
        "requests": 18, "unpriced_requests": 6, "partial_requests": 0, "unconverted_rows": 0,
        "fully_priced_share": "0.666666666667", "costs_are_lower_bounds": True,
    }  # fmt: skip
    text = encode_manifest(said).decode()
    assert text.startswith('{\n  "amount_decimals": 2,\n  "coverage": {\n    "costs_are_lower_bounds": true,')
    assert text.endswith("}\n")
    assert text == encode_manifest(dict(reversed(said.items()))).decode()


@pytest.mark.parametrize(("unpriced", "bounds"), [(0, {}), (1, {"cost_usd": "at_least"})])
def test_a_total_is_a_bound_only_while_something_has_no_price(unpriced: int, bounds: dict[str, str]) -> None:
    costs = [spent("acme", "chat", "inference_cogs", Decimal("1.5"))]
    rows = [margin("acme", Decimal(5), costs, unpriced_requests=unpriced)]
    table = cost_table(rounded_costs(costs, rows, 2), NOVEMBER)
    written, entry = describe_file(table, b"abc", Coverage.of(rows))
    assert entry["column_bounds"] == bounds
    assert entry["column_totals"]["cost_usd"] == "1.50"
    assert written.totals["cost_usd"] == Decimal("1.50")
    # printf abc | sha256sum
    assert written.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == entry["sha256"]


@pytest.mark.parametrize(
    ("first", "last", "complete", "said"),
    [
        ("2026-09-07", "2026-11-30", True, []),
        ("2026-11-01", "2026-11-30", True, []),
        ("2026-09-07", "2026-11-29", False, ["Incomplete: the data ends on 2026-11-29, the period on 2026-11-30."]),
        ("2026-11-02", "2026-12-01", True, ["The data begins on 2026-11-02, the period on 2026-11-01."]),
    ],
)
def test_a_period_that_the_data_does_not_span_is_told(first: str, last: str, complete: bool, said: list[str]) -> None:
    state = DataState(None, date.fromisoformat(first), date.fromisoformat(last), 1, "book", "UTC", "monday")
    assert is_complete(state, NOVEMBER) is complete
    assert gaps(state, NOVEMBER) == said
