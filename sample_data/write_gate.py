"""`python -m sample_data.write_gate [--out DIR]`: three small runs of one evaluation suite, for the cost gate.

What is in `gate/` comes from here; a test compares. 24 cases, one call each, written as the canonical record with their outcomes:

baseline    20 of 24 cases solved
candidate   a longer prompt: the same cases and one more are solved, every call has 30% more input
cheaper     the same prompt on a smaller model for the short questions: the same cases are solved
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

GATE = Path(__file__).parent / "gate"
_CASES = 24
_START = datetime(2026, 11, 10, 12, tzinfo=UTC)
_LARGE, _SMALL = "claude-sonnet-4-5", "claude-haiku-4-5"


@dataclass(frozen=True)
class Variant:
    """What a run does otherwise than the baseline."""

    name: str
    day: int
    input_percent: int = 100
    also_solved: tuple[int, ...] = ()
    small_up_to_tokens: int = 0


VARIANTS = (
    Variant("baseline", 0),
    Variant("candidate", 1, input_percent=130, also_solved=(6,)),
    Variant("cheaper", 2, small_up_to_tokens=2000),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sample_data.write_gate", description=__doc__)
    parser.add_argument("--out", type=Path, default=GATE, help="folder to write into (%(default)s)")
    write_gate(parser.parse_args(arguments).out)
    return 0


def write_gate(out: Path) -> None:
    """Write every run into a folder of its own."""
    for variant in VARIANTS:
        folder = out / variant.name
        folder.mkdir(parents=True, exist_ok=True)
        records = (json.dumps(_record(variant, number)) + "\n" for number in range(1, _CASES + 1))
        (folder / "requests.jsonl").write_text("".join(records), encoding="utf-8")
        outcomes = (_outcome(variant, number) for number in range(1, _CASES + 1))
        header = "outcome_id,task_id,outcome,observed_at\n"
        (folder / "task_outcomes.csv").write_text(header + "".join(outcomes), encoding="utf-8", newline="")


def _case(number: int) -> str:
    return f"case-{number:02}"


def _start(variant: Variant, number: int) -> datetime:
    return _START + timedelta(days=variant.day, minutes=number)


def _record(variant: Variant, number: int) -> dict[str, object]:
    plain = 1000 + 100 * (number % 12 + 1)
    started = _start(variant, number)
    model = _SMALL if plain <= variant.small_up_to_tokens else _LARGE
    return {
        "source_record_id": f"{variant.name}-{number}",
        "task_id": _case(number),
        "started_at": started.isoformat(),
        "ended_at": (started + timedelta(milliseconds=2000 + 100 * number)).isoformat(),
        "environment": "eval",
        "feature": "support_reply",
        "provider_name": "anthropic",
        "response_model": model,
        "input_tokens": plain * variant.input_percent // 100,
        "output_tokens": 200 + 10 * (number % 5),
    }


def _outcome(variant: Variant, number: int) -> str:
    is_solved = number % 6 != 0 or number in variant.also_solved
    seen = (_start(variant, number) + timedelta(minutes=1)).isoformat()
    return f"{_case(number)},{_case(number)},{'success' if is_solved else 'failure'},{seen}\n"


if __name__ == "__main__":
    raise SystemExit(main())
