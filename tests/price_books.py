"""Small price books for tests: a few providers of the catalogue, with the company's file as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path

from pipelines.economics.pricing import PriceSlice
from pipelines.pricebook.book import PriceBook, build_price_book
from pipelines.pricebook.company import CompanyPrices
from pipelines.pricebook.company_file import read_company_prices
from pipelines.pricebook.litellm import LiteLLMPrices
from pipelines.pricebook.published import Catalogue, installed_catalogue
from pipelines.pricebook.slices import price_slices

PROVIDERS = ("anthropic", "azure", "deepseek", "google", "openai", "x-ai")


@cache
def catalogue(*models: str) -> Catalogue:
    """The installed catalogue with only these models of six providers; the other providers have none."""
    installed = installed_catalogue()
    kept = [
        replace(p, models=[model for model in p.models if p.id in PROVIDERS and model.id in models])
        for p in installed.providers
    ]
    return Catalogue(tuple(kept), installed.version, "-".join(models))


def company(text: str, folder: Path) -> CompanyPrices:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return read_company_prices(path)


class SmallBook:
    """A book of some models, and its slices by logged name."""

    def __init__(self, text: str, folder: Path, models: Iterable[str], litellm: LiteLLMPrices | None = None) -> None:
        self.book: PriceBook = build_price_book(catalogue(*models), litellm=litellm, company=company(text, folder))
        self._slices = price_slices(self.book.slices)

    def slices(self, provider: str, model: str) -> tuple[PriceSlice, ...]:
        alias = self.book.names.resolve(provider, model)
        assert alias is not None, f"{provider} {model} means nothing"
        return self._slices[alias.price_provider, alias.price_model]
