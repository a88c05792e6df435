"""Cache regressions: from a day on the gateway's cache answers fewer of a feature's calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, weekly
from pipelines.findings.detectors.robust import rate_dispersion, rate_split
from warehouse.finding_rows import CacheDay
from warehouse.questions import usd

KIND = "semantic_cache_regression"
_LEAST_DAYS = 3
_LEAST_GAIN = 15.0
"""Of log likelihood, after the days' own scatter is divided out: chance reaches it once in many thousand series."""


def cache_regressions(rows: Sequence[CacheDay], company: Company) -> list[Finding]:
    """Hits lost against the rate before × what an unanswered call costs with all its attempts, until the rate is back."""
    series: dict[tuple[str, str], list[CacheDay]] = defaultdict(list)
    for row in rows:
        series[row.feature, row.component].append(row)
    found: list[Finding] = []
    for (feature, component), days in sorted(series.items()):
        ordered = sorted(days, key=lambda row: row.day)
        parts = _parts(ordered)
        place = 0
        while place + 1 < len(parts):
            if _rate(parts[place]) - _rate(parts[place + 1]) < company.limits.cache_drop:
                place += 1
                continue
            lost = _until_back(parts, place)
            found.append(_finding(feature, component, _rate(parts[place]), lost))
            place += 1 + sum(1 for part in parts[place + 1 :] if part[0].day <= lost[-1].day)
    return company.reported(found)


def _parts(days: list[CacheDay]) -> list[list[CacheDay]]:
    """Stretches of one hit rate each, by splitting where that explains most until no split explains enough."""
    hits, lookups = [row.hits for row in days], [row.lookups for row in days]
    split = rate_split(hits, lookups, _LEAST_DAYS)
    if split.gain:
        halves = days[: split.place], days[split.place :]
        if split.gain / rate_dispersion(hits, lookups) >= _LEAST_GAIN:
            return [part for half in halves for part in _parts(half)]
    return [days]


def _rate(days: Sequence[CacheDay]) -> float:
    return sum(row.hits for row in days) / max(sum(row.lookups for row in days), 1)


def _until_back(parts: Sequence[list[CacheDay]], place: int) -> list[CacheDay]:
    """The days after the drop behind part `place`, until a part has won back half of it."""
    before, low = _rate(parts[place]), _rate(parts[place + 1])
    lost = list(parts[place + 1])
    for _, part in pairwise(parts[place + 1 :]):
        if _rate(part) >= (before + low) / 2:
            break
        lost += part
    return lost


def _finding(feature: str, component: str, before: float, lost: Sequence[CacheDay]) -> Finding:
    lookups, hits = sum(row.lookups for row in lost), sum(row.hits for row in lost)
    lost_hits = max(before * lookups - hits, 0.0)
    unanswered = max(lookups - hits, 1)
    cost = usd(round(lost_hits * sum(row.cost_pico for row in lost) / unanswered))
    since, until = lost[0].day, lost[-1].day + DAY
    kind = "" if component == "inference" else f" of {component}"
    return Finding(
        KIND, None, feature, None, None, since, until, False, cost, False, round(lost_hits),
        f"The gateway's cache answered {before:.1%} of {lookups:,} lookups{kind} before and {hits / max(lookups, 1):.1%} since: "
        f"{lost_hits:,.0f} hits lost.",
        Remedy(
            "See what was deployed that day: cache key, similarity threshold, prompt version or system prompt.",
            weekly(cost, since, until), "the hit rate before, at what an unanswered call costs now",
        ),
    )  # fmt: skip
