"""Defects of logging that every real log has: lines that no reader can accept, and a cache hit written twice."""

from __future__ import annotations

import json
from datetime import date

from sample_data import planted
from sample_data.attempts import Attempt
from sample_data.period import SECOND_US, Period
from sample_data.planted import Plants

_PROXY_ERROR_PAGE = "<html><head><title>502 Bad Gateway</title></head></html>"


class Defects:
    """Says on which day which defect happens; each happens once, the double log only where something is planted."""

    def __init__(self, period: Period, plants: Plants) -> None:
        self._litellm_days = [period.day_at(share) for share in planted.MALFORMED_LITELLM_AT]
        self._canonical_days = [period.day_at(share) for share in planted.MALFORMED_CANONICAL_AT]
        self._twice_from = period.day_at(planted.DOUBLE_LOGGED_AT)
        self._has_doubled = plants is Plants.NONE

    def litellm_lines(self, day: date, lines: list[str]) -> list[str]:
        """A record that was cut off while it was written, and an error page that ended up in the log."""
        truncated, page = self._litellm_days
        found = [line[: len(line) // 2] for line in lines[:1] if day == truncated]
        return found + ([_PROXY_ERROR_PAGE] if day == page else [])

    def canonical_lines(self, day: date, lines: list[str]) -> list[str]:
        """A count that is no number, and more cached tokens than there are tokens."""
        no_number, inconsistent = self._canonical_days
        found: list[str] = []
        for line in (text for text in lines if '"input_tokens"' in text):
            record = json.loads(line)
            if day == no_number:
                found.append(_spoilt(record, "input_tokens", "n/a"))
            if day == inconsistent:
                found.append(_spoilt(record, "cache_read_input_tokens", record["input_tokens"] + 1))
            break
        return found

    def is_logged_twice(self, day: date, attempt: Attempt) -> bool:
        if self._has_doubled or day < self._twice_from or attempt.status != "hit" or not attempt.task.has_tenant:
            return False
        self._has_doubled = True
        return True

    def second_log_of(self, attempt: Attempt) -> Attempt:
        """The same hit under the id that the second logger gave it: only the time in the suffix differs."""
        response_id, _, _ = attempt.record_id.partition("_cache_hit")
        second = Attempt(**{name: getattr(attempt, name) for name in Attempt.__slots__})
        second.record_id = f"{response_id}_cache_hit{(attempt.end_us + 2_900) / SECOND_US:.6f}"
        return second


def _spoilt(record: dict[str, object], name: str, value: object) -> str:
    """A record of its own, so that the good record beside it stays what it is."""
    spoilt = record | {"source_record_id": f"{record['source_record_id']}-spoilt", name: value}
    return json.dumps(spoilt, separators=(",", ":"))
