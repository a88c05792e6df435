"""Which priced model a logged (provider, model) pair means; no answer is better than a guess.

The catalogue matches loosely: its 'starts with claude-haiku-4-5' also takes 'claude-haiku-4-5-acme', an invention with
unknown prices. Here a clause counts only if what it leaves over of the name is a recognised affix: a version date,
`-latest`, a Bedrock revision or region, Google's `-001`. Every answer names the rules that led to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from genai_prices.types import (
    ClauseAnd,
    ClauseContains,
    ClauseEndsWith,
    ClauseEquals,
    ClauseOr,
    ClauseRegex,
    ClauseStartsWith,
    MatchLogic,
    Provider,
)

from pipelines.pricebook.catalogue import resold_model
from pipelines.pricebook.names import (
    NO_PROVIDER,
    PROVIDER_FAMILIES,
    PROVIDER_MAP,
    SELF_HOSTED,
    affixes_of,
    fold,
    with_dashed_date,
    without_fine_tune,
)
from pipelines.pricebook.published import Catalogue, installed_catalogue


@dataclass(frozen=True, slots=True)
class Alias:
    """A priced model, and the rules by which a logged name means it, as 'provider_map+without_version+equals'."""

    price_provider: str
    price_model: str
    rule: str


class CatalogueNames:
    """The names under which one catalogue's models are logged."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.providers = catalogue.providers
        self._by_folded_id = {fold(provider.id): provider for provider in catalogue.providers}
        self._resolved: dict[tuple[str, str], Alias | None] = {}

    def resolve(self, provider_name: str | None, model: str) -> Alias | None:
        """Find the priced model of a logged pair; `None` where no rule finds exactly that model."""
        key = (fold(provider_name or ""), model.strip().lower())
        if key not in self._resolved:
            self._resolved[key] = self._resolve(*key)
        return self._resolved[key]

    def provider_of(self, provider_name: str) -> str | None:
        """The catalogue's id of a logged provider, `None` where it has none."""
        found = self._named(fold(provider_name)) or self._matched(fold(provider_name))
        return found[0].id if found else None

    def same_provider(self, name: str, prefix: str) -> bool:
        """Whether what stands before a model's first '/' is the provider itself, as in 'azure/gpt-4o'."""
        named, prefixed = self._named(fold(name)), self._named(fold(prefix))
        return fold(name) == fold(prefix) or (named is not None and prefixed is not None and named[0] is prefixed[0])

    def _resolve(self, name: str, text: str) -> Alias | None:
        head, _, rest = text.partition("/")
        prefix = self._named(fold(head)) if rest else None
        if name in NO_PROVIDER:
            if prefix is not None:
                return self._first([(prefix[0], "model_prefix", rest)])
            matching = (p for p in self.providers if p.model_match and p.model_match.is_match(text))
            return self._first([(provider, "model_match", text) for provider in matching])

        found = self._named(name) or self._matched(name)
        if found is None:
            return None
        provider, rule = found
        is_own_prefix = prefix is not None and prefix[0] is provider
        own = [(provider, f"{rule}+without_own_prefix", rest)] if is_own_prefix else []
        return self._first([*own, (provider, rule, text)])

    def _first(self, attempts: list[tuple[Provider, str, str]]) -> Alias | None:
        hits = (self._in_provider(provider, rule, text) for provider, rule, text in attempts)
        return next((hit for hit in hits if hit is not None), None)

    def _named(self, name: str) -> tuple[Provider, str] | None:
        """A provider by a name of ours or by the catalogue's own id."""
        if name in SELF_HOSTED:
            return None
        family = next((provider_id for prefix, provider_id in PROVIDER_FAMILIES if name.startswith(prefix)), None)
        mapped = PROVIDER_MAP.get(name) or family
        if mapped and fold(mapped) in self._by_folded_id:
            return self._by_folded_id[fold(mapped)], "provider_map"
        provider = self._by_folded_id.get(name)
        return (provider, "provider_id") if provider else None

    def _matched(self, name: str) -> tuple[Provider, str] | None:
        """A provider by the catalogue's loose provider match, the last resort."""
        if name in SELF_HOSTED:
            return None
        hits = (p for p in self.providers if p.provider_match is not None and p.provider_match.is_match(name))
        provider = next(hits, None)
        return (provider, "provider_match") if provider else None

    def _in_provider(self, provider: Provider, rule: str, text: str) -> Alias | None:
        for candidate, changes in _candidates(provider.id, text):
            for seller in (provider.id, *(provider.fallback_model_providers or ())):
                found = _find(self._by_folded_id[fold(seller)], candidate)
                if found is None:
                    continue
                model_id, kind = found
                if "global." in text and model_id.startswith("regional."):
                    continue  # Bedrock sells some models by region, for more: not what was asked for
                steps = [rule, *changes, kind]
                if seller == provider.id:
                    return Alias(provider.id, model_id, "+".join(steps))
                return Alias(provider.id, resold_model(seller, model_id), "+".join([*steps, f"list_price_of_{seller}"]))
        return None


@cache
def installed_names() -> CatalogueNames:
    """The names of the installed catalogue."""
    return CatalogueNames(installed_catalogue())


def resolve(provider_name: str | None, model: str) -> Alias | None:
    """Find the priced model of a logged pair in the installed catalogue."""
    return installed_names().resolve(provider_name, model)


def _candidates(provider_id: str, text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The name as logged, then with fewer and fewer affixes; with the changes made."""
    affixes = affixes_of(provider_id)
    starts: dict[str, tuple[str, ...]] = {text: ()}
    starts.setdefault(without_fine_tune(text), ("without_fine_tune",))
    for prefix in affixes.removable_prefixes:
        text = prefix.sub("", text)
        starts.setdefault(text, ("without_prefix",))
    for start, changes in starts.items():
        yield start, changes
        dashed, core = with_dashed_date(start), affixes.removable_suffix.sub("", start)
        if dashed != start:
            yield dashed, (*changes, "dashed_date")
        if core != start:
            yield core, (*changes, "without_version")


def _find(provider: Provider, text: str) -> tuple[str, str] | None:
    """A provider's model by its exact id, else the first in the catalogue's order that matches strictly."""
    for model in provider.models:
        if model.id.lower() == text:
            return model.id, "id"
    affixes = affixes_of(provider.id)
    max_before, max_after = affixes.prefix_chars(text), affixes.suffix_chars(text)
    for model in provider.models:
        for kind, before, after in _pieces(model.match, text):
            if before <= max_before and after <= max_after:
                return model.id, kind
    return None


def _pieces(clause: MatchLogic, text: str) -> Iterator[tuple[str, int, int]]:
    """Each elementary clause that matches, with the number of characters it leaves over before and after."""
    if isinstance(clause, ClauseOr):
        for part in clause.or_:
            yield from _pieces(part, text)
    elif isinstance(clause, ClauseAnd):
        if clause.is_match(text):
            for part in clause.and_:
                yield from _pieces(part, text)
    elif clause.is_match(text):
        kind, start, stop = _span(clause, text)
        yield kind, start, len(text) - stop


def _span(
    clause: ClauseEquals | ClauseStartsWith | ClauseEndsWith | ClauseContains | ClauseRegex, text: str
) -> tuple[str, int, int]:
    """Where an elementary clause that matches does so; a regex that finds nothing covers nothing."""
    match clause:
        case ClauseEquals():
            return "equals", 0, len(text)
        case ClauseStartsWith(starts_with=part):
            return "starts_with", 0, len(part)
        case ClauseEndsWith(ends_with=part):
            return "ends_with", len(text) - len(part), len(text)
        case ClauseContains(contains=part):
            start = text.find(part.lower())
            return "contains", start, start + len(part)
        case ClauseRegex(regex=pattern):
            found = re.search(pattern, text)
            return ("regex", found.start(), found.end()) if found else ("regex", 0, 0)
