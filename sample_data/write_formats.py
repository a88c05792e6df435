"""`python -m sample_data.write_formats [--out DIR]`: a few lines of every format that the sample company writes.

What is in `formats/` comes from here, from a company of one week; a test compares. The files are meant to be read, and to
be tried with `margincall ingest --explain FILE`.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sample_data.generate import generate

FORMATS = Path(__file__).parent / "formats"
_SEED, _ATTEMPTS, _WEEKS = 7, 3_500, 2
_LINES = 8
_BILL_DAYS = 1

Json = dict[str, object]

ABOUT = {
    "litellm.jsonl": "LiteLLM's StandardLoggingPayload, one JSON object per attempt: answer, cache hit, failure, embedding",
    "canonical.jsonl": "the canonical record as JSON lines, columns of `warehouse/schemas.py`",
    "canonical.csv": "the same records as CSV; an empty cell is a value that is not known",
    "short.csv": "the canonical record under its everyday names, for who logs by hand",
    "tenants.csv": "who the customers are",
    "features.csv": "what is sold, and when a task of it counts as a success",
    "revenue_lines.csv": "invoice lines of every kind: subscription, seats, usage, credit pack, outcome, credit note, one-off",
    "contracts.csv": "what was agreed: price, seats, allowance, overage, credits for each unit",
    "credit_burns.csv": "credits that tasks used",
    "stale_reports.csv": "cached answers that users reported as out of date",
    "task_outcomes.csv": "how tasks ended, and corrections of it",
    "cost_events.csv": "what tasks cost beside model calls, and what tenants cost without a task",
    "cost_pools.csv": "shared cost and what shares it out",
    "acquisition.csv": "sales and marketing by month and segment",
    "fx.csv": "exchange rates by day",
    "provider_bills-openai.json": "OpenAI's organization costs, `GET /v1/organization/costs`",
    "provider_bills-anthropic.json": "Anthropic's cost report, `GET /v1/organizations/cost_report`; amounts in cents",
    "provider_bills-google.csv": "a bill as a plain CSV",
}
_KINDS = {
    "revenue_lines.csv": ("kind",),
    "contracts.csv": ("plan", "allowance_scope", "credit_rates"),
    "cost_events.csv": ("component",),
    "task_outcomes.csv": ("outcome", "source"),
    "tenants.csv": ("plan", "segment"),
}
"""Feeds of which the first lines would show too little: the columns that tell kinds apart."""
_SHORT = {
    "request_id": "source_record_id",
    "user_id": "end_user_id",
    "workspace_id": "tenant_id",
    "feature": "feature",
    "model": "response_model",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_hit": "is_gateway_cache_hit",
    "latency_ms": "latency_ms",
    "cost_usd": "cost_reported",
    "timestamp": "started_at",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m sample_data.write_formats", description=__doc__)
    parser.add_argument("--out", type=Path, default=FORMATS, help="folder to write into (%(default)s)")
    write_formats(parser.parse_args(arguments).out)
    return 0


def write_formats(out: Path) -> None:
    """Replace the folder by a fresh set of samples, and a README that names them."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        company = Path(scratch) / "company"
        generate(company, _SEED, _ATTEMPTS, _WEEKS)
        texts = _logs(company) | _feeds(company / "feeds")
    for name, text in texts.items():
        (out / name).write_text(text, encoding="utf-8", newline="")
    (out / "README.md").write_text(_readme(), encoding="utf-8")


def _logs(company: Path) -> dict[str, str]:
    gateway = _records(company / "litellm" / "2026-09-07.jsonl.gz")
    service = _records(company / "canonical" / "2026-09-07.jsonl")
    columns = list(dict.fromkeys(name for record in service for name in record))
    answered = [record for record in service if "input_tokens" in record]
    short = [{name: record.get(column, False) for name, column in _SHORT.items()} for record in answered]
    return {
        "litellm.jsonl": _json_lines(gateway),
        "canonical.jsonl": _json_lines(service),
        "canonical.csv": _csv(columns, service),
        "short.csv": _csv(list(_SHORT), short),
    }


def _feeds(folder: Path) -> dict[str, str]:
    texts = {}
    for name in ABOUT:
        if name.startswith("provider_bills-"):
            stem, _, suffix = name.partition(".")
            path = folder / f"{stem}-2026-09.{suffix}"
            texts[name] = _first_days(path) if suffix == "json" else _first_lines(path)
        elif (path := folder / name).exists():
            texts[name] = _of_each_kind(path, _KINDS[name]) if name in _KINDS else _first_lines(path)
    return texts


def _records(path: Path) -> list[Json]:
    """The first record of each kind, so that a few lines show what there is; the kinds are statuses and operations."""
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    found: dict[tuple[object, ...], Json] = {}
    for line in body.decode().splitlines():
        record = json.loads(line)
        kind = tuple(record.get(name) for name in ("status", "call_type", "cache_hit", "stream", "provider_name"))
        found.setdefault(kind, record)
    return list(found.values())[:_LINES]


def _first_lines(path: Path) -> str:
    return "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[: _LINES + 1])


def _of_each_kind(path: Path, columns: tuple[str, ...]) -> str:
    """The first line of each combination of values, with the line that a correction corrects."""
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    first = {tuple(row[column] for column in columns): row for row in reversed(rows)}
    corrected = {row.get("corrects_line_id") for row in first.values()} - {""}
    wanted = [row for row in rows if row in first.values() or row.get("line_id", "") in corrected]
    return _csv(list(rows[0]), wanted)


def _first_days(path: Path) -> str:
    page = json.loads(path.read_text(encoding="utf-8"))
    page["data"] = page["data"][:_BILL_DAYS]
    return json.dumps(page, indent=1) + "\n"


def _json_lines(records: Iterable[Json]) -> str:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)


def _csv(columns: list[str], rows: Iterable[Json] | Iterable[dict[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(_cell(row.get(column)) for column in columns)
    return text.getvalue()


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else value


def _readme() -> str:
    head = "# A few lines of each format\n\nWritten by `python -m sample_data.write_formats`; do not edit.\n\n"
    return head + "".join(f"- `{name}`: {about}\n" for name, about in ABOUT.items())


if __name__ == "__main__":
    sys.exit(main())
