"""How long the way from logs to published marts takes, beside DuckDB's own reading of the same files: `make bench`.

BENCH_ROWS attempts (10,000,000 unless told) are written by day, as LiteLLM's records and as canonical ones. B is one
statement of DuckDB that reads such files with explicit columns into a table, in the same run. Every step is a process of
its own, through the product's command where it has one; its time, processor time and peak memory are the process's own.

Prints ratios by the clock and, because other programs may use the same cores, by processor time; whether the targets of
docs/performance.md are met; and the counts of every row. Exits with 1 where a row is missing or invented, never for time.
Needs about 4 KB of disk per attempt in the folder for temporary files, and removes what it wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.attempts import Expected

ROWS, SEED = 10_000_000, 20261121
BYTES_PER_ROW = 4_000
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Step:
    """One process: seconds by the clock and of processor time, peak memory, and what it printed."""

    wall_s: float
    cpu_s: float
    rss_gb: float
    said: Any


@dataclass(frozen=True)
class Line:
    """A figure beside what is wanted of it; `target` None: nothing is."""

    name: str
    value: float
    unit: str = "x"
    target: float | None = None
    note: str = ""

    def __str__(self) -> str:
        verdict = "met" if self.target is not None and self.value <= self.target else "not met"
        wanted = "" if self.target is None else f"at most {self.target:.2f}, {verdict}"
        return f"{self.name:<42}{self.value:9.2f} {self.unit:<3}{wanted:<24}{self.note}".rstrip()


@dataclass
class Result:
    """What was measured, and every count beside what it had to be."""

    lines: list[Line] = field(default_factory=list[Line])
    counts: list[str] = field(default_factory=list[str])
    is_conserved: bool = True

    def report(self) -> str:
        ending = "every row is accounted for" if self.is_conserved else "ROWS ARE MISSING OR INVENTED"
        return "\n".join([*map(str, self.lines), "", *self.counts, ending])


def measure(folder: Path, rows: int, days: int, *, seed: int = SEED, tell: Callable[[str], None]) -> Result:
    """Run everything in an empty folder; `tell` hears what is being done."""
    bench = _Bench(folder, seed, rows // days, days, tell)
    bench.landing_alone("litellm")
    bench.pipeline("canonical")
    return bench.result


@dataclass
class _Bench:
    folder: Path
    seed: int
    rows_per_day: int
    days: int
    tell: Callable[[str], None]
    result: Result = field(default_factory=Result)

    def landing_alone(self, kind: str) -> None:
        """Land one format; nothing of it stays on disk."""
        _, _, expected = self.landing(kind)
        self._check(kind, expected, is_built=False)
        for path in (self._logs(kind), self._data(kind)):
            shutil.rmtree(path)

    def landing(self, kind: str) -> tuple[Step, Step, Expected]:
        """Land one format; its B, the landing, and what had to land."""
        logs = self._logs(kind)
        logs.mkdir()
        expected = self._write(kind, 0, self.days)
        base = self._python("tests.benchmarks.baseline", kind, logs)
        rows, wall_s = base.said["rows"], base.said["wall_s"]
        size = sum(path.stat().st_size for path in logs.iterdir())
        self._add(f"B, {kind}", wall_s, "s", note=f"{rows:,} rows, {size / 1e9:.2f} GB, {rows / wall_s:,.0f} rows/s")
        landed = self._command("ingest", kind)
        self._compare(f"landing / B, {kind}", landed, base, target=1.0)
        self._memory(f"landing, {kind}", landed, base)
        return base, landed, expected

    def pipeline(self, kind: str) -> None:
        """All of it: land, build, publish, a run without news, and one more day."""
        base, landed, expected = self.landing(kind)
        built = self._function("build", kind)
        self._check(f"{kind}, built", expected, is_built=True)
        full = Step(landed.wall_s + built.wall_s, landed.cpu_s + built.cpu_s, max(landed.rss_gb, built.rss_gb), None)
        self._compare("full run / B", full, base, target=1.8)
        self._parts(built, base)
        self._memory("build", built, base)
        idle = self._command("run", kind)
        self._add("run without news", idle.wall_s, "s", 8, f"{idle.cpu_s:.1f} s of processor time")
        self._add("run without news / full run", idle.wall_s / full.wall_s)
        more = self._write(kind, self.days, self.days + 1)
        day = self._function("ingest_and_build", kind)
        self._check(f"{kind}, one more day", expected + more, is_built=True)
        self._compare("one more day / full run", day, full, target=1 / 6)
        start_s = day.said["started_s"] + day.said["before_models_s"]
        note = f"{start_s / day.wall_s:.0%} of it; prices, plan, dbt: {day.said['before_models_cpu_s']:.1f} s of processor time"
        self._add("  its start: imports, prices, plan, dbt", start_s, "s", 8, note)
        self._memory("one more day", day, base)

    def _parts(self, built: Step, base: Step) -> None:
        said = built.said
        start_s = said["started_s"] + said["before_models_s"]
        self._add("  start of the build: imports, prices, dbt", start_s, "s")
        parts = (
            ("latest versions, priced and written", "requests_s", None),
            ("marts", "marts_s", 0.3),
            ("tests of the models", "tests_s", None),
            ("publish", "publish_s", 0.15),
        )
        for name, key, target in parts:
            self._add(f"  {name} / B", said[key] / base.said["wall_s"], target=target, note=f"{said[key]:.1f} s")

    def _compare(self, name: str, step: Step, to: Step, target: float) -> None:
        """A ratio to B (what it says itself: its statement alone) or to another step."""
        wall_s, cpu_s = (
            (to.said["wall_s"], to.said["cpu_s"]) if to.said and "rows" in to.said else (to.wall_s, to.cpu_s)
        )
        note = f"{step.wall_s:.1f} s; by processor time {step.cpu_s / cpu_s:.2f}"
        self._add(name, step.wall_s / wall_s, target=target, note=note)

    def _memory(self, name: str, step: Step, base: Step) -> None:
        self._add(f"  peak memory, {name}", step.rss_gb, "GB", 3, f"B {base.rss_gb:.2f} GB")

    def _check(self, what: str, expected: Expected, *, is_built: bool) -> None:
        """Every row that was written is landed, a duplicate or in quarantine; of every record one version is current."""
        found = self._function("count", what.partition(",")[0], int(is_built)).said
        wanted = {**asdict(expected), "landed": expected.landed, "superseded": expected.landed - expected.current}
        told = ", ".join(f"{name} {found[name]:,}" for name in wanted)
        wrong = ", ".join(f"{name} {count:,}" for name, count in wanted.items() if found[name] != count)
        self.result.is_conserved &= not wrong
        self.result.counts.append(f"{what}: {told}; {f'EXPECTED {wrong}' if wrong else 'as written'}")

    def _add(self, name: str, value: float, unit: str = "x", target: float | None = None, note: str = "") -> None:
        self.result.lines.append(Line(name, value, unit, target, note))

    def _write(self, kind: str, first: int, last: int) -> Expected:
        arguments = (kind, self._logs(kind), self.seed, self.rows_per_day, first, last)
        return Expected(**self._python("tests.benchmarks.attempts", *arguments).said)

    def _command(self, name: str, kind: str) -> Step:
        return self._python("pipelines.cli", name, "--config", self._config(kind), "--json")

    def _function(self, name: str, kind: str, *arguments: object) -> Step:
        return self._python("tests.benchmarks.landing_steps", name, self._config(kind), *arguments)

    def _python(self, module: str, *arguments: object) -> Step:
        command = [module, *map(str, arguments)]
        self.tell(" ".join(command))
        return _run([sys.executable, "-m", *command])

    def _logs(self, kind: str) -> Path:
        return self.folder / f"{kind}-logs"

    def _data(self, kind: str) -> Path:
        return self.folder / f"{kind}-data"

    def _config(self, kind: str) -> Path:
        path = self.folder / f"{kind}.toml"
        path.write_text(f'data_dir = "{self._data(kind)}"\nlogs = ["{self._logs(kind)}"]\n')
        return path


def _run(command: list[str]) -> Step:
    """Run a command that prints JSON. Raises RuntimeError where it fails; what it says then stands on the terminal."""
    began, environment = time.perf_counter(), {k: v for k, v in os.environ.items() if not k.startswith("MARGINCALL_")}
    environment["BENCH_BEGAN"] = str(time.time())
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)  # which tells this process's own memory and processor time
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    wall_s = time.perf_counter() - began
    return Step(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024**2, json.loads(said))


def days_for(rows: int) -> int:
    """A file of each day; of ten million rows as many a day as a busy company has, of fewer not too few to measure."""
    return min(33, max(10, rows // 100_000))


def main() -> int:
    parser = argparse.ArgumentParser(description="Ratios of landing, building and publishing to DuckDB's own reading.")
    parser.add_argument("--rows", type=int, default=int(os.environ.get("BENCH_ROWS", str(ROWS)).replace("_", "")))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", action="store_true", help="keep the files, and say where they are")
    asked = parser.parse_args()
    place, need = tempfile.gettempdir(), asked.rows * BYTES_PER_ROW
    days = days_for(asked.rows)
    if asked.rows < days:
        parser.error(f"--rows: at least {days}, one a day")
    if (free := shutil.disk_usage(place).free) < need:
        parser.error(f"{place} has {free / 1e9:.1f} GB free and {need / 1e9:.1f} are needed: set BENCH_ROWS or TMPDIR")
    print(f"{asked.rows:,} attempts on {days} days, seed {asked.seed}, {os.cpu_count()} cores", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="margincall-bench-"))
    try:
        result = measure(folder, asked.rows, days, seed=asked.seed, tell=lambda text: print(text, file=sys.stderr))
    finally:
        if asked.keep:
            print(f"The files are in {folder}.", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    print(result.report())
    return 0 if result.is_conserved else 1


if __name__ == "__main__":
    sys.exit(main())
