"""Retention: old requests go, figures of closed months stay to the last digit, and an interruption is finished by a rerun."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.landing import quarantine, retention
from pipelines.landing.erase import erase
from pipelines.landing.retention import Removed, RetentionError, apply
from tests.landed import assert_conserved, landings, listed, refused
from tests.workspace import Workspace, request
from warehouse import closed, publish
from warehouse.connection import published, warehouse

TODAY = date(2026, 11, 20)
DAYS = 120  # the limit is 2026-07-23, and figures before 2026-09-01 are closed
LIMIT, CLOSING = "2026-07-23", date(2026, 9, 1)


def traffic(workspace: Workspace) -> None:
    """Two requests every third day from May on, revenue and an outcome now and then, of two tenants."""
    first, records, outcomes = date(2026, 5, 4), [], []
    for n in range(66):
        day = first + timedelta(days=3 * n)
        for tenant in ("acme", "beta"):
            at = f"{day}T12:00:00Z"
            tokens = 1000 + 10 * n
            records.append(request(started_at=at, task_id=f"{tenant}-{n // 2}", tenant_id=tenant, input_tokens=tokens))
        outcomes.append(
            {
                "outcome_id": f"o{n}",
                "task_id": f"acme-{n // 2}",
                "outcome": "success",
                "observed_at": f"{day}T13:00:00Z",
            }
        )
    workspace.land_records("requests", records)
    workspace.land_feed("task_outcomes", outcomes)
    line: dict[str, Any] = {"line_id": "l1", "tenant_id": "acme", "kind": "subscription", "amount": "9000.00"}
    dates = {"currency": "USD", "service_start": "2026-05-01", "service_end": "2026-12-01"}
    workspace.land_feed("revenue_lines", [line | dates])


def run(workspace: Workspace, days: int | None = DAYS, *, dry: bool = False, kept: int | None = None) -> Removed:
    return apply(workspace.context, days, kept, today=TODAY, is_dry_run=dry)


def served(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    """What the published version says in the marts that closing keeps."""
    data_dir = workspace.settings.data_dir.resolve()
    pointer = publish.current(data_dir)
    assert pointer is not None
    with warehouse(publish.serving_folder(data_dir) / pointer.file) as database:
        return {mart: database.execute(f"select * from {mart} order by all").fetchall() for mart in closed.MARTS}


def lake_days(workspace: Workspace) -> list[str]:
    return sorted({file.day for file in listed(workspace) if file.day})


def test_old_requests_go_and_every_published_figure_stays(workspace: Workspace) -> None:
    traffic(workspace)
    workspace.build()
    before, days = served(workspace), lake_days(workspace)
    old = [day for day in days if day < LIMIT]
    removed = run(workspace)
    assert (removed.requests, removed.days, removed.closed_before) == (2 * len(old), tuple(old), CLOSING)
    assert len(old) == 27
    assert lake_days(workspace) == [day for day in days if day >= LIMIT]
    assert not [path for day in old for path in (workspace.lake.root / "llm_request" / f"day={day}").glob("*.parquet")]
    assert_conserved(workspace)
    assert workspace.build().kind != "nothing"
    assert served(workspace) == before
    workspace.build(full=True)
    assert served(workspace) == before
    assert workspace.rows(f"select count(*) from fct_llm_request_priced where day < date '{LIMIT}'") == [(0,)]
    reached = published_rows(workspace, "select first_usage_date, requests from mart_data_state")
    assert reached == [(date(2026, 5, 4), 132)]


def published_rows(workspace: Workspace, sql: str) -> list[tuple[Any, ...]]:
    data_dir = workspace.settings.data_dir.resolve()
    pointer = publish.current(data_dir)
    assert pointer is not None
    folder = publish.serving_folder(data_dir)
    database = published(folder / pointer.file, folder)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def test_what_lands_late_for_a_closed_month_changes_no_figure_and_goes_with_the_next_run(workspace: Workspace) -> None:
    traffic(workspace)
    workspace.build()
    before = served(workspace)
    run(workspace)
    workspace.land_records("late", [request(started_at="2026-06-01T10:00:00Z", task_id="late", input_tokens=999_999)])
    workspace.build()
    assert served(workspace) == before
    removed = run(workspace)
    assert (removed.requests, removed.days, removed.closed_rows) == (1, ("2026-06-01",), {})
    assert_conserved(workspace)


def test_an_erased_tenant_leaves_the_closed_figures_too(workspace: Workspace) -> None:
    traffic(workspace)
    workspace.build()
    run(workspace)
    workspace.build()
    erased = erase(workspace.context, "tenant", "beta", "ops@example.com")
    assert erased.closed["mart_tenant_margin_month"] == 4
    workspace.build()
    tenants = "select distinct tenant_id from fct_tenant_day order by 1"
    assert published_rows(workspace, tenants) == [("acme",)]
    assert erase(workspace.context, "tenant", "beta", "ops@example.com").closed == {}


def test_a_dry_run_says_what_a_run_does_and_does_nothing(workspace: Workspace) -> None:
    traffic(workspace)
    workspace.build()
    before = listed(workspace)
    said = run(workspace, dry=True)
    assert (listed(workspace), closed.closed_before(workspace.settings.data_dir)) == (before, None)
    done = run(workspace)
    assert (said.requests, said.days, said.closed_before) == (done.requests, done.days, done.closed_before)
    assert run(workspace) == Removed(0, (), 0, CLOSING, {}, 0, 0)


def test_what_is_not_published_is_not_removed(workspace: Workspace) -> None:
    traffic(workspace)
    with pytest.raises(RetentionError, match="nothing is published yet"):
        run(workspace)
    assert len(lake_days(workspace)) == 66
    assert closed.closed_before(workspace.settings.data_dir) is None


def test_a_retention_that_would_close_an_open_month_is_refused(workspace: Workspace) -> None:
    with pytest.raises(RetentionError, match="The least is 77 days"):
        run(workspace, 76)
    assert run(workspace, 77) == Removed(0, (), 0, None, {}, 0, 0)


@pytest.mark.parametrize("moment", ["close", "swap", "sweep"])
def test_interrupted_anywhere_a_second_run_finishes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    traffic(workspace)
    workspace.build()
    before = served(workspace)

    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    place = {"close": retention.closed, "swap": retention.lake, "sweep": retention}[moment]
    with monkeypatch.context() as patched:
        patched.setattr(place, moment, interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(workspace)
    assert_conserved(workspace)
    run(workspace)
    assert lake_days(workspace)[0] >= LIMIT
    assert len(list((workspace.lake.root / "llm_request").rglob("*.parquet"))) == len(listed(workspace))
    workspace.build()
    assert served(workspace) == before
    assert_conserved(workspace)


def test_quarantined_rows_keep_their_reason_and_lose_what_was_kept_of_them(workspace: Workspace) -> None:
    path = workspace.root / "log.jsonl"
    path.write_text(json.dumps(request(input_tokens=-1)) + "\n" + json.dumps(request()) + "\n")
    workspace.land(path)
    told = refused(workspace)
    [landing] = landings(workspace)
    landed_on = date.fromisoformat(str(landing.landed_at)[:10])
    kept = lambda: [row.body for row in quarantine.read(workspace.settings.data_dir, [landing.landing_id])]  # noqa: E731
    for today, emptied in ((landed_on + timedelta(days=30), 0), (landed_on + timedelta(days=31), 1)):
        assert apply(workspace.context, None, 30, today=today).quarantined == emptied
        assert (kept() == [""]) is bool(emptied)
    assert refused(workspace) == told
    assert apply(workspace.context, None, 30, today=landed_on + timedelta(days=99)).quarantined == 0
    assert_conserved(workspace)
