"""Parts that are rounded and still add up to their total, at every level of a table."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.economics.apportion import EXACT, apportion, apportion_nested, split

AMOUNTS = st.decimals("-99999999999999999999999999", "99999999999999999999999999", places=12) | st.decimals(
    "-0.00001", "0.00001", places=12
)
PLACES = st.integers(0, 12)


def decimals(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def exact_sum(values: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = EXACT.add(total, value)
    return total


def nearest(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, EXACT)


def is_neighbour(found: Decimal, value: Decimal, places: int) -> bool:
    """Whether it is the value rounded down or up to the next unit."""
    return abs(EXACT.subtract(found, value)) < Decimal(1).scaleb(-places) and found == nearest(found, places)


@pytest.mark.parametrize(
    ("values", "places", "expected"),
    [
        # thirds of a dollar: 99 cents in floors, the cent goes to the first of three equal remainders
        (("0.333333333333", "0.333333333333", "0.333333333334"), 2, ("0.33", "0.33", "0.34")),
        (("0.333333333334", "0.333333333333", "0.333333333333"), 2, ("0.34", "0.33", "0.33")),
        (("0.005", "0.005", "0.005", "0.005"), 2, ("0.01", "0.01", "0.00", "0.00")),
        # 1.4 + 1.3 + 1.3 = 4: one unit over three floors, to the largest remainder
        (("1.3", "1.4", "1.3"), 0, ("1", "2", "1")),
        # a credit: -0.5 is -1 rounded down, with half a unit to come; 0.6 has more
        (("0.6", "-0.5"), 0, ("1", "-1")),
        (("-1.25", "-1.25"), 1, ("-1.2", "-1.3")),
        (("0", "0.004", "-0.004"), 2, ("0.00", "0.00", "0.00")),
        (("0.014", "0.014", "0"), 2, ("0.02", "0.01", "0.00")),
        ((), 2, ()),
    ],
)
def test_the_largest_remainders_are_raised(values: tuple[str, ...], places: int, expected: tuple[str, ...]) -> None:
    assert [str(part) for part in apportion(decimals(*values), places)] == list(expected)


def test_amounts_wider_than_28_digits_lose_no_digit() -> None:
    values = decimals("12345678901234567890123456.000000000001", "0.000000999999")
    assert apportion(values, 6) == decimals("12345678901234567890123456.000000", "0.000001")


def test_a_given_total_is_met_when_it_is_the_sum_rounded_down_or_up() -> None:
    assert apportion(decimals("0.4", "0.3"), 0, Decimal(0)) == [0, 0]
    assert apportion(decimals("0.4", "0.3"), 0, Decimal(1)) == [1, 0]


@pytest.mark.parametrize(
    ("values", "total"), [(("0.4", "0.3"), "2"), (("0.4", "0.3"), "-1"), (("3", "0"), "4"), ((), "1")]
)
def test_a_total_that_no_rounding_meets_is_refused(values: tuple[str, ...], total: str) -> None:
    with pytest.raises(ValueError, match="cannot be rounded to add up to"):
        apportion(decimals(*values), 0, Decimal(total))


@given(st.lists(AMOUNTS, max_size=12), PLACES)
def test_parts_add_up_and_each_is_its_value_rounded_down_or_up(values: list[Decimal], places: int) -> None:
    parts = apportion(values, places)
    assert exact_sum(parts) == nearest(exact_sum(values), places)
    assert all(is_neighbour(part, value, places) for part, value in zip(parts, values, strict=True))


@given(st.dictionaries(st.integers(0, 999_999), st.integers(-9, 9), max_size=8), st.randoms(use_true_random=False))
def test_the_order_does_not_matter_where_remainders_differ(amounts: dict[int, int], random: Random) -> None:
    values = [EXACT.add(Decimal(whole), Decimal(part).scaleb(-6)) for part, whole in amounts.items()]
    mixed = list(values)
    random.shuffle(mixed)
    assert sorted(zip(mixed, apportion(mixed, 0), strict=True)) == sorted(
        zip(values, apportion(values, 0), strict=True)
    )


@given(AMOUNTS, AMOUNTS, PLACES)
def test_the_headline_of_a_total_is_the_nearest_and_the_rest_is_what_remains(
    part: Decimal, rest: Decimal, places: int
) -> None:
    first, second = split(part, rest, places)
    assert EXACT.add(first, second) == nearest(EXACT.add(part, rest), places)
    assert abs(EXACT.subtract(first, part)) * 2 <= Decimal(1).scaleb(-places)
    assert is_neighbour(second, rest, places)


@pytest.mark.parametrize(
    ("part", "rest", "expected"),
    [
        ("0.4", "0.2", ("0", "1")),  # 0.6 is 1; the headline is nearest to 0
        ("0.6", "0.6", ("1", "0")),
        # both halves: 1.5 is 2 and 0.5 would be 0, which left 2 for exactly 1
        ("0.5", "1", ("1", "1")),
        ("2.5", "1", ("3", "1")),
        ("-0.5", "1", ("-1", "1")),
    ],
)
def test_halves_are_rounded_the_same_way_in_the_total_and_in_its_headline(
    part: str, rest: str, expected: tuple[str, str]
) -> None:
    assert [str(found) for found in split(Decimal(part), Decimal(rest), 0)] == list(expected)


def test_a_split_that_cannot_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be rounded to add up to"):
        split(Decimal("0.1"), Decimal("0.1"), 0, Decimal(3))


def test_levels_are_apportioned_from_the_total_down() -> None:
    # 0.4 + 0.4 | 0.4 + 0.4 = 1.6 -> 2; 0.8 | 0.8 -> 1 | 1; in each the first of two equal remainders
    keys = [("acme", "chat"), ("beta", "chat"), ("acme", "search"), ("beta", "search")]
    assert apportion_nested(keys, decimals("0.4", "0.4", "0.4", "0.4"), 0, Decimal(2)) == [1, 1, 0, 0]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), AMOUNTS), max_size=12), PLACES)
def test_every_subtotal_of_a_nested_table_is_its_exact_value_rounded_down_or_up(
    rows: list[tuple[str, str, Decimal]], places: int
) -> None:
    keys, values = [row[:2] for row in rows], [row[2] for row in rows]
    parts = apportion_nested(keys, values, places, exact_sum(values))
    assert exact_sum(parts) == nearest(exact_sum(values), places)
    for depth in (1, 2):
        for prefix in {key[:depth] for key in keys}:
            found = exact_sum([part for key, part in zip(keys, parts, strict=True) if key[:depth] == prefix])
            exact = exact_sum([value for key, value in zip(keys, values, strict=True) if key[:depth] == prefix])
            assert is_neighbour(found, exact, places)
