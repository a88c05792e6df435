"""File formats of a feed, by suffix."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pipelines.feeds.text_files import refusal

FileFormat = Literal["csv", "json", "jsonl", "parquet"]
_BY_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def file_format(path: Path) -> FileFormat:
    """The format; text formats may be packed as .gz. Raises FeedError with the formats there are."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_packed = suffixes[-1:] == [".gz"]
    found = _BY_SUFFIX.get((suffixes[:-1] if is_packed else suffixes)[-1:][0] if suffixes[is_packed:] else "")
    if found is None or (is_packed and found == "parquet"):
        raise refusal(
            path, "is of no known format", "Files end in .csv, .jsonl, .ndjson, .json (each also .gz) or .parquet."
        )
    return found
