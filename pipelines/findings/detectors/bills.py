"""Missing logs: what a provider billed and nobody logged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from statistics import median

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import DAY, Company, runs, weekly
from warehouse.finding_rows import BilledUse, CutStreams
from warehouse.questions import usd

KIND = "missing_logs"
_LEAST_SHARE = 0.005
"""Of the input billed for a day: less is rounding, or a call over midnight."""
_GAP_DAYS = 7
_INPUT = ("input", "cache_read", "cache_write")
_OUTPUT = "output"


def missing_logs(rows: Sequence[BilledUse], cut: Sequence[CutStreams], company: Company) -> list[Finding]:
    """Calls past the gateway, by model, and the output of cut streams that the log did not see, by feature.

    Calls that were not logged lack their input; a stream that was cut is logged with all of its input and a part of its output.
    """
    known = [row for row in rows if row.since >= company.first and row.until <= company.end]
    models: dict[tuple[str, str], list[BilledUse]] = defaultdict(list)
    for row in known:
        models[row.provider_name, row.model].append(row)
    found: list[Finding] = []
    unseen: dict[tuple[str, str, date, date], int] = {}
    for (provider, model), lines in sorted(models.items()):
        lacking = _lacking_periods(lines)
        for first, last in runs((since for since, _ in lacking), _GAP_DAYS):
            periods = {(since, until) for since, until in lacking if first <= since <= last}
            own = [line for line in lines if (line.since, line.until) in periods]
            found.append(_past_the_gateway(provider, model, own, company))
        for line in lines:
            if line.token_type == _OUTPUT and (line.since, line.until) not in lacking and _missing_pico(line):
                unseen[provider, model, line.since, line.until] = _missing_pico(line)
    found += _unseen_output(unseen, cut)
    return company.reported(found)


def _missing_pico(line: BilledUse) -> int:
    """By tokens where the bill has them, else by amount; unknown, and none, where neither can be compared."""
    if line.tokens:
        missing = max(line.tokens - line.logged_tokens, 0)
        return line.amount_pico * missing // line.tokens
    if line.tokens is None and not line.unpriced:
        return max(line.amount_pico - line.logged_cost_pico, 0)
    return 0


def _lacking_periods(lines: Iterable[BilledUse]) -> set[tuple[date, date]]:
    """Billed periods in which input is missing."""
    sums: dict[tuple[date, date], list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        if line.token_type in _INPUT:
            own = sums[line.since, line.until]
            own[0] += _missing_pico(line)
            own[1] += line.amount_pico
    return {period for period, (missing, billed) in sums.items() if missing > _LEAST_SHARE * billed}


def _past_the_gateway(provider: str, model: str, lines: Sequence[BilledUse], company: Company) -> Finding:
    cost = usd(sum(_missing_pico(line) for line in lines))
    since, until = min(line.since for line in lines), max(line.until for line in lines)
    billed = usd(sum(line.amount_pico for line in lines))
    periods = len({(line.since, line.until) for line in lines})
    is_ongoing = company.is_ongoing(until - DAY)
    return Finding(
        KIND, None, None, model, provider, since, until, False, cost, False, 0,
        f"{provider} billed {billed:,.2f} USD for {model} on {periods} days or months, {cost:,.2f} of it for calls in no log.",
        Remedy(
            "Find who calls the provider with a key of their own, and send those calls through the gateway.",
            None if is_ongoing else cost * 0, "whether those calls are needed, which no log says",
        ),
    )  # fmt: skip


def _unseen_output(unseen: dict[tuple[str, str, date, date], int], cut: Sequence[CutStreams]) -> list[Finding]:
    """Output that was billed beyond the log, laid on the features whose streams were cut, by what is usual."""
    costs: dict[str, list[int]] = defaultdict(list)
    days: dict[str, list[date]] = defaultdict(list)
    streams: dict[str, int] = defaultdict(int)
    for (provider, model, since, until), missing in unseen.items():
        own = [row for row in cut if (row.provider_name, row.model) == (provider, model) and since <= row.day < until]
        weights = [max(row.usual_output * row.streams - row.output_tokens, row.streams) for row in own]
        for row, weight in zip(own, weights, strict=True):
            costs[row.feature].append(missing * weight // sum(weights))
            days[row.feature].append(row.day)
            streams[row.feature] += row.streams
    found: list[Finding] = []
    for feature in sorted(costs):
        since, until = min(days[feature]), max(days[feature]) + DAY
        cost = usd(sum(costs[feature]))
        found.append(
            Finding(
                KIND, None, feature, None, None, since, until, False, cost, False, streams[feature],
                f"{streams[feature]:,} streams were cut by their client and written on: billed, and not in the log; "
                f"{usd(round(median(costs[feature]))):,.6f} USD on the median day.",
                Remedy(
                    "Cancel the call at the provider when a client leaves.",
                    weekly(cost, since, until), "the output that was billed beyond the log",
                ),
                is_standing=True,
            )
        )  # fmt: skip
    return found
