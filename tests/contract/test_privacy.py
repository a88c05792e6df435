"""Nothing that a source does not name is stored or shown, wherever in its records it stands, whatever becomes of them."""

from __future__ import annotations

import copy
import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines import sources
from pipelines.landing.explain import explain_file
from pipelines.sources import Fields
from tests.property.hostile import RECORDS
from tests.workspace import Workspace

Record = dict[str, Any]
# One word each, so that a redaction that keeps short or name-like texts would keep them.
SECRETS = ("Zwiebelkuchen", "sk-ant-api03-Geheimnis", "anna.geheim@example.com", "192.0.2.77")
PROMPT = f"You are Karl Unverwechselbar. {' '.join(SECRETS)}"
WORDS = (*SECRETS, "Unverwechselbar")
NAMED_LIKE = (
    "prompt",
    "messages",
    "email",
    "authorization",
    "x-forwarded-for",
    "user_api_key",
    "input",
    "output",
    "body",
)
READ_NOT_KEPT = ("error_message", "error_str", "status_message", "exception.message")
SOURCES = sorted(sources.discover())


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    """Every source's records with secrets in every other field, good, spoiled and torn, landed and built; what was told."""
    workspace, told = Workspace(tmp_path_factory.mktemp("privacy")), []
    for name in SOURCES:
        good, bad = planted(name), planted(name) | {"padding": PROMPT}
        spoil(name, bad)
        lines = [json.dumps(good), json.dumps(bad), json.dumps(PROMPT), json.dumps(good)[:-25], f"{PROMPT} no JSON"]
        path = workspace.root / f"{name}.jsonl"
        path.write_text("\n".join(lines) + "\n" + json.dumps(good)[:-10])
        told.append(repr(workspace.land(path, name)))
        told.append(explained(workspace, path, name))
        if "csv" in sources.named(name).formats:
            told.append(repr(workspace.land(as_csv(workspace.root / f"{name}.csv", good, bad), name)))
    told.append(repr(workspace.build()))
    yield workspace, "\n".join(told)
    workspace.control.close()


@pytest.mark.parametrize("name", SOURCES)
def test_the_secrets_are_in_the_files_and_their_records_land(name: str, landed: tuple[Workspace, str]) -> None:
    workspace, _ = landed
    text = (workspace.root / f"{name}.jsonl").read_text()
    assert all(text.count(word) >= 5 for word in WORDS)
    where = f"source_file like '%/{name}.jsonl' and source_line is not null"
    files = [str(path) for path in (workspace.lake.root / "llm_request").rglob("*.parquet")]
    assert duckdb.execute(f"select count(*) from read_parquet({files}) where {where}").fetchall()[0][0] >= 1


def test_no_secret_stands_in_a_file_of_the_data_folder(landed: tuple[Workspace, str]) -> None:
    workspace, _ = landed
    stored = dict(stored_in(workspace.settings.data_dir))
    assert {"lake", "quarantine", "serving", "control.sqlite", "warehouse.duckdb"} <= {
        key.split("/")[0] for key in stored
    }
    assert any(b"claude-sonnet-4-5" in data for data in stored.values()), "a stored text would have been found"
    found = [(name, word) for name, data in stored.items() for word in WORDS if word.lower().encode() in data.lower()]
    assert found == []


def test_no_secret_is_told(landed: tuple[Workspace, str]) -> None:
    _, told = landed
    assert "claude-sonnet-4-5" in told
    assert [word for word in WORDS if word.lower() in told.lower()] == []


def test_an_unknown_format_is_told_without_its_content(workspace: Workspace) -> None:
    path = workspace.root / "unknown.jsonl"
    path.write_text(json.dumps({"note": PROMPT, "nested": {"more": PROMPT}}) + "\n")
    with pytest.raises(Exception, match="no known log format") as told:
        workspace.land(path)
    assert [word for word in WORDS if word in str(told.value)] == []


def planted(name: str) -> Record:
    """The example of a source with secrets beside everything that it reads: in every object, also in JSON text."""
    fields, source = Fields(), sources.named(name)
    source.read(fields, source.mapping)
    source.natural_id(fields)
    read = {path for path in fields.paths if path not in fields.inside}
    read |= {f"{column}.{path}" for column, rest in fields.inside.items() for path in rest}
    record = plant(copy.deepcopy(RECORDS[name]), "", read)
    for column in fields.inside:
        record[column] = json.dumps(record.get(column) or plant({}, column, read))  # as the other exporters write it
    return record


def plant(value: Any, at: str, read: set[str]) -> Any:
    if isinstance(value, list):
        return [plant(item, at, read) for item in value]
    if not isinstance(value, dict) or at in read:  # an object that is read whole: its numbers by their names
        return value
    prefix = f"{at}." if at else ""
    secrets: Record = {key: PROMPT for key in NAMED_LIKE if f"{prefix}{key}" not in read}
    secrets |= {"deeper": {"content": [{"text": PROMPT}], "as_text": json.dumps({"content": PROMPT})}}
    inner = {key: plant(item, f"{prefix}{key}", read) for key, item in value.items()}
    for key, item in inner.items():
        if isinstance(item, str) and key in READ_NOT_KEPT:
            inner[key] = PROMPT
    return inner | {key: item for key, item in secrets.items() if key not in value}


def spoil(name: str, record: Record) -> None:
    """Make the record unreadable by a secret in the place of its times and numbers."""
    for key, value in record.items():
        if isinstance(value, int | float) or "time" in key.lower() or key.endswith("_at"):
            record[key] = PROMPT
    if name == "otlp":
        record["resourceSpans"] = [PROMPT]


def as_csv(path: Path, *records: Record) -> Path:
    header = list(records[0])
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, PROMPT])
        for record in records:
            cells = [record.get(key, "") for key in header]
            writer.writerow([*(cell if isinstance(cell, str) else json.dumps(cell) for cell in cells), PROMPT])
        file.write(f'"{PROMPT}')
    return path


def explained(workspace: Workspace, path: Path, name: str) -> str:
    explanation = explain_file(workspace.settings, path, name)
    console = Console(record=True, width=400, file=(workspace.root / "console.txt").open("w"))
    explanation.print_to(console)
    console.file.close()
    return json.dumps(explanation.as_data(), default=str) + console.export_text()


def stored_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's bytes and its name, Parquet and databases also as their values."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder))
            yield name, path.read_bytes() + name.encode() + values_of(path)


def values_of(path: Path) -> bytes:
    if path.suffix == ".parquet":
        table = pq.ParquetFile(path).read()
        return repr((table.schema.metadata, table.column_names, table.to_pylist())).encode()
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as database:
            names = database.execute("select table_name from duckdb_tables()").fetchall()
            return repr([database.execute(f'select * from "{name}"').fetchall() for (name,) in names]).encode()
    if path.suffix == ".sqlite":
        with sqlite3.connect(path) as database:
            dumped = "\n".join(database.iterdump())
        database.close()
        return dumped.encode()
    return b""


def test_explaining_shows_named_fields_inside_json_and_never_json_itself(workspace: Workspace) -> None:
    path = workspace.root / "log.jsonl"
    path.write_text("".join(json.dumps(_of_feature(text)) + "\n" for text in ("reply", json.dumps({"prompt": PROMPT}))))
    explanation = explain_file(workspace.settings, path)
    assert explanation.reasons == [("metadata.spend_logs_metadata.feature: an object, not a text", 1)]
    [before], [after] = explanation.before, explanation.after
    assert (after["feature"], after["environment"]) == ("reply", "<JSON of 5 characters>")
    assert [word for word in WORDS if word in str(explanation.as_data())] == []
    inside = {key: value for key, value in before.items() if key.startswith("metadata")}
    assert inside == {
        "metadata.spend_logs_metadata.task_id": "t-7",
        "metadata.spend_logs_metadata.feature": "reply",
        "metadata.error_information.error_message": f"<text {len(PROMPT)}>",
        "metadata.error_information.error_class": "ValueError",
    }
    assert (before["prompt_tokens"], before["model"]) == ("1000", "anthropic/claude-sonnet-4-5")


def _of_feature(feature: str) -> Record:
    return RECORDS["litellm_spend_logs"] | {
        "metadata": json.dumps(
            {
                "spend_logs_metadata": {
                    "task_id": "t-7",
                    "feature": feature,
                    # No JSON, though it looks like it: a text, and stored as one.
                    "environment": "{prod",
                },
                "error_information": {"error_message": PROMPT, "error_class": "ValueError"},
            }
        )
    }
