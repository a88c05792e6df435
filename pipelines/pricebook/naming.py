"""What a logged (provider, model) pair means with everything that names models: company, GPU pools, catalogue, LiteLLM.

The company's dated aliases come first, then its Azure deployments, its GPU pools, the models that its overrides made,
genai-prices, and last the names that only LiteLLM knows. Where an alias holds on some days only, the next rule has the
others.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa

from pipelines.pricebook.aliases import Alias, CatalogueNames, installed_names
from pipelines.pricebook.capacity import SELF_HOSTED_PROVIDER
from pipelines.pricebook.catalogue import FIRST_DAY, LAST_DAY, resold_model
from pipelines.pricebook.company import CompanyPrices
from pipelines.pricebook.litellm import LiteLLMPrices, provider_id
from pipelines.pricebook.names import NO_PROVIDER, SELF_HOSTED, fold
from pipelines.pricebook.patterns import matches
from pipelines.pricebook.published import Catalogue, installed_catalogue

ModelKey = tuple[str, str]
MODEL_NAME: Final = pa.schema(
    [
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in ("provider_name", "model", "price_provider", "price_model", "rule")
        ),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field("valid_to", pa.date32(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Span:
    """A meaning and the days `[valid_from, valid_to)` on which it holds."""

    valid_from: date
    valid_to: date
    alias: Alias


class Names:
    """Resolves logged names. `problems` lists the company's names that mean nothing, with the nearest known ones."""

    def __init__(
        self,
        catalogue: Catalogue | None = None,
        litellm: LiteLLMPrices | None = None,
        company: CompanyPrices | None = None,
    ) -> None:
        self.catalogue = catalogue or installed_catalogue()
        self.litellm = litellm
        self.company = company or CompanyPrices()
        is_installed = self.catalogue is installed_catalogue()
        self._catalogue_names = installed_names() if is_installed else CatalogueNames(self.catalogue)
        self._by_key = {
            key.lower(): model for model in (litellm.models.values() if litellm else ()) for key in (model.key,)
        }
        self._ids = {(p.lower(), m.lower()): (p, m) for p, m in self._catalogue_ids()}
        self.made: dict[ModelKey, ModelKey | None] = {}
        """Models that an override made: what it is called, and the model that had its price before, if any."""
        self.overridden = [self._overridden(o.provider, o.model) for o in self.company.overrides]
        self.problems: list[str] = []
        self._aliases = [
            (self._key(a.provider, a.model), Span(a.valid_from, a.valid_to, alias))
            for a in self.company.aliases
            if (alias := self._meant(*_halves(a.means), f"alias {a.provider} {a.model} means {a.means}"))
        ]
        self._deployments = {
            name: alias
            for name, model in self.company.azure_deployments.items()
            if (alias := self._meant("azure", model, f"azure_deployments {name} means {model}", "azure_deployment"))
        }

    def resolve(self, provider_name: str | None, model: str, day: date | None = None) -> Alias | None:
        """What a logged pair means on a day; without one, by the latest rule. `None` where nothing is priced by it."""
        spans = self.spans(provider_name, model)
        held = [span for span in spans if day is None or span.valid_from <= day < span.valid_to]
        return held[-1].alias if held else None

    def spans(self, provider_name: str | None, model: str) -> list[Span]:
        """Every meaning of a logged pair, in order of time, disjoint."""
        found: list[Span] = []
        for span in self._claims(provider_name or "", model):
            free = [(span.valid_from, span.valid_to)]
            for taken in found:
                free = [
                    gap
                    for a, b in free
                    for gap in ((a, min(b, taken.valid_from)), (max(a, taken.valid_to), b))
                    if gap[0] < gap[1]
                ]
            found += [Span(a, b, span.alias) for a, b in free]
        return sorted(found, key=lambda span: span.valid_from)

    def table(self, pairs: Iterable[tuple[str | None, str]]) -> pa.Table:
        """One row per logged pair and meaning, none for a name without a price; names in lower case, no provider ''."""
        observed = sorted({((provider or "").lower(), model.lower()) for provider, model in pairs})
        rows = [
            (provider, model, s.alias.price_provider, s.alias.price_model, s.alias.rule, s.valid_from, s.valid_to)
            for provider, model in observed
            for s in self.spans(provider, model)
        ]
        return _table(rows)

    def company_table(self) -> pa.Table:
        """The company's own names as it wrote them: aliases, deployments, pools' patterns, models made by overrides."""
        rows = [
            (*key, s.alias.price_provider, s.alias.price_model, s.alias.rule, s.valid_from, s.valid_to)
            for key, s in self._aliases
        ]
        rows += [
            ("azure", name, a.price_provider, a.price_model, a.rule, FIRST_DAY, LAST_DAY)
            for name, a in self._deployments.items()
        ]
        rows += [
            ("", pattern, SELF_HOSTED_PROVIDER, pool.id, "gpu_pool", pool.valid_from, pool.valid_to)
            for pool in self.company.gpu_pools
            for pattern in pool.models
        ]
        rows += [(*key, *key, "override", FIRST_DAY, LAST_DAY) for key in self.made]
        return _table(sorted(rows))

    def nearest(self, provider_name: str | None, model: str, n: int = 3) -> list[str]:
        """Known 'provider/model' names that look like this one."""
        provider, name = self._key(provider_name or "", model)
        known = [f"{p}/{m}" for p, m in (*self._ids.values(), *self._litellm_ids(), *self.made)]
        own = [text for text in known if text.startswith(f"{provider}/")]
        return difflib.get_close_matches(f"{provider}/{name}", own or known, n=n, cutoff=0.5)

    def _claims(self, provider_name: str, model: str) -> Iterator[Span]:
        keys = self._keys(provider_name, model)
        yield from (span for key, span in self._aliases if key in keys)
        for provider, name in keys:
            if provider == "azure" and name in self._deployments:
                yield _always(self._deployments[name])
        if fold(provider_name) in SELF_HOSTED:
            for pool in self.company.gpu_pools:
                if any(matches(pattern, name) for pattern in pool.models for _, name in keys):
                    yield Span(pool.valid_from, pool.valid_to, Alias(SELF_HOSTED_PROVIDER, pool.id, "gpu_pool"))
        alias = self._priced(provider_name, model)
        if alias is not None:
            yield _always(alias)

    def _priced(self, provider_name: str, model: str) -> Alias | None:
        """The priced model of a name, by what is the same on all days."""
        keys = self._keys(provider_name, model)
        made = next((key for key in keys if key in self.made), None)
        if made is not None:
            return Alias(*made, "override")
        return self.resolve_listed(provider_name, model)

    def resolve_listed(self, provider_name: str, model: str) -> Alias | None:
        """What a name means by the public price lists alone."""
        return self._catalogue_names.resolve(provider_name, model) or self._by_litellm(provider_name, model)

    def _by_litellm(self, provider_name: str, model: str) -> Alias | None:
        if self.litellm is None or fold(provider_name) in SELF_HOSTED:
            return None
        found = next(
            (self.litellm.models[key] for key in self._keys(provider_name, model) if key in self.litellm.models), None
        )
        if found is None and fold(provider_name) in NO_PROVIDER:
            found = self._by_key.get(model.strip().lower())
        if found is None:
            return None
        better = self._catalogue_names.resolve(found.provider, found.name)
        return (
            Alias(better.price_provider, better.price_model, f"litellm_name+{better.rule}")
            if better
            else Alias(found.provider, found.name, "litellm")
        )

    def _key(self, provider_name: str, model: str) -> ModelKey:
        return self._keys(provider_name, model)[0]

    def _keys(self, provider_name: str, model: str) -> list[ModelKey]:
        """Provider as the catalogue calls it and name in lower case, first without the provider's own prefix."""
        name, text = fold(provider_name), model.strip().lower()
        head, _, rest = text.partition("/")
        provider = self._provider(name)
        if name in NO_PROVIDER:
            own = [(self._provider(fold(head)), rest)] if rest else []
            return [*own, ("", text)] if own and self._catalogue_names.provider_of(head) else [("", text), *own]
        own = [(provider, rest)] if rest and self._catalogue_names.same_provider(name, head) else []
        return [*own, (provider, text)]

    def _provider(self, name: str) -> str:
        if name in NO_PROVIDER:
            return ""
        return name if name in SELF_HOSTED else self._catalogue_names.provider_of(name) or provider_id(name)

    def _overridden(self, provider_name: str, model: str) -> ModelKey:
        """The priced model that an override means: one by its own name, else a model made under the name as written."""
        exact = self._ids.get((provider_name, model)) or self._litellm_id(provider_name, model)
        if exact is not None:
            return exact
        alias = self.resolve_listed(provider_name, model)
        if alias is not None and _is_by_id(alias.rule):
            return alias.price_provider, alias.price_model
        key = self._key(provider_name, model)
        self.made[key] = (alias.price_provider, alias.price_model) if alias else None
        return key

    def _meant(self, provider_name: str, model: str, what: str, rule: str = "company_alias") -> Alias | None:
        alias = self._priced(provider_name, model)
        if alias is None:
            near = ", ".join(self.nearest(provider_name, model)) or "none"
            self.problems.append(f"{what}, which no price source knows. Nearest known: {near}")
            return None
        return Alias(alias.price_provider, alias.price_model, rule)

    def _litellm_id(self, provider_name: str, model: str) -> ModelKey | None:
        alias = self._by_litellm(provider_name, model)
        return (alias.price_provider, alias.price_model) if alias and alias.rule == "litellm" else None

    def _litellm_ids(self) -> list[ModelKey]:
        return list(self.litellm.models) if self.litellm else []

    def _catalogue_ids(self) -> Iterator[ModelKey]:
        by_id = {provider.id: provider for provider in self.catalogue.providers}
        for provider in self.catalogue.providers:
            yield from ((provider.id, model.id) for model in provider.models)
            for seller in provider.fallback_model_providers or ():
                yield from ((provider.id, resold_model(seller, model.id)) for model in by_id[seller].models)


def _halves(means: str) -> tuple[str, str]:
    provider, _, model = means.partition("/")
    return provider, model


def _is_by_id(rule: str) -> bool:
    """Whether a name is a priced model's own, and not that of one of its versions or deployments."""
    steps = rule.split("+")
    return "id" in steps and not {"without_version", "without_prefix", "without_fine_tune", "dashed_date"} & {*steps}


def _always(alias: Alias) -> Span:
    return Span(FIRST_DAY, LAST_DAY, alias)


def _table(rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(MODEL_NAME)
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, MODEL_NAME, strict=True)], schema=MODEL_NAME
    )
