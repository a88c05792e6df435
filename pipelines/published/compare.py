"""A run as its table has it, beside the same run as the published marts have it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from pipelines.economics.apportion import EXACT
from sample_data.published import Run
from sample_data.published.trials import pass_k_of
from warehouse.reader import Reader

_PICO = 10**12
_NO_PASS_K = {"pass_k_fit_no_number_of_passes", "pass_k_incomplete"}


@dataclass(frozen=True)
class Measured:
    """What the published marts say of a run; sums over its tasks."""

    tasks: int = 0
    passed: int = 0
    judged: int = 0
    cost_usd: Decimal = Decimal(0)
    tokens: int = 0
    duration_ms: int = 0
    list_cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    """Requests without a list price."""
    tasks_by_passes: Mapping[int, int] = field(default_factory=dict[int, int])
    """Of tasks that were tried several times: how many passed so many of their trials."""


@dataclass(frozen=True)
class Line:
    """A run as published and as recomputed. Ratios are None without a denominator, costs where nobody recorded one."""

    run: Run
    measured: Measured

    @property
    def cost_usd(self) -> Decimal | None:
        return self.measured.cost_usd if self.run.cost_pico is not None and self.run.is_logged else None

    @property
    def cost_per_task_usd(self) -> Decimal | None:
        return _ratio(self.cost_usd, self.measured.tasks)

    @property
    def cost_per_success_usd(self) -> Decimal | None:
        return _ratio(self.cost_usd, self.measured.passed)

    @property
    def pass_rate_percent(self) -> Decimal | None:
        return _ratio(self.measured.passed * 100, self.measured.judged)

    @property
    def tokens_per_success(self) -> Decimal | None:
        return _ratio(self.measured.tokens or None, self.measured.passed)

    @property
    def seconds_per_task(self) -> Decimal | None:
        has_time = self.run.seconds_per_task is not None
        return _ratio(self.measured.duration_ms, 1000 * self.measured.tasks) if has_time else None

    @property
    def list_cost_usd(self) -> Decimal | None:
        """Of all the tokens at our price book's list prices; None where a request has no list price."""
        return None if self.measured.unpriced or not self.measured.tasks else self.measured.list_cost_usd

    @property
    def pass_rate_agrees(self) -> bool | None:
        """Over the count that the published rate is a share of; None where there is no such count."""
        rate, count = self.run.pass_rate, self.run.rate_denominator
        return None if rate is None or not count else rate.is_met_by(Fraction(100 * self.measured.passed, count))

    @property
    def pass_k_agrees(self) -> bool | None:
        """pass^2 and up, from the outcomes of the single trials; None where the table has none that can be."""
        if not self.run.pass_k or not self.measured.judged or _NO_PASS_K & set(self.run.dirt):
            return None
        found = self.measured.tasks_by_passes
        return all(rate.is_met_by(pass_k_of(found, self.run.trials, k)) for k, rate in self.run.pass_k.items())

    def pass_k_percent(self, k: int) -> Decimal | None:
        """pass^k of the marts, for the k that the table publishes."""
        if k not in self.run.pass_k or not self.measured.judged:
            return None
        exact = pass_k_of(self.measured.tasks_by_passes, self.run.trials, k)
        return _ratio(exact.numerator, exact.denominator)

    @property
    def cost_agrees(self) -> bool | None:
        """To the pico-dollar in total, and as published per task."""
        if self.cost_usd is None:
            return None
        each = self.run.cost_per_task
        is_each = each is None or "cost_per_task_is_not_cost_over_tasks" in self.run.dirt
        is_each = is_each or (each is not None and each.is_met_by(Fraction(self.cost_usd) / self.measured.tasks))
        return self.cost_usd * _PICO == self.run.cost_pico and is_each

    @property
    def seconds_agree(self) -> bool | None:
        seconds, exact = self.run.seconds_per_task, self.measured
        is_known = seconds is not None and exact.tasks
        return seconds.is_met_by(Fraction(exact.duration_ms, 1000 * exact.tasks)) if seconds and is_known else None

    @property
    def is_reproduced(self) -> bool:
        """Whether nothing that the table says was lost on the way."""
        known, found = self.run, self.measured
        counts = (known.tasks, known.passed or 0, (known.input_tokens or 0) + (known.output_tokens or 0))
        is_whole = not known.is_logged or counts == (found.tasks, found.passed, found.tokens)
        return is_whole and False not in (
            self.pass_rate_agrees,
            self.pass_k_agrees,
            self.cost_agrees,
            self.seconds_agree,
        )


def compared(runs: Iterable[Run], reader: Reader) -> list[Line]:
    """Every row of the table, in its order, beside what the marts say of it. Raises NothingPublished, PublishError."""
    tasks = reader.query(
        """select feature, count(*), count(*) filter (outcome = 'success'), count(*) filter (outcome <> 'unknown'),
            sum(cost_usd), sum(input_tokens + output_tokens)::bigint, sum(duration_ms)::bigint
        from fct_task group by feature"""
    ).rows
    priced = reader.query(
        """select feature, coalesce(sum(list_cost_pico), 0), count(*) filter (list_cost_pico is null)
        from fct_llm_request_priced group by feature"""
    ).rows
    passes: dict[str, dict[int, int]] = {}
    for name, passed, count in reader.query(
        """select feature, passed, count(*)
        from (
            select feature, regexp_replace(task_id, '/[0-9]+$', '') as task, count(*) filter (outcome = 'success') as passed
            from fct_task group by all
        ) group by all"""
    ).rows:
        passes.setdefault(name, {})[passed] = count
    listed = {name: (EXACT.divide(Decimal(pico), Decimal(_PICO)), unpriced) for name, pico, unpriced in priced}
    found: dict[str, Measured] = {}
    for name, count, passed, judged, cost_usd, tokens, duration_ms in tasks:
        list_cost_usd, unpriced = listed[name]
        found[name] = Measured(
            count, passed, judged, cost_usd, tokens, duration_ms, list_cost_usd, unpriced, passes[name]
        )
    return [Line(run, found.get(run.name, Measured())) for run in runs]


def _ratio(value: Decimal | int | None, count: int) -> Decimal | None:
    return None if value is None or not count else EXACT.divide(Decimal(value), Decimal(count))
