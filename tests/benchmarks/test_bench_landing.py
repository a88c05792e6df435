"""The landing benchmark on a few rows: that it runs, that every row is accounted for, and that it says what it found.

Its times are not judged here.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from tests.benchmarks.attempts import Attempts, Expected
from tests.benchmarks.bench_landing import Line, measure

WRITTEN = Expected(rows_in=3 * (2000 + 50 + 1) + 2 * 50, duplicate=3 * 50, quarantined=2 + 3, current=6000 - 2)
"""Of three days: 2,000 attempts, 50 of them twice, 50 of the day before again, a broken line; two that are unreadable."""


def test_the_benchmark_accounts_for_every_row_and_says_what_is_met(tmp_path: Path) -> None:
    told: list[str] = []
    result = measure(tmp_path, rows=6000, days=3, tell=told.append)
    assert result.is_conserved
    counts = "rows_in 6,253, duplicate 150, quarantined 5, current 5,998, landed 6,098, superseded 100; as written"
    assert result.counts == [
        f"litellm: {counts}",
        f"canonical, built: {counts}",
        "canonical, one more day: rows_in 8,354, duplicate 200, quarantined 6, current 7,998, landed 8,148, "
        "superseded 150; as written",
    ]
    values = {line.name.strip(): line.value for line in result.lines}
    for name in (
        "landing / B, litellm",
        "landing / B, canonical",
        "full run / B",
        "marts / B",
        "publish / B",
        "run without news / full run",
        "one more day / full run",
        "peak memory, one more day",
    ):
        assert values[name] > 0
    report = result.report()
    assert "full run / B" in report
    assert report.endswith("every row is accounted for")
    assert not (tmp_path / "litellm-logs").exists()
    assert told[-1].startswith("tests.benchmarks.landing_steps count")


def test_the_attempts_are_what_they_say_and_the_same_every_time(tmp_path: Path) -> None:
    with duckdb.connect() as database:
        attempts, total, first = Attempts(seed=1, rows_per_day=2000), Expected(), tmp_path / "first"
        for folder in (first, tmp_path / "again"):
            folder.mkdir()
            total = Expected()
            for number in range(3):
                total += attempts.write(database, folder, "canonical", number)
    assert total == WRITTEN
    files = sorted(first.iterdir())
    assert [path.read_bytes() for path in files] == [(tmp_path / "again" / path.name).read_bytes() for path in files]
    assert sum(path.read_bytes().count(b"\n") for path in files) == WRITTEN.rows_in


def test_a_line_says_whether_its_target_is_met() -> None:
    assert " ".join(str(Line("marts / B", 0.3, target=0.3)).split()) == "marts / B 0.30 x at most 0.30, met"
    assert " ".join(str(Line("marts / B", 0.31, target=0.3)).split()) == "marts / B 0.31 x at most 0.30, not met"
    assert " ".join(str(Line("run", 2, "s", note="of it")).split()) == "run 2.00 s of it"
