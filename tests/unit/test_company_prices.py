"""The company's own prices: what the file may say, what it does to a book, and every refusal with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.economics.pricing import PricedRequest, Usage, price_request
from pipelines.pricebook.book import build_price_book, load_price_book, write_price_book
from pipelines.pricebook.company_file import read_company_prices
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.patterns import patterns_meet
from pipelines.settings import Pricing, load_settings
from tests.price_books import SmallBook, catalogue, company

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)
CALL = Usage(input_tokens=1_000, output_tokens=100)
MODELS = ("gpt-4o", "claude-haiku-4-5", "gemini-2.5-pro")


def override(**values: Any) -> str:
    return _table("override", {"provider": "openai", "model": "gpt-4o", **values})


def discount(**values: Any) -> str:
    return _table("discount", {"provider": "openai", "model": "gpt-4o", **values})


def drawdown(**values: Any) -> str:
    stated = {"id": "d", "kind": "allowance", "measure": "requests", "free": 5, "from": date(2026, 1, 1)}
    return _table("drawdown", {k: v for k, v in (stated | values).items() if v is not None})


def pool(**values: Any) -> str:
    stated = {
        "id": "p", "models": ["llama-*"], "gpu_hourly_usd": "2", "gpus": 1, "prefill_tokens_per_s": 1000,
        "decode_tokens_per_s": 100, "utilisation": "0.5",
    }  # fmt: skip
    return _table("gpu_pool", stated | values)


def alias(**values: Any) -> str:
    return _table("alias", {"provider": "openai", "model": "ours", "means": "openai/gpt-4o", **values})


def _table(name: str, values: dict[str, Any]) -> str:
    return f"[[{name}]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in values.items()) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float | date) else repr(value).replace("'", '"')


def priced(text: str, folder: Path, model: str = "gpt-4o", provider: str = "openai", **facts: Any) -> PricedRequest:
    usage = facts.pop("usage", CALL)
    slices = SmallBook(text, folder, MODELS).slices(provider, model)
    started_at: datetime = facts.pop("started_at", NOON)
    return price_request(usage, slices, started_at=started_at, **facts)


# GPT-4o: 2.50 in, 1.25 read, 10 out; batch 1.25 in, 5 out since 2026-10-14; priority 4.25 in, 17 out.


def test_an_override_replaces_just_the_components_it_names(tmp_path: Path) -> None:
    request = priced(override(input="2"), tmp_path)
    assert request.components_pico_usd == {"input": 1_000 * 2_000_000, "output": 100 * 10_000_000}
    assert request.price_source == "override+genai-prices"
    whole = priced(override(input=2, output=8, cache_read=1, web_search=10), tmp_path)
    assert (whole.cost_pico_usd, whole.price_source) == (1_000 * 2_000_000 + 100 * 8_000_000, "override+genai-prices")


def test_an_override_of_one_context_leaves_the_others(tmp_path: Path) -> None:
    text = override(input="1", context="batch")
    assert priced(text, tmp_path, is_batch=True).cost_pico_usd == 1_000 * 1_000_000 + 100 * 5_000_000
    assert priced(text, tmp_path).cost_pico_usd == 1_000 * 2_500_000 + 100 * 10_000_000
    assert priced(text, tmp_path, service_tier="priority").cost_pico_usd == 1_000 * 4_250_000 + 100 * 17_000_000


def test_a_context_without_a_price_borrows_the_overridden_standard_one(tmp_path: Path) -> None:
    request = priced(override(input="1"), tmp_path, service_tier="flex")
    assert (request.status, request.reason) == ("partial", "no_price_for_context:flex")
    assert request.cost_pico_usd == 1_000 * 1_000_000 + 100 * 10_000_000


@pytest.mark.parametrize(
    ("instant", "price"),
    [
        (datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC), 2_500_000),
        (datetime(2026, 11, 1, tzinfo=UTC), 1_000_000),
        (datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC), 1_000_000),
        (datetime(2026, 12, 1, tzinfo=UTC), 2_500_000),
    ],
)
def test_a_price_holds_from_its_first_day_to_the_day_before_its_end(
    tmp_path: Path, instant: datetime, price: int
) -> None:
    text = override(input=1, **{"from": date(2026, 11, 1), "to": date(2026, 12, 1)})
    assert priced(text, tmp_path, started_at=instant, usage=Usage(input_tokens=10)).cost_pico_usd == 10 * price


@pytest.mark.parametrize(
    ("instant", "price"),
    [
        (datetime(2026, 11, 14, 21, 59, 59, tzinfo=UTC), 2_500_000),
        (datetime(2026, 11, 14, 22, 0, tzinfo=UTC), 1_000_000),
        (datetime(2026, 11, 15, 5, 59, 59, tzinfo=UTC), 1_000_000),
        (datetime(2026, 11, 15, 6, 0, tzinfo=UTC), 2_500_000),
        (datetime(2026, 11, 16, 0, 0, tzinfo=UTC), 2_500_000),  # Monday morning is not the weekend's night
        (datetime(2026, 11, 14, 0, 0, tzinfo=UTC), 1_000_000),  # Saturday's own early morning is
    ],
)
def test_a_window_past_midnight_counts_by_the_weekday_of_the_request(
    tmp_path: Path, instant: datetime, price: int
) -> None:
    text = override(input=1, weekdays=["sat", "sun"], from_time="22:00", to_time="06:00")
    assert priced(text, tmp_path, started_at=instant, usage=Usage(input_tokens=10)).cost_pico_usd == 10 * price


def test_an_override_of_a_version_prices_just_that_name(tmp_path: Path) -> None:
    book = SmallBook(override(model="gpt-4o-2024-08-06", input="1"), tmp_path, MODELS)
    usage = Usage(input_tokens=10)
    assert price_request(usage, book.slices("openai", "gpt-4o-2024-08-06"), started_at=NOON).cost_pico_usd == 10_000_000
    assert price_request(usage, book.slices("openai", "gpt-4o"), started_at=NOON).cost_pico_usd == 25_000_000
    assert book.book.warnings == ()


def test_a_model_that_nobody_knows_begins_to_exist_and_is_told(tmp_path: Path) -> None:
    book = SmallBook(override(model="gpt-4oo", input="1", **{"from": date(2026, 11, 1)}), tmp_path, MODELS)
    usage = Usage(input_tokens=10)
    assert price_request(usage, book.slices("openai", "GPT-4oo"), started_at=NOON).price_source == "override"
    before = price_request(usage, book.slices("openai", "gpt-4oo"), started_at=datetime(2026, 10, 31, tzinfo=UTC))
    assert (before.status, before.reason) == ("unpriced", "no_price:input")
    assert book.book.warnings == (
        "override openai gpt-4oo: a new model; no price source knows it. Nearest known: openai/gpt-4o",
    )


def test_discounts_follow_each_other_in_order_and_leave_the_list_price_alone(tmp_path: Path) -> None:
    text = (
        discount(model="gpt-*", multiplier="0.8", order=1)
        + discount(component=["output"], uplift="1.25", order=2)
        + discount(cache_read="1", order=3)
    )
    usage = Usage(input_tokens=1_000, cache_read_input_tokens=400, output_tokens=100)
    request = priced(text, tmp_path, usage=usage)
    # 600 x 2.50 x 0.8 = 1,200; 400 x 1 stated; 100 x 10 x 0.8 x 1.25 = 1,000 millionths.
    assert request.components_pico_usd == {"input": 1_200_000_000, "cache_read": 400_000_000, "output": 1_000_000_000}
    assert request.list_cost_pico_usd == 600 * 2_500_000 + 400 * 1_250_000 + 100 * 10_000_000


def test_an_earlier_stated_price_is_discounted_by_a_later_one(tmp_path: Path) -> None:
    text = discount(input="2", order=1) + discount(multiplier="0.5", order=2)
    # 1,000 x 2 x 0.5 + 100 x 10 x 0.5.
    assert priced(text, tmp_path).cost_pico_usd == 1_000_000_000 + 500_000_000


def test_a_discount_on_a_component_reaches_what_falls_back_on_it(tmp_path: Path) -> None:
    usage = Usage(input_tokens=100, cache_creation_input_tokens=100, output_tokens=10, reasoning_output_tokens=10)
    on_input = priced(discount(component="input", multiplier="0.5"), tmp_path, usage=usage)
    assert on_input.components_pico_usd == {"cache_write_5m": 125_000_000, "reasoning": 100_000_000}
    on_reasoning = priced(discount(component="reasoning", multiplier="0.5"), tmp_path, usage=usage)
    assert on_reasoning.components_pico_usd == {"cache_write_5m": 250_000_000, "reasoning": 50_000_000}
    assert on_reasoning.fallbacks == ("cache_write_5m<-input", "reasoning<-output")


def test_a_discount_of_one_context_is_not_that_of_another(tmp_path: Path) -> None:
    text = discount(context="batch", multiplier="0.9")
    assert priced(text, tmp_path, is_batch=True).cost_pico_usd == (1_000 * 1_250_000 + 100 * 5_000_000) * 9 // 10
    assert priced(text, tmp_path).cost_pico_usd == 1_000 * 2_500_000 + 100 * 10_000_000


def test_a_contract_in_another_currency_needs_its_rate_and_the_list_price_does_not(tmp_path: Path) -> None:
    text = discount(currency="EUR", input=2, output=8, cache_read=1, web_search=9)
    request = priced(text, tmp_path)
    assert (request.status, request.reason, request.price_source) == ("unpriced", "no_fx_rate:EUR", "genai-prices")
    request = priced(text, tmp_path, usd_rates={"EUR": Decimal("1.1")})
    # 1,000 x 2 + 100 x 8 = 2,800 millionths of a euro at 1.1.
    assert (request.cost_pico_usd, request.list_cost_pico_usd) == (3_080_000_000, 3_500_000_000)


def test_an_azure_deployment_means_the_model_behind_it(tmp_path: Path) -> None:
    book = SmallBook('[azure_deployments]\n"My-GPT4" = "gpt-4o"', tmp_path, MODELS)
    for provider, model in (("azure", "my-gpt4"), ("azure_ai", "azure_ai/MY-gpt4"), ("azure.ai.openai", "my-gpt4")):
        found = book.book.names.resolve(provider, model)
        assert found is not None
        assert (found.price_provider, found.price_model, found.rule) == ("azure", "openai/gpt-4o", "azure_deployment")
    assert book.book.names.resolve("openai", "my-gpt4") is None


def test_an_alias_wins_on_its_days_and_leaves_the_others_to_the_catalogue(tmp_path: Path) -> None:
    text = alias(
        model="gpt-4o", means="anthropic/claude-haiku-4-5", **{"from": date(2026, 11, 1), "to": date(2026, 12, 1)}
    )
    rows = SmallBook(text, tmp_path, MODELS).book.names.table([("openai", "gpt-4o")]).to_pylist()
    assert [(row["price_model"], str(row["valid_from"]), str(row["valid_to"])) for row in rows] == [
        ("gpt-4o", "1970-01-01", "2026-11-01"),
        ("claude-haiku-4-5", "2026-11-01", "2026-12-01"),
        ("gpt-4o", "2026-12-01", "9999-12-31"),
    ]


def test_two_tables_of_one_pool_give_it_two_prices_and_two_daily_bills(tmp_path: Path) -> None:
    text = pool(to=date(2026, 11, 9)) + pool(gpu_hourly_usd="4", **{"from": date(2026, 11, 9)})
    # 2 / (3600 x 1,000 x 0.5) = 10/9 millionths of a dollar for a token of input, later twice that.
    usage = Usage(input_tokens=9)
    before = priced(
        text, tmp_path, "llama-3", "vllm", usage=usage, started_at=datetime(2026, 11, 8, 23, 59, 59, tzinfo=UTC)
    )
    after = priced(text, tmp_path, "llama-3", "vllm", usage=usage, started_at=datetime(2026, 11, 9, tzinfo=UTC))
    assert (before.cost_pico_usd, after.cost_pico_usd) == (10_000_000, 20_000_000)
    table = build_price_book(catalogue(*MODELS), company=company(text, tmp_path)).capacity.to_pylist()
    assert [row["paid_pico_per_day"] for row in table] == [48 * 10**12, 96 * 10**12]


def test_a_book_with_company_prices_survives_the_disk(tmp_path: Path) -> None:
    text = override(input=1) + discount(multiplier="0.9") + drawdown() + pool() + alias()
    book = build_price_book(catalogue(*MODELS), company=company(text, tmp_path))
    write_price_book(book, tmp_path / "book")
    loaded = load_price_book(tmp_path / "book", book.names)
    assert all(table.equals(book.tables()[name]) for name, table in loaded.tables().items())
    assert [table.num_rows for name, table in loaded.tables().items() if name not in ("components", "slices")] == [
        2, 1, 2, len(set(book.drawdown_models["provider"].to_pylist())) * 2, 1,
    ]  # fmt: skip
    assert "self_hosted" not in book.drawdown_models["provider"].to_pylist()


def test_the_id_of_a_book_is_that_of_its_content(tmp_path: Path) -> None:
    def book_id(text: str) -> str:
        return build_price_book(catalogue(*MODELS), company=company(text, tmp_path)).price_book_id

    plain = build_price_book(catalogue(*MODELS)).price_book_id
    assert book_id("# nothing but a comment") == plain
    texts = [
        override(input=1),
        discount(multiplier="0.9"),
        drawdown(),
        drawdown(free=6),
        pool(),
        pool(models=["x"]),
        alias(),
    ]
    assert len({plain, *map(book_id, texts)}) == 1 + len(texts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (override(input="-1"), "override 1: input = -1: a price is not negative"),
        (override(input="nan"), "override 1: input = nan: Input should be a finite number"),
        (override(input="inf"), "override 1: input = inf: Input should be a finite number"),
        (
            override(input="4000.01"),
            "override 1: input = 4000.01: more than 4,000 per million tokens is no price of a model",
        ),
        (
            override(input="0.0000025"),
            "override 1: input = 0.0000025: looks like a price per token; write it per million tokens",
        ),
        (
            override(web_search="0.0005"),
            "override 1: web_search = 0.0005: looks like a price per search or request; write it per thousand",
        ),
        (override(input=1, thinking=2), "override 1: thinking is unknown. Known: from, to, input, cache_read,"),
        (override(input=1, context="bulk"), "override 1: context.0 = bulk: Input should be 'standard', 'batch',"),
        (override(), "override 1: names no price"),
        (override(input=0, output=1, is_free=True), "override 1: is_free = true, but not every price is 0"),
        (override(input=1, currency="euro"), "override 1: currency = euro: String should match pattern"),
        (
            override(input=1, **{"from": date(2026, 2, 1), "to": date(2026, 2, 1)}),
            "override 1: from 2026-02-01 is not before to 2026-02-01",
        ),
        (
            override(input=1) + override(input=2, **{"from": date(2026, 1, 1)}),
            "override 2: overlaps override 1 on input of openai gpt-4o",
        ),
        (
            override(input=1, weekdays=["fri", "sat"]) + override(input=2, weekdays=["sat"]),
            "override 2: overlaps override 1 on input of openai gpt-4o",
        ),
        (discount(), "discount 1: takes exactly one of multiplier (0 to 1), uplift (1 or more) and prices, not 0"),
        (
            discount(multiplier="0.9", uplift="1.1"),
            "discount 1: takes exactly one of multiplier (0 to 1), uplift (1 or more) and prices, not 2",
        ),
        (discount(multiplier="-0.1"), "discount 1: multiplier = -0.1: Input should be greater than or equal to 0"),
        (discount(multiplier="1.1"), "discount 1: multiplier = 1.1: Input should be less than or equal to 1"),
        (
            discount(multiplier="0.9", component="tokens"),
            "discount 1: component.0 = tokens: Input should be 'input', 'cache_read',",
        ),
        (discount(input=1, component="input"), "discount 1: prices name their components themselves"),
        (
            discount(multiplier="0.9") + discount(model="gpt-*", multiplier="0.8"),
            "discount 2: overlaps discount 1 on gpt-4o at the same order 0; give each its own order",
        ),
        (drawdown(free=None), "drawdown 1: kind 'allowance' needs free"),
        (drawdown(fee_usd=1), "drawdown 1: kind 'allowance' has no fee_usd"),
        (drawdown(free="1.5"), "drawdown 1: amounts of requests are whole numbers"),
        (
            drawdown(kind="commitment", free=None, measure="usd", fee_usd=1, commit_usd=2),
            'drawdown 1: a commitment has measure = "usd" and window = "term"',
        ),
        (drawdown(window="term"), "drawdown 1: a term needs both from and to"),
        (drawdown() + drawdown(), "drawdown 2: the id 'd' is that of drawdown 1"),
        (pool(utilisation="1.01"), "gpu_pool 1: utilisation = 1.01: Input should be less than or equal to 1"),
        (pool(gpus=0), "gpu_pool 1: gpus = 0: Input should be greater than 0"),
        (
            pool() + pool(id="q", models=["*-70b"]),
            "gpu_pool 2: overlaps gpu_pool 1 on models: llama-* and *-70b can be one name",
        ),
        (alias(means="gpt-4o"), "alias 1: means = gpt-4o: String should match pattern"),
        (alias() + alias(), "alias 2: overlaps alias 1 on openai ours"),
        (
            "[overide]\nx = 1",
            "unknown section 'overide'. Known: override, discount, drawdown, gpu_pool, alias, azure_deployments",
        ),
        ("[override]\ninput = 1", "override is a list of tables: write [[override]]"),
        ("[azure_deployments]\na = 1", "azure_deployments maps the name of a deployment to the name of a model"),
        ("override = ", "cannot be read as TOML"),
    ],
)
def test_what_the_file_may_not_say_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(PriceBookError) as refused:
        company(text, tmp_path)
    assert len(refused.value.problems) == 1
    assert problem in refused.value.problems[0]


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = "# mine\n" + override(input="-1", output="0.0000025", kind="x") + discount() + pool(gpus=0) + pool(gpus=1)
    with pytest.raises(PriceBookError) as refused:
        company(text, tmp_path)
    places = [problem.removeprefix(str(tmp_path)).partition(": ")[0] for problem in refused.value.problems]
    assert places == ["/prices.toml:2", "/prices.toml:9", "/prices.toml:13"]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PriceBookError, match=r"none\.toml: cannot be read"):
        read_company_prices(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            alias(means="openai/gpt-4oo"),
            "alias openai ours means openai/gpt-4oo, which no price source knows. Nearest known: openai/gpt-4o",
        ),
        (
            '[azure_deployments]\nx = "gpt-9"',
            "azure_deployments x means gpt-9, which no price source knows. Nearest known: azure/openai/gpt-4o",
        ),
        (
            override(provider="anthropic", model="claude-haiku-4-5", currency="EUR", input=1),
            "override anthropic claude-haiku-4-5 (standard, from 1970-01-01): EUR beside cache_read, "
            "cache_write_5m, cache_write_1h, output, web_search in USD; name them too",
        ),
        (
            override(model="free-1", input=0),
            "override openai free-1 (standard, from 1970-01-01): every price is 0; write is_free = true if the model is free",
        ),
        (
            discount(rerank_search=1),
            "discount openai gpt-4o (standard, from 1970-01-01): rerank_search has no list price; add an override",
        ),
        (
            discount(currency="EUR", input=1),
            "discount openai gpt-4o (standard, from 1970-01-01): prices in EUR, USD cannot stand in one contract",
        ),
        (
            drawdown(providers=["openai"]) + drawdown(id="e", models=["gpt-*"]),
            "drawdowns d and e hold at once for openai gpt-4o",
        ),
    ],
)
def test_what_does_not_fit_the_price_lists_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(PriceBookError) as refused:
        build_price_book(catalogue(*MODELS), company=company(text, tmp_path))
    assert refused.value.problems[0].startswith(problem)


def test_what_is_odd_is_told(tmp_path: Path) -> None:
    text = (
        override(input=1, to=date(2026, 1, 1))
        + override(input=2, **{"from": date(2026, 3, 1)})
        + discount(provider="acme", multiplier="0.9")
        + drawdown(providers=["acme"])
    )
    assert build_price_book(catalogue(*MODELS), company=company(text, tmp_path)).warnings == (
        f"{tmp_path}/prices.toml:7: override 2: nothing holds from 2026-01-01 to 2026-03-01, between two of one series",
        "discount acme gpt-4o: no model of the book has such a name",
        "drawdown d: no model of the book draws on it",
    )


def test_price_files_stand_beside_the_configuration_that_names_them(tmp_path: Path) -> None:
    config = tmp_path / "margincall.toml"
    config.write_text(
        '[pricing]\ncompany_prices = "prices.toml"\nlitellm_prices = "/elsewhere/l.json"', encoding="utf-8"
    )
    pricing = load_settings(config, {}).pricing
    assert (pricing.company_prices, pricing.litellm_prices) == (tmp_path / "prices.toml", Path("/elsewhere/l.json"))
    assert load_settings(config, {"MARGINCALL_PRICING__COMPANY_PRICES": "mine.toml"}).pricing.company_prices == Path(
        "mine.toml"
    )
    assert Pricing().company_prices is Pricing().litellm_prices is None


@pytest.mark.parametrize(
    ("one", "other", "meets"),
    [
        ("llama-*", "*-70b", True), ("llama-*", "mistral-*", False), ("a?c", "abc", True), ("a?c", "abbc", False),
        ("*", "x", True), ("a*", "*b*c", True), ("a[12]", "a2", True), ("abc", "abd", False), ("a**b", "ab", True),
    ],
)  # fmt: skip
def test_two_patterns_meet_where_one_name_can_match_both(one: str, other: str, meets: bool) -> None:
    assert patterns_meet(one, other) is meets
    assert patterns_meet(other, one) is meets
