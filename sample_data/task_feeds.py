"""What other systems report about tasks: how they ended, and what they cost beside model calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import NamedTuple

from sample_data.attempts import Task
from sample_data.company import Company
from sample_data.credit_packs import Burn, burn_of
from sample_data.invoices import InvoiceLine
from sample_data.metered import DayCounts
from sample_data.period import DAY_US, HOUR_US, MINUTE_US, Period, day_of, iso_utc, midnight_us

OUTCOME_COLUMNS = "outcome_id task_id outcome observed_at score value_usd source"
STALE_COLUMNS = "request_id task_id reported_at"
EVENT_COLUMNS = "event_id occurred_at task_id tenant_id feature component quantity unit amount currency"

_SHARE_UNREPORTED = 0.06
_SHARE_CORRECTED = 0.02
_SHARE_STALE = 0.012
"""Of the answers from the gateway's cache, those that a user reports as out of date."""
_LAST_OUTCOME_AFTER_US = 2 * DAY_US
_MAX_LAG_US = 5 * DAY_US
_MICRO_PER_CENT = 10_000

# Feature -> success, failure, escalated; the rest is abandoned.
_ODDS = {
    "support_reply": (0.80, 0.06, 0.08),
    "search_answer": (0.83, 0.06, 0.00),
    "code_review": (0.74, 0.15, 0.04),
    "draft_email": (0.78, 0.05, 0.00),
    "eval_suite": (0.91, 0.09, 0.00),
    "doc_summary": (0.88, 0.06, 0.00),
    "extraction": (0.90, 0.08, 0.02),
    "long_doc": (0.79, 0.12, 0.03),
}
_SOURCES = {"support_reply": "helpdesk", "code_review": "repository", "eval_suite": "ci"}
_MEDIAN_LAG_US = {"support_reply": 20 * HOUR_US, "code_review": 5 * HOUR_US, "long_doc": 2 * HOUR_US}
_REVIEW_MICRO_USD = {"support_reply": 1_100_000, "extraction": 450_000, "code_review": 2_100_000, "long_doc": 1_500_000}
_VECTOR_STORE_WEEKLY_MICRO_USD = {"free": 60_000, "starter": 350_000, "pro": 1_600_000, "enterprise": 7_500_000}


class _Event(NamedTuple):
    """One row of cost_events, in the order in which rows are sorted."""

    occurred_us: int
    task_id: str
    tenant_id: str
    feature: str
    component: str
    quantity: int
    unit: str
    micro_usd: int


class TaskFeeds:
    """Collects outcomes and cost events while tasks go by; amounts are integer micro-USD."""

    def __init__(self, seed: int, period: Period) -> None:
        self._rng = Random(f"{seed}/outcomes")
        self._until_us = period.end_us + _LAST_OUTCOME_AFTER_US
        self._end_us = period.end_us
        self._outcomes: list[tuple[int, str, str, str, str, str]] = []
        self._events: list[_Event] = []
        self._stale: list[tuple[int, str, str]] = []
        self.tasks: DayCounts = Counter()
        self.resolved: DayCounts = Counter()
        self.burns: list[Burn] = []

    def observe(self, task: Task) -> None:
        """Decide how a task ended and what it used. A task without a key leaves its tenant's events only."""
        if not task.attempts:
            return
        if task.environment == "production":
            self._count(task)
            outcome = self._outcome(task)
            self._add_events(task, outcome)
            self._add_stale_report(task)
        else:
            outcome = self._outcome(task)
        if task.has_key and task.environment != "staging" and self._rng.random() >= _SHARE_UNREPORTED:
            self._report(task, outcome)

    def _count(self, task: Task) -> None:
        """The task, by the day of its start, and the credits that it burned."""
        start_us = task.attempts[0].start_us
        self.tasks[task.tenant.tenant_id, day_of(start_us)] += 1
        if burn := burn_of(task.tenant, task.feature.name, start_us, task.task_id):
            self.burns.append(burn)

    def add_tenant_events(self, rng: Random, company: Company, period: Period, lines: list[InvoiceLine]) -> None:
        """Costs that no task caused: the vector store by the week, the fee for each invoice that was paid."""
        for number in range(period.weeks):
            monday = period.start + timedelta(weeks=number)
            for tenant in (t for t in company.tenants if t.is_active(monday) and not t.is_internal):
                amount = _VECTOR_STORE_WEEKLY_MICRO_USD[tenant.plan.name] * rng.randint(70, 130) // 100
                at_us = midnight_us(monday) + HOUR_US
                self._add(_Event(at_us, "", tenant.tenant_id, "", "vector_store", 7, "day", amount))
        for line in lines:
            if line.amount_cents > 0 and period.start <= line.service_start < period.end:
                fee_cents = (line.usd_cents * 29 + 500) // 1_000 + 30
                paid_us = midnight_us(line.service_start) + 9 * HOUR_US
                amount = fee_cents * _MICRO_PER_CENT
                self._add(_Event(paid_us, "", line.tenant_id, "", "payment_fee", 1, "payment", amount))

    def outcome_rows(self) -> Iterable[Sequence[object]]:
        for number, (observed_us, task_id, outcome, score, value, source) in enumerate(sorted(self._outcomes), start=1):
            yield f"oc-{number:07d}", task_id, outcome, iso_utc(observed_us), score, value, source

    def stale_rows(self) -> Iterable[Sequence[object]]:
        for reported_us, request_id, task_id in sorted(self._stale):
            yield request_id, task_id, iso_utc(reported_us)

    def event_rows(self) -> Iterable[Sequence[object]]:
        for number, event in enumerate(sorted(self._events), start=1):
            occurred_us, *known, micro_usd = event
            amount = f"{micro_usd // 1_000_000}.{micro_usd % 1_000_000:06d}"
            yield f"ce-{number:07d}", iso_utc(occurred_us), *known, amount, "USD"

    def _outcome(self, task: Task) -> str:
        if not task.is_answered:
            return "failure" if self._rng.random() < 0.6 else "abandoned"
        success, failure, escalated = _ODDS[task.feature.name]
        drawn = self._rng.random()
        if drawn < success:
            return "success"
        if drawn < success + failure:
            return "failure"
        return "escalated" if drawn < success + failure + escalated else "abandoned"

    def _report(self, task: Task, outcome: str) -> None:
        """One observation, and for a few tasks a second one that corrects it; nothing later than the last day."""
        median_us = _MEDIAN_LAG_US.get(task.feature.name, 40 * MINUTE_US)
        lag_us = int(median_us * self._rng.lognormvariate(0, 1.0))
        observed_us = task.end_us + min(max(lag_us, 2 * MINUTE_US), _MAX_LAG_US)
        self._observation(observed_us, task, outcome)
        self._count_resolved(observed_us, task, outcome == "success")
        if self._rng.random() < _SHARE_CORRECTED:
            corrected = "failure" if outcome == "success" else "success"
            corrected_us = observed_us + self._rng.randint(HOUR_US, 2 * DAY_US)
            self._observation(corrected_us, task, corrected)
            self._count_resolved(corrected_us, task, 1 if corrected == "success" else -1)

    def _count_resolved(self, observed_us: int, task: Task, change: int) -> None:
        """A resolved reply counts on the day of the news, one that is taken back counts against that day."""
        if task.feature.name == "support_reply":
            self.resolved[task.tenant.tenant_id, day_of(observed_us)] += change

    def _add_stale_report(self, task: Task) -> None:
        """Some reports name the request and some the task; those about embeddings nobody can see."""
        for attempt in task.attempts:
            if attempt.status == "hit" and attempt.operation == "chat" and self._rng.random() < _SHARE_STALE:
                reported_us = attempt.end_us + self._rng.randint(MINUTE_US, DAY_US)
                names_request = not task.has_key or self._rng.random() < 0.5
                request_id, task_id = (attempt.record_id, "") if names_request else ("", task.task_id)
                if reported_us < self._until_us:
                    self._stale.append((reported_us, request_id, task_id))

    def _observation(self, observed_us: int, task: Task, outcome: str) -> None:
        score = ""
        if self._rng.random() < 0.35:
            low, high = (70, 100) if outcome == "success" else (5, 60)
            score = f"0.{self._rng.randint(low, high - 1):02d}"
        if observed_us < self._until_us:
            source = _SOURCES.get(task.feature.name, "product")
            self._outcomes.append((observed_us, task.task_id, outcome, score, "", source))

    def _add_events(self, task: Task, outcome: str) -> None:
        name, rng = task.feature.name, self._rng
        begin_us, end_us = task.attempts[0].start_us, task.end_us
        if name == "search_answer":
            self._task_event(task, begin_us, "retrieval", quantity=rng.randint(4, 12), unit="chunk", unit_micro_usd=180)
        elif name == "code_review":
            runs = max(1, len(task.attempts) // 2)
            self._task_event(task, end_us, "tool", quantity=runs, unit="run", unit_micro_usd=rng.randint(9_000, 34_000))
        elif name == "support_reply" and rng.random() < 0.4:
            self._task_event(task, begin_us, "tool", quantity=1, unit="lookup", unit_micro_usd=2_500)
        elif name == "long_doc":
            self._task_event(task, begin_us, "tool", quantity=rng.randint(60, 220), unit="page", unit_micro_usd=350)
        is_sampled = name == "extraction" and rng.random() < 0.03
        if name in _REVIEW_MICRO_USD and (outcome == "escalated" or is_sampled):
            reviewed_us = end_us + rng.randint(5 * MINUTE_US, 7 * HOUR_US)
            fee = _REVIEW_MICRO_USD[name]
            self._task_event(task, reviewed_us, "human_review", quantity=1, unit="review", unit_micro_usd=fee)

    def _task_event(
        self, task: Task, at_us: int, component: str, *, quantity: int, unit: str, unit_micro_usd: int
    ) -> None:
        task_id = task.task_id if task.has_key else ""
        tenant_id = task.tenant.tenant_id if task.has_tenant else ""
        amount = quantity * unit_micro_usd
        self._add(_Event(at_us, task_id, tenant_id, task.feature.name, component, quantity, unit, amount))

    def _add(self, event: _Event) -> None:
        if event.occurred_us < self._end_us:
            self._events.append(event)
