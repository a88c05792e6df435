"""What an export says of itself: what it holds, what that rests on, and what its columns add up to.

A function of the published data alone: no clock, no path, no number of a build, so that the same data gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.exports import WrittenFile
from pipelines.exports.csv_file import Table, cell
from warehouse.rows import DataState, Period, TenantMargin, quotient

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Coverage:
    """How many rows of the period lack a price, or a part of one, or an exchange rate."""

    requests: int
    unpriced_requests: int
    partial_requests: int
    unconverted_rows: int

    @classmethod
    def of(cls, margins: Sequence[TenantMargin]) -> Coverage:
        names = ("requests", "unpriced_requests", "partial_requests", "unconverted_rows")
        return cls(*(sum(getattr(row, name) for row in margins) for name in names))

    @property
    def is_full(self) -> bool:
        return not (self.unpriced_requests or self.partial_requests or self.unconverted_rows)

    @property
    def fully_priced_share(self) -> Decimal | None:
        """Requests with a full price over requests; None without requests."""
        priced = self.requests - self.unpriced_requests - self.partial_requests
        return quotient(Decimal(priced), Decimal(self.requests)) if self.requests else None


def describe(
    export: str, label: str, period: Period, state: DataState, coverage: Coverage, *, decimals: int, is_complete: bool
) -> dict[str, Any]:
    """The manifest without its files. `period.end` is the first day that is not in it."""
    return {
        "export": export,
        "format_version": FORMAT_VERSION,
        "label": label,
        "period": {
            "start": period.start.isoformat(),
            "end_exclusive": period.end.isoformat(),
            "is_complete": is_complete,
        },
        "filters": {},
        "currency": "USD",
        "amount_decimals": decimals,
        "time_zone": state.reporting_zone,
        "first_day_of_week": state.first_day_of_week,
        "price_book_id": state.price_book_id,
        "data": {
            "known_at": state.known_at and f"{state.known_at.isoformat()}Z",
            "first_date": state.first_usage_date and state.first_usage_date.isoformat(),
            "last_date": state.last_usage_date and state.last_usage_date.isoformat(),
        },
        "coverage": {
            "requests": coverage.requests,
            "unpriced_requests": coverage.unpriced_requests,
            "partial_requests": coverage.partial_requests,
            "unconverted_rows": coverage.unconverted_rows,
            "fully_priced_share": _text(coverage.fully_priced_share),
            "costs_are_lower_bounds": not coverage.is_full,
        },
    }


def describe_file(table: Table, content: bytes, coverage: Coverage) -> tuple[WrittenFile, dict[str, Any]]:
    """One file as the caller is told of it, and its entry in the manifest."""
    totals = table.totals()
    written = WrittenFile(table.name, len(table.rows), hashlib.sha256(content).hexdigest(), totals)
    entry = {
        "name": table.name,
        "description": table.description,
        "rows": written.rows,
        "bytes": len(content),
        "sha256": written.sha256,
        "columns": {column.name: column.meaning for column in table.columns},
        "column_totals": {name: cell(total) for name, total in totals.items()},
        "column_bounds": {
            column.name: column.bound for column in table.columns if column.bound and not coverage.is_full
        },
    }
    return written, entry


def encode_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Sorted keys, two blanks of indent, a newline at the end."""
    return (json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _text(value: Decimal | None) -> str | None:
    return None if value is None else cell(value)
