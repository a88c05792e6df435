"""JSON lines and JSON documents, numbers as the text they were written in: no float ever exists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, cast

from pipelines.feeds.problems import Problem
from pipelines.feeds.raw import Gatherer, RawRows, chunks
from pipelines.feeds.text_files import open_text

Json = dict[str, Any] | list[Any] | str | bool | None


class Number(str):
    """A JSON number as written; a class of its own so that `1.50` can be written back without quotes."""

    __slots__ = ()


class RepeatedKeyError(ValueError):
    """An object names a key twice; which of the two is meant cannot be known."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise RepeatedKeyError(f"names '{next(name for name in names if names.count(name) > 1)}' twice in one object")
    return found


DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_object)
Document = tuple[int, Json]
PLAIN = frozenset({str, Number, type(None)})
ONE_VALUE = "This column takes one plain value."


def documents(path: Path, is_whole: bool, problems: list[Problem]) -> Iterator[Document]:
    """(line, value) of every row: a whole JSON file's documents or array elements, else one document a line.

    What cannot be read is added to `problems`; in an array nothing can be read behind it.
    """
    stream = open_text(path)
    if is_whole:
        yield from _whole(path, stream.read(), problems)
    else:
        yield from _lines(path, stream, problems)


def canonical_json(value: Json) -> str:
    """JSON text without blanks, keys sorted, numbers as they were written: equal content is equal text."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{canonical_json(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical_json(item) for item in value) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value)


def read_objects(
    path: Path, items: Iterable[Document], json_columns: Sequence[str], problems: list[Problem]
) -> RawRows:
    """Rows from objects; a nested value is taken only in `json_columns`, a missing key and an empty text are null."""
    gatherer = Gatherer(str(path), problems)
    for chunk in chunks(_objects(path, items, problems)):
        lines, rows = zip(*chunk, strict=True)
        names = dict.fromkeys(chain.from_iterable(rows))
        columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in names}
        for name, cells in columns.items():
            columns[name], nested = _texts(cells, is_json=name in json_columns)
            problems += [Problem(str(path), "is nested", ONE_VALUE, lines[row], name, text) for row, text in nested]
        gatherer.add(columns, lines)
    return gatherer.rows()


def _lines(path: Path, stream: Iterable[str], problems: list[Problem]) -> Iterator[Document]:
    for number, line in enumerate(stream, 1):
        text = line.strip()
        if not text:
            continue
        try:
            value: Json = DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            problems.append(_unreadable(path, error, number, "Each line is one JSON object."))
        else:
            yield number, value


def _whole(path: Path, text: str, problems: list[Problem]) -> Iterator[Document]:
    position, line, counted = 0, 1, 0
    in_array = text.lstrip()[:1] == "["
    filler = " \t\r\n,[" if in_array else " \t\r\n"
    while True:
        while position < len(text) and text[position] in filler:
            position += 1
        line, counted = line + text.count("\n", counted, position), position
        if position == len(text) or (in_array and text[position] == "]"):
            break
        try:
            value, position = DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            at = line + text.count("\n", counted, error.pos) if isinstance(error, json.JSONDecodeError) else line
            problems.append(
                _unreadable(path, error, at, "The file is one JSON array or object; what follows was not read.")
            )
            return
        yield line, value
    if in_array and text[position:].strip() != "]":
        problems.append(
            Problem(str(path), "does not end with its array", "The file may be cut off: copy it again.", line)
        )


def _unreadable(path: Path, error: Exception, line: int, allowed: str) -> Problem:
    if isinstance(error, RepeatedKeyError):
        return Problem(str(path), str(error), "Name each key once.", line)
    reason = f"{error.msg}, character {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return Problem(str(path), f"is not JSON ({reason})", allowed, line)


def _objects(path: Path, items: Iterable[Document], problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, value in items:
        if isinstance(value, dict):
            yield line, value
        else:
            problems.append(
                Problem(
                    str(path),
                    "is not an object",
                    "A row is an object of column and value.",
                    line,
                    None,
                    canonical_json(value),
                )
            )


def _texts(cells: list[Json], *, is_json: bool) -> tuple[list[str | None], list[tuple[int, str]]]:
    """The cells as text, and (index, text) of nested ones that may not be. Texts and numbers are left as they are."""
    nested: list[tuple[int, str]] = []
    if PLAIN.issuperset(map(type, cells)):
        return cast("list[str | None]", cells), nested
    for index, cell in enumerate(cells):
        if cell is None or isinstance(cell, str):
            continue
        text = canonical_json(cell)
        if not is_json and not isinstance(cell, bool):
            nested.append((index, text))
        cells[index] = text if is_json or isinstance(cell, bool) else None
    return cast("list[str | None]", cells), nested
