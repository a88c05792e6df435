"""A catalogue as a value: the installed package's, or one read from the `data.json` that genai-prices publishes.

A written catalogue reads back as the same prices under the same names. How to extract usage from answers is left out:
nothing here asks for it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any, Final, cast

from genai_prices.data import providers as bundled_providers
from genai_prices.data_units import unit_data
from genai_prices.types import ModelPrice, Provider, TieredPrices
from pydantic import ConfigDict, TypeAdapter, ValidationError

from pipelines.pricebook.errors import PriceBookError

SOURCE: Final = "genai-prices"
SOURCE_VERSION: Final = version_of(SOURCE)
PER_OF_PRICE_KEY: Final[Mapping[str, int]] = {
    str(unit.get("price_key", usage_key)): int(unit["per"]) for usage_key, unit in unit_data.items()
}
_LEFT_OUT: Final = frozenset({"extractors"})
_NAMES: Final = {"or_": "or", "and_": "and"}
_PRICES: Final = TypeAdapter(dict[str, Decimal | TieredPrices | None])
_PROVIDERS: Final = TypeAdapter(list[Provider], config=ConfigDict(arbitrary_types_allowed=True, defer_build=True))


@dataclass(frozen=True, eq=False)
class Catalogue:
    """List prices of genai-prices: `sha` is the hash of what it says, `version` how a person calls it."""

    providers: tuple[Provider, ...]
    version: str
    sha: str


@cache
def installed_catalogue() -> Catalogue:
    """The catalogue of the installed package, never that of its self-update: a run's prices are pinned."""
    providers = tuple(bundled_providers)
    return Catalogue(providers, SOURCE_VERSION, _sha(_as_json(providers)))


def read_catalogue(path: Path, version: str | None = None) -> Catalogue:
    """Read a catalogue from JSON. Without a `version` it is called by the start of its hash.

    Raises PriceBookError naming every place that is no price, and every unit that the installed package cannot count.
    """
    try:
        raw = json.loads(path.read_bytes(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise PriceBookError([f"{path}: cannot be read as JSON: {error}"]) from None
    if not isinstance(raw, list):
        raise PriceBookError([f"{path}: not a list of providers, as the data.json of genai-prices is"])
    problems: list[str] = []
    structure = _with_prices(raw, f"{path}:", problems)
    try:
        providers = tuple(_PROVIDERS.validate_python(structure))
    except ValidationError as error:
        places = [(".".join(map(str, item["loc"])), item["msg"]) for item in error.errors()]
        problems += [f"{path}: {place}: {message}" for place, message in places]
        providers = ()
    if problems:
        raise PriceBookError(problems)
    unknown = sorted({key for provider in providers for key in _price_keys(provider)} - PER_OF_PRICE_KEY.keys())
    if unknown:
        known = ", ".join(sorted(PER_OF_PRICE_KEY))
        raise PriceBookError(
            [
                f"{path}: price key {key!r} is unknown to genai-prices {SOURCE_VERSION}. Known: {known}"
                for key in unknown
            ]
        )
    ids = {provider.id for provider in providers}
    lost = [(p.id, seller) for p in providers for seller in p.fallback_model_providers or () if seller not in ids]
    if lost:
        raise PriceBookError(
            [f"{path}: {one} sells models of {other}, which is not in the file" for one, other in lost]
        )
    sha = _sha(_as_json(providers))
    return Catalogue(providers, version or f"sha-{sha[:12]}", sha)


def write_catalogue(catalogue: Catalogue, path: Path) -> None:
    """Write a catalogue as the JSON that `read_catalogue` reads, replaced atomically; same catalogue, same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with scratch.open("wb") as file:
        file.write(_as_json(catalogue.providers))
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def _with_prices(value: Any, place: str, problems: list[str]) -> Any:
    """The same structure, every `prices` mapping turned into the catalogue's own type."""
    if isinstance(value, list):
        return [_with_prices(item, place, problems) for item in cast(list[Any], value)]
    if not isinstance(value, Mapping):
        return value
    known = {k: v for k, v in cast(Mapping[str, Any], value).items() if k not in _LEFT_OUT}
    inside = f"{place} {known['id']}" if "id" in known else place
    return {
        key: _model_price(part, inside, problems)
        if key == "prices" and isinstance(part, Mapping)
        else _with_prices(part, inside, problems)
        for key, part in known.items()
    }


def _model_price(value: Any, place: str, problems: list[str]) -> ModelPrice:
    try:
        return ModelPrice(**_PRICES.validate_python(value))
    except ValidationError as error:
        names = dict.fromkeys(str(item["loc"][0]) for item in error.errors())
        problems += [f"{place}: {name} = {cast(Mapping[str, Any], value).get(name)!r} is no price" for name in names]
        return ModelPrice()


def _price_keys(provider: Provider) -> set[str]:
    keys: set[str] = set()
    for model in provider.models:
        listed = [model.prices] if isinstance(model.prices, ModelPrice) else [p.prices for p in model.prices]
        listed += [variant.prices for variant in model.price_variants or ()]
        keys.update(key for prices in listed for key, price in vars(prices).items() if price is not None)
    return keys


def _as_json(providers: Sequence[Provider]) -> bytes:
    return json.dumps(_plain(list(providers)), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    """A catalogue's value as JSON has it: no nulls, dates as text, prices as numbers with all their digits."""
    match value:
        case ModelPrice():
            return _mapping(vars(value))
        case Mapping():
            return _mapping(cast(Mapping[str, Any], value))
        case list() | tuple():
            return [_plain(item) for item in cast(Sequence[Any], value)]
        case Decimal():
            return _number(value)
        case _ if is_dataclass(value):
            return _mapping({field.name: getattr(value, field.name) for field in fields(value)})
        case _:
            return value.isoformat() if isinstance(value, date | time) else value


def _mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    known = {k: v for k, v in values.items() if v is not None and k not in _LEFT_OUT and not k.startswith("_")}
    return {_NAMES.get(key, key): _plain(value) for key, value in known.items()}


def _number(price: Decimal) -> int | float | str:
    """A JSON number where its text is exactly this price, else the price as text."""
    if price == price.to_integral_value():
        return int(price)
    return float(price) if Decimal(repr(float(price))) == price else str(price)
