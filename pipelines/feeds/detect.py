"""Which feed a file holds: by its name, else by its columns."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.feeds.bills import reader_of
from pipelines.feeds.csv_rows import csv_header
from pipelines.feeds.formats import file_format
from pipelines.feeds.json_rows import documents
from pipelines.feeds.parquet_rows import parquet_header
from pipelines.feeds.problems import FeedError, Problem
from pipelines.feeds.text_files import refusal
from warehouse.feed_schemas import FEEDS, Feed


def detect_feed(path: str | Path) -> str:
    """Name of the feed: the file's name begins with it (`fx-2026-10.csv`), else exactly one feed has its columns.

    Raises FeedError that lists the feeds and what each needs.
    """
    path = Path(path)
    by_name = feed_by_name(path)
    if by_name:
        return by_name
    kind = file_format(path)
    if kind == "csv":
        header = csv_header(path)
    elif kind == "parquet":
        header = parquet_header(path)
    else:
        problems: list[Problem] = []
        _, first = next(documents(path, kind == "json", problems), (0, None))
        if problems:
            raise FeedError(problems)
        if reader_of(first):
            return "provider_bills"
        header = list(first) if isinstance(first, dict) else []
    fitting = [feed.name for feed in FEEDS.values() if _fits(feed, header)]
    if len(fitting) == 1:
        return fitting[0]
    reason = f"could be {' or '.join(fitting)}" if fitting else "has the columns of no feed"
    needs = "; ".join(f"{feed.name} ({', '.join(feed.required)})" for feed in FEEDS.values())
    raise refusal(
        path, f"{reason}: {', '.join(header) or 'none'}", f"Name it after its feed or give it these columns: {needs}."
    )


def feed_by_name(path: Path) -> str | None:
    """The feed that a file is named after (`fx-2026-10.csv`), if any."""
    stem = re.sub(r"[^a-z0-9]+", "_", path.name.partition(".")[0].lower())
    return next((name for name in sorted(FEEDS, key=len, reverse=True) if f"{stem}_".startswith(f"{name}_")), None)


def _fits(feed: Feed, header: list[str]) -> bool:
    """Whether all headers are understood and nothing needed is missing; `day` and `period` date a bill, too."""
    dates = {"day", "period"} if feed.name == "provider_bills" else set[str]()
    found = {"period_start" if name in dates else feed.spellings.get(name, name) for name in header}
    has_one_of = not feed.any_of or not found.isdisjoint(feed.any_of)
    return bool(found) and has_one_of and found.issubset(feed.column_names) and found.issuperset(feed.required)
