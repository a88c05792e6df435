"""Observations of the older export, which name nobody, joined with their traces, whichever of the two lands first."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.landing.erase import erase
from pipelines.landing.retention import apply
from tests.contract.test_langfuse_source import observation, score, trace, traces
from tests.landed import assert_conserved
from tests.landed import rows as landed_rows
from tests.workspace import Workspace

Record = dict[str, Any]
NAMED = ("user_id", "session_id", "trace_name", "tags")
"""What the older export leaves out of an observation."""


def of_trace(trace_id: str, day: int = 10, month: int = 11, **changes: Any) -> Record:
    """An observation at noon of that day, as the older export writes it."""
    noon = f"2026-{month:02}-{day:02} 12:00:0"
    times = {"start_time": f"{noon}0.25", "end_time": f"{noon}1.25", "updated_at": f"{noon}2"}
    record = observation(id=f"{trace_id}-{month}-{day}", trace_id=trace_id, **times)
    return {name: value for name, value in record.items() if name not in NAMED} | changes


def whole(trace_id: str, day: int = 10, month: int = 11, **changes: Any) -> Record:
    """A trace that begins at noon of that day; `metadata` says whose it is."""
    noon = f"2026-{month:02}-{day:02} 12:00:0"
    return trace(id=trace_id, timestamp=f"{noon}0", updated_at=f"{noon}5", user_id=f"user of {trace_id}") | changes


def owned(tenant: str, **more: str) -> Record:
    return {"metadata": {"tenant_id": tenant, **more}}


# Ten days, so that what changes is never most of them; one trace over three of them, one that never comes.
OBSERVATIONS = [
    *(of_trace(f"single-{day}", day) for day in range(1, 8)),
    *(of_trace("long", day) for day in (8, 9, 10)),
    of_trace("lost", 2, id="lost"),
    of_trace("single-3", 3, id="says-it-itself", metadata={"tenant_id": "own", "task_id": "own-task"}),
]


def priced(workspace: Workspace) -> list[tuple[Any, ...]]:
    return workspace.rows(
        """select priced.tenant_id, priced.end_user_id, priced.task_id, priced.feature, priced.day::varchar
        from fct_llm_request_priced as priced order by day, tenant_id, task_id"""
    )


def of(workspace: Workspace, task: str) -> list[tuple[Any, ...]]:
    return [row for row in priced(workspace) if row[2] == task]


def assert_full_is_the_same(workspace: Workspace) -> None:
    incremental = workspace.marts()
    assert workspace.build(full=True).kind == "full"
    full = workspace.marts()
    for name, found in incremental.items():
        assert found == full[name], name
    assert_conserved(workspace)


def test_a_trace_that_lands_later_or_is_corrected_changes_its_requests(workspace: Workspace) -> None:
    workspace.land_records("observations", OBSERVATIONS)
    workspace.build()
    assert {row[0] for row in priced(workspace)} == {"unattributed", "own"}
    workspace.land_records("traces", [whole("long", 8, **owned("acme")), whole("single-3", 3, **owned("beta"))])
    built = workspace.build()
    assert (built.kind, built.days) == ("incremental", 4)
    days = ("2026-11-08", "2026-11-09", "2026-11-10")
    assert of(workspace, "long") == [("acme", "user of long", "long", "support", day) for day in days]
    assert of(workspace, "single-3") == [("beta", "user of single-3", "single-3", "support", "2026-11-03")]
    # What an observation says itself stands; its trace fills the rest.
    assert of(workspace, "own-task") == [("own", "user of single-3", "own-task", "support", "2026-11-03")]
    assert of(workspace, "lost") == [("unattributed", None, "lost", None, "2026-11-02")]
    assert_full_is_the_same(workspace)

    # Corrected: another tenant, another user; and an older version that arrives last changes nothing.
    workspace.land_records(
        "corrected", [whole("long", 8, updated_at="2026-11-12 00:00:00", user_id="u", **owned("gamma"))]
    )
    workspace.land_records("stale", [whole("long", 8, updated_at="2026-11-11 00:00:00", user_id="s", **owned("stale"))])
    assert workspace.build().kind == "incremental"
    assert [row[:2] for row in of(workspace, "long")] == [("gamma", "u")] * 3
    assert_full_is_the_same(workspace)
    assert workspace.land(workspace.root / "corrected.jsonl").state == "already"
    assert workspace.build().kind == "nothing"


def test_traces_that_land_first_give_the_same_figures(tmp_path: Path) -> None:
    marts: list[dict[str, Any]] = []
    for name in ("first", "last"):
        (tmp_path / name).mkdir()
        workspace = Workspace(tmp_path / name)
        files = [("traces", [whole("long", 8, **owned("acme", task_id="job-1"))]), ("observations", OBSERVATIONS)]
        for file, records in files if name == "first" else reversed(files):
            workspace.land_records(file, records)
        workspace.build()
        assert [row[:4] for row in of(workspace, "job-1")] == [("acme", "user of long", "job-1", "support")] * 3
        marts.append(workspace.marts())
        workspace.control.close()
    lineage = ("fct_llm_request_priced", "mart_data_state")  # they name landings, whose ids hold the file's place
    assert {n: r for n, r in marts[0].items() if n not in lineage} == {
        n: r for n, r in marts[1].items() if n not in lineage
    }


def test_a_task_that_a_trace_names_takes_in_what_other_traces_do_for_it_and_is_judged_by_their_scores(
    workspace: Workspace,
) -> None:
    workspace.land_records("observations", OBSERVATIONS)
    workspace.land_records("scores", [score(trace_id="long"), score(id="s-2", trace_id="single-2", value=0)])
    workspace.build()
    tasks = "select task_day::varchar, attempts, outcome from fct_task where task_id = '{}'"
    assert workspace.rows(tasks.format("long")) == [("2026-11-08", 3, "success")]
    assert workspace.rows(tasks.format("single-2")) == [("2026-11-02", 1, "failure")]
    # The task begins with another trace's request now; that day changes, too, and the trace is no task any more.
    workspace.land_records("traces", [whole("long", 8, **owned("acme", task_id="single-7"))])
    assert workspace.build().kind == "incremental"
    assert workspace.rows(tasks.format("single-7")) == [("2026-11-07", 4, "success")]
    assert workspace.rows(tasks.format("long")) == []
    assert_full_is_the_same(workspace)
    # And back: it names another one.
    back = {"updated_at": "2026-11-20 00:00:00", **owned("acme", task_id="single-2")}
    workspace.land_records("back", [whole("long", 8, **back)])
    assert workspace.build().kind == "incremental"
    assert workspace.rows(tasks.format("single-7")) == [("2026-11-07", 1, "unknown")]
    assert [row[:2] for row in workspace.rows(tasks.format("single-2"))] == [("2026-11-02", 4)]
    assert_full_is_the_same(workspace)


def land_both(workspace: Workspace) -> list[Record]:
    """`long` is acme's; `single-4` was theirs, in an older version of its trace."""
    workspace.land_records("observations", OBSERVATIONS)
    both = [whole("long", 8, **owned("acme")), whole("single-3", 3, **owned("beta"))]
    workspace.land_records("traces", both)
    older = whole("single-4", 4, user_id="user of long", updated_at="2026-11-01 00:00:00", **owned("acme"))
    workspace.land_records("moved", [older, whole("single-4", 4, **owned("beta"))])
    return both


@pytest.mark.parametrize(("kind", "name"), [("tenant", "acme"), ("user", "user of long")])
def test_whoever_only_a_trace_names_is_erased_with_their_requests(workspace: Workspace, kind: str, name: str) -> None:
    land_both(workspace)
    erased = erase(workspace.context, kind, name, "ops@example.com")
    assert erased.rows == {"llm_request": 3, "trace": 2}
    assert erased.days == {"2026-11-08", "2026-11-09", "2026-11-10"}
    assert_conserved(workspace)
    assert not [row for row in traces(workspace) if name in (row["tenant_id"], row["end_user_id"])]
    assert {row["trace_id"] for row in landed_rows(workspace)} & {"long", "single-4"} == {"single-4"}


def test_what_is_erased_stays_out_though_an_overlapping_export_brings_request_and_trace_back(
    workspace: Workspace,
) -> None:
    both = land_both(workspace)
    workspace.build()
    erase(workspace.context, "tenant", "acme", "ops@example.com")
    workspace.build()
    assert of(workspace, "long") == []
    assert [row[0] for row in of(workspace, "single-4")] == ["beta"]
    workspace.land_records("again", [*OBSERVATIONS, *both])
    workspace.build()
    assert of(workspace, "long") == []
    assert len(priced(workspace)) == len(OBSERVATIONS) - 3
    assert_full_is_the_same(workspace)


def test_retention_takes_traces_as_old_as_the_requests_that_go(workspace: Workspace) -> None:
    spring = [of_trace(f"old-{day}", day, month=5) for day in range(1, 9)]
    summer = [of_trace("bridge", day, month=8) for day in (1, 2)]
    workspace.land_records("observations", [*OBSERVATIONS, *spring, *summer, of_trace("bridge", 20, month=7)])
    begun = [whole(f"old-{day}", day, month=5, **owned("acme")) for day in range(1, 9)]
    kept = [whole("long", 8, **owned("acme"))]
    workspace.land_records("traces", [*begun, whole("bridge", 20, month=7, **owned("acme")), *kept])
    workspace.build()
    figures = "select sum(cost_usd) from fct_cost_day where tenant_id = 'acme'"
    [(before,)] = workspace.rows(figures)
    today = date(2026, 11, 20)
    looked = apply(workspace.context, 120, None, today=today, is_dry_run=True)  # the limit is 23 July
    assert (looked.requests, looked.traces) == (9, 9)
    removed = apply(workspace.context, 120, None, today=today)
    assert (removed.requests, removed.traces, removed.closed_before) == (9, 9, date(2026, 9, 1))
    assert [row["trace_id"] for row in traces(workspace)] == ["long"]
    assert_conserved(workspace)
    assert workspace.build().kind != "nothing"
    # In the lake the bridge's younger requests have no trace any more; what was published of them is closed.
    assert [row[0] for row in of(workspace, "bridge")] == ["unattributed"] * 2
    assert before == 14 * workspace.rows(figures)[0][0] / 3
    assert_full_is_the_same(workspace)
