"""Commitments, allowances and GPU pools through builds: what arrives late changes every later day of its window, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.settings import Pricing
from tests.workspace import Workspace, request
from warehouse.planner import DrawdownSpan, drawn_after

PRICES = """
[[drawdown]]
id = "monthly"
kind = "allowance"
providers = ["anthropic"]
free = 0.05
from = 2026-09-10

[[drawdown]]
id = "term"
kind = "commitment"
providers = ["openai"]
window = "term"
from = 2026-10-05
to = 2026-11-10
fee_usd = 8
commit_usd = 10
overage_multiplier = "1.5"

[[gpu_pool]]
id = "gpus"
models = ["own-*"]
gpu_hourly_usd = 3
gpus = 2
prefill_tokens_per_s = 1000
decode_tokens_per_s = 100
utilisation = "0.5"
from = 2026-11-02
to = 2026-11-05
"""
"""An allowance of 5 cents of Anthropic a month; 10 dollars of OpenAI for 8; two GPUs at 144 dollars a day."""
SONNET = {"input_tokens": 1000, "output_tokens": 100}  # 0.0045 at 3/15 a million
GPT = {"provider_name": "openai", "response_model": "gpt-4.1", "input_tokens": 100_000, "output_tokens": 50_000}
"""0.60 at 2/8 a million."""
OWN = {"provider_name": "vllm", "response_model": "own-llama", "input_tokens": 500_000, "output_tokens": 20_000}
"""At 6 dollars an hour: 500,000 / (1000 * 0.5) + 20,000 / (100 * 0.5) = 1,400 s: 1.666666666667 and 0.666666666667 dollars."""


def on(day: str, second: int, tenant: str = "acme", **values: Any) -> dict[str, Any]:
    at = f"{day}T10:00:{second:02}Z"
    name = f"{day}-{second}-{values.get('response_model', 'sonnet')}"
    return request(source_record_id=name, started_at=at, tenant_id=tenant, task_id=f"t-{name}", **values)


def days(first: str, last: str) -> list[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [date.fromordinal(n).isoformat() for n in range(start.toordinal(), end.toordinal() + 1)]


def founded(root: Path) -> Workspace:
    """Ten weeks of one Sonnet request and, in the term, of one GPT request a day; two on own GPUs."""
    root.joinpath("prices.toml").write_text(PRICES)
    workspace = Workspace(root, pricing=Pricing(company_prices=root / "prices.toml"))
    rows = [on(day, 1, **SONNET) for day in days("2026-09-07", "2026-11-15")]
    rows += [on(day, 2, **GPT) for day in days("2026-10-01", "2026-11-12")]
    rows += [on("2026-11-03", second, **OWN) for second in (3, 4)]
    workspace.land_records("first", rows)
    workspace.build()
    return workspace


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """As it was founded, for reading."""
    workspace = founded(tmp_path_factory.mktemp("company"))
    yield workspace
    workspace.control.close()


def drawdowns(workspace: Workspace, provider: str, first: str, end: str) -> list[Decimal]:
    """Dollars that the drawdown adds on each request of these days."""
    found = workspace.rows(
        f"""select drawdown_pico from fct_llm_request_priced where provider_name = '{provider}'
        and day >= date '{first}' and day < date '{end}' order by started_at"""
    )
    return [Decimal(pico).scaleb(-12) for (pico,) in found]


def test_an_allowance_is_free_until_it_is_used_up_and_begins_anew_each_month(company: Workspace) -> None:
    free, paid = Decimal("-0.0045"), Decimal(0)
    october = drawdowns(company, "anthropic", "2026-10-01", "2026-11-01")
    assert october == [free] * 11 + [Decimal("-0.0005")] + [paid] * 19  # 11 * 0.0045 = 0.0495, then half a cent of 0.05
    assert drawdowns(company, "anthropic", "2026-09-07", "2026-09-10") == [paid] * 3
    assert drawdowns(company, "anthropic", "2026-09-10", "2026-09-12") == [free] * 2
    assert drawdowns(company, "anthropic", "2026-11-01", "2026-11-02") == [free]


def test_a_commitment_costs_its_fee_and_beyond_it_the_overage(company: Workspace) -> None:
    assert drawdowns(company, "openai", "2026-10-01", "2026-10-06") == [Decimal(0)] * 4 + [Decimal("-0.12")]
    inside = drawdowns(company, "openai", "2026-10-05", "2026-10-21")
    assert inside == [Decimal("-0.12")] * 16  # 16 * 0.60 = 9.60 of the 10 committed
    # The seventeenth: 0.40 inside at 0.8 and 0.20 beyond at 1.5 are 0.62; then 0.60 at 1.5.
    assert drawdowns(company, "openai", "2026-10-21", "2026-10-23") == [Decimal("0.02"), Decimal("0.30")]
    assert drawdowns(company, "openai", "2026-11-09", "2026-11-12") == [Decimal("0.30"), Decimal(0), Decimal(0)]
    assert not company.rows("select * from fct_shared_cost_day where pool_id = 'unused:term'")


def test_what_was_paid_for_gpus_is_charged_or_idle(company: Workspace) -> None:
    """Two requests of 1.666666666667 + 0.666666666667 on one of three days of 144 dollars."""
    charged = {
        day: Decimal(cost).scaleb(-12)
        for day, cost in company.rows(
            "select day::varchar, sum(cost_pico) from fct_llm_request_priced where gpu_pool_id = 'gpus' group by all"
        )
    }
    assert charged == {"2026-11-03": Decimal("4.666666666668")}
    lines = company.rows(
        "select usage_date::varchar, component, cost_usd from fct_shared_cost_day where pool_id = 'idle:gpus' order by 1"
    )
    idle = [Decimal(144), Decimal("139.333333333332"), Decimal(144)]
    assert lines == [(day, "idle", usd) for day, usd in zip(days("2026-11-02", "2026-11-04"), idle, strict=True)]


def test_what_is_left_of_a_commitment_stands_on_its_last_day(tmp_path: Path) -> None:
    """5 requests of 0.60 take 2.40 of the fee of 8."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    workspace = Workspace(tmp_path, pricing=Pricing(company_prices=prices))
    workspace.land_records("few", [on(day, 2, **GPT) for day in days("2026-10-20", "2026-10-24")])
    workspace.build()
    unused = "select usage_date::varchar, cost_usd from fct_shared_cost_day where pool_id = 'unused:term'"
    assert workspace.rows(unused) == []
    workspace.land_records("after", [on("2026-11-12", 2, **GPT)])
    workspace.build()
    assert workspace.rows(unused) == [("2026-11-09", Decimal("5.60"))]
    workspace.control.close()


EARLY_DAYS = [
    [on("2026-10-02", 30, "late", **SONNET)],
    [on("2026-10-07", 30, "late", **GPT)],
]
"""A request more on an early day of a month, and of the term."""
OTHERS = [
    [on("2026-11-04", 0, "late", **SONNET)],
    [{**on("2026-10-20", 1, **SONNET), "output_tokens": 9_000, "observed_at": "2026-12-01T00:00:00Z"}],
    [on("2026-09-11", 30, "late", **SONNET), on("2026-11-12", 30, "late", **GPT)],
]
"""One before the other of its day; a corrected one; some in a month of their own and after the term."""


@pytest.mark.parametrize("late", [EARLY_DAYS, OTHERS])
def test_incremental_builds_with_drawdowns_equal_a_full_one(tmp_path: Path, late: list[list[dict[str, Any]]]) -> None:
    workspace = founded(tmp_path)
    kinds: set[str] = set()
    for number, records in enumerate(late):
        workspace.land_records(f"late-{number}", records)
        kinds.add(workspace.build().kind)
    incremental = workspace.marts()
    workspace.build(full=True)
    assert workspace.marts() == incremental
    assert "incremental" in kinds or late is EARLY_DAYS  # which reach more than half of all days
    workspace.control.close()


def test_a_late_request_reprices_the_rest_of_its_month_and_nothing_before(tmp_path: Path) -> None:
    workspace = founded(tmp_path)
    before = drawdowns(workspace, "anthropic", "2026-09-07", "2026-11-16")
    workspace.land_records("late", [on("2026-11-10", 0, "late", **SONNET)])
    result = workspace.build()
    assert (result.kind, result.days) == ("incremental", 6)  # 10 to 15 November
    incremental = workspace.marts()
    after = drawdowns(workspace, "anthropic", "2026-09-07", "2026-11-16")
    assert after[:64] == before[:64]  # up to 9 November
    assert after[64:] == [Decimal("-0.0045")] * 2 + [Decimal("-0.0005")] + [Decimal(0)] * 4
    workspace.build(full=True)
    assert workspace.marts() == incremental
    workspace.control.close()


SPANS = [DrawdownSpan(date(2026, 10, 10), date(2026, 12, 5), is_monthly=True)]


@pytest.mark.parametrize(
    ("changed", "first", "last"),
    [("2026-10-09", "2026-10-09", "2026-10-09"), ("2026-10-10", "2026-10-10", "2026-10-31"),
     ("2026-10-31", "2026-10-31", "2026-10-31"), ("2026-12-01", "2026-12-01", "2026-12-04"),
     ("2026-12-05", "2026-12-05", "2026-12-05")],
)  # fmt: skip
def test_a_changed_day_reaches_to_the_end_of_its_window(changed: str, first: str, last: str) -> None:
    found = drawn_after(frozenset([date.fromisoformat(changed)]), SPANS)
    assert sorted(day.isoformat() for day in found) == days(first, last)


def test_a_term_reaches_to_its_end_from_the_earliest_change() -> None:
    term = DrawdownSpan(date(2026, 10, 10), date(2026, 10, 20), is_monthly=False)
    found = drawn_after(frozenset([date(2026, 10, 18), date(2026, 10, 16), date(2026, 11, 1)]), [term])
    assert sorted(day.isoformat() for day in found) == [*days("2026-10-16", "2026-10-19"), "2026-11-01"]
