"""Revenue that no invoice says: credits burned by usage, expected breakage, outcomes by their value; and what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest

from pipelines.doctor import examine
from pipelines.settings import ExpectedBreakage, Revenue
from tests.sql.example_b import burn, contract, days, line, pack
from tests.workspace import Workspace, request
from warehouse.reader import Reader

NOVEMBER = ("2026-11-01", "2026-12-01")
SETTINGS = Revenue(
    usage_unit="successful_tasks",
    accrue_outcomes=True,
    expected_breakage=(ExpectedBreakage(since=date(2026, 1, 1), share=Decimal("0.10")),),
)


def done(tenant: str, task: str, day: str = "2026-11-10", **said: object) -> dict[str, object]:
    return request(
        tenant_id=tenant, task_id=f"{tenant}-{task}", started_at=f"{day}T12:00:00Z", input_tokens=500, **said
    )


def judged(tenant: str, number: int, task: str, outcome: str, day: str, value: str | None = None) -> dict[str, object]:
    return {
        **{"outcome_id": f"{tenant}-{number}", "task_id": f"{tenant}-{task}", "outcome": outcome, "value_usd": value},
        "observed_at": f"{day}T18:00:00Z",
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("usage"), revenue=SETTINGS)
    workspace.land_records(
        "requests",
        [
            *(done("byuse", f"t{n}") for n in (1, 2)),
            done("byuse", "refused", status="error"),
            done("byuse", "test", environment="ci"),
            done("paid", "t1"), done("paid", "t2"), done("paid", "t3", "2026-11-08"),
            *(done("solved", f"t{n}") for n in (1, 2, 3, 4)),
            done("nobody", "last", "2026-11-14"),
        ],
    )  # fmt: skip
    workspace.land_feed(
        "task_outcomes",
        [
            judged("paid", 1, "t1", "success", "2026-11-10", "0.90"),
            judged("paid", 2, "t1", "failure", "2026-11-12"),
            judged("paid", 3, "t2", "success", "2026-11-13", "1.25"),
            judged("paid", 4, "t3", "success", "2026-11-08", "7.00"),
            *(judged("solved", n, f"t{n}", "success" if n < 4 else "failure", "2026-11-10") for n in (1, 2, 3, 4)),
        ],
    )
    workspace.land_feed(
        "revenue_lines",
        [
            pack("byuse", "pack", "100.00", 1_000, *NOVEMBER),
            pack("refunded", "pack", "100.00", 1_000, *NOVEMBER),
            line("refunded", "back", "credit_note", "-44.44", "2026-11-12", "2026-12-01",
                 corrects_line_id="refunded-pack", credits=400),
            line("paid", "outcome", "outcome", "6.50", "2026-11-08", "2026-11-09", invoiced_on=None),
            line("paid", "note", "credit_note", "-1.00", "2026-11-08", "2026-11-09", corrects_line_id="unknown"),
            line("pounds", "gbp", "subscription", "5.00", "2026-11-08", "2026-11-09", currency="GBP"),
        ],
    )  # fmt: skip
    workspace.land_feed("credit_burns", [burn("refunded", "2026-11-10", 90), burn("without", "2026-11-10", 7)])
    workspace.land_feed(
        "contracts",
        [
            contract("byuse", 0, "pooled", "0")
            | {"credit_rates": {"requests": 10, "input_tokens": "0.01", "bananas": 3}},
            contract("solved", 1, "pooled", "0.50"),
            contract("unsaid", 0, "pooled") | {"allowance": None},
        ],
    )
    workspace.build()
    yield workspace
    workspace.control.close()


def test_credits_burn_by_what_was_used_at_the_rates_of_the_contract(built: Workspace) -> None:
    # Two answered production requests of 500 tokens: 2 x 10 + 1,000 x 0.01 = 30 credits of 900 expected to burn.
    assert days(built, "byuse") == {date(2026, 11, 10): Decimal("3.33")}


def test_a_refund_of_credits_takes_nothing_from_revenue(built: Workspace) -> None:
    # 90 of 900 earn 10.00; 400 more leave with 44.44 of the price (490 of 900 are 54.44), which is the note.
    assert days(built, "refunded") == {date(2026, 11, 10): 10}
    rows = built.rows(
        "select usage_date::varchar, basis, revenue_usd from fct_revenue_day where tenant_id = 'refunded' and basis = 'refunded' "
        "order by revenue_usd"
    )
    assert rows == [
        ("2026-11-12", "refunded", Decimal("-44.44")),
        ("2026-11-12", "refunded", Decimal("44.44")),
    ]


def test_an_outcome_is_worth_its_value_until_it_is_taken_back_or_invoiced(built: Workspace) -> None:
    assert days(built, "paid") == {
        date(2026, 11, 8): Decimal("5.50"),  # the line of 6.50 in place of 7.00, less the note
        date(2026, 11, 10): Decimal("0.90"),
        date(2026, 11, 12): Decimal("-0.90"),
        date(2026, 11, 13): Decimal("1.25"),
    }


def test_successful_tasks_accrue_beyond_the_allowance(built: Workspace) -> None:
    # Three successes, one of them included.
    assert days(built, "solved") == {date(2026, 11, 10): 1}


def test_what_revenue_rests_on_and_nobody_said_is_counted(built: Workspace) -> None:
    assert built.rows("select tenant_id, gap, cases from mart_revenue_gap order by all") == [
        ("byuse", "credit_rate_not_understood", 1),
        ("paid", "corrected_line_unknown", 1),
        ("paid", "line_without_invoice_date", 1),
        ("pounds", "line_without_rate", 1),
        ("unsaid", "contract_without_allowance", 1),
        ("without", "credits_without_a_pack", 1),
    ]
    (said,) = [check for check in examine(built.settings) if check.name == "revenue"]
    assert "1 days on which more credits were burned than bought (tenants: 1)" in said.detail
    assert "1 names in credit_rates that nothing is counted by" in said.detail


def test_the_reader_tells_revenue_and_balances_of_a_month(built: Workspace) -> None:
    reader = Reader(built.settings.data_dir)
    months = {month.kind: month for month in reader.revenue_months()}
    reader.close()
    packs = months["credit_pack"]
    assert (packs.month, packs.balance_on) == (date(2026, 11, 1), date(2026, 11, 14))
    # 100.00 - 3.33 and 100.00 - 54.44.
    assert packs.deferred_usd == Decimal("96.67") + Decimal("45.56")
    assert months["overage"].unbilled_usd == 1
