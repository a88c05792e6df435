"""Records that hold several rows, and rows that are outcomes: landed once, counted to the row, found again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.landing import ledger, quarantine, read
from pipelines.landing.balance import balances
from pipelines.landing.detect import detect
from pipelines.landing.explain import explain_file
from pipelines.landing.land import LandingError, land_file
from pipelines.landing.ledger import Counts
from pipelines.landing.replay import replay_files
from tests.landed import dirty_days, landings, listed, refused, rows
from tests.workspace import Workspace
from warehouse import control as db

STARTED = 1794312000_250_000_000  # 2026-11-10T12:00:00.250Z
OUTCOMES = "feed_task_outcomes"


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": str(value)}} for key, value in values.items()]


def span(number: int, judged: str | None = None, **given: Any) -> dict[str, Any]:
    """Chat `number` in a trace of its own, with an evaluation if `judged` says how it went."""
    named = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10} | given
    score = {"gen_ai.evaluation.name": "Resolved", "gen_ai.evaluation.score.label": judged}
    event = {
        "name": "gen_ai.evaluation.result",
        "timeUnixNano": str(STARTED + number * 1_000_000),
        "attributes": attributes(score),
    }
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "startTimeUnixNano": str(STARTED),
        "endTimeUnixNano": str(STARTED + 1_000_000),
        "attributes": attributes(named),
        "events": [event] if judged else [],
    }


def request(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def line(*spans: Any) -> str:
    return json.dumps(request(*spans)) + "\n"


def write(workspace: Workspace, text: str | bytes, name: str = "spans.jsonl") -> Path:
    path = workspace.root / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def counted(result: Any) -> tuple[str, Counts]:
    return result.state, result.counts


def traces(workspace: Workspace) -> list[int]:
    return [int(row["trace_id"], 16) for row in rows(workspace)]


def assert_even(workspace: Workspace) -> None:
    """Both books agree with the lake, and every landing with its quarantine."""
    assert all(book.is_even for book in balances(workspace.control).values())
    for row in landings(workspace):
        assert len(list(quarantine.read(workspace.settings.data_dir, [row.landing_id]))) == row.quarantined


# --- one record, several rows ---


@pytest.mark.parametrize(
    ("name", "text", "container"),
    [
        ("spans.jsonl", line(span(1), span(2)) + line(span(3)), "lines"),
        ("spans.jsonl.gz", gzip.compress((line(span(1), span(2)) + line(span(3))).encode()), "lines"),
        ("spans.json", line(span(1), span(2), span(3)), "lines"),
        ("spans.json", json.dumps(request(span(1), span(2), span(3)), indent=1), "document"),
        (
            "spans.json",
            json.dumps(request(span(1)), indent=1) + "\n" + json.dumps(request(span(2), span(3))),
            "document",
        ),
        ("spans.json", json.dumps([request(span(1)), request(span(2), span(3))]), "array"),
    ],
)
def test_lines_documents_and_arrays_of_requests_hold_the_same_rows(
    workspace: Workspace, name: str, text: str | bytes, container: str
) -> None:
    path = write(workspace, text, name)
    found = detect(path)
    assert found
    assert (found.container, found.source.name) == (container, "otlp")
    assert counted(workspace.land(path)) == ("landed", Counts(3, 3))
    assert traces(workspace) == [1, 2, 3]
    assert workspace.land(path).state == "already"
    assert_even(workspace)


def test_each_row_of_a_record_has_a_number_of_its_own_that_tells_line_and_place(workspace: Workspace) -> None:
    workspace.land(
        write(workspace, line(span(1), span(2, **{"gen_ai.operation.name": "invoke_agent"}), span(3)) + line(span(4)))
    )
    assert [row["source_line"] for row in rows(workspace)] == [10_000_001, 10_000_003, 20_000_001]


def test_the_same_span_twice_in_one_line_is_one_row_and_one_duplicate(workspace: Workspace) -> None:
    assert counted(workspace.land(write(workspace, line(span(1), span(1)) + line(span(1))))) == (
        "landed",
        Counts(3, 1, 2),
    )
    assert [row["source_line"] for row in rows(workspace)] == [10_000_001]


def test_a_bad_span_is_refused_alone_under_the_line_of_the_file(workspace: Workspace) -> None:
    bad = span(2, **{"gen_ai.usage.input_tokens": "many"})
    text = line(span(1)) + line(span(3), bad, 7) + "{\n" + line(span(4))
    assert counted(workspace.land(write(workspace, text))) == ("landed", Counts(6, 3, 0, 3))
    assert traces(workspace) == [1, 3, 4]
    assert refused(workspace) == [
        (2, "gen_ai.usage.input_tokens: not a whole number of at least 0"),
        (2, "resourceSpans, scopeSpans, spans (or resourceLogs, …): not lists of objects"),
        (3, "not valid JSON"),
    ]
    assert_even(workspace)


@pytest.mark.parametrize(
    ("nest", "count"),
    [
        ({"resourceSpans": None}, 0),
        ({"resourceSpans": []}, 0),
        ({"resourceSpans": [{}]}, 0),
        ({"resourceSpans": [{"scopeSpans": [{"spans": None}]}]}, 0),
        ({"resourceSpans": {}}, 1),
        ({"resourceSpans": [None]}, 1),
        ({"resourceSpans": ["x", {"scopeSpans": 1}, {"scopeSpans": [2, {"spans": "x"}, {"spans": [None, []]}]}]}, 6),
        ({"resourceMetrics": []}, 1),
        ({"resourceSpans": [], "resourceLogs": []}, 1),
    ],
)
def test_what_is_nested_otherwise_is_refused_piece_by_piece_and_nothing_vanishes(
    workspace: Workspace, nest: dict[str, Any], count: int
) -> None:
    counts = workspace.land(write(workspace, line(span(1)) + json.dumps(nest) + "\n")).counts
    assert counts == Counts(1 + count, 1, 0, count)
    assert [number for number, _ in refused(workspace)] == [2] * count


def test_attributes_that_are_none_are_refused(workspace: Workspace) -> None:
    workspace.land(write(workspace, line(span(1) | {"attributes": "x"})))
    assert refused(workspace) == [(1, "attributes: not a list")]


def test_a_log_that_grows_lands_what_it_gained_with_the_line_s_own_number(workspace: Workspace) -> None:
    path = write(workspace, line(span(1, "pass")) + line(span(2))[:20])
    assert counted(workspace.land(path)) == ("landed", Counts(3, 2, 0, 1))
    path.write_text(line(span(1, "pass")) + line(span(2, "fail"), span(3)))
    assert counted(workspace.land(path)) == ("landed", Counts(3, 3))
    assert [row["source_line"] for row in rows(workspace)] == [10_000_001, 20_000_001, 20_000_003]
    assert [file.rows for file in listed(workspace, OUTCOMES)] == [1, 1]
    assert refused(workspace) == []
    assert_even(workspace)


@pytest.mark.parametrize("indent", [None, 1])
def test_a_first_request_longer_than_the_sample_is_known_by_its_first_key(
    workspace: Workspace, indent: int | None
) -> None:
    long = span(1, **{"gen_ai.input.messages": "x" * (2 << 20)})
    path = write(workspace, json.dumps(request(long), indent=indent) + "\n", "spans.json")
    assert counted(workspace.land(path)) == ("landed", Counts(1, 1))


def test_a_record_too_large_to_take_apart_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_EXPANDED", 2000)
    path = write(workspace, json.dumps([request(*map(span, range(1, 9))), request(span(9))]), "spans.json")
    assert workspace.land(path).counts == Counts(2, 1, 0, 1)
    assert refused(workspace) == [(1, "a record of more than 64 MiB cannot be taken apart; write one per line")]


def test_many_spans_in_small_batches_keep_their_order(workspace: Workspace) -> None:
    padding = {"gen_ai.input.messages": "x" * 2000}
    lines = [line(*(span(10 * start + i, **padding) for i in range(1, 11))) for start in range(100)]
    assert counted(workspace.land(write(workspace, "".join(lines)))) == ("landed", Counts(1000, 1000))
    assert traces(workspace) == list(range(1, 1001))


# --- outcomes beside requests ---


def test_requests_and_outcomes_of_a_file_land_in_one_transaction_in_books_of_their_own(workspace: Workspace) -> None:
    text = line(span(1, "pass"), span(2, "fail")) + line(span(1, "pass"))
    assert counted(workspace.land(write(workspace, text))) == ("landed", Counts(6, 4, 2))
    books = [(row.dataset, row.source, row.rows_in, row.landed, row.duplicate) for row in landings(workspace)]
    assert books == [("llm_request", "otlp", 3, 2, 1), (OUTCOMES, "otlp", 3, 2, 1)]
    [file] = listed(workspace, OUTCOMES)
    marks = [(row.dataset, row.path) for row in workspace.control.rows(sa.select(db.dirty_feed))]
    assert marks == [(OUTCOMES, file.path)]
    assert dirty_days(workspace) == {"2026-11-10"}
    assert_even(workspace)


def test_a_file_without_outcomes_has_no_book_of_them(workspace: Workspace) -> None:
    workspace.land(write(workspace, line(span(1))))
    assert [row.dataset for row in landings(workspace)] == ["llm_request"]


def test_a_landing_that_fails_at_its_end_leaves_no_outcome_and_the_next_lands_them_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(workspace, line(span(1, "pass")))

    def fail(*_: Any) -> None:
        raise OSError("pulled the plug")

    monkeypatch.setattr(ledger, "commit", fail)
    with pytest.raises(LandingError, match="pulled the plug"):
        workspace.land(path)
    assert list(workspace.lake.root.rglob("*.parquet")) == []
    assert landings(workspace) == []
    monkeypatch.undo()
    assert counted(workspace.land(path)) == ("landed", Counts(2, 2))
    assert [file.rows for file in listed(workspace, OUTCOMES)] == [1]


def test_another_rule_for_scores_reads_the_file_again_and_the_old_outcomes_count_no_longer(tmp_path: Path) -> None:
    before = Workspace(tmp_path)
    path = write(before, line(span(1, "pass"), span(2, "great")))
    assert counted(before.land(path)) == ("landed", Counts(3, 3))
    before.control.close()
    after = Workspace(tmp_path, sources={"otlp": {"outcome_success": ["great"]}})
    assert counted(after.land(path)) == ("landed", Counts(3, 3))
    assert [row.state for row in landings(after, "replaced")] == ["replaced", "replaced"]
    assert [(row.dataset, row.landed) for row in landings(after)] == [("llm_request", 2), (OUTCOMES, 1)]
    assert [row.reason for row in after.control.rows(sa.select(db.dirty_all))] == ["outcomes or traces were read again"]
    assert_even(after)
    after.control.close()


def test_a_file_replayed_from_quarantine_lands_its_outcomes_once(workspace: Workspace) -> None:
    path = write(workspace, line(span(1, "pass"), span(2, "fail", **{"gen_ai.usage.input_tokens": "many"})))
    assert workspace.land(path).counts == Counts(4, 3, 0, 1)
    [again] = replay_files(workspace.settings, None, lambda *_: None)
    assert counted(again) == ("landed", Counts(4, 3, 0, 1))
    assert sum(file.rows for file in listed(workspace, OUTCOMES)) == 2
    assert land_file(workspace.context, path).state == "already"
    assert_even(workspace)


def test_explaining_a_file_says_what_would_be_passed_over_and_lands_nothing(workspace: Workspace) -> None:
    agent = span(2, **{"gen_ai.operation.name": "invoke_agent"})
    told = explain_file(workspace.settings, write(workspace, line(span(1, "pass"), agent, span(3, "so so"), 7)))
    assert (told.rows, told.refused, told.outcomes) == (4, 1, 1)
    assert told.passed_over == {"scores that say neither success nor failure": 1, "spans that are no inference": 1}
    assert [after["trace_id"] for after in told.after] == [f"{1:032x}", f"{3:032x}"]
    assert landings(workspace) == []


def test_an_outcome_from_a_log_makes_its_task_a_success_and_a_later_version_a_failure(workspace: Workspace) -> None:
    workspace.land(write(workspace, line(span(1, "pass"), span(2))))
    workspace.build()
    assert workspace.rows("select task_id, outcome from fct_task order by 1") == [
        (f"{1:032x}", "success"),
        (f"{2:032x}", "unknown"),
    ]
    late = span(3, "fail") | {"traceId": f"{1:032x}", "attributes": []}
    workspace.land(write(workspace, line(late), "late.jsonl"))
    workspace.build()
    assert workspace.rows("select task_id, outcome from fct_task order by 1") == [
        (f"{1:032x}", "failure"),
        (f"{2:032x}", "unknown"),
    ]
