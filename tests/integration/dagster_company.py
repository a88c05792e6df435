"""A company of five requests and one invoice in the files of a configuration, small enough to add up by hand.

Week of Monday 2026-11-09, complete because a request of the week after is there. Two requests to claude-sonnet-4-5 with 1,000
tokens in at 3 USD and 100 out at 15 USD per million: 0.0045 USD each, 0.009 together. One to a model that nobody
knows: no price, so 2 of 3 requests have one. 70 USD of revenue, so a gross profit of 69.991 at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pipelines.settings import Settings
from tests.workspace import request

MONDAY, SUNDAY, NEXT_MONDAY, OCTOBER = (
    "2026-11-09T12:00:00Z",
    "2026-11-15T12:00:00Z",
    "2026-11-16T12:00:00Z",
    "2026-10-20T12:00:00Z",
)
REQUESTS = [
    request(started_at=OCTOBER),
    request(started_at=MONDAY),
    request(started_at=SUNDAY),
    request(started_at=SUNDAY, source_record_id="unknown", response_model="acme-model-unknown"),
    request(started_at=NEXT_MONDAY),
]
INVOICE = {
    "line_id": "november",
    "tenant_id": "acme",
    "kind": "subscription",
    "amount": "70.00",
    "currency": "USD",
    "service_start": "2026-11-09",
    "service_end": "2026-11-16",
}


def write_company(root: Path) -> Settings:
    """Write its files under `root`: a row that cannot be read and a file of no known format among them."""
    settings = Settings(data_dir=root / "var", logs=(str(root / "logs"),), feeds=(str(root / "feeds"),))
    write_lines(root / "logs" / "requests.jsonl", REQUESTS)
    with (root / "logs" / "requests.jsonl").open("a") as log:
        log.write("this is no record\n")
    write_lines(root / "logs" / "weather.jsonl", [{"sky": "blue"}])
    write_lines(root / "feeds" / "revenue_lines.jsonl", [INVOICE])
    return settings


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
