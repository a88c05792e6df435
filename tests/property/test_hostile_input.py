"""Whatever a file holds, every record of it lands or is quarantined with a reason; nothing crashes, memory is bounded."""

from __future__ import annotations

import csv
import gzip
import io
import json
import multiprocessing
import re
import resource
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipelines import sources
from pipelines.landing import quarantine
from pipelines.landing.detect import UnknownFormat
from pipelines.landing.land import FileResult, LandingError
from pipelines.settings import Settings
from pipelines.sources import Source
from tests.landed import assert_conserved, landings, listed, refused, rows
from tests.landers import land_paths
from tests.property import hostile
from tests.workspace import Workspace, request
from warehouse import lake

SOURCES = sorted(sources.discover())
TABLES = [name for name in SOURCES if "csv" in sources.named(name).formats]
MIB = 1 << 20

# What every stored row must keep, whoever wrote it; each is a reason for pricing or a model to rely on.
_BROKEN = """
    day <> (started_at at time zone 'UTC')::date or started_at < timestamptz '2015-01-01' or ended_at < started_at
    or coalesce(cache_read_input_tokens, 0) + coalesce(cache_creation_input_tokens, 0) > coalesce(input_tokens, 0)
    or coalesce(reasoning_output_tokens, 0) > coalesce(output_tokens, 0)
    or least(input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, latency_ms,
        time_to_first_chunk_ms, attempt_no) < 0
    or status not in ('ok', 'error', 'blocked_budget', 'cancelled')
    or usage_semantics not in ('inclusive', 'exclusive_converted', 'ambiguous')
    or usage_quality not in ('reported', 'estimated', 'missing')
    or tenant_id = '' or end_user_id = ''
"""


@pytest.mark.parametrize("name", SOURCES)
def test_mutated_records_land_or_are_quarantined(name: str, workspace: Workspace) -> None:
    land_mutated(workspace, name, seed=1, count=340)


@pytest.mark.parametrize("name", TABLES)
def test_mutated_rows_of_a_table_land_or_are_quarantined(name: str, workspace: Workspace) -> None:
    land_table(workspace, name, seed=1, count=100)


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
@pytest.mark.parametrize("name", SOURCES)
def test_very_many_mutated_records_land_or_are_quarantined(name: str, seed: int, workspace: Workspace) -> None:
    land_mutated(workspace, name, seed=seed, count=3000)


@pytest.mark.fuzz
@pytest.mark.parametrize("name", TABLES)
def test_very_many_mutated_rows_of_a_table_land_or_are_quarantined(name: str, workspace: Workspace) -> None:
    land_table(workspace, name, seed=11, count=3000)


def land_mutated(workspace: Workspace, name: str, seed: int, count: int) -> None:
    path = workspace.root / "log.jsonl"
    path.write_bytes(b"".join(hostile.lines(name, seed, count)))
    result = workspace.land(path, name)
    assert_all_accounted(workspace, result, sources.named(name), count)
    good = workspace.root / "good.jsonl"
    good.write_text(json.dumps(hostile.RECORDS[name]) + "\n")
    assert workspace.land(good).counts.landed >= 1, "the log behind a hostile one does not land any more"


def land_table(workspace: Workspace, name: str, seed: int, count: int) -> None:
    found = list(hostile.flat(name, seed, count))
    header = list(
        dict.fromkeys(key for record in [hostile.RECORDS[name], *hostile.BESIDE.get(name, [])] for key in record)
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[row.get(key, "") for key in header] for row in found])
    path = workspace.root / "log.csv"
    path.write_bytes(text.getvalue().replace("\x00", "\\0").encode("utf-8", errors="surrogatepass"))
    result = workspace.land(path, name)
    assert result.counts.landed > 0
    assert_stored_rows_hold(workspace)
    assert_conserved(workspace)


def assert_all_accounted(workspace: Workspace, result: FileResult, source: Source, count: int) -> None:
    assert result.state == "landed"
    assert result.counts.landed > 0
    assert result.counts.quarantined > 0
    told = result.message.removeprefix("passed over: ")
    passed_over = sum(int(part.split(" ")[0].replace(",", "")) for part in _counts(told))
    if source.expand:
        # One line holds several: each gave a row, or is refused by its own number.
        assert result.counts.rows_in + passed_over > 0
    else:
        assert result.counts.rows_in + passed_over == count
    assert_conserved(workspace)
    assert_stored_rows_hold(workspace)
    for row in quarantine.read(workspace.settings.data_dir, [row.landing_id for row in landings(workspace)]):
        assert row.reason
        assert row.line > 0
        assert len(row.body) <= quarantine.MAX_BODY


def _counts(told: str) -> list[str]:
    return [part for part in told.split(", ") if part[:1].isdigit()]


def assert_stored_rows_hold(workspace: Workspace) -> None:
    for dataset, broken in ((lake.REQUESTS, _BROKEN), (lake.TRACES, "tenant_id = '' or end_user_id = ''")):
        paths = [workspace.lake.absolute(file.path) for file in listed(workspace, dataset)]
        schema = lake.dataset_schema(dataset)
        required = " or ".join(f"{field.name} is null" for field in schema if not field.nullable)
        columns = [field.name for field in schema if field.type == pa.string()]
        nul = " or ".join(f"contains({name}, chr(0))" for name in columns)
        with duckdb.connect() as database:
            database.execute("set timezone = 'UTC'")
            found = database.execute(
                f"select source_line from {lake.scan(dataset, paths)} where {broken} or {required} or {nul}"
            ).fetchall()
        assert found == [], dataset


@pytest.mark.parametrize("name", SOURCES)
def test_sql_in_every_text_stays_text(name: str, workspace: Workspace) -> None:
    records = [hostile.with_sql_everywhere(name, number) for number in range(len(hostile.SQL))]
    path = workspace.root / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    counts = workspace.land(path, name).counts
    if not sources.named(name).expand:
        assert counts.rows_in == len(records)
    stored = {row[column] for row in rows(workspace) for column in ("response_model", "tenant_id", "feature")}
    assert not stored or stored & {text.strip() for text in hostile.SQL}
    assert_conserved(workspace)


# --- whole files ---


def good(count: int = 3) -> bytes:
    return b"".join(json.dumps(request(source_record_id=f"r{n}")).encode() + b"\n" for n in range(count))


Pack = Callable[[bytes], bytes]
PACKS: dict[str, Pack] = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}


@pytest.mark.parametrize("kind", PACKS)
def test_a_truncated_archive_lands_what_stands_before_the_cut(kind: str, workspace: Workspace) -> None:
    data = PACKS[kind](good(2000))
    for at in (5, 20, len(data) // 2, len(data) - 3):
        path = workspace.root / f"cut-{at}.jsonl.{kind}"
        path.write_bytes(data[:at])
        try:
            counts = workspace.land(path, "canonical").counts
        except UnknownFormat as error:
            assert "damaged or cut short" in str(error)
        else:
            assert counts.quarantined >= 1
    assert_conserved(workspace)


@pytest.mark.parametrize("kind", PACKS)
def test_an_archive_inside_an_archive_or_with_rubbish_behind_it_is_told(kind: str, workspace: Workspace) -> None:
    path = workspace.root / f"twice.jsonl.{kind}"
    path.write_bytes(PACKS[kind](PACKS[kind](good())))
    with pytest.raises(UnknownFormat):
        workspace.land(path)
    path = workspace.root / f"rubbish.jsonl.{kind}"
    path.write_bytes(PACKS[kind](good()) + b"rubbish behind the archive")
    counts = workspace.land(path).counts
    assert (counts.landed, counts.quarantined) == (3, 1)


@pytest.mark.parametrize(
    ("name", "landed"), [("utf-8-sig", 3), ("utf-16", 0), ("utf-16-le", 0), ("utf-32", 0), ("utf-7", 3), ("cp037", 0)]
)
def test_other_encodings_are_read_or_refused_as_a_whole(name: str, landed: int, workspace: Workspace) -> None:
    path = workspace.root / "log.jsonl"
    path.write_bytes(good().decode().encode(name))
    try:
        counts = workspace.land(path).counts
    except UnknownFormat as error:
        assert landed == 0, error
    else:
        assert counts.landed == landed
    if not landed:
        counts = workspace.land(path, "canonical").counts
        assert (counts.landed, counts.quarantined) == (0, counts.rows_in)
    assert_conserved(workspace)


@pytest.mark.parametrize(
    "content",
    [b"\x00" * 1000, b"\xff" * 1000, b"PAR1", b"PAR1" + b"\x00" * 100, b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"[" * 100_000,
     b'{"a":' * 100_000, b"{" * 10, b'[{"a":1},', b"\xef\xbb\xbf", b"\r\n\r\n", b"\r", b'"', b'{"' + b"k" * 200_000 + b'":1}'],
)  # fmt: skip
def test_rubbish_is_told_and_nothing_else_happens(content: bytes, workspace: Workspace) -> None:
    for suffix in ("jsonl", "json", "csv", "parquet"):
        path = workspace.root / f"rubbish.{suffix}"
        path.write_bytes(content)
        for source in (None, "canonical"):
            try:
                counts = workspace.land(path, source).counts
            except (UnknownFormat, LandingError) as error:
                assert str(error)
            else:
                assert counts.landed == 0
    assert rows(workspace) == []
    assert_conserved(workspace)


def test_columns_of_any_type_in_parquet_land_or_are_quarantined(workspace: Workspace) -> None:
    base = request()
    odd: dict[str, pa.Array] = {
        "input_tokens": pa.array([1.5, float("nan"), float("inf"), -1.0]),
        "output_tokens": pa.array([2**64 - 1, 2**63, 1, 0], pa.uint64()),
        "tenant_id": pa.array([b"\xff\x00", b"ok", None, b""], pa.binary()),
        "end_user_id": pa.array([{"a": 1}, None, {"a": None}, {"a": 2}]),
        "tags": pa.array([["a"], [], None, ["x" * 10_000]]),
        "cost_usd": pa.array([None, 10**20, 1, -1], pa.decimal256(50, 12)),
        "ended_at": pa.array([2**62, 0, -(2**62), None], pa.timestamp("us")),
        "status": pa.array(["ok", "'; drop table parsed; --", "", None]),
    }
    for name, column in odd.items():
        plain = {key: pa.array([str(value)] * 4) for key, value in base.items() if key != name}
        path = workspace.root / f"{name}.parquet"
        pq.write_table(pa.table(plain | {name: column}), path)
        counts = workspace.land(path, "canonical").counts
        assert counts.rows_in == 4, name
    assert_stored_rows_hold(workspace)
    assert_conserved(workspace)


# --- memory ---


def peak_mib(settings: Settings, paths: Iterable[Path], told: Any) -> None:
    """In a process of its own: land, then tell the outcome and the most memory that was resident."""
    resource.setrlimit(resource.RLIMIT_AS, (12_000 * MIB, 12_000 * MIB))
    outcome: Any
    try:
        outcome = [(result.state, vars(result.counts)) for result in land_paths(settings, paths)]
    except (UnknownFormat, LandingError) as error:
        outcome = str(error)
    # Not `ru_maxrss`: a process begins with that of the one that started it, here the whole test run's.
    [peak_kib] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    told.put((outcome, int(peak_kib) // 1024))


def landed_apart(workspace: Workspace, path: Path) -> tuple[Any, int]:
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    process = context.Process(target=peak_mib, args=(workspace.settings, [path], told))
    process.start()
    try:
        return told.get(timeout=120)
    finally:
        process.join(timeout=10)
        process.kill()
        process.join()


def bomb(kind: str, piece: bytes, times: int) -> bytes:
    """Good lines, then a line of `times` equal pieces, packed."""
    packed = io.BytesIO()
    if kind == "gz":
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
            file.write(good())
            for _ in range(times):
                file.write(piece)
    else:
        with zstandard.ZstdCompressor(level=1).stream_writer(packed, closefd=False) as writer:
            writer.write(good())
            for _ in range(times):
                writer.write(piece)
    return packed.getvalue()


@pytest.mark.parametrize("kind", PACKS)
def test_a_zip_bomb_is_one_refused_line_and_takes_little_memory(kind: str, workspace: Workspace) -> None:
    path = workspace.root / f"bomb.jsonl.{kind}"
    path.write_bytes(bomb(kind, b"a" * MIB, 600))
    assert path.stat().st_size < 5 * MIB
    outcome, peak = landed_apart(workspace, path)
    assert outcome == [("landed", {"rows_in": 4, "landed": 3, "duplicate": 0, "quarantined": 1})]
    assert peak < 500


def test_a_line_of_a_hundred_megabytes_is_refused_unread(workspace: Workspace) -> None:
    path = workspace.root / "long.jsonl"
    path.write_bytes(good() + b'{"a": "' + b"x" * 100 * MIB + b'"}\n' + good(5)[-200:].partition(b"\n")[2])
    outcome, peak = landed_apart(workspace, path)
    [(state, counts)] = outcome
    assert (state, counts["landed"], counts["quarantined"]) == ("landed", 3, 1)
    assert refused(workspace)[0][1].startswith("line is longer than landing.max_line_bytes")
    assert peak < 600


def test_an_unfinished_line_of_a_hundred_megabytes_waits_and_takes_little_memory(workspace: Workspace) -> None:
    path = workspace.root / "long.jsonl"
    path.write_bytes(good() + b'{"a": [' + b"0," * 50 * MIB)
    outcome, peak = landed_apart(workspace, path)
    [(state, counts)] = outcome
    assert (state, counts["landed"]) == ("landed", 3)
    assert peak < 700
