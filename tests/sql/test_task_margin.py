"""Margin per task where tasks are paid for one by one, by the month, and by an invoice that does not name them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.explain.answer import Explanation, explain
from pipelines.settings import Revenue
from tests.workspace import Workspace, request
from warehouse.reader import Reader

Row = dict[str, Any]
WEEK = date(2026, 11, 9)


def task(name: str, day: str, tenant: str) -> Row:
    """A call of 0.0045: 1,000 tokens in at 3 and 100 out at 15 USD per million."""
    return request(source_record_id=name, task_id=name, tenant_id=tenant, started_at=f"2026-11-{day}T12:00:00Z")


def outcome(name: str, day: str, verdict: str, **said: Any) -> Row:
    at = f"2026-11-{day}T12:00:00Z"
    return {"outcome_id": f"o-{name}", "task_id": name, "outcome": verdict, "observed_at": at, **said}


def line(tenant: str, kind: str, amount: str) -> Row:
    service = {"service_start": "2026-11-09", "service_end": "2026-11-16"}
    return {
        "line_id": f"{tenant}-{kind}",
        "tenant_id": tenant,
        "kind": kind,
        "amount": amount,
        "currency": "USD",
        **service,
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Reader]]:
    workspace = Workspace(tmp_path_factory.mktemp("margin"), revenue=Revenue(accrue_outcomes=True))
    workspace.land_records(
        "requests",
        [
            *(task("early", "08", "paid"), task("won", "10", "paid"), task("lost", "11", "paid")),
            *(task("flat-1", "09", "flat"), task("flat-2", "09", "flat"), task("lump-1", "12", "lump")),
            task("next", "18", "other"),
        ],
    )
    workspace.land_feed(
        "task_outcomes",
        [
            outcome("early", "10", "success", value_usd="0.50"),
            outcome("won", "16", "success", value_usd="0.99"),
            outcome("lost", "11", "failure", value_usd="0.99"),
            outcome("flat-1", "09", "success"),
            outcome("lump-1", "12", "success"),
        ],
    )
    workspace.land_feed(
        "revenue_lines",
        [line("paid", "seats", "7.00"), line("flat", "subscription", "70.00"), line("lump", "outcome", "14.00")],
    )
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    yield workspace, reader
    reader.close()
    workspace.control.close()


def told(built: tuple[Workspace, Reader], week: date, tenant: str | None = None) -> Explanation:
    workspace, reader = built
    return explain(workspace.settings.data_dir, reader, workspace.control, "margin_per_task", week, tenant, 5)


def test_a_task_that_is_paid_for_itself_has_its_own_revenue_whenever_the_news_came(
    built: tuple[Workspace, Reader],
) -> None:
    """`won` brought 0.99, told the week after, and `early` 0.50, told on the day of `won`; seats are 1.00 a day.

    Days with tasks: seats of two, 10.00 of `flat`, 2.00 of `lump`, whose invoice names no task: 14.00. Five tasks cost 0.0225.
    """
    workspace, _ = built
    expected = Decimal("2.9935")  # (14.00 + 0.99 - 0.0225) / 5
    assert workspace.weekly("margin_per_task")["this_week"] == expected
    assert workspace.weekly("margin_per_task", "2026-11-02")["this_week"] == Decimal("0.4955")
    figure = told(built, WEEK)
    assert (figure.value, figure.agrees) == (expected, True)
    assert {term.term_id: term.value for term in figure.terms[:2]} == {
        "tasked_revenue": 14,
        "outcome_revenue": Decimal("0.99"),
    }
    totals = {behind.kind: (behind.count, behind.total) for behind in figure.behind}
    assert totals["tasked_revenue_days"] == (4, 14)
    assert totals["outcome_tasks"] == (1, Decimal("0.99"))
    assert told(built, WEEK - timedelta(days=7)).agrees


def test_tenants_have_the_margin_of_their_own_tasks(built: tuple[Workspace, Reader]) -> None:
    expected = {
        "paid": "1.4905",
        "flat": "4.9955",
        "lump": "1.9955",
    }  # (2.00 + 0.99) / 2, 10.00 / 2, 2.00, each less 0.0045
    assert {tenant: told(built, WEEK, tenant).value for tenant in expected} == {
        tenant: Decimal(value) for tenant, value in expected.items()
    }


def test_last_week_has_the_outcomes_that_were_known_a_week_ago(built: tuple[Workspace, Reader]) -> None:
    """The newest record is of 11-18: a week before that nothing was known of `won`."""
    workspace, _ = built
    assert workspace.weekly("margin_per_task", "2026-11-16")["last_week"] == Decimal("2.7955")  # (14.00 - 0.0225) / 5
