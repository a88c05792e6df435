"""What a file is, from its content: container (lines, array, document, CSV, Parquet) and log format, with the reason."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines import sources
from pipelines.landing.elements import starts_with_document
from pipelines.landing.streams import read_start
from pipelines.sources import Source

_START_BYTES = 1 << 20
_SAMPLE_RECORDS = 200
_DECODER = json.JSONDecoder(strict=False)
_BETWEEN = re.compile(r"[\s,\[\]]*")
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
    return _choose(path, container, _sample(container, start), wanted)


def _container(path: Path, start: bytes) -> str:
    text = start.lstrip()
    if text[:1] in (b"[", b"{"):
        if _is_mostly_records(text):
            return "lines"
        if text[:1] == b"[":
            return "array"
        return "document" if starts_with_document(text) else "lines"
    if path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".csv"):
        return "csv"
    return "lines"


def _is_mostly_records(text: bytes) -> bool:
    """Whether most lines are a whole record each; then the first one is only an odd line, whatever it begins with."""
    lines = [line for line in text.split(b"\n") if line.strip()][:_SAMPLE_RECORDS]
    return 2 * sum(_record(line) is not None for line in lines) > len(lines)


def _sample(container: str, start: bytes) -> list[Mapping[str, Any]]:
    """The first readable records among the bytes that were read, whatever stands between them."""
    text = start.decode("utf-8", errors="replace").lstrip()
    if container == "csv":
        return _first_row(text)
    found = _in_lines(text) if container == "lines" else _in_document(text)
    records = list(islice(found, _SAMPLE_RECORDS))
    if not records and len(start) == _START_BYTES:
        # One record is longer than what was read; its first keys are not.
        keys = _top_keys(text.removeprefix("[").lstrip())
        return [keys] if keys else []
    return records


def _first_row(text: str) -> list[Mapping[str, Any]]:
    try:
        return [dict(row) for row in islice(csv.DictReader(io.StringIO(text)), 1)]
    except csv.Error:
        return []


def _in_lines(text: str) -> Iterator[Mapping[str, Any]]:
    yield from (record for line in text.split("\n") if (record := _record(line)) is not None)


def _in_document(text: str) -> Iterator[Mapping[str, Any]]:
    position = 0
    while found := _BETWEEN.match(text, position):
        try:
            value, position = _DECODER.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            return
        if isinstance(value, dict):
            yield value


def _record(line: str | bytes) -> Mapping[str, Any] | None:
    """The object that stands on this line alone."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


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
    able = [source for source in sources.discover().values() if form in source.formats]
    reasons = {source.name: [why for record in sample if (why := source.recognise(record))] for source in able}
    chosen = max(able, key=lambda source: len(reasons[source.name]))  # of equals the first by name
    if whys := reasons[chosen.name]:
        share = "" if len(whys) == len(sample) else f"; {len(whys)} of the first {len(sample)} records"
        return Detected(container, chosen, whys[0] + share)
    seen = ", ".join(sorted(map(str, sample[0]))[:12]) if sample else "no readable record"
    raise UnknownFormat(
        f"{path}: no known log format (first record: {seen}). Tried: {', '.join(source.name for source in able)}; "
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
