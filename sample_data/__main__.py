"""`python -m sample_data --seed N --out DIR [--attempts N] [--weeks 10] [--plants full]`: write a sample company."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sample_data.generate import DEFAULT_ATTEMPTS, DEFAULT_WEEKS, Summary, generate
from sample_data.planted import Plants


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when written, 2 when what was asked cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m sample_data", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="same seed, same bytes")
    parser.add_argument(
        "--out", type=Path, required=True, help="a new or empty folder, or an earlier sample to replace"
    )
    parser.add_argument(
        "--attempts", type=int, default=DEFAULT_ATTEMPTS, help="provider attempts to write (%(default)s)"
    )
    parser.add_argument("--weeks", type=int, default=DEFAULT_WEEKS, help="complete weeks (%(default)s)")
    parser.add_argument(
        "--plants",
        choices=[p.value for p in Plants],
        default=Plants.FULL.value,
        help="how much is planted (%(default)s)",
    )
    asked = parser.parse_args(arguments)
    try:
        summary = generate(asked.out, asked.seed, asked.attempts, asked.weeks, _show_progress, Plants(asked.plants))
    except (ValueError, OSError) as error:
        print(f"sample_data: {error}", file=sys.stderr)
        return 2
    print(_sentence(asked.out, summary))
    return 0


def _show_progress(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\rsample_data: day {done} of {total}", end=end, file=sys.stderr, flush=True)


def _sentence(out: Path, summary: Summary) -> str:
    return (
        f"{out}: {summary.attempts} attempts of {summary.tasks} tasks and {summary.tenants} tenants; "
        f"{summary.litellm_lines} LiteLLM lines, {summary.canonical_lines} canonical lines, "
        f"{summary.malformed_lines} of them malformed, {summary.double_logged_lines} logged twice"
    )


if __name__ == "__main__":
    sys.exit(main())
