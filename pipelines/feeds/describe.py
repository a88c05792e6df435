"""What to put into a feed, as text for `--help` and the documentation."""

from __future__ import annotations

from pipelines.feeds.reader import feed_named
from warehouse.feed_schemas import Column

KINDS = {
    "text": "text",
    "date": "date",
    "timestamp": "timestamp",
    "integer": "whole number",
    "money": "money, up to 12 decimals",
    "decimal": "number, up to 12 decimals",
    "boolean": "true or false",
    "json": "JSON object",
}


def describe_feed(name: str) -> str:
    """Grain, key and a line for each column of the feed. Raises KeyError for an unknown feed."""
    feed = feed_named(name)
    width = max(len(column) for column in feed.column_names)
    lines = [f"{feed.name}: {feed.grain}", f"Key: {', '.join(feed.key)}. A * marks what every row fills."]
    if feed.any_of:
        lines.append(f"Every row fills at least one of {', '.join(feed.any_of)}.")
    lines += [f"{end} is after {start}." for start, end in feed.intervals]
    return "\n".join([*lines, *(f"  {column.name:<{width}} {_details(column)}" for column in feed.columns)]) + "\n"


def _details(column: Column) -> str:
    parts = [
        KINDS[column.kind],
        f"one of {', '.join(column.allowed)}" if column.allowed else "",
        f"usually {', '.join(column.known)}" if column.known else "",
        {"any": "", "non_negative": "not negative", "positive": "above zero"}[column.sign],
        f"{column.default} when empty" if column.default else "",
        f"also as {', '.join(column.aliases)}" if column.aliases else "",
    ]
    return f"{'*' if column.is_required else ' '} {column.description} ({'; '.join(part for part in parts if part)})"
