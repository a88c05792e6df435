"""What every export promises, whoever writes the next one: add its file, and its folder holds to this."""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines import exports
from pipelines.exports import Export, Written
from tests.workspace import Workspace, request
from warehouse.reader import Period, Reader

USER = "zwiebelkuchen-user"
"""Of every request; no export may name a person."""
DECIMALS = 6


@pytest.fixture(params=sorted(exports.discover()))
def export(request: pytest.FixtureRequest) -> Export:
    return exports.named(request.param)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Three tasks of two tenants, one of them named as a formula; one request has no price."""
    workspace = Workspace(tmp_path_factory.mktemp("company"))
    requests = [
        ("t1", "=cmd()", "claude-sonnet-4-5"),
        ("t2", "acme", "claude-sonnet-4-5"),
        ("t3", "acme", "unknown-model"),
    ]
    workspace.land_records(
        "log",
        [
            request(task_id=task, tenant_id=tenant, response_model=model, end_user_id=USER)
            for task, tenant, model in requests
        ],
    )
    workspace.land_feed("task_outcomes", [
        {"outcome_id": f"o-{task}", "task_id": task, "outcome": "success", "observed_at": "2026-11-11T00:00:00Z"}
        for task in ("t1", "t2")
    ])  # fmt: skip
    workspace.build()
    made = Reader(workspace.settings.data_dir)
    yield made
    made.close()
    workspace.control.close()


def write(export: Export, reader: Reader, out: Path) -> Written:
    period = Period.month(reader.months()[-1])
    return export.write(reader, out, period, label="2026-11", decimals=DECIMALS)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_an_unknown_export_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(exports.UnknownExport, match=r"'finanse'. Known exports: .*finance"):
        exports.named("finanse")


def test_an_export_is_called_what_its_module_is_called_and_is_described(export: Export) -> None:
    module = importlib.import_module(f"pipelines.exports.{export.name}")
    assert module.EXPORT is export
    assert module.__doc__
    assert export.description
    assert all(export.files.values())


def test_a_folder_holds_the_promised_files_and_a_manifest(export: Export, reader: Reader, tmp_path: Path) -> None:
    written = write(export, reader, tmp_path)
    promised = [name.format(every="monthly") for name in export.files]
    assert written.folder == tmp_path / "2026-11"
    assert [file.name for file in written.files] == promised
    assert {path.name for path in written.folder.iterdir()} == {*promised, "manifest.json"}


def test_the_manifest_says_of_each_file_what_another_reader_finds(
    export: Export, reader: Reader, tmp_path: Path
) -> None:
    written = write(export, reader, tmp_path)
    manifest: dict[str, Any] = json.loads((written.folder / "manifest.json").read_bytes())
    assert manifest == written.manifest
    for file, entry in zip(written.files, manifest["files"], strict=True):
        content = (written.folder / entry["name"]).read_bytes()
        rows = rows_of(written.folder / entry["name"])
        assert rows
        assert (entry["sha256"], entry["bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (entry["rows"], file.rows) == (len(rows), len(rows))
        assert set(rows[0]) == set(entry["columns"])
        assert all(entry["columns"].values())
        totals = {name: sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in entry["column_totals"]}
        assert totals == file.totals == {name: Decimal(total) for name, total in entry["column_totals"].items()}
        amounts = [row[name] for name in totals if name.endswith("_usd") for row in rows]
        assert all(re.fullmatch(rf"-?\d+\.\d{{{DECIMALS}}}", amount) for amount in amounts)


def test_the_same_data_gives_the_same_bytes(export: Export, reader: Reader, tmp_path: Path) -> None:
    first, second = (write(export, reader, tmp_path / name).folder for name in ("first", "second"))
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_no_export_names_a_user_or_a_place_of_this_machine(export: Export, reader: Reader, tmp_path: Path) -> None:
    for path in write(export, reader, tmp_path).folder.iterdir():
        assert USER.encode() not in path.read_bytes()
        assert str(tmp_path).encode() not in path.read_bytes()


def test_no_cell_of_text_is_a_formula(export: Export, reader: Reader, tmp_path: Path) -> None:
    cells = [
        cell
        for path in write(export, reader, tmp_path).folder.glob("*.csv")
        for row in rows_of(path)
        for cell in row.values()
    ]
    assert "'=cmd()" in cells
    assert not [cell for cell in cells if re.match(r"[=+@\t\r]|-(?!\d+(\.\d+)?$)", cell)]
