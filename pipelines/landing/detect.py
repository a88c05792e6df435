"""What a file is, from its content: container (lines, array, document, CSV, Parquet) and log format, with the reason."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import sources
from pipelines.landing.elements import starts_with_document
from pipelines.landing.streams import read_start
from pipelines.sources import Source

_START_BYTES = 1 << 20
_SAMPLE_LINES = 200
_DECODER = json.JSONDecoder(strict=False)
_KEY = re.compile(r'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*')


class UnknownFormat(Exception):
    """The file is not a log that any source reads; the message says what was seen and what is known."""


@dataclass(frozen=True)
class Detected:
    container: str
    """lines, array, document, csv or parquet."""
    source: Source
    why: str


def detect(path: Path, source_name: str | None = None) -> Detected | None:
    """Container and source of a log file; None when it is empty. Raises UnknownFormat, UnknownSource."""
    wanted = sources.named(source_name) if source_name else None
    start, damage = read_start(path, _START_BYTES)
    if start[:4] == b"PAR1":
        return _choose(path, "parquet", [_parquet_record(path)], wanted)
    if damage and not start.strip():
        raise UnknownFormat(f"{path}: {damage}. Nothing of it can be read.")
    if not start.strip() and len(start) < _START_BYTES:
        return None
    container = _container(path, start)
    return _choose(path, container, list(_sample(container, start)), wanted)


def _container(path: Path, start: bytes) -> str:
    text = start.lstrip()
    if text[:1] == b"[":
        return "array"
    if text[:1] == b"{":
        return "document" if starts_with_document(text) else "lines"
    if path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".csv"):
        return "csv"
    return "lines"


def _sample(container: str, start: bytes) -> Iterator[Mapping[str, Any]]:
    text = start.decode("utf-8", errors="replace").lstrip()
    is_cut = len(start) == _START_BYTES
    try:
        if container == "csv":
            yield from _dicts(csv.DictReader(io.StringIO(text)))
        elif container in ("array", "document"):
            # One export request over many lines is longer than what was read; its first keys are not.
            is_one = container == "document" and is_cut
            yield from _dicts([_top_keys(text) if is_one else _DECODER.raw_decode(text.lstrip("[ \t\r\n"))[0]])
    except (ValueError, RecursionError, csv.Error):
        return
    if container == "lines":
        if is_cut and "\n" not in text:
            yield _top_keys(text)
        for line in text.split("\n", _SAMPLE_LINES)[:_SAMPLE_LINES]:
            try:
                yield from _dicts([json.loads(line)])
            except (ValueError, RecursionError):
                continue


def _top_keys(text: str) -> dict[str, Any]:
    """The fields of an object that breaks off; the last one's value is None."""
    found: dict[str, Any] = {}
    position = 1
    while text.startswith("{") and (key := _KEY.match(text, position)):
        name = json.loads(key[1], strict=False)
        found[name] = None
        try:
            found[name], position = _DECODER.raw_decode(text, key.end())
        except (ValueError, RecursionError):
            break
    return found


def _choose(path: Path, container: str, sample: list[Mapping[str, Any]], wanted: Source | None) -> Detected:
    form = container if container in ("csv", "parquet") else "json"
    if wanted:
        if form not in wanted.formats:
            raise UnknownFormat(f"{path}: is {form}; source {wanted.name} reads {', '.join(wanted.formats)}.")
        return Detected(container, wanted, "named by --source")
    for record in sample:
        for source in sources.discover().values():
            if form in source.formats and (why := source.recognise(record)):
                return Detected(container, source, why)
    seen = ", ".join(sorted(map(str, sample[0]))[:12]) if sample else "no readable record"
    raise UnknownFormat(
        f"{path}: no known log format (first record: {seen}). Known sources: {', '.join(sources.discover())}; "
        "name one with --source if you know better."
    )


def _parquet_record(path: Path) -> Mapping[str, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return dict.fromkeys(pq.read_schema(path).names)
    except pa.ArrowException:
        raise UnknownFormat(
            f"{path}: a Parquet file that is damaged or cut short; nothing of it can be read."
        ) from None


def _dicts(records: Any) -> Iterator[Mapping[str, Any]]:
    """The first record, if it is an object."""
    for record in records:
        if isinstance(record, dict):
            yield record
        return
