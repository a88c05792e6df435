"""The same row twice in a file is counted and dropped; the same version with different content is a problem."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from pipelines.feeds.compute import pc
from pipelines.feeds.problems import Problem
from warehouse.feed_schemas import Feed

ROW, LINE = "source_row", "source_line"
HINTS = {
    "provider_bills": "Number lines that are otherwise alike in line_id, or date a correction in observed_at.",
    "credit_burns": "Tell burns of one instant apart by burn_id, or date a correction in observed_at.",
}
HINT = "One row per key; date a correction by a later observed_at."


def without_duplicates(feed: Feed, file: str, table: pa.Table) -> tuple[pa.Table, list[Problem]]:
    """The first of every set of identical rows, in file order, and the rows that contradict an earlier line.

    A version is the feed's key and observed_at; an empty cell is a value like any other.
    """
    version = list(dict.fromkeys([*feed.key, "observed_at"]))
    numbered = table.append_column(ROW, pa.array(range(table.num_rows), pa.int64()))
    if _firsts(numbered, version).num_rows == table.num_rows:
        return table, []
    first_rows = _firsts(numbered, feed.column_names)[f"{ROW}_min"].combine_chunks()
    kept = numbered.take(first_rows.take(pc.array_sort_indices(first_rows)))
    return kept.drop_columns([ROW]), _contradictions(feed, file, kept, version)


def _firsts(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """One row per distinct value of the named columns, with the first row, its line and how many there are."""
    grouped = table.group_by(list(names), use_threads=False)
    return grouped.aggregate([(ROW, "min"), (LINE, "min"), (ROW, "count")])


def _contradictions(feed: Feed, file: str, table: pa.Table, version: Sequence[str]) -> list[Problem]:
    """`table` holds no two identical rows any more, so that a second row of a version says something else."""
    firsts = _firsts(table, version)
    later = table.filter(pc.invert(pc.is_in(table[ROW], value_set=firsts[f"{ROW}_min"].combine_chunks())))
    shared = firsts.filter(pc.greater(firsts[f"{ROW}_count"], 1)).to_pylist()
    line_of_first = {tuple(row[name] for name in version): row[f"{LINE}_min"] for row in shared}
    problems: list[Problem] = []
    for row in later.to_pylist():
        key = tuple(row[name] for name in version)
        value = ", ".join(str(row[name]) for name in feed.key if row[name] is not None)
        what = f"has the key of line {line_of_first[key]} and says something else"
        problems.append(Problem(file, what, HINTS.get(feed.name, HINT), row[LINE], "+".join(feed.key), value))
    return problems
