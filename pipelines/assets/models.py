"""The dbt models as assets and their tests as checks: lineage, descriptions and columns from dbt's manifest.

What dbt itself does not know is read from the models' text: which dataset of the lake a staging model reads, and which
models read the price book.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, build_dbt_asset_specs

from pipelines.building.dbt import Node

PRICE_BOOK = "price_book"
_LAKE = re.compile(r"lake\(\s*'(\w+)'")
_FEED = re.compile(r"latest_of_feed\(\s*'(\w+)'")
_PRICED_INPUT = re.compile(r"input\(\s*'(?:price_slice|model|drawdown|drawdown_segment|capacity_day)'")
_OF_DAGSTER_DBT = "dagster_dbt/"
"""Metadata that holds the whole manifest in every asset; nothing here reads it."""


class Models:
    """The models of one manifest: specs for Dagster, and what a finished node means for them."""

    def __init__(self, manifest: Path) -> None:
        self._nodes: dict[str, Any] = json.loads(manifest.read_bytes())["nodes"]
        self._keys = {
            unique_id: dg.AssetKey(node["name"])
            for unique_id, node in self._nodes.items()
            if node["resource_type"] == "model"
        }
        found = build_dbt_asset_specs(manifest=manifest, dagster_dbt_translator=_Translator())
        self.specs = [_without_manifest(spec) for spec in found]
        self.checks = [self._check(node) for node in self._nodes.values() if node["resource_type"] == "test"]

    def in_group(self, group: str) -> list[dg.AssetKey]:
        return [spec.key for spec in self.specs if spec.group_name == group]

    def result(self, node: Node, rows: Mapping[str, int]) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        """What a finished node is to Dagster: a materialised model, an evaluated check, or (skipped, failed) nothing."""
        if node.unique_id in self._keys:
            if node.is_well:
                metadata: dict[str, Any] = {"seconds": node.seconds}
                if node.name in rows:
                    metadata["dagster/row_count"] = rows[node.name]
                yield dg.MaterializeResult(asset_key=self._keys[node.unique_id], metadata=metadata)
        elif node.status != "skipped":
            test = self._nodes[node.unique_id]
            yield dg.AssetCheckResult(
                asset_key=self._checked(test),
                check_name=node.name,
                passed=node.status == "pass",
                severity=dg.AssetCheckSeverity.WARN if _is_warning(test) else dg.AssetCheckSeverity.ERROR,
                metadata={"rows_found": node.failures, "seconds": node.seconds, "message": node.message},
            )

    def standing(self, version: int) -> Iterator[dg.AssetCheckResult]:
        """The checks when there was nothing to build: what is served was published because each of them had passed."""
        for node in self._nodes.values():
            if node["resource_type"] == "test" and not _is_warning(node):
                yield dg.AssetCheckResult(
                    asset_key=self._checked(node),
                    check_name=node["name"],
                    passed=True,
                    metadata={"passed_for_version": version},
                )

    def _check(self, node: Mapping[str, Any]) -> dg.AssetCheckSpec:
        key = self._checked(node)
        others = {self._keys[name] for name in node["depends_on"]["nodes"]} - {key}
        return dg.AssetCheckSpec(node["name"], asset=key, additional_deps=sorted(others), description=_sentence(node))

    def _checked(self, test: Mapping[str, Any]) -> dg.AssetKey:
        """The model a test is shown at: the one it is written at, else the first it reads that no other it reads rests on."""
        named = test.get("attached_node")
        if named:
            return self._keys[named]
        read = test["depends_on"]["nodes"]
        above: set[str] = set().union(*(self._above(name) for name in read))
        return self._keys[next(name for name in read if name not in above)]

    def _above(self, name: str) -> set[str]:
        """All models that a model rests on, itself not among them."""
        above: set[str] = set()
        waiting = [name]
        while waiting:
            parents = [parent for parent in self._nodes[waiting.pop()]["depends_on"]["nodes"] if parent not in above]
            above.update(parents)
            waiting.extend(parents)
        return above


class _Translator(DagsterDbtTranslator):
    """Groups by layer; lake datasets and the price book above the models that read them."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return Path(dbt_resource_props["original_file_path"]).parts[0]

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        text = manifest["nodes"][unique_id]["raw_code"]
        read = [*_LAKE.findall(text), *(f"feed_{name}" for name in _FEED.findall(text))]
        if _PRICED_INPUT.search(text):
            read.append(PRICE_BOOK)
        return spec.merge_attributes(deps=[dg.AssetKey(name) for name in sorted(set(read))])


def _without_manifest(spec: dg.AssetSpec) -> dg.AssetSpec:
    kept = {name: value for name, value in spec.metadata.items() if not name.startswith(_OF_DAGSTER_DBT)}
    return spec.replace_attributes(metadata=kept)


def _is_warning(test: Mapping[str, Any]) -> bool:
    return test["config"]["severity"].lower() == "warn"


def _sentence(test: Mapping[str, Any]) -> str:
    """What a test claims: the first comment of its own file, or the name of a generic one with its columns."""
    if "test_metadata" not in test:
        return test["description"] or test["raw_code"].splitlines()[0].removeprefix("-- ")
    given = test["test_metadata"]["kwargs"]
    columns = given.get("columns") or [given.get("column_name", "")]
    values = f": {', '.join(map(str, given['values']))}" if "values" in given else ""
    return f"{test['test_metadata']['name'].replace('_', ' ')}: {', '.join(columns)}{values}"
