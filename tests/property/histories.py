"""Random histories of a company's data: late, repeated, out of order, corrected, erased, judged and judged again."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pipelines.landing.erase import erase
from tests.workspace import Workspace, request

FIRST = datetime(2026, 10, 5, tzinfo=UTC)
DAYS = 24
TENANTS = ("acme", "globex", "initech", "umbrella")
TASKS_PER_SPAN = 6
USERS = 60
"""So many that one of them is seen on a few days only."""


class History:
    """Applies random changes to a workspace; the same seed applies the same changes."""

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self.workspace = workspace
        self.random = random.Random(seed)
        # Drawn apart, so that what else a seed does stays as it was.
        self.unnamed = random.Random(seed + 1)
        self.step = 0
        self.sent: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.outcomes: list[dict[str, Any]] = []

    def begin(self) -> None:
        """A first month: requests on every day, so that a later change is a small part of it."""
        self._land([self._request(day) for day in range(DAYS) for _ in range(6)])
        self.revenue()
        self.agree()
        self.burn()
        self.judge()
        self.spend()

    def change(self) -> None:
        """One to three changes of different kinds."""
        kinds: list[Callable[[], None]] = [
            self.more, self.repeat, self.correct, self.judge, self.judge, self.spend, self.revenue, self.reuse_task_id,
            self.forget, self.revenue, self.agree, self.burn,
        ]  # fmt: skip
        for kind in self.random.sample(kinds, self.random.randint(1, 3)):
            kind()

    def more(self) -> None:
        """Late requests on a day or two, or the first of a new day after a gap."""
        day = self.random.choice([self.random.randrange(DAYS), DAYS + self.step])
        self._land([self._request(day) for _ in range(self.random.randint(1, 4))])

    def repeat(self) -> None:
        """The same records again, in another file and another order."""
        again = self.random.sample(self.sent, min(5, len(self.sent)))
        self._land(again + again[:1])

    def correct(self) -> None:
        """A later version of a record, of another task, tenant or size; or an older version that arrives late."""
        record = dict(self.random.choice(self.sent))
        shift = self.random.choice([timedelta(hours=1), timedelta(hours=-1)])
        base = datetime.fromisoformat(record.get("observed_at", record["ended_at"]))
        record["observed_at"] = (base + shift).isoformat()
        change = self.random.choice(
            [
                {"task_id": self._task()},
                {"tenant_id": self.random.choice(TENANTS)},
                {"input_tokens": 5000},
                {"task_id": None},
            ]
        )
        self._land([record | change])

    def reuse_task_id(self) -> None:
        """One id on days far apart: beyond the longest span it is no task any more."""
        days = self.random.sample(range(DAYS + 20), 2)
        self._land([self._request(day) | {"task_id": "reused"} for day in days])

    def forget(self) -> None:
        """Erase a user; a later repetition of old records brings their rows to the lake again, but not to a mart."""
        erase(self.workspace.context, "user", f"u{self.random.randrange(USERS)}", "privacy@example.com")

    def judge(self) -> None:
        """Outcomes, some for tasks that have not been seen, some that change an earlier one."""
        rows = []
        for _ in range(self.random.randint(1, 6)):
            when = FIRST + timedelta(days=self.random.uniform(0, DAYS + 10))
            outcome = {
                "outcome_id": f"o{self.random.randrange(60)}",
                "task_id": self._task(),
                "outcome": self.random.choice(["success", "failure", "escalated", "abandoned"]),
                "value_usd": self.random.choice(["0.90", "1.25", None]),
                "observed_at": when.isoformat(),
            }
            rows.append(outcome)
        self._feed("task_outcomes", "outcome_id", rows + self._outcomes_without_task())

    def _outcomes_without_task(self) -> list[dict[str, Any]]:
        """Outcomes of a conversation or a workflow, new or corrected, and some that name a trace as their task."""
        rows: list[dict[str, Any]] = []
        for _ in range(self.unnamed.randint(0, 3)):
            name = self.unnamed.choice(
                [{"conversation_id": f"s{self.unnamed.randrange(5)}"}, {"workflow_key": f"w{self.unnamed.randrange(3)}"},
                 {"task_id": f"x{self.unnamed.randrange(9)}"}]
            )  # fmt: skip
            when = FIRST + timedelta(days=self.unnamed.uniform(0, DAYS + 2))
            rows.append(
                {
                    "outcome_id": f"u{self.unnamed.randrange(25)}",
                    **name,
                    "attribution_window_hours": self.unnamed.choice([None, 3, 48]),
                    "outcome": self.unnamed.choice(["success", "failure"]),
                    "value_usd": self.unnamed.choice(["0.30", None]),
                    "observed_at": when.isoformat(),
                }
            )
        return rows

    def spend(self) -> None:
        """Cost events, some moved to another day or task, some of a task without saying the tenant."""
        rows = []
        for _ in range(self.random.randint(1, 4)):
            rows.append(
                {
                    "event_id": f"e{self.random.randrange(12)}",
                    "occurred_at": (FIRST + timedelta(days=self.random.uniform(0, DAYS))).isoformat(),
                    "task_id": self.random.choice([self._task(), None]),
                    "tenant_id": self.random.choice([None, *TENANTS]),
                    "component": self.random.choice(["tool", "human_review", "payment_fee"]),
                    "amount": f"{self.random.randint(1, 900) / 1000:.3f}",
                    "currency": "USD",
                    "observed_at": (FIRST + timedelta(days=40, minutes=self.step)).isoformat(),
                }
            )
        self._feed("cost_events", "event_id", rows)

    def revenue(self) -> None:
        """Invoice lines of every kind, new or corrected, some reaching beyond the data."""
        rows = []
        for _ in range(self.random.randint(1, 3)):
            start = (FIRST + timedelta(days=self.random.randrange(-10, DAYS + 5))).date()
            end = start + timedelta(days=self.random.randint(1, 12))
            kind = self.random.choice(
                ["subscription", "overage", "overage", "outcome", "credit_pack", "credit_pack", "credit_note"]
            )
            cents = self.random.randint(100, 9999) * (-1 if kind == "credit_note" else 1)
            is_pack = kind == "credit_pack"
            rows.append(
                {
                    "line_id": f"l{self.random.randrange(12)}",
                    "tenant_id": self.random.choice(TENANTS),
                    "kind": kind,
                    "amount": f"{cents / 100:.2f}",
                    "currency": "USD",
                    "service_start": start.isoformat(),
                    "service_end": end.isoformat(),
                    "invoiced_on": self.random.choice([start, end]).isoformat(),
                    "corrects_line_id": f"l{self.random.randrange(12)}" if kind == "credit_note" else None,
                    "credits": self.random.randint(1, 90) if is_pack or self.random.random() < 0.2 else None,
                    "expires_on": end.isoformat() if is_pack and self.random.random() < 0.8 else None,
                    "observed_at": (FIRST + timedelta(days=40, minutes=self.step)).isoformat(),
                }
            )
        self._feed("revenue_lines", "line_id", rows)

    def agree(self) -> None:
        """A contract, new or corrected: what is charged beyond what allowance, and what burns credits."""
        start = FIRST + timedelta(days=self.random.choice([-30, 0, 9, 18]))
        row = {
            "tenant_id": self.random.choice(TENANTS),
            "plan": self.random.choice(["a", "b"]),
            "valid_from": start.date().isoformat(),
            "valid_to": self.random.choice([None, (start + timedelta(days=12)).date().isoformat()]),
            "price_usd": "10",
            "allowance": self.random.choice([0, 9_000, 40_000]),
            "allowance_scope": self.random.choice(["pooled", "per_seat", None]),
            "overage_rate": self.random.choice(["0.0001", "0.000003", None]),
            "credit_rates": self.random.choice([None, {"requests": 1, "tokens": "0.001"}, {"successful_tasks": 2}]),
            "observed_at": (FIRST + timedelta(days=40, minutes=self.step)).isoformat(),
        }
        self._feed("contracts", "tenant_id", [row])

    def burn(self) -> None:
        """Burns of some tenants; the others burn by what they use. Some are late, some corrected."""
        rows = []
        for _ in range(self.random.randint(1, 4)):
            number = self.random.randrange(40)
            rows.append(
                {
                    "tenant_id": TENANTS[number % 2],
                    "occurred_at": (FIRST + timedelta(days=number % DAYS, hours=number % 7)).isoformat(),
                    "burn_id": f"b{number}",
                    "credits": self.random.randint(0, 30),
                    "observed_at": (FIRST + timedelta(days=40, minutes=self.step)).isoformat(),
                }
            )
        self._feed("credit_burns", "burn_id", rows)

    def _request(self, day: int) -> dict[str, Any]:
        started = FIRST + timedelta(
            days=day, seconds=self.random.randrange(86_400), microseconds=self.random.randrange(10**6)
        )
        ended = started + timedelta(milliseconds=self.random.randrange(1, 90_000))
        number = self.random.randrange(10**9)
        return request(
            source_record_id=f"r{number}",
            trace_id=f"x{number % 9}" if number % 4 == 0 else None,
            conversation_id=f"s{number % 5}" if number % 3 else None,
            workflow_key=f"w{number % 3}" if number % 7 < 2 else None,
            started_at=started.isoformat(),
            ended_at=ended.isoformat(),
            tenant_id=self.random.choice(TENANTS),
            end_user_id=f"u{self.random.randrange(USERS)}",
            task_id=self.random.choice([self._task(day), self._task(day), None]),
            gateway_call_id=f"c{self.random.randrange(200)}",
            status=self.random.choice(["ok", "ok", "ok", "error", "cancelled"]),
            response_model=self.random.choice(["claude-sonnet-4-5", "claude-haiku-4-5", "no-such-model"]),
            input_tokens=self.random.randrange(1, 9000),
            output_tokens=self.random.randrange(1, 900),
            environment=self.random.choice(["production", "production", "ci"]),
        )

    def _task(self, day: int | None = None) -> str:
        """A task whose attempts lie within some days of each other, over midnight often."""
        around = self.random.randrange(DAYS) if day is None else day + self.random.choice([0, 0, 1, 3])
        return f"t{around // 4}-{self.random.randrange(TASKS_PER_SPAN)}"

    def _land(self, records: list[dict[str, Any]]) -> None:
        self.step += 1
        self.random.shuffle(records)
        self.workspace.land_records(f"requests-{self.step}", records)
        self.sent.extend(records)

    def _feed(self, feed: str, key: str, rows: list[dict[str, Any]]) -> None:
        self.step += 1
        unique = {row[key]: row for row in rows}
        self.workspace.land_feed(feed, unique.values(), name=f"-{self.step}")
