"""Objects of a store as inputs: copied once, continued where cut off, landed as files. The store is moto's S3 on loopback."""

from __future__ import annotations

import gzip
import importlib
import os
import socket
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.fetching import objects
from pipelines.landing.land import FileResult
from pipelines.run import ingest_names
from pipelines.settings import Settings
from tests import landed
from tests.integration.test_landing import line
from tests.workspace import Workspace

if os.environ.get("CI") != "true":  # there they are installed, and missing ones are an error
    for needed in ("moto", "flask", "s3fs"):
        pytest.importorskip(needed, reason=f"{needed} is not installed: objects of a store are not tested")

from moto.server import ThreadedMotoServer

BUCKET = "company-logs"
REVENUE = "line_id,tenant_id,kind,amount,currency,service_start,service_end\nl-1,acme,subscription,{},USD,2026-11-01,2026-12-01\n"


@pytest.fixture(scope="module")
def endpoint() -> Generator[str]:
    """A store on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = ThreadedMotoServer("127.0.0.1", port, verbose=False)
    running.start()
    yield f"http://127.0.0.1:{port}"
    running.stop()


class Store:
    """The bucket as its owner sees it, and what was asked of it."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def put(self, key: str, content: str | bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def store(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty bucket, with the driver pointed at it the way its users do."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
    }.items():
        monkeypatch.setenv(name, value)
    client = importlib.import_module("boto3").client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield Store(client)
    for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """Every part that is downloaded: object, from byte, to byte."""
    asked: list[tuple[str, int, int]] = []
    make = objects._store

    def made(scheme: str, name: str) -> Any:
        found = make(scheme, name)
        read = found.cat_file

        def cat_file(path: str, start: int, end: int) -> bytes:
            asked.append((path.partition("/")[2], start, end))
            return read(path, start=start, end=end)

        found.cat_file = cat_file
        return found

    monkeypatch.setattr(objects, "_store", made)
    return asked


def ingest(settings: Settings, *names: str) -> list[FileResult]:
    return ingest_names(settings, names, lambda *_: None)


def told(settings: Settings, *names: str) -> list[tuple[str, str, int]]:
    """(file, state, rows landed) of every result."""
    return [(Path(r.path).name, r.state, r.counts.landed) for r in ingest(settings, *names)]


def test_a_folder_lands_once_and_what_did_not_change_is_not_downloaded_again(
    workspace: Workspace, store: Store, downloads: list[tuple[str, int, int]]
) -> None:
    first, packed = line(1) + line(2), gzip.compress(line(3).encode())
    store.put("logs/2026/a.jsonl", first)
    store.put("logs/b.jsonl.gz", packed)
    store.put("logs/readme.txt", "not a log")
    store.put("logs/.hidden/c.jsonl", line(4))
    store.put("logs/", "")
    store.put("elsewhere/d.jsonl", line(5))
    name = f"s3://{BUCKET}/logs/"
    assert told(workspace.settings, name) == [("a.jsonl", "landed", 2), ("b.jsonl.gz", "landed", 1)]
    assert downloads == [("logs/2026/a.jsonl", 0, len(first)), ("logs/b.jsonl.gz", 0, len(packed))]
    assert told(workspace.settings, name) == [("a.jsonl", "already", 0), ("b.jsonl.gz", "already", 0)]
    assert len(downloads) == 2
    assert len(landed.rows(workspace)) == 3


def test_an_object_that_grew_is_downloaded_again_and_only_its_new_lines_land(
    workspace: Workspace, store: Store, downloads: list[tuple[str, int, int]]
) -> None:
    store.put("app.jsonl", line(1))
    name = f"s3://{BUCKET}/app.jsonl"
    assert told(workspace.settings, name) == [("app.jsonl", "landed", 1)]
    store.put("app.jsonl", line(1) + line(2))
    states = [(state, rows) for _, state, rows in told(workspace.settings, name)]
    assert sorted(states) == [("already", 0), ("landed", 1)]
    assert len(downloads) == 2
    assert len(landed.rows(workspace)) == 2


def test_a_version_that_was_fetched_and_not_landed_still_lands_when_it_was_replaced(
    workspace: Workspace, store: Store
) -> None:
    store.put("log.jsonl", line(1))
    list(objects.KIND.fetch(workspace.settings, f"s3://{BUCKET}/log.jsonl", lambda _: True))
    store.put("log.jsonl", line(2))
    assert sorted(told(workspace.settings, f"s3://{BUCKET}/log.jsonl")) == [("log.jsonl", "landed", 1)] * 2


def test_globs_name_objects_and_folders(workspace: Workspace, store: Store) -> None:
    for key in ("logs/2026-10/a.jsonl", "logs/2026-11/a.jsonl", "logs/2026-11/deep/b.jsonl", "logs/2025-11/c.jsonl"):
        store.put(key, line(len(key), tenant_id=key))
    found = ingest(workspace.settings, f"s3://{BUCKET}/logs/2026-*/*.jsonl")
    assert [Path(r.path).parts[-5:-2] for r in found] == [
        ("logs", month, "a.jsonl") for month in ("2026-10", "2026-11")
    ]
    (all_of_november) = told(workspace.settings, f"s3://{BUCKET}/logs/*-11")
    assert sorted(all_of_november) == [("a.jsonl", "already", 0), ("b.jsonl", "landed", 1), ("c.jsonl", "landed", 1)]


def test_a_feed_lands_as_its_file_name_says(workspace: Workspace, store: Store) -> None:
    store.put("finance/revenue_lines-2026-11.csv", REVENUE.format("100.000000000001"))
    (result,) = ingest(workspace.settings, f"s3://{BUCKET}/finance/revenue_lines-2026-11.csv")
    assert (result.source, result.state, result.counts.landed) == ("revenue_lines", "landed", 1)


def test_a_cut_copy_goes_on_where_it_stopped(
    workspace: Workspace, store: Store, downloads: list[tuple[str, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "".join(line(number) for number in range(10))
    store.put("big.jsonl", content)
    size, name = len(content), f"s3://{BUCKET}/big.jsonl"
    monkeypatch.setattr(objects, "BLOCK_BYTES", 1000)
    cut_at(monkeypatch, 2)
    (result,) = ingest(workspace.settings, name)
    assert result.state == "failed"
    assert "Run again; it goes on." in result.message
    monkeypatch.setattr(objects, "BLOCK_BYTES", 10**6)
    assert told(workspace.settings, name) == [("big.jsonl", "landed", 10)]
    assert downloads == [("big.jsonl", 0, 1000), ("big.jsonl", 1000, 2000), ("big.jsonl", 2000, size)]
    assert list(workspace.settings.data_dir.rglob("*.part")) == []


def test_a_cut_copy_of_an_older_version_is_not_continued(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("big.jsonl", "x" * 3000)
    monkeypatch.setattr(objects, "BLOCK_BYTES", 1000)
    cut_at(monkeypatch, 2)
    ingest(workspace.settings, f"s3://{BUCKET}/big.jsonl")
    content = "".join(line(number) for number in range(10))
    store.put("big.jsonl", content)
    assert told(workspace.settings, f"s3://{BUCKET}/big.jsonl") == [("big.jsonl", "landed", 10)]


def test_a_copy_that_a_crash_left_damaged_is_made_again(workspace: Workspace, store: Store) -> None:
    content = line(1) + line(2)
    store.put("a.jsonl", content)
    name = f"s3://{BUCKET}/a.jsonl"
    list(objects.KIND.fetch(workspace.settings, name, lambda _: True))
    (whole,) = (workspace.settings.data_dir / "fetched").rglob("a.jsonl/*/a.jsonl")
    version, home = whole.parent.name.partition("-")[2], whole.parent.parent
    whole.unlink()
    (home / f".{version}.part").write_bytes(b"\0" * 100)
    assert told(workspace.settings, name) == [("a.jsonl", "landed", 2)]


def test_an_object_that_changes_while_it_is_copied_is_copied_as_it_then_is(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("a.jsonl", line(1))
    copy, times = objects._copied, iter([line(1) + line(2), None])

    def copied(*arguments: Any) -> Path:
        part = copy(*arguments)
        if content := next(times):
            store.put("a.jsonl", content)
        return part

    monkeypatch.setattr(objects, "_copied", copied)
    assert told(workspace.settings, f"s3://{BUCKET}/a.jsonl") == [("a.jsonl", "landed", 2)]


def test_one_object_that_cannot_be_read_does_not_keep_the_others_out(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("logs/a.jsonl", line(1))
    store.put("logs/b.jsonl", line(2))
    bring = objects._bring

    def refused(driver: Any, item: objects.Object, home: Path, name: str) -> None:
        if name.endswith("a.jsonl"):
            raise objects.FetchError(f"{name}: could not be read: no.")
        bring(driver, item, home, name)

    monkeypatch.setattr(objects, "_bring", refused)
    failed, fine = ingest(workspace.settings, f"s3://{BUCKET}/logs")
    assert (failed.path, failed.state) == (f"s3://{BUCKET}/logs/a.jsonl", "failed")
    assert fine.state == "landed"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"s3://{BUCKET}/nothing/", "no object, or no log or feed below it"),
        (f"s3://{BUCKET}/nothing.jsonl", "no object, or no log or feed below it"),
        (f"s3://{BUCKET}/*.jsonl", "no object, or no log or feed below it"),
        ("s3://no-such-bucket/logs/", "no object, or no log or feed below it"),
        ("s3://", "names no bucket"),
    ],
)
@pytest.mark.usefixtures("store")
def test_what_is_not_there_is_told_and_local_files_land_all_the_same(
    workspace: Workspace, name: str, message: str
) -> None:
    local = workspace.root / "local.jsonl"
    local.write_text(line(1))
    failed, fine = ingest(workspace.settings, name, str(local))
    assert (failed.state, fine.state) == ("failed", "landed")
    assert message in failed.message


def test_a_key_cannot_leave_its_folder(workspace: Workspace, store: Store) -> None:
    keys = [
        "logs/../../../a.jsonl",
        "logs//b.jsonl",
        f"logs/{'long' * 80}.jsonl",
        "logs/100%.jsonl",
        "logs/ünï code.jsonl",
    ]
    for number, key in enumerate(keys):
        store.put(key, line(number))
    results = ingest(workspace.settings, f"s3://{BUCKET}/logs/*.jsonl")
    folder = workspace.settings.data_dir.resolve() / "fetched" / "s3" / BUCKET
    assert all(Path(result.path).resolve().is_relative_to(folder) for result in results)
    assert {result.state for result in results} == {"landed"}


def cut_at(monkeypatch: pytest.MonkeyPatch, blocks: int) -> None:
    """The next store breaks off after so many blocks; later ones do not."""
    make: Callable[..., Any] = objects._store
    stores: list[Any] = []

    def made(scheme: str, name: str) -> Any:
        found = make(scheme, name)
        read, left = found.cat_file, iter([True] * blocks)

        def cat_file(path: str, start: int, end: int) -> bytes:
            if not stores[1:] and not next(left, False):
                raise ConnectionResetError("connection reset by peer")
            return read(path, start=start, end=end)

        found.cat_file = cat_file
        stores.append(found)
        return found

    monkeypatch.setattr(objects, "_store", made)
