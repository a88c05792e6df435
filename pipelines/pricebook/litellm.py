"""Reads LiteLLM's `model_prices_and_context_window.json`: list prices of models that genai-prices does not know.

Defects of that file, and what is done about them:
- It holds prices of today only: they are taken for every date.
- It writes 0 where it knows nothing. A model whose every price is 0 is left out and stays unpriced, never free.
- A search costs by a context size that no log carries. A price counts where all sizes cost the same.
- Prices per image, character, page or pixel have no column here and are left out, and those per second of anything but
  audio that is transcribed.
- One model may stand under several names of one provider. Where their prices differ, none of them counts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, cast

from pipelines.economics.pricing import TIER_END
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY, Price, PriceCell, Step, collapse
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.names import PROVIDER_FAMILIES, PROVIDER_MAP, SELF_HOSTED, fold

LITELLM: Final = "litellm"
_COMPONENT_OF_KEY: Final = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "input_cost_per_request": "request",
}
_CONTEXT_OF_SUFFIX: Final = {"": "standard", "_batches": "batch", "_flex": "flex", "_priority": "priority"}
_CONTEXTS: Final = (*_CONTEXT_OF_SUFFIX.values(), "fast")
_UNITS: Final = {"audio_time": 1_000}
"""How many of our units one of theirs is: audio counts in milliseconds here and in seconds there."""
_KEY: Final = re.compile(
    rf"(?P<base>{'|'.join(sorted(_COMPONENT_OF_KEY, key=len, reverse=True))})"
    r"(?:_above_(?P<threshold>\d+)(?P<kilo>k?)_tokens)?(?P<suffix>_batches|_flex|_priority|)"
)

Prices = dict[str, Decimal]
Stated = dict[tuple[str, int], Prices]
"""Prices in USD per unit by (context, first input token of the step)."""


@dataclass(frozen=True, slots=True)
class LiteLLMModel:
    """One priced name: `provider` is the catalogue's id where it has one, `name` is without that provider's prefix."""

    key: str
    provider: str
    name: str
    steps: Mapping[str, tuple[Step, ...]]
    """Tier steps by context, of contexts with a price of their own."""


@dataclass(frozen=True, eq=False)
class LiteLLMPrices:
    """The file's usable models by (provider, name), its content's hash, and what was left out and why."""

    models: Mapping[tuple[str, str], LiteLLMModel]
    sha: str
    left_out: Mapping[str, str]


def read_litellm_prices(path: Path) -> LiteLLMPrices:
    """Read the file as LiteLLM publishes it. Raises PriceBookError listing every price that is no price."""
    try:
        content = path.read_bytes()
        raw = json.loads(content, parse_float=Decimal, parse_int=Decimal)
    except (OSError, ValueError) as error:
        raise PriceBookError([f"{path}: cannot be read as JSON: {error}"]) from None
    if not isinstance(raw, dict):
        raise PriceBookError([f"{path}: not an object of models, as LiteLLM's model_prices_and_context_window.json is"])
    problems: list[str] = []
    left_out: dict[str, str] = {}
    found: dict[tuple[str, str], LiteLLMModel] = {}
    for key, entry in cast(dict[str, Any], raw).items():
        try:
            model = _model(key, entry)
        except _LeftOut as why:
            left_out[key] = str(why)
        except ValueError as error:
            problems.append(f"{path}: {key}: {error}")
        else:
            other = found.setdefault((model.provider, model.name), model)
            if other.steps != model.steps:
                left_out[key] = left_out[other.key] = f"{other.key} and {key} are one name at two prices"
    if problems:
        raise PriceBookError(problems)
    usable = {name: model for name, model in found.items() if model.key not in left_out}
    return LiteLLMPrices(usable, hashlib.sha256(content).hexdigest(), left_out)


def litellm_cells(model: LiteLLMModel) -> Iterator[PriceCell]:
    """A model's cells in every context, for all time; a context without prices of its own borrows the standard ones."""
    for context in _CONTEXTS:
        own = context in model.steps
        for lo, hi, prices in model.steps[context if own else "standard"]:
            everywhere = (FIRST_DAY, LAST_DAY, 0, DAY_S, lo, hi)
            yield PriceCell(model.provider, model.name, context, *everywhere, own, prices, None, price_source=LITELLM)


class _LeftOut(Exception):
    """Why an entry is no price that could be used."""


def _model(key: str, entry: Any) -> LiteLLMModel:
    if key == "sample_spec" or not isinstance(entry, Mapping):
        raise _LeftOut("not a model")
    values = cast(Mapping[str, Any], entry)
    vendor = fold(str(values.get("litellm_provider") or ""))
    if not vendor:
        raise _LeftOut("names no provider")
    if vendor in SELF_HOSTED:
        raise _LeftOut("a server of one's own has no list price")
    if "*" in key:
        raise _LeftOut("a pattern, not a model")
    stated = _stated(values)
    if not any(stated.values()):
        raise _LeftOut("has no price per token, search, request or second that is transcribed")
    if not any(price for prices in stated.values() for price in prices.values()):
        raise _LeftOut("every price is 0, which may mean unknown")
    return LiteLLMModel(key, provider_id(vendor), _name(key.lower(), vendor), _steps(stated))


def provider_id(folded: str) -> str:
    """The catalogue's id of a provider as LiteLLM writes it, or that name itself."""
    family = next((known for prefix, known in PROVIDER_FAMILIES if folded.startswith(prefix)), None)
    return PROVIDER_MAP.get(folded) or family or folded


def _name(key: str, vendor: str) -> str:
    head, _, rest = key.partition("/")
    return rest if rest and provider_id(fold(head)) == provider_id(vendor) else key


def _stated(values: Mapping[str, Any]) -> Stated:
    """Every price of an entry that has a column here. Raises ValueError for one that is negative or no number."""
    stated: Stated = {("standard", 0): {}}
    for key, value in values.items():
        matched = _KEY.fullmatch(key)
        if matched is None or value is None:
            continue
        threshold = int(matched["threshold"] or 0) * (1000 if matched["kilo"] else 1)
        step = (_CONTEXT_OF_SUFFIX[matched["suffix"]], threshold + 1 if threshold else 0)
        stated.setdefault(step, {})[_COMPONENT_OF_KEY[matched["base"]]] = _price(key, value)
    for tier in cast(list[Mapping[str, Any]], values.get("tiered_pricing") or []):
        start = int(cast(list[Any], tier["range"])[0]) if "range" in tier else None
        if start is None:  # by number of results, as of a search engine
            continue
        for key, component in _COMPONENT_OF_KEY.items():
            if tier.get(key) is not None:
                stated.setdefault(("standard", start + 1 if start else 0), {})[component] = _price(key, tier[key])
    for component, price in _searches(values).items():
        stated["standard", 0][component] = price
    if values.get("mode") == "audio_transcription" and values.get("input_cost_per_second") is not None:
        stated["standard", 0]["audio_time"] = _price("input_cost_per_second", values["input_cost_per_second"])
    return stated


def _searches(values: Mapping[str, Any]) -> Prices:
    if values.get("mode") == "rerank" and values.get("input_cost_per_query") is not None:
        return {"rerank_search": _price("input_cost_per_query", values["input_cost_per_query"])}
    by_size = values.get("search_context_cost_per_query")
    sizes = cast(Mapping[str, Any], by_size).values() if isinstance(by_size, Mapping) else ()
    prices = {_price("search_context_cost_per_query", price) for price in sizes if price is not None}
    return {"web_search": prices.pop()} if len(prices) == 1 else {}


def _price(key: str, value: Any) -> Decimal:
    try:
        price = Decimal(value) if isinstance(value, str | Decimal) else None
    except InvalidOperation:
        price = None
    if price is None or not price.is_finite() or price < 0:
        raise ValueError(f"{key} = {value} is not a finite non-negative number")
    return price


def _steps(stated: Stated) -> dict[str, tuple[Step, ...]]:
    """Common steps per context. A price that a step or a context does not name is that of the nearest one that does:
    the context's own step, its lower step, the standard's same step, the standard's lower step."""
    contexts = {context for (context, _), prices in stated.items() if prices} | {"standard"}
    starts = sorted({0} | {lo for _, lo in stated})
    found: dict[str, tuple[Step, ...]] = {}
    for context in sorted(contexts):
        prices: list[tuple[Price, ...]] = []
        for start in starts:
            merged: Prices = {}
            for source in ("standard", context):
                for (name, lo), own in sorted(stated.items()):
                    if name == source and lo <= start:
                        merged |= own
            prices.append(
                tuple(sorted((component, price, _UNITS.get(component, 1)) for component, price in merged.items()))
            )
        found[context] = tuple(collapse(starts, prices, TIER_END))
    return found
