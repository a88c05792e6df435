"""Headers as written -> the feed's columns; unknown, doubled and missing ones are problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.feeds.problems import Problem, nearest
from pipelines.feeds.raw import RawRows
from warehouse.feed_schemas import Feed


@dataclass(frozen=True, slots=True)
class Headed:
    """Columns by their canonical name, how the file spells each, and what is wrong with the header."""

    columns: Mapping[str, pa.ChunkedArray[Any]]
    written: Mapping[str, str]
    problems: tuple[Problem, ...]


def canonical_columns(feed: Feed, raw: RawRows) -> Headed:
    """Map every header to its column. A file without any column, as `[]` is, has nothing missing."""
    columns: dict[str, pa.ChunkedArray[Any]] = {}
    written: dict[str, str] = {}
    problems: list[Problem] = []
    for header, cells in raw.columns.items():
        name = feed.spellings.get(header)
        if name is None:
            what = f"is unknown{nearest(header, feed.spellings)}"
            problems.append(
                Problem(raw.file, what, f"Columns of {feed.name}: {', '.join(feed.column_names)}.", column=header)
            )
        elif name in columns:
            what = f"says the same as {written[name]}"
            problems.append(Problem(raw.file, what, "Give one of the two.", column=header))
        else:
            columns[name], written[name] = cells, header
    if raw.columns:
        problems += _missing(feed, raw.file, set(columns))
    return Headed(columns, written, tuple(problems))


def _missing(feed: Feed, file: str, found: set[str]) -> list[Problem]:
    problems = [
        Problem(file, "is missing", f"{feed.name} needs it: {feed.column(name).description}", column=name)
        for name in feed.required
        if name not in found
    ]
    if feed.any_of and found.isdisjoint(feed.any_of):
        problems.append(
            Problem(
                file,
                "is missing",
                f"{feed.name} needs at least one of {', '.join(feed.any_of)}.",
                column=feed.any_of[0],
            )
        )
    return problems
