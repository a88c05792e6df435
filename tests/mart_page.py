"""docs/marts.md is what the models say of themselves, with the columns that a build has: `python -m tests.mart_page --write`."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipelines.building.manifest import manifest_file
from tests.workspace import Workspace
from warehouse.publish import MARTS, PRICED

PAGE = Path(__file__).parent.parent / "docs" / "marts.md"
_HEAD = """# The published tables

Names, keys, columns and metric ids are a public contract: `margincall query`, the files in `serving/` and every export
rest on them, and a change of one is told in the [changelog](../CHANGELOG.md). Amounts that end in `_usd` are DECIMAL(38,12)
dollars, those in `_pico` whole pico-dollars (10⁻¹² USD), shares and ratios fractions of one. Dates are those of the
reporting zone, except `day` and `task_day` (UTC).

Conservation, tested in every build: per day `fct_tenant_day`, `fct_feature_day` and `fct_model_day` each equal the priced
requests and the cost events; `fct_allocated_cost_day` equals `fct_shared_cost_day`; `fct_task` equals its attempts. Weeks of
users, cache, waste, drivers and prompts are no parts of a whole.

This page is written by `make docs` from the models.
"""


def page(workspace: Workspace) -> str:
    """The page for the tables that the workspace's last build has."""
    nodes: dict[str, Any] = json.loads(manifest_file(workspace.settings.data_dir).read_text())["nodes"]
    return "".join([_HEAD, *(_section(workspace, nodes, name) for name in (PRICED, *MARTS))])


def _section(workspace: Workspace, nodes: dict[str, Any], name: str) -> str:
    model = nodes[f"model.margincall.{name}"]
    text, found, grain = " ".join(model["description"].split()).partition(" Grain: ")
    if not found:
        raise ValueError(f"{name}: its description does not end with its grain")
    lines = [f"\n## {name}\n\n{text}\n\n*Grain*: {grain}"]
    if key := _key(nodes, name):
        lines.append(f" *Key*: {', '.join(f'`{column}`' for column in key)}.")
    lines.append("\n\n| column | type | |\n|---|---|---|\n")
    for column, kind in workspace.rows(
        f"select column_name, lower(data_type) from information_schema.columns where table_name = '{name}' "
        "and table_schema = 'main' order by ordinal_position"
    ):
        note = " ".join(model["columns"].get(column, {}).get("description", "").split()).replace("|", "\\|")
        lines.append(f"| `{column}` | {kind.replace('varchar', 'text')} | {note} |\n")
    return "".join(lines)


def _key(nodes: dict[str, Any], name: str) -> list[str]:
    for node in nodes.values():
        test: dict[str, Any] = node.get("test_metadata") or {}
        if node.get("attached_node") == f"model.margincall.{name}" and test.get("name") == "one_row_per":
            return test["kwargs"]["columns"]
    return []


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.mart_page --write")
    from tests.sql import example_c

    with tempfile.TemporaryDirectory() as folder:
        company = Workspace(Path(folder))
        example_c.land(company, example_c.NOVEMBER_9)
        company.build()
        PAGE.write_text(page(company))
        company.control.close()
