"""Prompt growth: a new version of a prompt that is longer than the one before, on the same models."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from warehouse.finding_rows import PromptVersion
from warehouse.questions import usd

KIND = "prompt_growth"
_LEAST_PROMPTS = 30
_ENOUGH_PROMPTS = 200
"""From so many prompts of either version on, a model's own growth is taken; below that of all models together."""
_SIGMAS = 6
_TAILS = slice(1, -1)
_LOWER_QUARTILE, _MEDIAN, _UPPER_QUARTILE = 4, 9, 14
_IQR_TO_SIGMA = 0.7413


@dataclass(frozen=True)
class _Growth:
    """Of one model, in tokens; `error` is its standard error."""

    after: PromptVersion
    tokens: float
    error: float
    median_before: int
    is_enough: bool


def prompt_growth(rows: Sequence[PromptVersion], company: Company) -> list[Finding]:
    """Added tokens × prompts of the new version × price of plain input, model by model.

    Growth is the median difference between the quantiles of the two versions' lengths: what was added to every prompt moves
    all of them, while a few giant documents move only the last.
    """
    endpoints: dict[tuple[str, str], dict[str, list[PromptVersion]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        endpoints[row.feature, row.endpoint][row.prompt_version].append(row)
    found: list[Finding] = []
    for (feature, _), versions in sorted(endpoints.items()):
        ordered = sorted(versions.values(), key=lambda own: (own[0].first_day, own[0].prompt_version))
        for before, after in pairwise(ordered):
            grown = _growths(before, after)
            if grown and (made := _finding(feature, grown, after, company)):
                found.append(made)
    return company.reported(found)


def _growths(before: Sequence[PromptVersion], after: Sequence[PromptVersion]) -> list[_Growth]:
    known = {(row.provider_name, row.model): row for row in before if row.requests >= _LEAST_PROMPTS}
    grown: list[_Growth] = []
    for row in after:
        old = known.get((row.provider_name, row.model))
        if old is None or row.requests < _LEAST_PROMPTS:
            continue
        pairs = zip(old.quantiles[_TAILS], row.quantiles[_TAILS], strict=True)
        tokens = float(median(new - was for was, new in pairs))
        error = 1.25 * math.hypot(*(_sigma(one) / math.sqrt(one.requests) for one in (old, row)))
        is_enough = min(old.requests, row.requests) >= _ENOUGH_PROMPTS
        grown.append(_Growth(row, tokens, error, old.quantiles[_MEDIAN], is_enough))
    return grown


def _sigma(row: PromptVersion) -> float:
    """At least a token: lengths are whole."""
    return max(1.0, _IQR_TO_SIGMA * (row.quantiles[_UPPER_QUARTILE] - row.quantiles[_LOWER_QUARTILE]))


def _finding(
    feature: str, grown: Sequence[_Growth], after: Sequence[PromptVersion], company: Company
) -> Finding | None:
    prompts = sum(one.after.requests for one in grown)
    tokens = sum(one.tokens * one.after.requests for one in grown) / prompts
    error = math.hypot(*(one.error * one.after.requests for one in grown)) / prompts
    before = sum(one.median_before * one.after.requests for one in grown) / prompts
    if tokens < _SIGMAS * error or tokens < company.limits.prompt_growth * before:
        return None
    own = {(one.after.provider_name, one.after.model): one.tokens for one in grown if one.is_enough}
    cost_pico = sum(
        own.get((row.provider_name, row.model), tokens) * row.requests * row.plain_cost_pico / row.plain_tokens
        for row in after
        if row.plain_tokens
    )
    since, until = after[0].first_day, after[0].last_day + DAY
    cost = usd(round(cost_pico))
    requests = sum(row.requests for row in after)
    version = after[0].prompt_version
    return Finding(
        KIND, None, feature, None, None, since, until, False, cost, False, requests,
        f"Version {version} sends {tokens:,.0f} tokens more than the one before, {tokens / before:.0%} of its median, "
        f"on {requests:,} calls.",
        Remedy(
            "Look at what the new version added: trim it, or move it to the front so that the provider's cache holds it.",
            weekly(cost, since, until), "the length of the version before, at the price of plain input",
        ),
    )  # fmt: skip
