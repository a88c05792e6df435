"""A catalogue written to JSON and read back gives the same prices under the same names."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.pricebook.aliases import CatalogueNames, installed_names
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.catalogue import price_cells
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.published import Catalogue, installed_catalogue, read_catalogue, write_catalogue
from tests.price_books import catalogue

PUBLISHED = """[{"id": "acme", "name": "Acme", "api_pattern": "https://api\\\\.acme", "pricing_urls": ["https://acme/p"],
"extractors": [{"root": "usage", "mappings": [], "api_flavor": "default", "model_path": "model"}],
"models": [{"id": "acme-1", "match": {"or": [{"equals": "acme-1"}, {"starts_with": "acme-1-"}]}, "prices": [
 {"prices": {"input_mtok": {"base": 0.1, "tiers": [{"start": 200000, "price": 0.2}]}, "output_mtok": 0.18000000000000002}},
 {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 0.05, "output_mtok": 3}}],
 "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.025}}]},
 {"id": "acme-off", "match": {"equals": "acme-off"}, "prices": [{"prices": {"input_mtok": 1}},
  {"constraint": {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, "prices": {"input_mtok": 0.5}}]}]}]"""


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    path = tmp_path_factory.mktemp("pinned") / "catalogue.json"
    write_catalogue(installed_catalogue(), path)
    return read_catalogue(path, installed_catalogue().version)


def test_a_pinned_catalogue_has_every_price_of_the_installed_one(pinned: Catalogue) -> None:
    assert pinned.sha == installed_catalogue().sha
    assert list(price_cells(pinned.providers)) == list(price_cells(installed_catalogue().providers))


def test_a_pinned_catalogue_knows_every_name_of_the_installed_one(pinned: Catalogue) -> None:
    names = CatalogueNames(pinned)
    logged = [(p.id, model.id + suffix) for p in pinned.providers for model in p.models for suffix in ("", "-acme")]
    logged += [("bedrock", "us.amazon.nova-pro-v1:0"), ("", "claude-haiku-4-5"), ("azure", "gpt-4o-2024-08-06")]
    assert [pair for pair in logged if names.resolve(*pair) != installed_names().resolve(*pair)] == []


def test_a_book_keeps_its_id_when_its_catalogue_is_read_back_under_another_name(tmp_path: Path) -> None:
    small = catalogue("gpt-4o", "claude-haiku-4-5")
    write_catalogue(small, tmp_path / "c.json")
    again = read_catalogue(tmp_path / "c.json")
    assert again.version == f"sha-{again.sha[:12]}"
    assert build_price_book(again).price_book_id == build_price_book(small).price_book_id


def test_the_file_that_genai_prices_publishes_is_read_with_all_its_digits(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text(PUBLISHED, encoding="utf-8")
    cells = list(price_cells(read_catalogue(tmp_path / "data.json").providers))
    standard = [cell for cell in cells if cell.model == "acme-1" and cell.context == "standard"]
    shown = [(str(c.valid_from), c.tier_lo, {name: price for name, price, _ in c.prices}) for c in standard]
    assert shown == [
        ("1970-01-01", 0, {"input": Decimal("0.1"), "output": Decimal("0.18000000000000002")}),
        ("1970-01-01", 200_001, {"input": Decimal("0.2"), "output": Decimal("0.18000000000000002")}),
        ("2026-03-13", 0, {"input": Decimal("0.05"), "output": Decimal(3)}),
    ]
    batch = [cell for cell in cells if cell.model == "acme-1" and cell.context == "batch"]
    assert {price for cell in batch for name, price, _ in cell.prices if name == "input"} == {Decimal("0.025")}
    windows = [(c.tod_from_s, c.tod_to_s) for c in cells if c.model == "acme-off" and c.context == "standard"]
    assert windows == [(0, 1_800), (1_800, 59_400), (59_400, 86_400)]


def test_one_catalogue_is_written_as_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text(PUBLISHED, encoding="utf-8")
    read = read_catalogue(tmp_path / "data.json")
    write_catalogue(read, tmp_path / "a.json")
    write_catalogue(read_catalogue(tmp_path / "a.json"), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "extractors" not in json.loads((tmp_path / "a.json").read_text())[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not json", r"cannot be read as JSON"),
        ("{}", r"not a list of providers"),
        ('[{"id": "a"}]', r"0\.name: "),
        (PUBLISHED.replace("0.05", '"dear"'), r"acme acme-1: input_mtok = 'dear' is no price"),
        (PUBLISHED.replace('"input_mtok": 0.05', '"input_lightyear": 0.05'), r"'input_lightyear' is unknown to genai"),
        (PUBLISHED.replace('"models": [{"id": "acme-1"', '"fallback_model_providers": ["gone"], "models": [{"id": "acme-1"'),
         r"acme sells models of gone, which is not in the file"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "data.json").write_text(text, encoding="utf-8")
    with pytest.raises(PriceBookError, match=rf"data\.json: (?s:.*){problem}") as refused:
        read_catalogue(tmp_path / "data.json")
    assert all("data.json: " in line for line in refused.value.problems)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PriceBookError, match=r"gone\.json: cannot be read"):
        read_catalogue(tmp_path / "gone.json")
