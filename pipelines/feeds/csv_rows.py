"""CSV as RFC 4180 says: commas, a header, UTF-8; every cell stays the text that it is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipelines.feeds.problems import FeedError, Problem
from pipelines.feeds.raw import Gatherer, RawRows, chunks
from pipelines.feeds.text_files import open_text, refusal

# Semicolons come with decimal commas, where '1,234' is not a thousand times 1.234: refuse, never guess.
OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "pipes"}


class CsvReader(Protocol):
    """What `csv.reader` returns: records, and the last line read."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def csv_header(path: Path) -> list[str]:
    """The header alone, trimmed. Raises FeedError as `read_csv` does."""
    return _header(path, csv.reader(open_text(path), strict=True))


def read_csv(path: Path) -> RawRows:
    """All rows as text with the line on which each begins; blank lines are no rows, empty cells are null.

    Raises FeedError when nothing can be read; rows with too few or too many cells are problems of the result.
    """
    reader = csv.reader(open_text(path), strict=True)
    header = _header(path, reader)
    gatherer = Gatherer(str(path))
    for chunk in chunks(_records(path, reader, len(header), gatherer.problems)):
        lines, records = zip(*chunk, strict=True)
        gatherer.add(dict(zip(header, zip(*records, strict=True), strict=True)), lines)
    return gatherer.rows(header)


def _header(path: Path, reader: CsvReader) -> list[str]:
    try:
        header = next((row for row in reader if any(row)), [])
    except csv.Error as error:
        raise refusal(path, f"has a header that is not CSV ({error})", "Quote cells with double quotes.") from None
    names = [name.strip() for name in header]
    for mark, word in OTHER_DELIMITERS.items():
        if len(names) == 1 and mark in names[0]:
            raise refusal(path, f"is delimited by {word}", "Save it with commas and with a decimal point.")
    problems = [
        Problem(str(path), "has no name", "Every column needs a header.", 1, f"number {i}")
        for i, n in enumerate(names, 1)
        if not n
    ]
    problems += [
        Problem(str(path), "appears twice", "Name each column once.", 1, n)
        for n in dict.fromkeys(names)
        if n and names.count(n) > 1
    ]
    if problems:
        raise FeedError(problems)
    return names


def _records(path: Path, reader: CsvReader, width: int, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each record of the right width; the others become problems. Broken quotes end the file."""
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            allowed = "Close every double quote and write one inside a cell twice; the lines after it were not read."
            problems.append(Problem(str(path), f"is not CSV ({error})", allowed, line))
            return
        if cells is None:
            return
        if len(cells) == width:
            if any(cells):
                yield line, cells
        elif cells:
            problems.append(Problem(str(path), f"has {len(cells)} cells", f"The header has {width} columns.", line))
