"""Writes one sample: the logs day by day, then the feeds, then the truth."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sample_data.attempts import Attempt
from sample_data.billed import Billed
from sample_data.canonical import canonical_line
from sample_data.company import build_company
from sample_data.defects import Defects
from sample_data.feeds import write_feeds
from sample_data.invoices import recognised_cents
from sample_data.litellm_payload import LiteLLMLog
from sample_data.period import FIRST_MONDAY, Period, monday_of
from sample_data.planned import DayPlan
from sample_data.planted import Plants
from sample_data.task_feeds import TaskFeeds
from sample_data.traffic import Traffic
from sample_data.truth import Ledger, write_truth

DEFAULT_ATTEMPTS = 260_000
DEFAULT_WEEKS = 10
DEFAULT_ATTEMPTS_A_DAY = DEFAULT_ATTEMPTS / (7 * DEFAULT_WEEKS)
MAX_WEEKS = 52
MIN_ATTEMPTS_A_DAY = 250
_GZIPPED_WEEKS = 3
_MARKER = ".margincall-sample"


@dataclass(frozen=True, slots=True)
class Summary:
    """What was written. Lines on disk = attempts + double-logged + malformed, by folder."""

    attempts: int
    litellm_lines: int
    canonical_lines: int
    malformed_lines: int
    double_logged_lines: int
    tenants: int
    tasks: int


class _Writer:
    """Puts lines where they belong: one LiteLLM file a day, one canonical file a week."""

    def __init__(self, folder: Path, seed: int, period: Period, plants: Plants, ledger: Ledger, billed: Billed) -> None:
        self._folder, self._period, self._ledger, self._billed = folder, period, ledger, billed
        self._log = LiteLLMLog(seed)
        self._defects = Defects(period, plants)
        self.attempts = self.litellm_lines = self.canonical_lines = self.malformed_lines = self.double_logged_lines = 0

    def write_day(self, day: date, attempts: list[Attempt]) -> None:
        litellm, canonical = [], []
        for attempt in attempts:
            self._ledger.observe(attempt)
            self._billed.observe(attempt)
            if attempt.task.feature.source == "litellm":
                payload = self._log.line(attempt)
                litellm.append(payload)
                if self._defects.is_logged_twice(day, attempt):
                    litellm.append(self._log.line(self._defects.second_log_of(attempt)))
                    self.double_logged_lines += 1
                    feature = attempt.task.feature.name
                    self._ledger.add("double_logged_cache_hit", attempt.task.tenant.tenant_id, feature, day)
            else:
                canonical.append(canonical_line(attempt))
        for cost_pico in self._billed.bypass(day):
            self._ledger.add("missing_logs", None, None, day, cost_pico)
        self.attempts += len(attempts)
        self._spoil(day, litellm, self._defects.litellm_lines(day, litellm))
        self._spoil(day, canonical, self._defects.canonical_lines(day, canonical))
        self.litellm_lines += len(litellm)
        self.canonical_lines += len(canonical)
        is_gzipped = day < self._period.start + timedelta(weeks=_GZIPPED_WEEKS)
        _write_lines(self._folder / "litellm" / f"{day}.jsonl", litellm, is_gzipped)
        with (self._folder / "canonical" / f"{monday_of(day)}.jsonl").open("a", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in canonical)

    def _spoil(self, day: date, lines: list[str], malformed: list[str]) -> None:
        """Slip the day's malformed lines in among the good ones."""
        for line in malformed:
            lines.insert(len(lines) // 2, line)
            self.malformed_lines += 1
            self._ledger.add("malformed_lines", None, None, day)


def generate(
    out: Path,
    seed: int,
    attempts: int = DEFAULT_ATTEMPTS,
    weeks: int = DEFAULT_WEEKS,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    plants: Plants = Plants.FULL,
) -> Summary:
    """Write a sample into `out`; the same arguments write the same bytes. Raises ValueError for impossible wishes."""
    _check(attempts, weeks)
    _prepare(out)
    period = Period(FIRST_MONDAY, weeks)
    company = build_company(seed, period, attempts, plants)
    scale = min(1.0, attempts / period.day_count / DEFAULT_ATTEMPTS_A_DAY)
    ledger, feeds, billed = Ledger(), TaskFeeds(seed, period), Billed(seed, plants, scale)
    writer = _Writer(out, seed, period, plants, ledger, billed)
    traffic = Traffic(seed, company, period, attempts, DayPlan(company, period, plants, scale))
    tasks = 0
    for number, (day, day_attempts, day_tasks) in enumerate(traffic.days(), start=1):
        writer.write_day(day, day_attempts)
        tasks += len(day_tasks)
        for task in day_tasks:
            feeds.observe(task)
        progress(number, period.day_count)
    lines = write_feeds(out / "feeds", seed, company, period, feeds, billed)
    write_truth(out / "truth.json", ledger.entries(company, period, recognised_cents(lines, period)))
    return Summary(
        attempts=writer.attempts,
        litellm_lines=writer.litellm_lines,
        canonical_lines=writer.canonical_lines,
        malformed_lines=writer.malformed_lines,
        double_logged_lines=writer.double_logged_lines,
        tenants=len(company.tenants),
        tasks=tasks,
    )


def _check(attempts: int, weeks: int) -> None:
    if not 1 <= weeks <= MAX_WEEKS:
        raise ValueError(f"weeks is {weeks}; available: 1 to {MAX_WEEKS} complete weeks from {FIRST_MONDAY}")
    least = MIN_ATTEMPTS_A_DAY * 7 * weeks
    if attempts < least:
        raise ValueError(f"attempts is {attempts}; the planted problems alone need {least} in {weeks} weeks")


def _prepare(out: Path) -> None:
    """An empty folder, or one that holds an earlier sample, which is replaced; any other folder is left alone."""
    marker = out / _MARKER
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give a folder")
    if out.is_dir() and not marker.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty and holds no earlier sample; give an empty or a new folder")
    out.mkdir(parents=True, exist_ok=True)
    marker.write_text(
        "Written by python -m sample_data; the next run into this folder replaces it.\n", encoding="utf-8"
    )
    (out / "truth.json").unlink(missing_ok=True)
    for name in ("litellm", "canonical", "feeds"):
        shutil.rmtree(out / name, ignore_errors=True)
        (out / name).mkdir()


def _write_lines(path: Path, lines: list[str], is_gzipped: bool) -> None:
    body = "".join(f"{line}\n" for line in lines).encode()
    if is_gzipped:
        # mtime 0 and no file name in the header: the same lines are the same bytes.
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(body, compresslevel=6, mtime=0))
    else:
        path.write_bytes(body)
