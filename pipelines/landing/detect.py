"""What a file is, from its content: container (lines, array, document, CSV, Parquet) and log format, with the reason."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import sources
from pipelines.landing.lines import read_start
from pipelines.sources import Source

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
_SAMPLE_LINES = 200


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
    start = read_start(path)
    if start[:4] == b"PAR1":
        return _choose(path, "parquet", [_parquet_record(path)], wanted)
    if not start.strip():
        return None if not path.stat().st_size or start or _is_really_empty(path) else _refuse_damaged(path)
    container = _container(path, start)
    return _choose(path, container, list(_sample(container, start)), wanted)


def _container(path: Path, start: bytes) -> str:
    text = start.lstrip()
    if text[:1] == b"[":
        return "array"
    if text[:1] == b"{":
        first = text.split(b"\n", 1)[0]
        # A pretty-printed object: its first line alone is no JSON, and it is not a cut line of a log either.
        return "document" if first.strip() in (b"{", b"{}") or not _is_json(first) and _is_json(start) else "lines"
    if path.name.lower().removesuffix(".gz").removesuffix(".zst").endswith(".csv"):
        return "csv"
    return "lines"


def _sample(container: str, start: bytes) -> Iterator[Mapping[str, Any]]:
    text = start.decode("utf-8", errors="replace")
    if container == "csv":
        yield from _dicts(csv.DictReader(io.StringIO(text)))
    elif container in ("array", "document"):
        decoder = json.JSONDecoder()
        body = text.lstrip().lstrip("[").lstrip()
        try:
            yield from _dicts([decoder.raw_decode(body)[0]])
        except ValueError:
            return
    else:
        for line in text.splitlines()[:_SAMPLE_LINES]:
            try:
                yield from _dicts([json.loads(line)])
            except (ValueError, RecursionError):
                continue


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
    import pyarrow.parquet as pq

    return dict.fromkeys(pq.read_schema(path).names)


def _dicts(records: Any) -> Iterator[Mapping[str, Any]]:
    for record in records:
        if isinstance(record, dict):
            yield record
            return


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


def _is_really_empty(path: Path) -> bool:
    return path.suffix.lower() not in {".gz", ".zst"} or path.stat().st_size < 64


def _refuse_damaged(path: Path) -> Detected | None:
    raise UnknownFormat(f"{path}: the compressed stream is damaged from its start; nothing in it can be read.")
