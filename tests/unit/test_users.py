"""Lifetime value on the tenants' page: of which month, and what its last cell says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from dashboards.users import complete_month, segment_row
from warehouse.rows import Period
from warehouse.user_rows import SegmentValue


@pytest.mark.parametrize(
    ("last_usage_date", "month"),
    [(date(2026, 11, 30), date(2026, 11, 1)), (date(2026, 11, 29), date(2026, 10, 1)), (None, date(2026, 10, 1))],
)
def test_a_month_that_goes_on_is_none_yet(last_usage_date: date | None, month: date) -> None:
    assert complete_month(Period.week(date(2026, 11, 9)), last_usage_date) == Period.month(month)


@pytest.mark.parametrize(
    ("ltv", "ltv_cac", "is_alert", "missing", "words"),
    [
        ("300", "3", False, None, "✓ 3 or more"),
        ("299", "2.99", True, None, "✗ under 3"),
        (None, None, True, "a positive margin (n/m)", "✗ no margin"),
        ("300", None, None, "new customers in three months", "needs new customers in three months"),
    ],
)
def test_a_segment_says_whether_it_pays_back(
    ltv: str | None, ltv_cac: str | None, is_alert: bool | None, missing: str | None, words: str
) -> None:
    amounts = [None if value is None else Decimal(value) for value in (ltv, "100", ltv_cac, "7.25")]
    row = SegmentValue("smb", 4, Decimal(50), Decimal("0.55"), Decimal("0.06"), *amounts, is_alert, missing)
    cells = [str(cell) for cell in segment_row(row).cells]
    assert words in cells[-1]
    assert cells[:5] == ["smb", "4", "$50.00", "55.0%", "6.0%"]
    assert "back in 7.2 months" in cells[6]
