"""Rows that could not be read: kept with file, line and reason, their texts replaced unless the settings keep bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from warehouse.lake import write_atomically

_SHOWN = 24
MAX_BODY = 4096


@dataclass(frozen=True)
class Quarantined:
    """One unreadable row of one file. `line` 0 stands for the file itself."""

    file: str
    line: int
    source: str
    reason: str
    body: str


def folder(data_dir: Path) -> Path:
    return data_dir / "quarantine"


def write(data_dir: Path, landing_id: str, rows: Iterable[Quarantined]) -> None:
    """Replace a landing's quarantine; none removes it. Durable before it returns."""
    path = folder(data_dir) / f"{landing_id}.jsonl"
    text = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    if text:
        # A lone half of a surrogate pair, legal in JSON and in no encoding, must not keep the rest from being told.
        write_atomically(path, text.encode("utf-8", errors="replace"))
    else:
        path.unlink(missing_ok=True)


def without(data_dir: Path, landing_id: str, reason: str) -> int:
    """Drop a landing's rows of this reason, which hold no longer; how many others it has."""
    rows = list(read(data_dir, [landing_id]))
    left = [row for row in rows if row.reason != reason]
    if len(left) < len(rows):
        write(data_dir, landing_id, left)
    return len(left)


def remove(data_dir: Path, landing_id: str) -> None:
    """Forget the quarantine of a landing that counts no longer."""
    (folder(data_dir) / f"{landing_id}.jsonl").unlink(missing_ok=True)


def forget(data_dir: Path, text: str) -> int:
    """Empty every kept row that holds this text, also as JSON spells it; how many there were."""
    forgotten = 0
    spellings = {text, json.dumps(text)[1:-1]}
    for path in sorted(folder(data_dir).glob("*.jsonl")):
        rows = list(read(data_dir, [path.stem]))
        cleared = [replace(row, body="") if any(s in row.body for s in spellings) else row for row in rows]
        if cleared != rows:
            write(data_dir, path.stem, cleared)
            forgotten += sum(before != after for before, after in zip(rows, cleared, strict=True))
    return forgotten


def read(data_dir: Path, landing_ids: Iterable[str]) -> Iterator[Quarantined]:
    """The quarantined rows of these landings, in the order of the landings and of the lines."""
    for landing_id in landing_ids:
        path = folder(data_dir) / f"{landing_id}.jsonl"
        if path.exists():
            with path.open(encoding="utf-8") as file:
                yield from (Quarantined(**json.loads(line)) for line in file)


def body(raw: str | bytes | None, keep_bytes: bool) -> str:
    """What is kept of an unreadable row: its bytes where configured, else its structure without any text of it."""
    if raw is None:
        return ""
    text = raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw
    if keep_bytes:
        return text[:MAX_BODY]
    try:
        return json.dumps(_redact(json.loads(text)), ensure_ascii=False)[:MAX_BODY]
    except (ValueError, RecursionError):
        return f"<{len(text)}{'+' if len(text) >= MAX_BODY else ''} characters, not JSON>"


def _redact(value: Any) -> Any:
    """Keys that look like names stay, numbers and flags stay, every text becomes its length."""
    if isinstance(value, dict):
        return {_key(key): _redact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_redact(item) for item in value[:3]] + (["…"] if len(value) > 3 else [])
    if isinstance(value, str):
        return f"<text {len(value)}>"
    return value


def _key(key: str) -> str:
    return (
        key if len(key) <= 2 * _SHOWN and key.replace("_", "").replace("-", "").replace(".", "").isalnum() else "<key>"
    )
