"""Which rows another log tells of too, worked out row by row: the oracle; and random logs for it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.property.histories import FIRST, History
from warehouse.schemas import LLM_REQUEST
from warehouse.told_twice import Logged

Row = dict[str, Any]
DAY = timedelta(days=1)
PRECEDENCE = ("litellm", "canonical", "otlp")


def current_rows(rows: Iterable[Row]) -> list[Row]:
    """The latest version of every record."""
    latest: dict[str, Row] = {}
    # Of equal versions the first landing's counts: sorted so that it comes last.
    backwards = sorted(rows, key=lambda row: (row["landing_id"], row["source_line"]), reverse=True)
    for row in sorted(backwards, key=lambda row: (row["version_at"], row["row_hash"])):
        latest[row["record_key"]] = row
    return list(latest.values())


def told_twice(
    rows: Iterable[Row], precedence: Sequence[str], erased: Iterable[tuple[str, str]] = ()
) -> dict[str, tuple[Any, str, str]]:
    """Record key -> day, source, and source that it is counted from."""
    current, gone = current_rows(rows), set(erased)
    found: dict[str, tuple[Any, str, str]] = {}
    for row in current:
        above = [other for other in current if _goes_before(other, row, precedence) and _is_same(other, row)]
        if above and not is_erased(row, gone):
            first = min(above, key=lambda other: precedence.index(other["source"]))
            found[row["record_key"]] = (row["day"], row["source"], first["source"])
    return found


def is_erased(row: Row, erased: Collection[tuple[str, str]]) -> bool:
    """Whether the row names a tenant or a user of these; each is `tenant` or `user`, and the md5 of the name."""
    named = {("tenant", row["tenant_id"]), ("user", row["end_user_id"] or "")}
    return any((kind, hashlib.md5(name.encode()).hexdigest()) in erased for kind, name in named)


def _goes_before(one: Row, other: Row, precedence: Sequence[str]) -> bool:
    return precedence.index(one["source"]) < precedence.index(other["source"])


def _is_same(one: Row, other: Row) -> bool:
    if abs(one["started_at"] - other["started_at"]) > DAY:
        return False
    responses = [None if row["is_gateway_cache_hit"] else row["response_id"] for row in (one, other)]
    if None not in responses:
        return responses[0] == responses[1]
    return one["gateway_call_id"] is not None and one["gateway_call_id"] == other["gateway_call_id"]


class Logs:
    """Files of random requests over a week, of several sources, as they would stand in the lake; few ids, so that they meet."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.landings = 0
        self.files: dict[Path, tuple[Logged, list[Row]]] = {}

    @property
    def rows(self) -> list[Row]:
        return [row for _, rows in self.files.values() for row in rows]

    @property
    def logged(self) -> list[Logged]:
        return [logged for logged, _ in self.files.values()]

    def land(self, source: str, count: int) -> set[Any]:
        """Land new records and later or older versions of known ones; the days that became dirty."""
        known = [row for row in self.rows if row["source"] == source]
        again = [self._again(row) for row in self.random.sample(known, min(len(known), self.random.randrange(3)))]
        return self._write(source, [*(self._new(source) for _ in range(count)), *again])

    def remove(self) -> set[Any]:
        """A file goes, as by retention or because everything in it was erased."""
        path = self.random.choice(sorted(self.files))
        return {self.files.pop(path)[0].day}

    def _new(self, source: str) -> Row:
        started = FIRST + timedelta(days=self.random.randrange(6), hours=self.random.choice([0, 1, 12, 23]))
        started += timedelta(microseconds=self.random.choice([0, 0, 1, 999]))
        return _row(
            record_key=f"{source}-{self.random.randrange(10**9)}",
            source=source,
            started_at=started,
            version_at=started,
            response_id=self.random.choice([None, f"r{self.random.randrange(12)}"]),
            gateway_call_id=self.random.choice([None, f"c{self.random.randrange(12)}"]),
            is_gateway_cache_hit=self.random.choice([None, False, False, True]),
            tenant_id=self.random.choice(["acme", "globex", "gone"]),
            end_user_id=self.random.choice([None, "u1", "gone-user"]),
        )

    def _again(self, row: Row) -> Row:
        shift = timedelta(hours=self.random.choice([-1, 0, 1]))
        ids = {"response_id": self.random.choice([None, row["response_id"], f"r{self.random.randrange(12)}"])}
        return {**row, **ids, "version_at": row["version_at"] + shift}

    def _write(self, source: str, rows: list[Row]) -> set[Any]:
        self.landings += 1
        days = {row["started_at"].date() for row in rows}
        for day in days:
            path = self.folder / f"{day}-{self.landings}.parquet"
            mine = [
                {
                    **row,
                    "day": day,
                    "landing_id": f"l{self.landings}",
                    "source_line": line,
                    "row_hash": f"h{self.random.randrange(3)}",
                }
                for line, row in enumerate(rows)
                if row["started_at"].date() == day
            ]
            pq.write_table(pa.Table.from_pylist(mine, LLM_REQUEST), path)
            self.files[path] = (Logged(path, day, source, len(mine)), mine)
        return days


def _row(**values: Any) -> Row:
    rest = {
        "source_instance": "default", "source_file": "f", "operation_name": "chat", "usage_semantics": "inclusive",
        "usage_quality": "reported", "status": "ok",
    }  # fmt: skip
    return {**rest, **values}


class TwoLogs(History):
    """A history in which telemetry tells of some of the requests too, at other times, under other ids, earlier or later."""

    def change(self) -> None:
        self.random.choice([self.trace, self.trace, self.correct, self.more])()
        super().change()

    def begin(self) -> None:
        super().begin()
        self.trace(40)

    def trace(self, count: int = 3) -> None:
        """Spans of requests that were logged, or will be never."""
        self.step += 1
        told = self.random.sample(self.sent, min(count, len(self.sent)))
        spans = [self._span(record, number) for number, record in enumerate(told)]
        spans.append(self._span(self._request(self.random.randrange(24)), len(spans)))
        export = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
        self.workspace.land_records(f"spans-{self.step}", [export])

    def _request(self, day: int) -> dict[str, Any]:
        ids = {"response_id": self.random.choice([None, f"resp-{self.random.randrange(10**9)}"])}
        # A call id of its own: those of the history are drawn from a few, and repeat within a source.
        return super()._request(day) | ids | {"gateway_call_id": f"call-{self.random.randrange(10**9)}"}

    def _span(self, record: Mapping[str, Any], number: int) -> dict[str, Any]:
        started = datetime.fromisoformat(record["started_at"]).astimezone(UTC)
        started += self.random.choice([timedelta(0), timedelta(seconds=2), timedelta(hours=-23), timedelta(hours=25)])
        nanos = int(started.timestamp()) * 10**9
        ids = {"gen_ai.response.id": record.get("response_id"), "litellm.call_id": record.get("gateway_call_id")}
        kept = self.random.choice([[*ids], [*ids][:1], [*ids][1:]])
        texts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": record["response_model"],
            "tenant.id": record["tenant_id"],
            **{name: ids[name] for name in kept if ids[name]},
        }
        attributes = [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]
        counts = {"gen_ai.usage.input_tokens": 700, "gen_ai.usage.output_tokens": 30}
        attributes += [{"key": key, "value": {"intValue": str(count)}} for key, count in counts.items()]
        return {
            "traceId": f"{self.step:016x}{number:016x}",
            "spanId": f"{number + 1:016x}",
            "startTimeUnixNano": str(nanos),
            "endTimeUnixNano": str(nanos + 10**9),
            "attributes": attributes,
        }
