"""One feed file -> validated rows."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

from pipelines.feeds.bills import read_bills, reader_of
from pipelines.feeds.csv_rows import read_csv
from pipelines.feeds.formats import file_format
from pipelines.feeds.json_rows import documents, read_objects
from pipelines.feeds.parquet_rows import read_parquet
from pipelines.feeds.problems import Problem
from pipelines.feeds.raw import RawRows
from pipelines.feeds.validate import FeedRows, validate
from warehouse.feed_schemas import FEEDS, Feed


def read_feed(feed_name: str, path: str | Path) -> FeedRows:
    """Read and check a CSV, JSON, JSON-lines or Parquet file; a pure function of the file.

    Raises KeyError for an unknown feed, FeedError with every problem of the file.
    """
    feed = feed_named(feed_name)
    return validate(feed.name, _raw_rows(feed, Path(path)))


def feed_named(name: str) -> Feed:
    """The feed. Raises KeyError that lists the feeds."""
    if name not in FEEDS:
        raise KeyError(f"Unknown feed '{name}'. Known feeds: {', '.join(FEEDS)}.")
    return FEEDS[name]


def _raw_rows(feed: Feed, path: Path) -> RawRows:
    kind = file_format(path)
    if kind == "csv":
        return read_csv(path)
    if kind == "parquet":
        return read_parquet(path, feed)
    problems: list[Problem] = []
    found = documents(path, kind == "json", problems)
    first = next(found, None)
    items = found if first is None else chain([first], found)
    if feed.name == "provider_bills" and first is not None and reader_of(first[1]):
        return read_bills(path, items, problems)
    return read_objects(path, items, [column.name for column in feed.columns if column.kind == "json"], problems)
