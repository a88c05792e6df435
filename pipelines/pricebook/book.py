"""The price book: built from the catalogue, validated, identified by its content, written once and read back.

The book's id is a hash of every row, so two runs that carry one id priced with the same numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.economics.pricing import COMPONENTS, CONTEXTS, TIER_END
from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.catalogue import DAY_S, FIRST_DAY, LAST_DAY, SOURCE, SOURCE_VERSION, price_cells
from pipelines.pricebook.slices import PriceBookError, component_table, slice_table

COMPONENT_FILE: Final = "price_component.parquet"
SLICE_FILE: Final = "price_slice.parquet"
DERIVING_CODE: Final = ("catalogue.py", "slices.py", "book.py")

MODEL_ALIAS: Final = pa.schema(
    [
        pa.field(name, pa.string(), nullable=False)
        for name in ("provider_name", "model", "price_provider", "price_model", "rule")
    ]
)

Interval = tuple[int, int]
Box = tuple[Interval, Interval, Interval]
"""Half-open days, seconds of the day and input tokens in which one slice's prices hold."""
EVERYWHERE: Final[Box] = ((FIRST_DAY.toordinal(), LAST_DAY.toordinal()), (0, DAY_S), (0, TIER_END))


@dataclass(frozen=True)
class PriceBook:
    """Prices as tables: `components` is the long `price_component`, `slices` the wide `price_slice`."""

    price_book_id: str
    source: str
    source_version: str
    components: pa.Table
    slices: pa.Table


def build_price_book() -> PriceBook:
    """Build the book of the installed catalogue. Raises PriceBookError listing every problem."""
    cells = list(price_cells())
    components = _with_text(component_table(cells), source=SOURCE, source_version=SOURCE_VERSION)
    slices = slice_table(cells)
    _refuse(problems_of(slices))
    book_id = _content_id(components, slices)
    return PriceBook(
        price_book_id=book_id,
        source=SOURCE,
        source_version=SOURCE_VERSION,
        components=_with_text(components, price_book_id=book_id),
        slices=_with_text(slices, price_book_id=book_id),
    )


def price_book_key() -> str:
    """Name of the folder that may hold this book: the catalogue's version and a digest of the code that derives it."""
    code = repr((COMPONENTS, CONTEXTS, TIER_END)).encode()
    code += b"".join((Path(__file__).parent / name).read_bytes() for name in DERIVING_CODE)
    return f"{SOURCE}-{SOURCE_VERSION}-{hashlib.sha256(code).hexdigest()[:8]}"


def load_or_build_price_book(folder: Path) -> PriceBook:
    """Load the book from `folder/<price_book_key>` if it is there, else build it and leave it there."""
    home = folder / price_book_key()
    if home.is_dir():
        return load_price_book(home)
    book = build_price_book()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".price-book-", dir=folder, ignore_cleanup_errors=True) as scratch:
        complete = Path(scratch) / "book"
        write_price_book(book, complete)
        try:
            complete.rename(home)
        except OSError:
            if not home.is_dir():  # else another run was faster, and its book is the same
                raise
    return book


def write_price_book(book: PriceBook, folder: Path) -> None:
    """Write `price_component.parquet` and `price_slice.parquet`, each replaced atomically; same book, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in ((COMPONENT_FILE, book.components), (SLICE_FILE, book.slices)):
        scratch = folder / f".{name}.{os.getpid()}"
        with scratch.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(folder / name)


def load_price_book(folder: Path) -> PriceBook:
    """Read a written book. Raises PriceBookError if its rows are not those of its id, or are no valid book."""
    components, slices = pq.read_table(folder / COMPONENT_FILE), pq.read_table(folder / SLICE_FILE)
    facts = components.slice(0, 1).to_pylist()
    if not facts:
        raise PriceBookError([f"{folder / COMPONENT_FILE} holds no price"])
    stated_id = facts[0]["price_book_id"]
    found_id = _content_id(components.drop_columns("price_book_id"), slices.drop_columns("price_book_id"))
    if found_id != stated_id:
        raise PriceBookError([f"{folder} says it is price book {stated_id}, but the hash of its rows is {found_id}"])
    _refuse(problems_of(slices))
    return PriceBook(stated_id, facts[0]["source"], facts[0]["source_version"], components, slices)


def alias_table(pairs: Iterable[tuple[str | None, str]]) -> pa.Table:
    """Resolve observed (provider_name, model) pairs: one row per pair that has a price, none for an unknown model.

    Both names are in lower case and a missing provider is '', so that a join is `lower(coalesce(provider_name, ''))`.
    """
    observed = sorted({((provider or "").lower(), model.lower()) for provider, model in pairs})
    found = [(provider, model, alias) for provider, model in observed if (alias := resolve(provider, model))]
    rows = [(provider, model, a.price_provider, a.price_model, a.rule) for provider, model, a in found]
    columns = list(zip(*rows, strict=True)) or [()] * len(MODEL_ALIAS)
    return pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=MODEL_ALIAS)


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
        if any(all(a[0] < b[1] and b[0] < a[1] for a, b in zip(*two, strict=True)) for two in combinations(boxes, 2)):
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
        (row["valid_from"].toordinal(), row["valid_to"].toordinal()),
        (row["tod_from_s"], row["tod_to_s"]),
        (row["tier_lo"], row["tier_hi"]),
    )


def _volume(box: Box) -> int:
    days, seconds, tokens = (hi - lo for lo, hi in box)
    return days * seconds * tokens


def _with_text(table: pa.Table, **constants: str) -> pa.Table:
    """Put constant text columns in front of a table, in the order given."""
    for position, (name, text) in enumerate(constants.items()):
        field = pa.field(name, pa.string(), nullable=False)
        table = table.add_column(position, field, pa.repeat(pa.scalar(text), table.num_rows))
    return table


def _content_id(components: pa.Table, slices: pa.Table) -> str:
    digest = hashlib.sha256()
    for table in (components, slices):
        for name, column in zip(table.column_names, table.columns, strict=True):
            digest.update(json.dumps([name, column.to_pylist()], default=str).encode())
    return digest.hexdigest()[:16]
