"""The price book: built from all sources, validated, identified by its content, written once and read back.

A model's list price comes whole from one source: genai-prices where it knows the model, else LiteLLM's file. The
company's overrides lie over it, its discounts beside it. The book's id is a hash of every row of every table, so two runs
that carry one id priced with the same numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.economics.pricing import COMPONENTS, CONTEXTS, EVERY_DAY, TIER_END
from pipelines.pricebook.capacity import capacity_table, pool_cells
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY, PriceCell, price_cells
from pipelines.pricebook.company import CompanyPrices, Override
from pipelines.pricebook.drawdowns import conflicts, drawdown_tables, draws
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.layers import (
    ModelKey,
    by_model,
    discounts_model,
    unpriced_cells,
    with_contracts,
    with_overrides,
)
from pipelines.pricebook.litellm import LiteLLMPrices, litellm_cells
from pipelines.pricebook.naming import Names
from pipelines.pricebook.published import SOURCE, Catalogue
from pipelines.pricebook.slices import component_table, slice_table, with_new_columns

COMPONENT_FILE: Final = "price_component.parquet"
SLICE_FILE: Final = "price_slice.parquet"
TABLES: Final = {
    "components": COMPONENT_FILE,
    "slices": SLICE_FILE,
    "aliases": "price_alias.parquet",
    "drawdowns": "price_drawdown.parquet",
    "drawdown_segments": "price_drawdown_segment.parquet",
    "drawdown_models": "price_drawdown_model.parquet",
    "capacity": "price_capacity.parquet",
}
NOT_CONTENT: Final = ("price_book_id", "source_version")
"""Columns that say nothing about a price; a catalogue keeps its book's id under another version's name."""

Interval = tuple[int, int]
Box = tuple[int, Interval, Interval, Interval]
"""Weekdays as bits, then half-open days, seconds of the day and input tokens in which one slice's prices hold."""
EVERYWHERE: Final[Box] = (EVERY_DAY, (FIRST_DAY.toordinal(), LAST_DAY.toordinal()), (0, DAY_S), (0, TIER_END))


@dataclass(frozen=True)
class PriceBook:
    """Prices as tables: `components` is the long `price_component`, `slices` the wide `price_slice`.

    `aliases` are the company's own names; every name is resolved by `names`. `drawdown_models` are patterns over
    price_provider and price_model. `warnings` are what is odd but no reason to refuse the book.
    """

    price_book_id: str
    source: str
    source_version: str
    components: pa.Table
    slices: pa.Table
    aliases: pa.Table
    drawdowns: pa.Table
    drawdown_segments: pa.Table
    drawdown_models: pa.Table
    capacity: pa.Table
    names: Names
    warnings: tuple[str, ...] = ()

    def tables(self) -> dict[str, pa.Table]:
        """The tables that make the book, by the name of their attribute."""
        return {name: getattr(self, name) for name in TABLES}


def build_price_book(
    catalogue: Catalogue | None = None,
    *,
    litellm: LiteLLMPrices | None = None,
    company: CompanyPrices | None = None,
) -> PriceBook:
    """Build the book of a catalogue (the installed one) and further sources. Raises PriceBookError listing every problem."""
    names = Names(catalogue, litellm, company)
    own, problems = names.company, list(names.problems)
    cells = with_contracts(_listed(names, problems), own.discounts, problems)
    models = sorted({(cell.provider, cell.model) for cell in cells})
    problems += conflicts(own.drawdowns, models)
    _refuse(sorted(set(problems), key=problems.index))
    components = _with_text(component_table(cells), source_version=names.catalogue.version)
    slices = slice_table(cells)
    _refuse(problems_of(slices))
    drawdowns, drawdown_segments, drawdown_models = drawdown_tables(own.drawdowns, (provider for provider, _ in models))
    tables = {
        "components": components,
        "slices": slices,
        "aliases": names.company_table(),
        "drawdowns": drawdowns,
        "drawdown_segments": drawdown_segments,
        "drawdown_models": drawdown_models,
        "capacity": capacity_table(own.gpu_pools),
    }
    book_id = _content_id(tables)
    for name in ("components", "slices"):
        tables[name] = _with_text(tables[name], price_book_id=book_id)
    warnings = (*own.warnings, *_warnings(names, models))
    return PriceBook(book_id, SOURCE, names.catalogue.version, **tables, names=names, warnings=warnings)


def _listed(names: Names, problems: list[str]) -> list[PriceCell]:
    """Every model's cells with the company's overrides laid over, then those of its GPU pools."""
    listed = by_model(price_cells(names.catalogue.providers))
    lent = names.litellm.models.values() if names.litellm else ()
    for model in lent:
        found = names.resolve_listed(model.provider, model.name)
        if found is not None and found.rule == "litellm":
            listed[model.provider, model.name] = list(litellm_cells(model))
    overrides: defaultdict[ModelKey, list[Override]] = defaultdict(list)
    for key, override in zip(names.overridden, names.company.overrides, strict=True):
        overrides[key].append(override)
    for key, copied in names.made.items():
        cells = listed[copied] if copied else unpriced_cells(key)
        listed[key] = [replace(cell, provider=key[0], model=key[1]) for cell in cells]
    for key, laid in overrides.items():
        listed[key] = with_overrides(listed[key], laid, problems)
    return [*(cell for cells in listed.values() for cell in cells), *pool_cells(names.company.gpu_pools)]


def _warnings(names: Names, models: Sequence[ModelKey]) -> Iterator[str]:
    for (provider, model), copied in names.made.items():
        if copied is None:
            near = ", ".join(near for near in names.nearest(provider, model, 4) if near != f"{provider}/{model}")
            yield f"override {provider} {model}: a new model; no price source knows it. Nearest known: {near or 'none'}"
    for discount in names.company.discounts:
        if not any(discounts_model(discount, *model) for model in models):
            yield f"discount {discount.provider} {discount.model}: no model of the book has such a name"
    for drawdown in names.company.drawdowns:
        if not any(draws(drawdown, *model) for model in models):
            yield f"drawdown {drawdown.id}: no model of the book draws on it"


def write_price_book(book: PriceBook, folder: Path) -> None:
    """Write every table as Parquet, each replaced atomically; same book, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for attribute, table in book.tables().items():
        name = TABLES[attribute]
        scratch = folder / f".{name}.{os.getpid()}"
        with scratch.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(folder / name)


def load_price_book(folder: Path, names: Names | None = None) -> PriceBook:
    """Read a written book; `names` are those of its sources, without them those of the installed catalogue.

    Raises PriceBookError if its rows are not those of its id, or are no valid book.
    """
    missing = [name for name in TABLES.values() if not (folder / name).exists()]
    _refuse([f"{folder}: {name} is missing" for name in missing])
    tables = {attribute: pq.read_table(folder / name) for attribute, name in TABLES.items()}
    facts = tables["components"].slice(0, 1).to_pylist()
    if not facts:
        raise PriceBookError([f"{folder / COMPONENT_FILE} holds no price"])
    stated_id, found_id = facts[0]["price_book_id"], _content_id(tables)
    if found_id != stated_id:
        raise PriceBookError([f"{folder} says it is price book {stated_id}, but the hash of its rows is {found_id}"])
    tables["slices"] = with_new_columns(tables["slices"])
    _refuse(problems_of(tables["slices"]))
    return PriceBook(stated_id, SOURCE, facts[0]["source_version"], names=names or Names(), **tables)  # pyright: ignore[reportArgumentType]


def problems_of(slices: pa.Table) -> list[str]:
    """Every reason why a wide table would fan out a join, leave a request without a row, or price below zero."""
    problems: list[str] = []
    groups: defaultdict[tuple[str, str, str], list[Box]] = defaultdict(list)
    for row in slices.to_pylist():
        key = (row["price_provider"], row["price_model"], row["price_context"])
        groups[key].append(_box(row))
        negative = [c for c in COMPONENTS if (row[f"{c}_num"] or 0) < 0]
        if negative or row["price_block"] < 1:
            problems.append(f"{' '.join(key)}: negative price of {', '.join(negative)} per {row['price_block']}")
    for key, boxes in sorted(groups.items()):
        if any(_meet(*two) for two in combinations(boxes, 2)):
            problems.append(f"{' '.join(key)}: slices overlap")
        if sum(map(_volume, boxes)) != _volume(EVERYWHERE):
            problems.append(f"{' '.join(key)}: slices leave gaps or reach beyond the calendar")
    models = {key[:2] for key in groups}
    problems += [f"{p} {m} {c}: no slice" for p, m in sorted(models) for c in CONTEXTS if (p, m, c) not in groups]
    return problems


def _refuse(problems: list[str]) -> None:
    if problems:
        raise PriceBookError(problems)


def _box(row: Mapping[str, Any]) -> Box:
    return (
        row["dow_mask"],
        (row["valid_from"].toordinal(), row["valid_to"].toordinal()),
        (row["tod_from_s"], row["tod_to_s"]),
        (row["tier_lo"], row["tier_hi"]),
    )


def _meet(one: Box, other: Box) -> bool:
    spans = zip(one[1:], other[1:], strict=True)
    return one[0] & other[0] != 0 and all(a[0] < b[1] and b[0] < a[1] for a, b in spans)


def _volume(box: Box) -> int:
    """Size of a box, weekdays counted as a dimension of their own; 0 for one beyond the week."""
    weekdays = box[0].bit_count() if 0 < box[0] <= EVERY_DAY else 0
    return weekdays * prod(hi - lo for lo, hi in box[1:])


def _with_text(table: pa.Table, **constants: str) -> pa.Table:
    """Put constant text columns in front of a table, in the order given."""
    for position, (name, text) in enumerate(constants.items()):
        field = pa.field(name, pa.string(), nullable=False)
        table = table.add_column(position, field, pa.repeat(pa.scalar(text), table.num_rows))
    return table


def _content_id(tables: Mapping[str, pa.Table]) -> str:
    digest = hashlib.sha256()
    for table in tables.values():
        for name, column in zip(table.column_names, table.columns, strict=True):
            if name not in NOT_CONTENT:
                digest.update(json.dumps([name, column.to_pylist()], default=str).encode())
    return digest.hexdigest()[:16]
