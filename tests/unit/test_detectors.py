"""Every detector on small days worked out by hand: what fires, with which dollars and days, and what does not.

The company spends 100 USD a day from Monday 2026-03-02 on, for 70 days: the floor of a finding is a cent for each of its days.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from pipelines.economics.finding import Finding
from pipelines.findings.detectors.anomalies import cost_anomalies
from pipelines.findings.detectors.bills import missing_logs
from pipelines.findings.detectors.caches import cache_regressions
from pipelines.findings.detectors.company import Company, Limits
from pipelines.findings.detectors.keys import tests_on_production_keys as on_production_keys
from pipelines.findings.detectors.large_models import simple_work_on_large_models
from pipelines.findings.detectors.margins import tenants_under_water
from pipelines.findings.detectors.prices import contracts_above_list, price_changes
from pipelines.findings.detectors.prompts import prompt_growth
from pipelines.findings.detectors.retries import retry_storms
from pipelines.findings.detectors.robust import middle_mean
from pipelines.findings.detectors.shares import provider_concentration, repeated_contexts
from pipelines.findings.detectors.steps import long_context_cliffs
from pipelines.findings.detectors.unpriced import unpriced_models
from pipelines.findings.detectors.volumes import tenants_at_multiples
from warehouse.finding_rows import (
    BilledUse,
    CacheDay,
    CostDay,
    CutStreams,
    KeyDay,
    OverList,
    PriceChange,
    PromptVersion,
    ProviderSpend,
    RepeatedContext,
    RetryDay,
    SimpleWorkDay,
    SpendDay,
    StepWork,
    TaskDay,
    TenantResult,
    UnpricedUse,
)

USD = 10**12
MONDAY = date(2026, 3, 2)
DAYS = 70


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def company(limits: Limits | None = None, days: int = DAYS) -> Company:
    made = Company.of([SpendDay(day(n), 100 * USD) for n in range(days)], limits or Limits())
    assert made is not None
    return made


def told(found: list[Finding]) -> list[tuple[date, date, Decimal | None]]:
    return [(one.since, one.until, one.cost_usd) for one in found]


def retry_days(storm: dict[int, tuple[int, int]], calls: int = 40) -> list[RetryDay]:
    """One charged-for-nothing failure a day, and on some days so many failures of so many dollars."""
    rows: list[RetryDay] = []
    for n in range(DAYS):
        failed, dollars = storm.get(n, (1, 0))
        rows.append(RetryDay("acme", "review", day(n), calls, failed, dollars * USD))
    return rows


def test_a_retry_storm_costs_its_superseded_tries_and_ends_with_the_last_charged_one() -> None:
    (found,) = retry_storms(retry_days({20: (100, 5), 21: (90, 4), 22: (2, 1)}), company())
    assert told([found]) == [(day(20), day(23), Decimal(10))]
    assert (found.tenant_id, found.feature, found.requests, found.is_ongoing) == ("acme", "review", 192, False)
    assert found.remedy.weekly_saving_usd == 0


def test_few_failures_or_many_calls_are_no_storm() -> None:
    assert retry_storms(retry_days({20: (9, 5)}, calls=4), company()) == []  # nine are no ten
    assert retry_storms(retry_days({20: (40, 5)}, calls=100), company()) == []  # 0.4 of a try for each call
    assert retry_storms(retry_days({20: (100, 0)}), company()) == []  # refused and not charged


def key_day(n: int, percent: int = 98, requests: int = 10) -> KeyDay:
    return KeyDay("lab", "evals", "ci", "0123456789abcdef", day(n), requests, USD // 2, percent)


def test_tests_on_a_key_of_production_cost_what_they_cost_until_a_week_without_any() -> None:
    found = on_production_keys([key_day(n) for n in (*range(7), 30, 31)], company())
    assert told(found) == [(day(0), day(7), Decimal("3.5")), (day(30), day(32), Decimal(1))]
    assert "0123456789ab…" in found[0].summary
    assert "0123456789abc" not in found[0].summary


def test_a_key_that_tests_mostly_have_to_themselves_is_theirs() -> None:
    assert on_production_keys([key_day(n, percent=49) for n in range(7)], company()) == []
    assert on_production_keys([key_day(0, requests=9)], company()) == []


def simple_day(n: int, requests: int = 10, own: int = 100) -> SimpleWorkDay:
    return SimpleWorkDay(
        "acme", "fields", "openai", "large-1", day(n), requests, requests * USD // 10, own, 1000, 10 * USD
    )


def test_simple_work_on_a_large_model_saves_what_smaller_models_cost_less() -> None:
    (found,) = simple_work_on_large_models([simple_day(0), simple_day(13)], company())
    assert told([found]) == [(day(0), day(14), Decimal(2))]
    assert found.model == "large-1"
    # 20 calls at 0.10 against 0.01: 1.80 in two weeks
    assert found.remedy.weekly_saving_usd == Decimal("0.9")


def test_a_stray_call_of_a_large_model_is_none() -> None:
    assert simple_work_on_large_models([simple_day(0, requests=11, own=1000)], company()) == []


def version(name: str, first: int, last: int, added: int, requests: int = 40_000) -> PromptVersion:
    lengths = tuple(1000 + 10 * n + added for n in range(19))
    plain = requests * (1090 + added)
    return PromptVersion(
        "support", "/chat", name, "openai", "m", day(first), day(last), requests, lengths, plain, plain * 10**6
    )


def test_prompt_growth_is_added_tokens_at_the_price_of_plain_input() -> None:
    # 40,000 prompts, 100 tokens more each, a dollar for a million tokens
    (found,) = prompt_growth([version("v1", 0, 40, 0), version("v2", 41, 69, 100)], company())
    assert told([found]) == [(day(41), day(70), Decimal(4))]
    assert found.is_ongoing
    assert found.remedy.weekly_saving_usd == Decimal("0.9655")  # 4 USD in 29 days


def test_prompts_as_long_as_before_shorter_ones_and_a_longer_tail_are_no_growth() -> None:
    old = version("v1", 0, 40, 0)
    assert prompt_growth([old, version("v2", 41, 69, 0)], company()) == []
    assert prompt_growth([old, version("v2", 41, 69, -300)], company()) == []
    assert prompt_growth([old, version("v2", 41, 69, 50)], company()) == []  # 4.6% of the median of 1,090
    new = version("v2", 41, 69, 0)
    assert prompt_growth([old, replace(new, quantiles=(*new.quantiles[:-1], 90_000))], company()) == []
    few = [version("v1", 0, 40, 0, requests=29), version("v2", 41, 69, 100)]
    assert prompt_growth(few, company()) == []


def test_a_shift_to_a_model_with_longer_prompts_is_no_growth() -> None:
    short, long = version("v1", 0, 40, 0), replace(version("v1", 0, 40, 900), model="other")
    after = [version("v2", 41, 69, 0, requests=1000), replace(version("v2", 41, 69, 900), model="other")]
    assert prompt_growth([short, long, *after], company()) == []


def test_the_long_context_cliff_is_told_by_feature_with_what_trimming_saves() -> None:
    rows = [StepWork("docs", day(3), day(69), 10, 6 * USD), StepWork("chat", day(3), day(69), 9, 6 * USD)]
    (found,) = long_context_cliffs(rows, company())
    assert (found.feature, found.cost_usd, found.until) == ("docs", Decimal(6), day(70))


def cache_days(rates: list[int], lookups: int = 100) -> list[CacheDay]:
    """Half a dollar for each of a hundred lookups that is not answered."""
    return [
        CacheDay("search", "inference", day(n), lookups, hits, (lookups - hits) * USD // 2)
        for n, hits in enumerate(rates)
    ]


def test_a_cache_regression_costs_the_lost_hits_until_the_rate_is_back() -> None:
    # ten days: 40 of 100 wanted, 10 had: 300 lost at 0.50
    (found,) = cache_regressions(cache_days([40] * 20 + [10] * 10 + [40] * 20), company())
    assert told([found]) == [(day(20), day(30), Decimal(150))]
    (found,) = cache_regressions(cache_days([40] * 20 + [10] * 50), company())
    assert told([found]) == [(day(20), day(70), Decimal(750))]
    assert found.is_ongoing
    assert found.remedy.weekly_saving_usd == Decimal(105)


def test_a_cache_that_scatters_or_gets_better_has_not_regressed() -> None:
    assert cache_regressions(cache_days([40, 34, 46, 38, 43] * 14), company()) == []
    assert cache_regressions(cache_days([10] * 30 + [40] * 40), company()) == []
    assert cache_regressions(cache_days([40] * 30 + [37] * 40, lookups=100), company()) == []  # three points
    assert cache_regressions(cache_days([20, 60] * 35), company()) == []


def change(more: int, cost: int, since: int, until: int, last: int) -> PriceChange:
    return PriceChange(
        "docs", "mistral", "m-4", "standard", day(since), day(until), day(since), day(last), 50, cost * USD, more * USD
    )


def test_a_price_change_costs_what_the_same_tokens_did_not_cost_before() -> None:
    risen, fallen = change(5, 10, 20, 29, 28), change(-5, 5, 29, 9_999, 69)
    (found,) = price_changes([risen, fallen], company())
    assert told([found]) == [(day(20), day(29), Decimal(5))]
    assert "+100%" in found.summary
    assert found.remedy.weekly_saving_usd == 0  # the price came down again
    (found,) = price_changes([change(5, 10, 56, 9_999, 69)], company())
    assert found.remedy.weekly_saving_usd == Decimal("2.5")


def test_contracts_above_list_are_told_in_what_they_add() -> None:
    (found,) = contracts_above_list([OverList("openai", "m", day(42), day(69), 7, 10 * USD, 12 * USD)], company())
    assert (found.cost_usd, found.remedy.weekly_saving_usd) == (Decimal(2), Decimal("0.5"))


def task_days(weekday: int, weekend: int, first: int, last: int) -> list[TaskDay]:
    """Ten cents a task."""
    counts = [(n, weekend if day(n).weekday() >= 5 else weekday) for n in range(first, last)]
    return [TaskDay("acme", day(n), count, count * USD // 10) for n, count in counts if count]


def test_a_tenant_at_10x_costs_its_tasks_beyond_the_former_level() -> None:
    # two weeks: 10 x 100 + 4 x 30 = 1,120 tasks for 112 USD, of which 112 tasks were usual
    rows = task_days(10, 3, 0, 56) + task_days(100, 30, 56, 70)
    (found,) = tenants_at_multiples(rows, company())
    assert told([found]) == [(day(56), day(70), Decimal("100.8"))]
    assert (found.tenant_id, found.requests) == ("acme", 1008)


def test_growth_below_the_factor_a_busy_day_and_a_new_tenant_are_none() -> None:
    assert tenants_at_multiples(task_days(10, 3, 0, 56) + task_days(29, 9, 56, 70), company()) == []
    busy = task_days(10, 3, 0, 30) + task_days(200, 30, 30, 32) + task_days(10, 3, 32, 70)
    assert tenants_at_multiples(busy, company()) == []
    assert tenants_at_multiples(task_days(1, 0, 55, 60) + task_days(100, 30, 60, 70), company()) == []


def bill(kind: str, n: int, amount: int, logged: int, tokens: int | None = None, logged_tokens: int = 0) -> BilledUse:
    return BilledUse("anthropic", "m", kind, day(n), day(n + 1), tokens, amount * USD, logged_tokens, logged * USD, 0)


def test_what_a_bill_has_and_no_log_is_missing_by_amount_or_by_tokens() -> None:
    lines = [
        bill("input", 10, 10, 8), bill("output", 10, 5, 4),  # 3 USD past the gateway
        bill("input", 11, 10, 0, tokens=1000, logged_tokens=900),  # a tenth of 10 USD: the log's cost says nothing here
        bill("input", 12, 10, 10), bill("output", 12, 5, 5),
    ]  # fmt: skip
    (found,) = missing_logs(lines, [], company())
    assert told([found]) == [(day(10), day(12), Decimal(4))]
    assert (found.model, found.provider, found.feature) == ("m", "anthropic", None)


def test_rounding_days_outside_the_data_and_unpriced_calls_are_not_missing() -> None:
    small = BilledUse("a", "m", "input", day(10), day(11), 10_000, 10 * USD, 9_960, 0, 0)  # 0.4%
    outside = bill("input", 70, 10, 0)
    unpriced = replace(bill("input", 10, 10, 0), unpriced=3)
    assert missing_logs([small, outside, unpriced], [], company()) == []


def test_output_beyond_the_log_is_laid_on_the_features_whose_streams_were_cut() -> None:
    lines = [bill("input", 10, 10, 10), bill("output", 10, 8, 5)]
    cut = [
        CutStreams("anthropic", "m", "chat", day(10), 2, 20, 100),  # 180 tokens unseen, if they were like the others
        CutStreams("anthropic", "m", "mail", day(10), 1, 40, 100),  # 60
        CutStreams("anthropic", "other", "docs", day(10), 1, 0, 100),
    ]
    found = missing_logs(lines, cut, company())
    assert [(one.feature, one.cost_usd, one.requests) for one in found] == [
        ("chat", Decimal("2.25"), 2),
        ("mail", Decimal("0.75"), 1),
    ]


def result(tenant: str, revenue: int, inference: int, first: int = 0) -> TenantResult:
    return TenantResult(tenant, day(first), day(69), 500, revenue * USD, inference * USD, inference * USD, 0)


def test_a_tenant_under_water_costs_its_model_calls_and_loses_what_they_exceed_revenue_by() -> None:
    rows = [result("wet", 100, 120), result("dry", 100, 99), result("free", 0, 50), result("new", 1, 50, first=57)]
    (found,) = tenants_under_water(rows, company())
    assert (found.tenant_id, found.cost_usd) == ("wet", Decimal(120))
    assert "20.00 USD lost" in found.summary
    assert found.remedy.weekly_saving_usd == Decimal(2)  # 20 USD in ten weeks


def test_calls_without_a_price_have_no_dollars() -> None:
    row = UnpricedUse("search", "openai", "rerank", "unknown_model", day(0), day(69), 10, 5, 5)
    (found,) = unpriced_models([row, replace(row, model="rare", requests=9)], company())
    assert (found.model, found.cost_usd, found.remedy.weekly_saving_usd) == ("rerank", None, None)


def test_concentration_is_told_from_the_share_of_the_setting_on() -> None:
    rows = [ProviderSpend("one", 10, 80 * USD), ProviderSpend("two", 10, 20 * USD)]
    (found,) = provider_concentration(rows, company())
    assert (found.provider, found.cost_usd, found.since) == ("one", Decimal(80), day(42))
    assert provider_concentration(rows, company(Limits(provider_share=0.81))) == []


def test_repeated_context_is_told_where_it_is_most_of_the_cost() -> None:
    row = RepeatedContext("agent", day(42), day(69), 10, 100 * USD, 67 * USD, True)
    (found,) = repeated_contexts([row, replace(row, feature="chat", repeated_pico=66 * USD)], company())
    assert (found.feature, found.cost_usd) == ("agent", Decimal(67))
    assert "estimated" in found.summary


def cost_days(wild: dict[int, int], usual: int = 10) -> list[CostDay]:
    return [
        CostDay("acme", None, day(n), 5, (wild.get(n, usual + n % 3 if day(n).weekday() < 5 else 2)) * USD)
        for n in range(DAYS)
    ]


def test_a_cost_anomaly_is_what_days_cost_beyond_their_usual() -> None:
    # weekdays cost 10, 11 or 12; day 45 is a Thursday, whose six weeks before have a median of 11
    (found,) = cost_anomalies(cost_days({45: 61}), company())
    assert told([found]) == [(day(45), day(46), Decimal(50))]


def test_weekends_small_excesses_and_early_days_are_no_anomaly() -> None:
    assert cost_anomalies(cost_days({}), company()) == []
    assert cost_anomalies(cost_days({45: 20}), company()) == []  # 9 USD: under a tenth of the company's day
    assert (
        cost_anomalies(cost_days({45: 19}, usual=10), company(Limits(anomaly_share_of_spend=0.05))) == []
    )  # not twice
    assert cost_anomalies(cost_days({1: 61}), company()) == []  # nothing to compare with yet


def test_the_floor_is_a_share_of_what_the_company_spends_in_those_days() -> None:
    row = StepWork("docs", day(0), day(69), 10, 6 * USD)  # 70 days, 7,000 USD: the floor of a thousandth is 7
    assert long_context_cliffs([row], company(Limits(least_share_of_spend=Decimal("0.001")))) == []
    assert (
        len(
            long_context_cliffs(
                [replace(row, saving_pico=7 * USD)], company(Limits(least_share_of_spend=Decimal("0.001")))
            )
        )
        == 1
    )
    assert long_context_cliffs([row], company(Limits(least_usd=Decimal("6.01")))) == []


def test_a_wild_day_does_not_move_the_middle_mean() -> None:
    # Of 1, 2, 3 and 100 the middle half is 2 and 3; of three values nothing is cut off.
    assert middle_mean([100, 1, 3, 2]) == 2.5
    assert middle_mean([1, 2, 6]) == 3
    assert middle_mean([]) == 0
