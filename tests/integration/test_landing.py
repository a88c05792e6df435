"""Landing exactly once: the same bytes, the same bytes elsewhere, more bytes, other bytes, and several at a time."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pipelines.landing import land, ledger, read, shape
from pipelines.landing.identity import head_hash, identify
from pipelines.landing.land import FileResult, LandingError
from pipelines.landing.ledger import Claim, Landed, LostClaim, Refused
from pipelines.landing.plan import mapping_version
from pipelines.landing.read import UNFINISHED
from pipelines.sources import named
from tests.landed import assert_conserved, clear_dirt, dirty_days, landings, listed, refused, rows
from tests.landers import in_processes, land_paths
from tests.workspace import Workspace, request
from warehouse import control as db
from warehouse.lake import STAGING


def line(number: int, **values: Any) -> str:
    """A record of 10 November, or of another day; `number` is its id and its second."""
    at = f"2026-11-{values.pop('day', 10):02d}T12:00:{number:02d}Z"
    return json.dumps(request(source_record_id=f"r{number}", started_at=at, ended_at=at, **values)) + "\n"


def write(workspace: Workspace, text: str | bytes, name: str = "log.jsonl") -> Path:
    path = workspace.root / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def counted(result: FileResult) -> tuple[str, int, int, int, int]:
    counts = result.counts
    return result.state, counts.rows_in, counts.landed, counts.duplicate, counts.quarantined


def ids(workspace: Workspace) -> list[str]:
    return [row["source_record_id"] for row in rows(workspace, "source_record_id")]


def keys(workspace: Workspace) -> Counter[str]:
    return Counter(row["record_key"] for row in rows(workspace, "record_key"))


@contextmanager
def changed(workspace: Workspace, **settings: Any) -> Generator[Workspace]:
    """The same data folder and control database under other settings."""
    other = Workspace(workspace.root, control=workspace.settings.control, **settings)
    try:
        yield other
    finally:
        other.control.close()


def assert_nothing_left(workspace: Workspace) -> None:
    """No staged file, no Parquet that the ledger does not list, no claim."""
    staging = workspace.lake.root / STAGING
    assert list(staging.rglob("*.parquet")) == []
    known = {file.path for file in listed(workspace)}
    assert {str(path.relative_to(workspace.lake.root)) for path in workspace.lake.root.rglob("*.parquet")} == known
    assert landings(workspace, "claimed") == []


# --- the same bytes ---


def test_the_same_file_lands_once(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2))
    assert counted(workspace.land(path)) == ("landed", 2, 2, 0, 0)
    assert workspace.land(path).state == "already"
    assert ids(workspace) == ["r1", "r2"]
    assert_conserved(workspace)
    assert_nothing_left(workspace)


@pytest.mark.parametrize("name", ["log.jsonl", "log.json.gz", "log.csv"])
def test_a_renamed_copy_is_the_same_file(workspace: Workspace, name: str) -> None:
    text = line(1)
    if name.endswith(".csv"):
        values = json.loads(text)
        text = ",".join(values) + "\n" + ",".join(map(str, values.values())) + "\n"
    content = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    workspace.land(write(workspace, content, name))
    assert workspace.land(write(workspace, content, f"copy-of-{name}")).state == "already"
    assert len(rows(workspace)) == 1


def test_the_same_content_packed_lands_as_copies_of_the_same_records(workspace: Workspace) -> None:
    workspace.land(write(workspace, line(1) + line(2)))
    packed = write(workspace, gzip.compress((line(1) + line(2)).encode()), "log.jsonl.gz")
    assert counted(workspace.land(packed)) == ("landed", 2, 2, 0, 0)
    assert sorted(keys(workspace).values()) == [2, 2]
    assert_conserved(workspace)


def test_overlapping_exports_share_the_records_they_overlap_in(workspace: Workspace) -> None:
    workspace.land(write(workspace, line(1) + line(2) + line(3), "a.jsonl"))
    workspace.land(write(workspace, line(2) + line(3) + line(4), "b.jsonl"))
    assert sorted(keys(workspace).values()) == [1, 1, 2, 2]
    assert_conserved(workspace)


def test_a_record_repeated_within_a_file_lands_once_from_its_first_line(workspace: Workspace) -> None:
    result = workspace.land(write(workspace, line(1) + line(2) + line(1) + line(1)))
    assert counted(result) == ("landed", 4, 2, 2, 0)
    assert [(row["source_record_id"], row["source_line"]) for row in rows(workspace)] == [("r1", 1), ("r2", 2)]
    assert_conserved(workspace)


def test_versions_of_a_record_within_a_file_all_land(workspace: Workspace) -> None:
    result = workspace.land(write(workspace, line(1) + line(1, output_tokens=101)))
    assert counted(result) == ("landed", 2, 2, 0, 0)
    assert list(keys(workspace).values()) == [2]


def test_rows_in_are_landed_and_repeated_and_quarantined(workspace: Workspace) -> None:
    text = line(1) + "\n" + "rubbish\n" + line(1) + line(2, input_tokens=-1) + line(3)
    assert counted(workspace.land(write(workspace, text))) == ("landed", 5, 2, 1, 2)
    assert refused(workspace) == [(3, "not valid JSON"), (5, "input_tokens: not a whole number of at least 0 (-1)")]
    assert_conserved(workspace)


def test_the_days_of_new_rows_are_dirty(workspace: Workspace) -> None:
    workspace.land(write(workspace, line(1) + line(2, day=11) + line(3, day=12, input_tokens=-1)))
    assert dirty_days(workspace) == {"2026-11-10", "2026-11-11"}


# --- more bytes ---


def test_of_a_growing_log_only_the_new_lines_land_and_numbers_go_on(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2))
    workspace.land(path)
    append(path, line(3) + "\n" + line(4))
    assert counted(workspace.land(path)) == ("landed", 2, 2, 0, 0)
    assert [(row["source_record_id"], row["source_line"]) for row in rows(workspace)] == [
        ("r1", 1),
        ("r2", 2),
        ("r3", 3),
        ("r4", 5),
    ]
    first, second = landings(workspace)
    assert (first.byte_start, second.byte_start, second.byte_end) == (0, first.byte_end, path.stat().st_size)
    assert_conserved(workspace)


def test_an_unfinished_last_line_waits_and_lands_whole_when_it_is_finished(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2)[:40])
    assert counted(workspace.land(path)) == ("landed", 2, 1, 0, 1)
    assert refused(workspace) == [(2, UNFINISHED)]
    assert_conserved(workspace)
    append(path, line(2)[40:-1])
    assert counted(workspace.land(path)) == ("landed", 1, 1, 0, 0)
    assert refused(workspace) == []
    assert [(row["source_record_id"], row["source_line"]) for row in rows(workspace)] == [("r1", 1), ("r2", 2)]
    assert [(row.rows_in, row.landed, row.quarantined) for row in landings(workspace)] == [(1, 1, 0), (1, 1, 0)]
    assert_conserved(workspace)


def test_an_unfinished_line_waits_for_as_long_as_it_takes(workspace: Workspace) -> None:
    path = write(workspace, "rubbish\n" + line(1) + line(2)[:40])
    workspace.land(path)
    append(path, line(2)[40:50])
    assert workspace.land(path).state == "already"
    append(path, line(2)[50:] + line(3)[:30])
    assert counted(workspace.land(path)) == ("landed", 2, 1, 0, 1)
    assert refused(workspace) == [(1, "not valid JSON"), (4, UNFINISHED)]
    append(path, "\n")
    assert counted(workspace.land(path)) == ("landed", 1, 0, 0, 1)
    assert refused(workspace) == [(1, "not valid JSON"), (4, "not valid JSON")]
    assert_conserved(workspace)


def test_a_finished_last_record_without_newline_lands_and_the_log_goes_on_behind_it(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2).rstrip())
    assert counted(workspace.land(path)) == ("landed", 2, 2, 0, 0)
    append(path, "\n" + line(3))
    assert counted(workspace.land(path)) == ("landed", 1, 1, 0, 0)
    assert [row["source_line"] for row in rows(workspace)] == [1, 2, 3]


def test_a_log_without_a_complete_line_is_not_there_yet(workspace: Workspace) -> None:
    path = write(workspace, line(1)[:40])
    result = workspace.land(path, "canonical")
    assert (result.state, result.message) == ("empty", "no complete line yet")
    assert landings(workspace) == []
    append(path, line(1)[40:])
    assert counted(workspace.land(path)) == ("landed", 1, 1, 0, 0)
    assert refused(workspace) == []


def test_an_empty_file_is_no_landing(workspace: Workspace) -> None:
    assert workspace.land(write(workspace, "")).state == "empty"
    assert landings(workspace) == []


# --- other bytes ---


def test_a_rewritten_file_lands_whole_beside_what_it_was(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2))
    workspace.land(path)
    write(workspace, line(3) + line(4) + line(5))
    assert counted(workspace.land(path)) == ("landed", 3, 3, 0, 0)
    assert sorted(ids(workspace)) == ["r1", "r2", "r3", "r4", "r5"]


def test_a_file_rewritten_behind_its_first_line_lands_whole(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2))
    workspace.land(path)
    write(workspace, line(1) + line(2, output_tokens=7) + line(3))
    assert counted(workspace.land(path)) == ("landed", 3, 3, 0, 0)
    assert sorted(keys(workspace).values()) == [1, 2, 2]


def test_another_mapping_reads_the_file_again_in_place_of_the_old_reading(workspace: Workspace) -> None:
    path = write(workspace, line(1, team_id="red") + "rubbish\n")
    workspace.land(path)
    append(path, line(2, team_id="blue", day=11))
    workspace.land(path)
    clear_dirt(workspace)
    old = [row.landing_id for row in landings(workspace)]
    with changed(workspace, sources={"canonical": {"tenant_id": ["team_id"]}}) as other:
        assert counted(other.land(path)) == ("landed", 3, 2, 0, 1)
        assert [row["tenant_id"] for row in rows(other)] == ["red", "blue"]
        assert [row.landing_id for row in landings(other, "replaced")] == old
        assert dirty_days(other) == {"2026-11-10", "2026-11-11"}
        assert refused(other) == [(2, "not valid JSON")]
        assert_conserved(other)
    assert counted(workspace.land(path)) == ("landed", 3, 2, 0, 1)
    assert [row["tenant_id"] for row in rows(workspace)] == ["acme", "acme"]
    assert_conserved(workspace)


def test_a_new_reading_marks_the_days_that_only_the_old_one_had(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(workspace, line(1, day=10) + line(2, day=11))
    workspace.land(path)
    clear_dirt(workspace)
    monkeypatch.setattr(shape, "EARLIEST", datetime(2026, 11, 11, tzinfo=UTC))
    with changed(workspace, instance="two") as other:
        assert counted(other.land(path)) == ("landed", 2, 1, 0, 1)
        assert dirty_days(other) == {"2026-11-10", "2026-11-11"}
        assert [row["source_instance"] for row in rows(other)] == ["two"]


# --- every container ---


@pytest.mark.parametrize(
    ("text", "landed"),
    [
        (f"[{line(1)},{line(2)}]", 2),
        (json.dumps(json.loads(line(1)), indent=2), 1),
        (line(1).rstrip() + line(2).rstrip() + "\n", 2),
    ],
)
def test_arrays_and_documents_land_and_nothing_waits_at_their_end(workspace: Workspace, text: str, landed: int) -> None:
    path = write(workspace, text, "log.json")
    assert counted(workspace.land(path)) == ("landed", landed, landed, 0, 0)
    assert workspace.land(path).state == "already"
    assert [row["source_line"] for row in rows(workspace)] == list(range(1, landed + 1))
    assert_conserved(workspace)


def test_an_array_that_breaks_off_lands_as_far_as_it_goes(workspace: Workspace) -> None:
    path = write(workspace, f"[{line(1)},{line(2)},{line(3)[:30]}", "log.json")
    assert counted(workspace.land(path)) == ("landed", 3, 2, 0, 1)
    assert refused(workspace) == [(3, "the record breaks off or is no JSON; nothing behind it was read")]
    assert_conserved(workspace)


def test_a_packed_log_cut_short_lands_as_far_as_it_goes(workspace: Workspace) -> None:
    whole = gzip.compress("".join(line(n % 60, tool_calls=n) for n in range(3000)).encode())
    result = workspace.land(write(workspace, whole[: len(whole) // 2], "log.jsonl.gz"))
    assert result.counts.landed > 1000
    [(number, reason)] = refused(workspace)
    assert number == result.counts.rows_in
    assert reason.startswith("compressed stream is damaged or cut short")
    assert_conserved(workspace)


def test_a_line_of_fifty_megabytes_is_quarantined_and_the_next_one_lands(workspace: Workspace) -> None:
    path = write(workspace, line(1) + line(2, padding="x" * 50_000_000) + line(3))
    assert counted(workspace.land(path)) == ("landed", 3, 2, 0, 1)
    assert refused(workspace) == [(2, "line is longer than landing.max_line_bytes (16,777,216)")]
    assert_conserved(workspace)


def test_a_csv_with_bad_rows_lands_the_others(workspace: Workspace) -> None:
    values = json.loads(line(1))
    good = ",".join(map(str, values.values()))
    bad = good.replace(",1000,", ",-1,")
    text = "\n".join([",".join(values), good, "only,three,fields", bad, f'"{good}'])
    assert counted(workspace.land(write(workspace, text, "log.csv"))) == ("landed", 4, 1, 0, 3)
    assert refused(workspace) == [
        (3, f"CSV: 3 fields, the header has {len(values)}"),
        (4, "input_tokens: not a whole number of at least 0 (-1)"),
        (5, "CSV: a quote that is not closed, or text behind one that is"),
    ]
    assert_conserved(workspace)


def test_a_csv_may_have_columns_named_like_our_own(workspace: Workspace) -> None:
    values = json.loads(line(1)) | {"source_line": 99, "landing_id": "x", "day": "y", "F": "z"}
    text = ",".join(values) + "\n" + ",".join(map(str, values.values()))
    workspace.land(write(workspace, text, "log.csv"))
    assert [row["source_line"] for row in rows(workspace)] == [2]


def test_parquet_lands_by_value_whatever_type_holds_it(workspace: Workspace) -> None:
    def record(number: int, **values: Any) -> dict[str, Any]:
        at = datetime(2026, 11, 10, 12, 0, number, tzinfo=UTC).replace(tzinfo=None)
        named = {"source_record_id": f"r{number}", "started_at": at, "ended_at": None, "response_model": "gpt-4o"}
        usage = {"input_tokens": 10.0, "output_tokens": "5", "cost_reported": Decimal("0.25"), "is_batch": True}
        return named | usage | {"tags": ["env:prod"], "source_line": 7} | values

    path = workspace.root / "log.parquet"
    table = [
        record(1),
        record(2, input_tokens=10.5),
        record(3, input_tokens=float("nan")),
        record(4, output_tokens="x"),
    ]
    pq.write_table(pa.Table.from_pylist(table), path)
    assert counted(workspace.land(path)) == ("landed", 4, 1, 0, 3)
    assert refused(workspace) == [
        (2, "input_tokens: not a whole number of at least 0 (10.5)"),
        (3, "input_tokens: not a whole number of at least 0"),
        (4, "output_tokens: not a whole number of at least 0"),
    ]
    [row] = rows(workspace)
    assert (row["input_tokens"], row["output_tokens"], row["cost_reported"]) == (10, 5, Decimal("0.25"))
    assert (row["is_batch"], row["tags"], row["environment"], row["source_line"]) == (True, '["env:prod"]', "prod", 1)
    assert row["started_at"] == datetime(2026, 11, 10, 12, 0, 1, tzinfo=UTC)


# --- several at a time ---


def test_eight_processes_landing_forty_files_land_each_once(workspace: Workspace) -> None:
    files = [
        write(workspace, "".join(line(n, day=1 + n % 2, tenant_id=f"t{k}") for n in range(20)), f"log-{k}.jsonl")
        for k in range(40)
    ]
    # Two workers share ten files; they begin with the same two at the same time and meet again at others.
    jobs = [
        (workspace.settings, [files[(10 * (worker // 2) + k) % 40] for k in (0, 1, *range(5 * (worker % 2), 10))])
        for worker in range(8)
    ]
    results = [result for answer in in_processes(jobs, land_paths) for result in answer]
    states = Counter((result.path, result.state) for result in results)
    assert {state for _, state in states} <= {"landed", "already", "busy"}
    assert [states[str(path), "landed"] for path in files] == [1] * 40
    assert len(rows(workspace)) == 40 * 20
    assert set(keys(workspace).values()) == {40}
    assert_conserved(workspace)
    assert_nothing_left(workspace)


def claimed(workspace: Workspace, path: Path, lease_s: int = 600) -> Claim:
    """The claim that landing this new file would take, taken."""
    identity = identify(path, growing=True)
    version = mapping_version(workspace.settings, named("canonical"))
    name = ledger.landing_id(identity.sha256, version, 0, "llm_request")
    held = ledger.claim(
        workspace.control,
        Claim(
            name, "", "llm_request", "canonical", str(path), identity.sha256, head_hash(path), version, 0, identity.stop
        ),
        lease_s,
    )
    assert isinstance(held, Claim)
    return held


def owned_by(workspace: Workspace, owner: str) -> None:
    """Say that every claim is held by someone else."""
    with workspace.control.write() as connection:
        [row] = connection.execute(sa.select(db.landing)).fetchall()
        token = row.owner.rpartition(" #")[2]
        connection.execute(sa.update(db.landing).values(owner=f"{owner} #{token}"))


def test_a_claim_held_by_a_live_process_is_busy(workspace: Workspace) -> None:
    path = write(workspace, line(1))
    claimed(workspace, path)
    result = workspace.land(path)
    assert result.state == "busy"
    assert result.message.startswith("busy: pid ")
    assert rows(workspace) == []


def test_a_claim_left_by_a_dead_process_is_taken_over_with_what_it_left(workspace: Workspace) -> None:
    path = write(workspace, line(1))
    held = claimed(workspace, path)
    staged = workspace.lake.begin(held.landing_id, held.token) / "day=2026-11-10"
    admitted = workspace.lake.root / "llm_request" / "day=2026-11-10"
    for folder in (staged, admitted):
        folder.mkdir(parents=True)
        (folder / f"{held.landing_id}-{held.token}-0.parquet").write_bytes(b"half a file")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    owned_by(workspace, f"pid {gone.pid} on {os.uname().nodename}")
    assert counted(workspace.land(path)) == ("landed", 1, 1, 0, 0)
    assert_conserved(workspace)
    assert_nothing_left(workspace)


def test_a_claim_of_another_machine_is_busy_until_its_lease_runs_out(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at(now: int) -> None:
        monkeypatch.setattr(ledger, "time", SimpleNamespace(time=lambda: now))

    at(1000)
    path = write(workspace, line(1))
    claimed(workspace, path, lease_s=10)
    owned_by(workspace, "pid 1 on elsewhere")
    at(1009)
    assert workspace.land(path).message == "busy: pid 1 on elsewhere"
    at(1010)
    assert workspace.land(path).state == "landed"


def test_a_live_landing_renews_its_lease(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(workspace, line(1))
    with changed(workspace, landing={"lease_s": 4}) as other:  # long enough to be renewed in time on a busy machine
        states: list[str] = []

        def slowly(*arguments: Any) -> Any:
            time.sleep(6)
            owned_by(other, "pid 1 on elsewhere")  # whether that process lives cannot be seen from here
            states.append(workspace.land(path).state)
            return stage(*arguments)

        stage = land.stage
        monkeypatch.setattr(land, "stage", slowly)
        assert other.land(path).state == "landed"
        assert states == ["busy"]


def test_a_process_thought_dead_cannot_commit(workspace: Workspace) -> None:
    path = write(workspace, line(1))
    zombie = claimed(workspace, path)
    owned_by(workspace, "pid 1 on elsewhere")
    with workspace.control.write() as connection:
        connection.execute(sa.update(db.landing).values(lease_until=0))
    assert workspace.land(path).state == "landed"
    before = landings(workspace)
    with pytest.raises(LostClaim, match="another process took over"):
        ledger.commit(workspace.control, zombie, Landed([], ledger.NO_ROWS, dirty_days=frozenset({"2026-01-01"})))
    with pytest.raises(LostClaim):
        ledger.renew(workspace.control, zombie, 600)
    assert ledger.release(workspace.control, zombie) is False
    assert landings(workspace) == before
    assert dirty_days(workspace) == {"2026-11-10"}


@pytest.mark.parametrize("moment", ["parse", "stage", "commit"])
def test_a_process_that_wakes_up_after_it_was_replaced_leaves_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = write(workspace, line(1) + "rubbish\n")
    place: Any = ledger if moment == "commit" else land
    original: Callable[..., Any] = getattr(place, moment)

    def overtaken(*arguments: Any, **named_arguments: Any) -> Any:
        monkeypatch.undo()
        with workspace.control.write() as connection:
            connection.execute(sa.update(db.landing).values(lease_until=0))
        assert workspace.land(path).state == "landed"
        return original(*arguments, **named_arguments)

    monkeypatch.setattr(place, moment, overtaken)
    result = workspace.land(path)
    assert result.state == "busy"
    assert "another process took over" in result.message
    assert len(rows(workspace)) == 1
    assert_conserved(workspace)
    assert_nothing_left(workspace)


# --- what fails ---


@pytest.mark.parametrize("moment", ["parse", "stage", "commit"])
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_a_landing_that_fails_leaves_nothing_and_lands_later(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str, failure: type[BaseException]
) -> None:
    def fail(*_: Any) -> None:
        raise failure

    path = write(workspace, line(1))
    monkeypatch.setattr(ledger if moment == "commit" else land, moment, fail)
    with pytest.raises(failure):
        workspace.land(path)
    monkeypatch.undo()
    assert rows(workspace) == []
    assert_nothing_left(workspace)
    assert workspace.land(path).state == "landed"


@pytest.mark.parametrize("name", ["log.json", "log.jsonl.gz"])
def test_a_file_that_changes_while_it_is_read_does_not_land(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = f"[{line(1)}]" if name == "log.json" else line(1)
    path = write(workspace, gzip.compress(text.encode()) if name.endswith(".gz") else text, name)
    for function in ("_elements", "_lines"):
        monkeypatch.setattr(read, function, _then(getattr(read, function), lambda: append(path, " ")))
    with pytest.raises(LandingError, match="changed while it was read"):
        workspace.land(path)
    assert_nothing_left(workspace)


def test_a_log_that_is_appended_to_while_it_is_read_lands_as_it_was(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(workspace, line(1))
    monkeypatch.setattr(land, "parse", _first(land.parse, lambda: append(path, line(2))))
    assert counted(workspace.land(path)) == ("landed", 1, 1, 0, 0)
    monkeypatch.undo()
    assert counted(workspace.land(path)) == ("landed", 1, 1, 0, 0)
    assert ids(workspace) == ["r1", "r2"]


def test_a_log_that_is_rewritten_while_it_is_read_does_not_land(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(workspace, line(1))
    monkeypatch.setattr(land, "parse", _first(land.parse, lambda: write(workspace, line(2))))
    with pytest.raises(LandingError, match="changed while it was read"):
        workspace.land(path)
    assert_nothing_left(workspace)


def test_a_file_that_is_not_there_or_a_folder_says_so(workspace: Workspace) -> None:
    with pytest.raises(LandingError, match=r"gone\.jsonl: no such file\."):
        workspace.land(workspace.root / "gone.jsonl")
    with pytest.raises(LandingError, match="is a folder, not a file"):
        workspace.land(workspace.root)


def test_two_claims_at_once_are_one_claim_and_one_refusal(workspace: Workspace) -> None:
    path = write(workspace, line(1))
    held = claimed(workspace, path)
    again = ledger.claim(workspace.control, held, 600)
    assert isinstance(again, Refused)
    assert again.state == "busy"


def _then(function: Callable[..., Any], after: Callable[[], Any]) -> Callable[..., Any]:
    def both(*arguments: Any, **named_arguments: Any) -> Any:
        answer = function(*arguments, **named_arguments)
        after()
        return answer

    return both


def _first(function: Callable[..., Any], before: Callable[[], Any]) -> Callable[..., Any]:
    def both(*arguments: Any, **named_arguments: Any) -> Any:
        before()
        return function(*arguments, **named_arguments)

    return both


def test_an_odd_first_line_costs_itself_and_not_the_rest(workspace: Workspace) -> None:
    for number, first in enumerate(('{"a": 1}{"a": 2}', '[{"a": 1}]', "[INFO] the proxy starts")):
        lines = [line(10 * number + second) for second in range(5)]
        path = write(
            workspace, first + "\n" + "".join(lines[:3]) + lines[3][:40] + "\n" + lines[4], f"odd{number}.jsonl"
        )
        assert counted(workspace.land(path)) == ("landed", 6, 4, 0, 2)
    assert [number for number, _ in refused(workspace)] == [1, 5] * 3
