"""Two runs in, one comparison out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pipelines.economics.gate import Allowed, Comparison, MetricId, compare, paired
from pipelines.gate.runs import GateError, Progress, Run, read_run
from pipelines.settings import Gate, Settings

_SHOWN = 3


@dataclass(frozen=True)
class Answer:
    """What the gate says of two runs."""

    baseline: Run
    candidate: Run
    comparison: Comparison
    allowed: Allowed


@dataclass(frozen=True)
class Asked:
    """The two runs, files or folders, with where their outcomes are if not among them."""

    baseline: Path
    candidate: Path
    outcomes: tuple[str, str] | None = None


def limits_of(gate: Gate) -> dict[MetricId, Decimal]:
    """The limits that the settings have."""
    limits: Mapping[MetricId, Decimal | None] = {
        "success_rate": gate.max_success_drop,
        "cost_per_success": gate.max_cost_per_success_increase,
        "cost_per_task": gate.max_cost_per_task_increase,
        "tokens_per_success": gate.max_tokens_increase,
        "p95_task_time": gate.max_p95_increase,
    }
    return {metric: limit for metric, limit in limits.items() if limit is not None}


def gate(settings: Settings, asked: Asked, allowed: Allowed, progress: Progress = lambda *_: None) -> Answer:
    """Land, price and compare both runs. Raises GateError, and what `read_run` raises."""
    rules = settings.gate
    outcomes: Sequence[str | None] = asked.outcomes or (None, None)
    sides = (("baseline", asked.baseline, outcomes[0]), ("candidate", asked.candidate, outcomes[1]))
    baseline, candidate = (
        read_run(settings, name, [str(path)], told, rules.repeat_separator, progress) for name, path, told in sides
    )
    pairing = paired(baseline.trials, candidate.trials)
    if not pairing.cases:
        named = [", ".join(ids[:_SHOWN]) for ids in (pairing.only_baseline, pairing.only_candidate)]
        raise GateError(
            "The runs have no case in common. Task ids have to be the cases of the suite, the same in both runs.\n"
            f"  baseline: {named[0]}\n  candidate: {named[1]}"
        )
    return Answer(
        baseline, candidate, compare(pairing, limits_of(rules), allowed=allowed, decide_by=rules.decide_by), allowed
    )
