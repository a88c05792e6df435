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

from pipelines.pricebook.catalogue import catalogue_providers, resold_model
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


@dataclass(frozen=True, slots=True)
class Alias:
    """A priced model, and the rules by which a logged name means it, as 'provider_map+without_version+equals'."""

    price_provider: str
    price_model: str
    rule: str


@cache
def resolve(provider_name: str | None, model: str) -> Alias | None:
    """Find the priced model of a logged pair; `None` where no rule finds exactly that model."""
    text = model.strip().lower()
    name = fold(provider_name or "")
    head, _, rest = text.partition("/")
    if name in NO_PROVIDER:
        prefix = _named(fold(head)) if rest else None
        if prefix is not None:
            return _first([(prefix[0], "model_prefix", rest)])
        return _first(
            [(p, "model_match", text) for p in _providers() if p.model_match and p.model_match.is_match(text)]
        )

    found = _named(name) or _matched(name)
    if found is None:
        return None
    provider, rule = found
    prefix = _named(fold(head)) if rest else None
    is_own_prefix = prefix is not None and prefix[0] is provider
    own = [(provider, f"{rule}+without_own_prefix", rest)] if is_own_prefix else []
    return _first([*own, (provider, rule, text)])


def _first(attempts: list[tuple[Provider, str, str]]) -> Alias | None:
    hits = (_in_provider(provider, rule, text) for provider, rule, text in attempts)
    return next((hit for hit in hits if hit is not None), None)


@cache
def _providers() -> tuple[Provider, ...]:
    return tuple(catalogue_providers())


@cache
def _by_folded_id() -> dict[str, Provider]:
    return {fold(provider.id): provider for provider in _providers()}


def _named(name: str) -> tuple[Provider, str] | None:
    """A provider by a name of ours or by the catalogue's own id."""
    if name in SELF_HOSTED:
        return None
    family = next((provider_id for prefix, provider_id in PROVIDER_FAMILIES if name.startswith(prefix)), None)
    known = PROVIDER_MAP.get(name) or family
    if known:
        return _by_folded_id()[fold(known)], "provider_map"
    provider = _by_folded_id().get(name)
    return (provider, "provider_id") if provider else None


def _matched(name: str) -> tuple[Provider, str] | None:
    """A provider by the catalogue's loose provider match, the last resort."""
    if name in SELF_HOSTED:
        return None
    hits = (p for p in _providers() if p.provider_match is not None and p.provider_match.is_match(name))
    provider = next(hits, None)
    return (provider, "provider_match") if provider else None


def _in_provider(provider: Provider, rule: str, text: str) -> Alias | None:
    for candidate, changes in _candidates(provider.id, text):
        for seller in (provider.id, *(provider.fallback_model_providers or ())):
            found = _find(_by_folded_id()[fold(seller)], candidate)
            if found is None:
                continue
            model_id, kind = found
            steps = [rule, *changes, kind]
            if seller == provider.id:
                return Alias(provider.id, model_id, "+".join(steps))
            return Alias(provider.id, resold_model(seller, model_id), "+".join([*steps, f"list_price_of_{seller}"]))
    return None


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
