"""The company's layers over the list prices: overrides replace components, discounts stand beside them.

Prices of a model and context partition days, weekdays, seconds of the day and input tokens. Laying one price over them
cuts the cells at its edges, so that the result is a partition again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from pipelines.economics.pricing import COMPONENTS, CONTEXTS, EVERY_DAY, TIER_END
from pipelines.pricebook.capacity import SELF_HOSTED_PROVIDER
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY, Contract, Price, PriceCell
from pipelines.pricebook.company import PER, Discount, Override
from pipelines.pricebook.patterns import matches
from pipelines.pricebook.slices import FALLBACKS, pico_usd_per_unit

OVERRIDE: Final = "override"
ModelKey = tuple[str, str]
_SPANS: Final = (("valid_from", "valid_to"), ("tod_from_s", "tod_to_s"), ("tier_lo", "tier_hi"))


@dataclass(frozen=True, slots=True)
class Box:
    """Where a price holds; half-open, UTC."""

    valid_from: date = FIRST_DAY
    valid_to: date = LAST_DAY
    tod_from_s: int = 0
    tod_to_s: int = DAY_S
    tier_lo: int = 0
    tier_hi: int = TIER_END
    dow_mask: int = EVERY_DAY


def cut(cell: PriceCell, box: Box | PriceCell) -> tuple[PriceCell | None, list[PriceCell]]:
    """Split a cell into what lies in a box, if any, and the disjoint rest."""
    shared: dict[str, Any] = {"dow_mask": cell.dow_mask & box.dow_mask}
    for lo, hi in _SPANS:
        shared[lo], shared[hi] = max(getattr(cell, lo), getattr(box, lo)), min(getattr(cell, hi), getattr(box, hi))
    if not shared["dow_mask"] or any(shared[lo] >= shared[hi] for lo, hi in _SPANS):
        return None, [cell]
    inside, outside = cell, list[PriceCell]()
    for lo, hi in _SPANS:
        if getattr(inside, lo) < shared[lo]:
            outside.append(replace(inside, **{hi: shared[lo]}))
        if shared[hi] < getattr(inside, hi):
            outside.append(replace(inside, **{lo: shared[hi]}))
        inside = replace(inside, **{lo: shared[lo], hi: shared[hi]})
    if inside.dow_mask != shared["dow_mask"]:
        outside.append(replace(inside, dow_mask=inside.dow_mask & ~shared["dow_mask"]))
    return replace(inside, dow_mask=shared["dow_mask"]), outside


def unpriced_cells(key: ModelKey) -> list[PriceCell]:
    """A model without any price, in every context."""
    everywhere = (FIRST_DAY, LAST_DAY, 0, DAY_S, 0, TIER_END)
    return [
        PriceCell(*key, context, *everywhere, context == "standard", (), None, price_source=OVERRIDE)
        for context in CONTEXTS
    ]


def with_overrides(cells: Sequence[PriceCell], overrides: Iterable[Override], problems: list[str]) -> list[PriceCell]:
    """Lay overrides over all cells of one model. A context without prices of its own borrows the new standard ones."""
    ordered = sorted(overrides, key=lambda override: override.tier_lo)  # a step above N lies over the ones below
    by_context: dict[str, list[PriceCell]] = {}
    for context in CONTEXTS:
        held = [cell for cell in cells if cell.context == context]
        if context != "standard":
            held = [lent for cell in held for lent in _borrowed(cell, by_context["standard"])]
        for override in ordered:
            if context in override.context:
                held = [laid for cell in held for laid in _overridden(cell, override, problems)]
        by_context[context] = held
    return [cell for held in by_context.values() for cell in held]


def _borrowed(cell: PriceCell, standard: Iterable[PriceCell]) -> list[PriceCell]:
    if cell.has_context_price:
        return [cell]
    lent = [inside for one in standard if (inside := cut(one, cell)[0]) is not None]
    return [replace(one, context=cell.context, has_context_price=False) for one in lent]


def _overridden(cell: PriceCell, override: Override, problems: list[str]) -> list[PriceCell]:
    laid: list[PriceCell] = []
    rest = [cell]
    for tod_from_s, tod_to_s in override.windows:
        box = Box(
            override.valid_from, override.valid_to, tod_from_s, tod_to_s, override.tier_lo, TIER_END, override.dow_mask
        )
        pieces = [cut(piece, box) for piece in rest]
        laid += [_replaced(inside, override, problems) for inside, _ in pieces if inside is not None]
        rest = [piece for _, outside in pieces for piece in outside]
    return laid + rest


def _replaced(cell: PriceCell, override: Override, problems: list[str]) -> PriceCell:
    name = f"override {cell.provider} {cell.model} ({cell.context}, from {cell.valid_from})"
    own: dict[str, Price] = {c: (c, price, PER[c]) for c, price in override.prices.items()}
    kept = {price[0]: price for price in cell.prices if price[0] not in own}
    if cell.currency != override.currency:
        if left := [component for component in COMPONENTS if component in kept]:
            problems.append(f"{name}: {override.currency} beside {', '.join(left)} in {cell.currency}; name them too")
        kept = {}
    new = replace(
        cell,
        prices=tuple(sorted((kept | own).values())),
        currency=override.currency,
        has_context_price=True,
        price_source=_source(cell, bool(kept)),
        min_audio_ms=cell.min_audio_ms if override.min_audio_seconds is None else 1_000 * override.min_audio_seconds,
    )
    if new.is_free and not override.is_free:
        problems.append(f"{name}: every price is 0; write is_free = true if the model is free")
    return new


def _source(cell: PriceCell, is_partly: bool) -> str:
    below = cell.price_source.removeprefix(f"{OVERRIDE}+")
    return OVERRIDE if below == OVERRIDE or not is_partly else f"{OVERRIDE}+{below}"


def with_contracts(cells: Iterable[PriceCell], discounts: Sequence[Discount], problems: list[str]) -> list[PriceCell]:
    """Give cells the contracted price that discounts make of their list price. One's own GPUs have no contract."""
    ordered = sorted(discounts, key=lambda discount: discount.order)
    found: list[PriceCell] = []
    for (provider, model), held in by_model(cells).items():
        meant = [d for d in ordered if discounts_model(d, provider, model)]
        found += [new for cell in held for new in _contracted(cell, meant, problems)] if meant else held
    return found


def discounts_model(discount: Discount, provider: str, model: str) -> bool:
    is_listed = provider != SELF_HOSTED_PROVIDER
    return is_listed and fnmatchcase(provider, discount.provider) and matches(discount.model, model)


def _contracted(cell: PriceCell, discounts: Sequence[Discount], problems: list[str]) -> list[PriceCell]:
    meant = [d for d in discounts if not d.context or cell.context in d.context]
    edges = {edge for d in meant for edge in (d.valid_from, d.valid_to) if cell.valid_from < edge < cell.valid_to}
    days = sorted({cell.valid_from, cell.valid_to} | edges)
    pieces = [replace(cell, valid_from=a, valid_to=b) for a, b in pairwise(days)]
    return [_discounted(p, [d for d in meant if d.valid_from <= p.valid_from < d.valid_to], problems) for p in pieces]


def _discounted(cell: PriceCell, discounts: Sequence[Discount], problems: list[str]) -> PriceCell:
    listed = {name: pico_usd_per_unit(price, per) for name, price, per in cell.prices if name in COMPONENTS}
    if not discounts or not listed:
        return cell
    currencies = {d.currency for d in discounts if d.prices} or {cell.currency}
    name = f"discount {cell.provider} {cell.model} ({cell.context}, from {cell.valid_from})"
    paid: dict[str, Fraction] = {}
    absolute: set[str] = set()
    for component in COMPONENTS:
        meant = [d for d in discounts if component in d.components]
        stand_in = next((s for s in FALLBACKS.get(component, ()) if s in listed), None)
        is_named = any(component in d.prices or component in d.component for d in meant)
        if component in listed or (stand_in is not None and is_named):
            paid[component] = _in_order(
                listed.get(component, listed.get(stand_in or "", Fraction(0))), component, meant
            )
            absolute |= {component} if any(component in d.prices for d in meant) else set()
        elif stand_in is not None:
            paid[component] = paid[stand_in]
            absolute |= {component} if stand_in in absolute else set()
        elif is_named and any(component in d.prices for d in meant):
            problems.append(f"{name}: {component} has no list price; add an override")
    strange = paid.keys() - absolute
    if len(currencies) > 1 or (currencies != {cell.currency} and strange):
        problems.append(
            f"{name}: prices in {', '.join(sorted(currencies | {cell.currency}))} cannot stand in one contract"
        )
    return replace(cell, contract=Contract(min(currencies), tuple(paid.items())))


def _in_order(price: Fraction, component: str, discounts: Iterable[Discount]) -> Fraction:
    """A list price after every discount in order: the last stated price counts, factors multiply."""
    for discount in discounts:
        if component in discount.prices:
            price = pico_usd_per_unit(discount.prices[component], PER[component])
        else:
            price *= Fraction(discount.multiplier if discount.multiplier is not None else discount.uplift or 1)
    return price


def by_model(cells: Iterable[PriceCell]) -> defaultdict[ModelKey, list[PriceCell]]:
    """Cells of each model, in their order."""
    found: defaultdict[ModelKey, list[PriceCell]] = defaultdict(list)
    for cell in cells:
        found[cell.provider, cell.model].append(cell)
    return found
