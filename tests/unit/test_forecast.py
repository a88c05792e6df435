"""The forecast's arithmetic by hand, that it never looks ahead, and that its intervals hold about what they claim."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.economics import forecast as model
from pipelines.economics.forecast import METHODS, Miss, Span
from pipelines.forecast import ForecastError, Outlook, forecast, unbroken_end
from warehouse.rows import Period, ResultDay

MONDAY = date(2026, 9, 7)
WEEKDAYS = np.array([5.0, 4, 3, 2, 1, 0, 0])
NEXT = Span(0, 7)


def weeks(*totals: float, profile: np.ndarray = WEEKDAYS / 15) -> np.ndarray:
    return np.concatenate([total * profile for total in totals])


def results(histories: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[ResultDay]:
    """Tenant -> revenue and cost by day from a Monday on; all cost is inference."""
    return [
        ResultDay(tenant, MONDAY + timedelta(days=n), *(Decimal(repr(float(x))) for x in (r, c, c)), 0)
        for tenant, (revenue, cost) in histories.items()
        for n, (r, c) in enumerate(zip(revenue, cost, strict=True))
    ]


def outlook(histories: dict[str, tuple[np.ndarray, np.ndarray]], ahead: int = 2, plan: str | None = None) -> Outlook:
    days = max(len(revenue) for revenue, _ in histories.values())
    period = Period(MONDAY, MONDAY + timedelta(days=days))
    return forecast(results(histories), period, ahead, plan_usd=None if plan is None else Decimal(plan))


@pytest.mark.parametrize("name", METHODS)
def test_what_never_changes_goes_on(name: str) -> None:
    assert METHODS[name](np.full(35, 3.0), 10) == pytest.approx(np.full(10, 3.0))
    assert METHODS[name](weeks(15, 15, 15, 15), 14) == pytest.approx(np.tile(WEEKDAYS, 2))
    assert METHODS[name](np.zeros(28), 7) == pytest.approx(np.zeros(7))


def test_a_weekday_pattern_is_exact_in_every_figure() -> None:
    found = outlook({"a": (2 * weeks(*[15] * 10), weeks(*[15] * 10))})
    for line in found.weeks:
        told = {name: amount.value for name, amount in line.amounts.items()}
        assert told == {"revenue": 30, "cogs": 15, "inference_cost": 15, "gross_profit": 15}
    assert found.together.amounts["cogs"].value == 30
    # 10 weeks: the first origin after 3, the last with a week to come after 9.
    cost = found.weeks[0].amounts["cogs"]
    assert (cost.low, cost.high, cost.level, cost.origins) == (15, 15, Decimal("0.75"), 7)
    for test in found.backtests:
        for score in test.scores:
            assert score.wape == 0 and score.covered == score.with_interval
    # Ten weeks from 7 September are up to 15 November.
    month = found.month_end
    assert month is not None and (month.month, month.days_left, month.is_whole) == (date(2026, 11, 1), 15, True)
    # 1 November is a Sunday (0), then two weeks; to come two weeks and a Monday.
    assert (month.so_far_usd, month.outlook.value) == (30, 30 + 35)


def test_the_median_week_forgets_one_odd_week_and_the_last_week_does_not() -> None:
    history = weeks(100, 100, 100, 900)
    assert model.weekday_median(history, 7).sum() == pytest.approx(100)
    assert model.seasonal_naive(history, 7).sum() == pytest.approx(900)


def test_a_trend_goes_on_and_fades() -> None:
    """Ten more every week: 9, then 8.1, then 7.29 more; one odd week does not turn the line."""
    ahead = model.damped_trend(weeks(100, 110, 120, 130), 21).reshape(3, 7).sum(axis=1)
    assert ahead == pytest.approx([139, 147.1, 154.39])
    odd = model.damped_trend(weeks(100, 110, 120, 130, 500, 150, 160), 7).sum()
    assert odd == pytest.approx(169)
    falling = model.damped_trend(weeks(40, 30, 20, 10), 28)
    assert falling[-7:].sum() == 0, "a cost does not fall below nothing"
    # Of equal slopes of 10 the week ahead is 9 more; the others stay behind by 10 and more.
    found = outlook({"a": (weeks(*range(100, 200, 10)), weeks(*range(100, 200, 10)))}, 1)
    assert found.backtests[0].method == "damped_trend"
    assert found.weeks[0].amounts["revenue"].value == Decimal("199.00")


def test_errors_by_hand() -> None:
    """Weeks of 10, 10, 10, 20, 10: last week again says 10 for 20 and 20 for 10, the median 10 for both."""
    history = weeks(10, 10, 10, 20, 10)
    naive = model.misses(history, model.seasonal_naive, [NEXT])
    assert [(m.origin, round(m.forecast, 9), round(m.actual, 9)) for m in naive] == [(3, 10, 20), (4, 20, 10)]
    assert [round(m.scale, 9) for m in naive] == [10, 12.5]
    assert model.wape(naive) == Decimal("0.6667")  # 20 ÷ 30
    name, errors = model.chosen([history], [NEXT])
    assert (name, errors["weekday_median"]) == ("weekday_median", Decimal("0.3333"))
    assert model.wape([]) is None
    assert model.chosen([np.zeros(70)], [NEXT])[0] == "seasonal_naive", "nothing to choose by"


def miss(relative: float, origin: int = 3) -> Miss:
    return Miss(origin, NEXT, 100, 100 + 100 * relative, 100)


def test_an_interval_is_made_of_order_statistics() -> None:
    """Four misses: the outermost leave out one in five each. Nineteen: the second from each end leave out one in ten."""
    four = [miss(r) for r in (-0.2, 0.1, 0.3, -0.1)]
    found = model.range_of(50, 200, four, is_floored=True)
    assert found == model.Range(Decimal("0.6"), pytest.approx(10), pytest.approx(110), 4)
    many = [miss(n / 10) for n in range(-9, 10)]
    found = model.range_of(50, 10, many, is_floored=False)
    assert found == model.Range(Decimal("0.8"), pytest.approx(42), pytest.approx(58), 19)
    assert model.range_of(50, 200, four[:3], is_floored=True) is None
    assert model.range_of(50, 0, four, is_floored=True) is None
    deep = model.range_of(5, 200, four, is_floored=True)
    assert deep is not None and deep.low == 0
    one_sided = model.range_of(50, 100, [miss(r) for r in (0.1, 0.2, 0.3, 0.4)], is_floored=True)
    assert one_sided is not None and one_sided.low == 50


def test_the_loss_of_an_interval_by_hand() -> None:
    """Origins 3 to 7 were right within 10; the eighth, of 130, is 20 beyond the upper end of 110: quantile 0.8333."""
    found = [miss(r, origin) for origin, r in zip(range(3, 8), (-0.1, 0.1, 0, 0, 0), strict=True)] + [miss(0.3, 8)]
    # Interval of origin 7 from those of 3 to 6 (60%: quantiles 0.2, 0.8), of origin 8 from five (66.67%).
    scored = model.score(NEXT, found, found, is_floored=True)
    assert (scored.origins, scored.covered, scored.with_interval) == (6, 1, 2)
    assert scored.nominal == Decimal("0.6333")  # of 0.6 and 0.6667
    seventh = (0.2 * 10 + 0.2 * 10) / 2
    eighth = (0.16665 * 40 + 0.83335 * 20) / 2
    assert scored.pinball == Decimal(f"{(seventh + eighth) / 2 / 100:.4f}")
    ends = scored.coverage
    assert ends is not None and ends == pytest.approx((0.0945, 0.9055), abs=1e-4)  # Wilson of 1 in 2


def test_an_interval_is_judged_by_what_was_known_then() -> None:
    """Three weeks ahead: at origin 8 only the misses of origins 3, 4, 5 were known, too few."""
    ahead = Span(14, 21)
    found = [Miss(origin, ahead, 100, 100, 100) for origin in range(3, 9)]
    assert model.score(ahead, found, found, is_floored=True).with_interval == 0
    assert model.score(ahead, [*found, Miss(9, ahead, 100, 100, 100)], found, is_floored=True).with_interval == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e6), min_size=42, max_size=42),
    st.lists(st.floats(0, 1e6), min_size=42, max_size=42),
    st.integers(3, 5),
    st.sampled_from(sorted(METHODS)),
)
def test_a_backtest_never_looks_ahead(past: list[float], other: list[float], origin: int, name: str) -> None:
    """Whatever comes after an origin, what is forecast there is the same."""
    spans = [NEXT, Span(7, 14)]
    one = np.array(past)
    changed = np.concatenate([one[: origin * 7], np.array(other)[origin * 7 :]])
    made = [
        {(m.origin, m.span): (m.forecast, m.scale) for m in model.misses(h, METHODS[name], spans) if m.origin <= origin}
        for h in (one, changed)
    ]
    assert made[0] == made[1] and (origin, NEXT) in made[0]


def test_a_tenant_that_begins_and_one_that_leaves() -> None:
    none, some = np.zeros(7), weeks(7)
    histories = {
        "steady": np.concatenate([some] * 10),
        "begun": np.concatenate([none] * 6 + [some] * 4),
        "new": np.concatenate([none] * 8 + [some] * 2),
        "gone": np.concatenate([some] * 6 + [none] * 4),
        "leaving": np.concatenate([some] * 9 + [none]),
        "silent": np.concatenate([none] * 10),
    }
    found = outlook({name: (history, history) for name, history in histories.items()})
    by_name = {line.tenant_id: line for line in found.tenants}
    assert set(by_name) == {"steady", "begun", "leaving"}
    assert (found.too_new, found.gone) == (("new",), ("gone",))
    assert by_name["begun"].weeks == 4, "what was before its first week does not count"
    assert by_name["begun"].amounts["cogs"].value == by_name["steady"].amounts["cogs"].value == 14
    assert not by_name["begun"].amounts["cogs"].has_interval
    assert by_name["begun"].amounts["cogs"].origins == 0


def test_too_little_history_is_said() -> None:
    two = weeks(7, 7)
    with pytest.raises(ForecastError, match="3 complete weeks of revenue or cost; there are 2"):
        outlook({"a": (two, two)})
    late = np.concatenate([np.zeros(35), two])
    with pytest.raises(ForecastError, match="there are 2"):
        outlook({"a": (late, late)})
    with pytest.raises(ForecastError, match="there are 0"):
        outlook({"a": (np.zeros(70), np.zeros(70))})
    three = outlook({"a": (weeks(7, 7, 7), weeks(7, 7, 7))})
    assert three.weeks[0].amounts["cogs"].value == 7 and not three.weeks[0].amounts["cogs"].has_interval
    assert [score.wape for test in three.backtests for score in test.scores] == [None] * 8


def test_a_week_without_requests_ends_the_history() -> None:
    first = [MONDAY + timedelta(weeks=n) for n in (0, 1, 3, 4, 5)]
    assert unbroken_end(first) == first[2:]
    assert unbroken_end(first[:2]) == first[:2]


def test_no_cost_at_all_is_no_cost_and_has_no_interval() -> None:
    found = outlook({"a": (weeks(*[70] * 10), np.zeros(70))}, plan="1")
    amounts = found.weeks[0].amounts
    assert (amounts["cogs"].value, amounts["cogs"].has_interval) == (0, False)
    assert (amounts["gross_profit"].value, amounts["gross_profit"].low) == (70, 70)
    assert found.month_end is not None and found.month_end.is_met is True


def test_the_plan_is_met_up_to_the_plan() -> None:
    run = (weeks(*[15] * 10), weeks(*[15] * 10))
    for plan, is_met in (("65", True), ("64.99", False)):
        found = outlook({"a": run}, plan=plan)
        assert found.month_end is not None and found.month_end.is_met is is_met


def test_cents_are_half_even() -> None:
    assert [model.cents(value) for value in (0.125, 0.135, -0.001, 2.0)] == [
        *(Decimal(text) for text in ("0.12", "0.14", "0.00", "2.00"))
    ]


def test_intervals_hold_about_what_they_claim() -> None:
    """Weeks of 700 with noise of 10% that is independent: at 23 weeks 20 origins, 80.95% claimed for the week after."""
    generator = np.random.default_rng(20261122)
    held, claimed, rounds = 0, Decimal(0), 400
    for _ in range(rounds):
        totals = 700 * (1 + 0.1 * generator.standard_normal(24))
        history, actual = weeks(*totals[:-1]), totals[-1]
        ahead = float(model.weekday_median(history, 7).sum())
        found = model.misses(history, model.weekday_median, [NEXT])
        made = model.range_of(ahead, model.usual_day(history) * 7, found, is_floored=True)
        assert made is not None
        held += made.low <= actual <= made.high
        claimed += made.level
    assert claimed / rounds == Decimal("0.8095")  # 1 − 2·2 ÷ 21
    # Four standard errors of a share of 400.
    assert abs(held / rounds - 0.8095) < 0.08
