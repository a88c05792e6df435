"""The columns that companies fill differently, from the paths that a mapping names: written once for every source."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.sources import Fields, paths_or_tag
from warehouse.connection import literal
from warehouse.schemas import UNATTRIBUTED


def named(f: Fields, mapping: Mapping[str, tuple[str, ...]], tags: str = "null") -> dict[str, str]:
    """Column -> SQL of what the record itself names. `tags`: SQL of its JSON list of tags."""
    return {column: paths_or_tag(f, paths, tags) for column, paths in mapping.items()}


def with_defaults(columns: Mapping[str, str], trace: str) -> dict[str, str]:
    """The same, with the tenant that stands for nobody, and for a task that is not named the trace: `trace` is its SQL."""
    return {
        **columns,
        "tenant_id": f"coalesce({columns['tenant_id']}, {literal(UNATTRIBUTED)})",
        "task_id": f"coalesce({columns['task_id']}, {trace})",
    }


def mapped(f: Fields, mapping: Mapping[str, tuple[str, ...]], trace: str, tags: str = "null") -> dict[str, str]:
    """Every column of the mapping, as a request has it."""
    return with_defaults(named(f, mapping, tags), trace)
