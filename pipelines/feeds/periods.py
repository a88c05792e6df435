"""Bills dated by a `day` or a `period` -> period_start and period_end, and the end that was left open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa

from pipelines.feeds.raw import RawRows
from warehouse.feed_schemas import Feed


def with_periods(feed: Feed, raw: RawRows) -> RawRows:
    """For bills, `period` (YYYY-MM or a day) or `day` becomes period_start, and a missing period_end is worked out.

    What is no period stays as it is under period_start, to be refused there with its line.
    """
    starts = {"period_start", "day", "period"} & set(raw.columns)
    if feed.name != "provider_bills" or len(starts) != 1:
        return raw
    header = starts.pop()
    given = raw.columns[header].to_pylist()
    ends = raw.columns["period_end"].to_pylist() if "period_end" in raw.columns else [None] * len(given)
    spans = [_span(start, header == "period") for start in given]
    columns = {name: cells for name, cells in raw.columns.items() if name not in (header, "period_end")}
    columns["period_start"] = pa.chunked_array([pa.array([span[0] for span in spans], pa.string())])
    filled = [end if end and end.strip() else span[1] for end, span in zip(ends, spans, strict=True)]
    columns["period_end"] = pa.chunked_array([pa.array(filled, pa.string())])
    return replace(raw, columns=columns)


def _span(text: str | None, may_be_month: bool) -> tuple[str | None, str | None]:
    """(first day, day after the last) as text; the end is unknown where the text is no date."""
    try:
        if text and may_be_month and len(text.strip()) == len("YYYY-MM"):
            first = date.fromisoformat(f"{text.strip()}-01")
            return first.isoformat(), (first + timedelta(days=31)).replace(day=1).isoformat()
        return text, None if text is None else (date.fromisoformat(text.strip()[:10]) + timedelta(days=1)).isoformat()
    except (OverflowError, ValueError):
        return text, None
