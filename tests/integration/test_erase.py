"""Erasing a tenant or a user: every stored row of theirs goes, nobody else's does, and none comes back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pipelines.landing import erase as module
from pipelines.landing import sweep as sweep_module
from pipelines.landing.erase import Erased, EraseError, erase
from tests.integration.test_landing import assert_nothing_left, changed, claimed, line, write
from tests.landed import Row, assert_conserved, clear_dirt, dirty_days, landings, listed, rows
from tests.workspace import Workspace
from warehouse import control as db

GONE = "Grauzone-GmbH"  # in no name that a file or a table has anyway


def traffic(workspace: Workspace) -> list[Row]:
    """Three days and two files of two tenants; what is the other tenant's, as stored."""
    mine = [line(n, day=10 + n % 3, tenant_id="acme") for n in range(6)]
    theirs = [line(n, day=10 + n % 2, tenant_id=GONE) for n in range(10, 14)]
    workspace.land(write(workspace, "".join(mine[:4] + theirs[:3]), "one.jsonl"))
    workspace.land(write(workspace, "".join(mine[4:] + theirs[3:]), "two.jsonl"))
    workspace.land(write(workspace, line(20, tenant_id=GONE, day=14), "three.jsonl"))
    clear_dirt(workspace)
    return others(workspace)


def others(workspace: Workspace) -> list[Row]:
    return [row for row in rows(workspace) if GONE not in (row["tenant_id"], row["end_user_id"])]


def stored_anywhere(folder: Path, text: str) -> list[str]:
    """Files below the folder in which the text stands, Parquet unpacked."""
    found: list[str] = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = repr(pq.ParquetFile(path).read().to_pylist()).encode() if path.suffix == ".parquet" else b""
            if text.encode() in data + path.read_bytes():
                found.append(path.name)
    return found


def run(workspace: Workspace, kind: str = "tenant", identifier: str = GONE) -> Erased:
    return erase(workspace.context, kind, identifier, "ops@example.com")


def test_every_row_of_a_tenant_leaves_the_lake_and_no_other_does(workspace: Workspace) -> None:
    kept = traffic(workspace)
    assert len(kept) == 6
    assert stored_anywhere(workspace.settings.data_dir, GONE) != []
    erased = run(workspace)
    assert (erased.rows, erased.days) == ({"llm_request": 5}, {"2026-11-10", "2026-11-11", "2026-11-14"})
    assert rows(workspace) == kept
    assert stored_anywhere(workspace.settings.data_dir, GONE) == []
    assert_nothing_left(workspace)


def test_the_ledger_still_adds_up(workspace: Workspace) -> None:
    traffic(workspace)
    run(workspace)
    assert [(row.landed, row.erased) for row in landings(workspace)] == [(7, 3), (3, 1), (1, 1)]
    assert_conserved(workspace)


def test_the_days_of_what_was_erased_are_dirty(workspace: Workspace) -> None:
    traffic(workspace)
    run(workspace)
    assert dirty_days(workspace) == {"2026-11-10", "2026-11-11", "2026-11-14"}


def test_a_file_that_held_nobody_else_is_gone_and_the_others_keep_schema_and_version(workspace: Workspace) -> None:
    traffic(workspace)
    before = {file.day: file for file in listed(workspace)}
    schema = pq.read_schema(workspace.lake.absolute(before["2026-11-10"].path))
    run(workspace)
    after = listed(workspace)
    assert "2026-11-14" not in {file.day for file in after}
    for file in after:
        assert pq.read_schema(workspace.lake.absolute(file.path)).equals(schema, check_metadata=True)


def test_a_user_is_erased_with_every_tenant_and_a_tenant_of_that_name_is_not(workspace: Workspace) -> None:
    text = line(1, end_user_id=GONE, tenant_id="acme") + line(2, end_user_id=GONE, tenant_id="beta")
    workspace.land(write(workspace, text + line(3, tenant_id=GONE, end_user_id="u") + line(4, end_user_id=None)))
    assert run(workspace, "user").rows == {"llm_request": 2}
    assert [(row["source_record_id"], row["tenant_id"]) for row in rows(workspace)] == [("r3", GONE), ("r4", "acme")]


def test_a_longer_or_shorter_name_is_somebody_else(workspace: Workspace) -> None:
    names = [GONE, GONE + "2", GONE[:-1], GONE.lower(), f"{GONE} "]
    workspace.land(write(workspace, "".join(line(n, tenant_id=name) for n, name in enumerate(names))))
    run(workspace)
    # Blanks around a name are dropped as it lands, so the last is the first.
    assert [row["tenant_id"] for row in rows(workspace)] == names[1:4]


def test_the_tombstone_names_nobody_and_the_first_one_stays(workspace: Workspace) -> None:
    run(workspace)
    erase(workspace.context, "tenant", GONE, "someone else")
    [row] = workspace.control.rows(sa.select(db.tombstone))
    assert (row.kind, row.id_md5) == ("tenant", hashlib.md5(GONE.encode()).hexdigest())
    assert row.erased_by == "ops@example.com"


def test_erasing_again_finds_nothing(workspace: Workspace) -> None:
    traffic(workspace)
    run(workspace)
    clear_dirt(workspace)
    assert run(workspace) == Erased({}, frozenset(), 0)
    assert dirty_days(workspace) == set()


def test_rows_of_feeds_that_name_the_tenant_go_too_and_everything_is_built_anew(workspace: Workspace) -> None:
    for tenant in ("acme", GONE):
        workspace.land_feed("tenants", [{"tenant_id": tenant, "name": tenant}], f"-{tenant}")
    event = {"occurred_at": "2026-11-10T12:00:00Z", "component": "tool", "amount": "1", "currency": "USD"}
    workspace.land_feed(
        "cost_events", [event | {"event_id": "1", "tenant_id": GONE}, event | {"event_id": "2", "tenant_id": "acme"}]
    )
    outcome = {"outcome_id": "o1", "task_id": "t1", "outcome": "success", "observed_at": "2026-11-10T12:00:00Z"}
    workspace.land_feed("task_outcomes", [outcome])
    assert run(workspace).rows == {"feed_tenants": 1, "feed_cost_events": 1}
    assert [file.rows for file in listed(workspace, "feed_tenants")] == [1]
    assert [file.rows for file in listed(workspace, "feed_cost_events")] == [1]
    assert [file.rows for file in listed(workspace, "feed_task_outcomes")] == [1]
    assert [row.reason for row in workspace.control.rows(sa.select(db.dirty_all))] == ["a tenant was erased"]


def test_an_erased_tenant_is_in_no_mart_also_after_an_overlapping_export(workspace: Workspace) -> None:
    traffic(workspace)
    workspace.build()
    tenants = "select distinct tenant_id from fct_llm_request_priced order by 1"
    assert workspace.rows(tenants) == [(GONE,), ("acme",)]
    cost = "select sum(cost_pico) from fct_llm_request_priced where tenant_id = 'acme'"
    before = workspace.rows(cost)
    run(workspace)
    again = line(10, day=10, tenant_id=GONE) + line(30, day=11, tenant_id=GONE) + line(0, tenant_id="acme")
    workspace.land(write(workspace, again, "overlapping.jsonl"))
    assert [row["tenant_id"] for row in rows(workspace)].count(GONE) == 2
    workspace.build()
    assert workspace.rows(tenants) == [("acme",)]
    assert workspace.rows(cost) == before
    for mart in ("fct_task", "fct_tenant_day", "fct_cost_day", "mart_tenant_margin_month", "dim_tenant"):
        assert workspace.rows(f"select count(*) from {mart} where tenant_id = '{GONE}'") == [(0,)]


# --- what happens meanwhile, and what is interrupted ---


def before_first(place: Any, name: str, action: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once, just before the first call of a function."""
    original: Callable[..., Any] = getattr(place, name)

    def both(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(place, name, original)
        action()
        return original(*arguments, **named)

    monkeypatch.setattr(place, name, both)


def once_rewritten(action: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once, when the rewritten files are there and do not count yet."""
    original = module._rewrite_all

    def both(*arguments: Any) -> Any:
        monkeypatch.setattr(module, "_rewrite_all", original)
        rewritten = list(original(*arguments))
        action()
        return rewritten

    monkeypatch.setattr(module, "_rewrite_all", both)


def test_what_lands_while_a_tenant_is_erased_is_erased(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = traffic(workspace)
    late = write(workspace, line(40, tenant_id=GONE), "late.jsonl")
    once_rewritten(lambda: workspace.land(late), monkeypatch)
    assert run(workspace).rows == {"llm_request": 6}
    assert rows(workspace) == kept
    assert_conserved(workspace)
    assert_nothing_left(workspace)


def test_a_file_read_again_while_a_tenant_is_erased_does_not_come_back_from_its_old_reading(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    traffic(workspace)
    with changed(workspace, instance="two") as other:
        once_rewritten(lambda: other.land(workspace.root / "one.jsonl"), monkeypatch)
        run(workspace)
    assert {row["source_instance"] for row in rows(workspace) if row["source_file"].endswith("one.jsonl")} == {"two"}
    assert {row["tenant_id"] for row in rows(workspace)} == {"acme"}
    assert_conserved(workspace)
    assert_nothing_left(workspace)


def test_the_files_of_an_old_reading_do_not_keep_a_tenant(workspace: Workspace) -> None:
    traffic(workspace)
    with changed(workspace, instance="two") as other:
        other.land(workspace.root / "one.jsonl")
    run(workspace)
    assert stored_anywhere(workspace.lake.root, GONE) == []
    assert_nothing_left(workspace)


@pytest.mark.parametrize("moment", ["rewrite", "_bury", "_count"])
def test_interrupted_before_its_transaction_nothing_has_happened(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    traffic(workspace)
    before, files = rows(workspace), listed(workspace)

    def interrupt() -> None:
        raise KeyboardInterrupt

    before_first(module, moment, interrupt, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(workspace)
    assert (rows(workspace), listed(workspace)) == (before, files)
    assert workspace.control.rows(sa.select(db.tombstone)) == []
    assert dirty_days(workspace) == set()
    assert run(workspace).rows == {"llm_request": 5}
    assert_nothing_left(workspace)


def test_interrupted_behind_its_transaction_the_next_erasure_deletes_what_is_left(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = traffic(workspace)

    def interrupt() -> None:
        raise KeyboardInterrupt

    before_first(module, "sweep", interrupt, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(workspace)
    assert rows(workspace) == kept
    assert stored_anywhere(workspace.lake.root, GONE) != []
    run(workspace)
    assert stored_anywhere(workspace.lake.root, GONE) == []
    assert_nothing_left(workspace)


def test_a_landing_in_progress_keeps_its_files_and_a_dead_one_does_not(workspace: Workspace) -> None:
    held = claimed(workspace, write(workspace, line(1)))
    staged = workspace.lake.begin(held.landing_id, held.token) / "part.parquet"
    admitted = workspace.lake.root / "llm_request" / "day=2026-11-10" / f"{held.landing_id}-{held.token}-0.parquet"
    admitted.parent.mkdir(parents=True)
    for path in (staged, admitted):
        path.write_bytes(b"half a file")
    run(workspace)
    assert staged.exists()
    assert admitted.exists()
    with workspace.control.write() as connection:
        connection.execute(sa.update(db.landing).values(lease_until=0))
    run(workspace)
    assert_nothing_left(workspace)


def test_files_that_the_ledger_does_not_know_are_not_ours_to_delete(workspace: Workspace) -> None:
    stranger = workspace.lake.root / "llm_request" / "day=2026-11-10" / "0123456789abcdef0123-00000000-0.parquet"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"of another control database")
    assert sweep_module.sweep(workspace.control, workspace.lake, workspace.settings.data_dir) == 0
    assert stranger.exists()


def test_kept_bytes_of_unreadable_rows_are_emptied_where_they_name_the_tenant(workspace: Workspace) -> None:
    with changed(workspace, landing={"keep_quarantined_bytes": True}) as keeping:
        bad = line(1, tenant_id=GONE, input_tokens=-1) + line(2, tenant_id="acme", input_tokens=-1)
        keeping.land(write(workspace, bad))
        assert stored_anywhere(workspace.settings.data_dir, GONE) != []
        assert run(keeping).quarantined == 1
        assert stored_anywhere(workspace.settings.data_dir, GONE) == []
        assert stored_anywhere(workspace.settings.data_dir, '\\"acme\\"') != []
        assert_conserved(keeping)


@pytest.mark.parametrize(
    ("kind", "identifier", "message"),
    [
        ("team", "red", "Cannot erase 'team'. What can be erased: tenant, user."),
        ("tenant", " ", "Cannot erase tenant ' ': that is everyone whom the logs do not name."),
        ("user", "", "Cannot erase user '': that is everyone whom the logs do not name."),
        ("tenant", "unattributed", "Cannot erase tenant 'unattributed': that is everyone whom the logs do not name."),
    ],
)
def test_what_names_nobody_cannot_be_erased(workspace: Workspace, kind: str, identifier: str, message: str) -> None:
    with pytest.raises(EraseError) as caught:
        run(workspace, kind, identifier)
    assert str(caught.value) == message


def test_a_lake_file_that_is_missing_is_told_and_nothing_counts(workspace: Workspace) -> None:
    traffic(workspace)
    path = workspace.lake.absolute(listed(workspace)[0].path)
    path.rename(path.with_suffix(".away"))
    with pytest.raises(EraseError, match=r"Erasing was not completed \(.*\)\. Run it again when that is mended\."):
        run(workspace)
    assert workspace.control.rows(sa.select(db.tombstone)) == []
    path.with_suffix(".away").rename(path)
    assert run(workspace).rows == {"llm_request": 5}
