"""What a person reads of an exact value."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipelines.economics.figures import shown, shown_bound


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "usd", ""),
        (Decimal("1234.565"), "usd", "$1,234.56"),  # half to even
        (Decimal("1234.575"), "usd", "$1,234.58"),
        (Decimal("-1.5"), "usd", "-$1.50"),
        (Decimal("0"), "usd", "$0.00"),
        (Decimal("0.13821833"), "usd", "$0.1382"),
        (Decimal("0.000011559"), "usd", "$0.00001156"),
        (Decimal("0.000000000001"), "usd", "$0.000000000001"),
        (Decimal("0.1234"), "ratio", "12.3%"),
        (Decimal("1.285714"), "ratio", "128.6%"),
        (Decimal("6.777"), "multiple", "6.78"),
        (Decimal("49345.6"), "count", "49,346"),
        (Decimal("326412"), "ms", "326.4 s"),
    ],
)
def test_a_value_is_rounded_only_for_reading(value: Decimal | None, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_a_bound_has_its_sign_and_what_is_neither_a_mark_of_its_own() -> None:
    signs = {"at_least": "≥ $1.00", "at_most": "≤ $1.00", "neither": "* $1.00", None: "$1.00"}
    assert {bound: shown_bound(Decimal(1), "usd", bound) for bound in signs} == signs
    assert shown_bound(None, "usd", "neither") == ""
