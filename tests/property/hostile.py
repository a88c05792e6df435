"""Records as a broken or hostile writer would log them: real-shaped records of every source, mutated.

A record that no mutation touches any more is as likely as one with three; each is a line of its own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

from pipelines import sources
from tests.contract import test_langfuse_source as langfuse
from tests.contract import test_otlp_source as otlp
from tests.contract.test_every_source import EXAMPLES

Record = dict[str, Any]
Path = tuple[Any, ...]

RECORDS: dict[str, Record] = {
    **EXAMPLES,
    "langfuse": langfuse.observation(metadata={"tenant_id": "acme", "task_id": "t-1"}),
    "otlp": otlp.request(
        otlp.span(otlp.CHAT | {"user.id": "u-1"}, events=[otlp.evaluation({"gen_ai.evaluation.score.label": "pass"})]),
        otlp.span(spanId="EEE19B7EC3C1B175"),
    ),
}
BESIDE: dict[str, list[Record]] = {
    "langfuse": [langfuse.trace(metadata={"tenant_id": "acme", "task_id": "t-1"}), langfuse.score()],
}
"""What else a source's files hold."""
SQL = (
    "'; drop table parsed; --",
    "' or 1=1 --",
    "\"; attach '/tmp/x' as x; select '",
    "{}'||chr(39)||'{0}",
    "$$; copy parsed to '/tmp/hostile'; $$",
    "/* */ union select * from lines",
    "\\'; delete from lake_file; --",
    "%s {0} {name} %(x)s ?",
)
MARKS = (
    "Zwiebel", "ß", "😀", "\u202eabc", "a\tb", "line\nbreak", "car\rriage", "back\\slash", 'quo"te', "\u2028", "\ufeffx",
)  # fmt: skip
TEXTS = (*SQL, *MARKS, "", " ", "null", "None", "NaN", "undefined", "true", "0", "\x00", "a\x00b", "\ud800", "x" * 5000)
NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 1.5, -0.0, 10**9, 10**9 + 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, -(10**25), 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"), "1e999", "9" * 400, "1e-400", "0x10", "1_000", "+5", "-5", "٣", "12.0", "12.5",
)  # fmt: skip
TIMES = (
    "0000-00-00", "infinity", "-infinity", "now", "today", "epoch", "2026-13-45T99:99:99Z", "12026-01-01T00:00:00Z",
    "2026-11-10", "2026-11-10T12:00:00+99:00", "2026-11-10T12:00:00.123456789123Z", "1969-12-31T23:59:59Z", "10/11/2026",
    "2026-11-10 12:00:00 Europe/Berlin", 1794312000, -1794312000, 1794312000000, 1.794312e18, "294247-01-10", "290309-12-22 (BC)",
)  # fmt: skip
SHAPES: tuple[Any, ...] = (
    None, True, False, [], {}, [None], [[]], {"": ""}, [1, "a", {"b": []}], {"a": {"b": {"c": "d"}}}, "{}", "[]", "{", "[1,",
    '{"a":1,"a":2}', "{'a':'b'}", "\\N",
)  # fmt: skip
DEEP = 3000
_PLACEHOLDER = "\uf8ffdeep\uf8ff"


def lines(source: str, seed: int, count: int) -> Iterator[bytes]:
    """`count` lines, none of which is blank, each ending in its only newline.

    The first is a good one: by what a file begins with it is lines, an array or a document.
    """
    random = Random(f"{source}/{seed}")
    yield json.dumps(RECORDS[source]).encode() + b"\n"
    for number in range(1, count):
        line = _spoiled(random, _written(random, _mutated(random, source, number)))
        line = line.replace(b"\n", b" ")
        yield (line if line.strip(b" \t\r") else b"?") + b"\n"


def flat(source: str, seed: int, count: int) -> Iterator[Record]:
    """The same as rows of a table: every value a text, objects as their JSON."""
    random = Random(f"{source}/{seed}/flat")
    for number in range(count):
        yield {key: _as_text(value) for key, value in _mutated(random, source, number).items()}


def with_sql_everywhere(source: str, number: int = 0) -> Record:
    """A record whose every text that is no time and names no state is SQL."""
    text = SQL[number % len(SQL)]
    kept = {
        "status",
        "startTime",
        "endTime",
        "call_type",
        "object",
        "type",
        "role",
        "cost_currency",
        "cache_hit",
        "level",
    }

    def replaced(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: replaced(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [replaced(item, key) for item in value]
        is_text = isinstance(value, str) and not value[:4].isdigit() and key not in kept
        return text if is_text and key != "data_type" else value

    return replaced(copy.deepcopy(RECORDS[source]), "")


def _mutated(random: Random, source: str, number: int) -> Record:
    beside = BESIDE.get(source)
    record = copy.deepcopy(random.choice([RECORDS[source], *beside]) if beside else RECORDS[source])
    _set_id(source, record, f"r-{number}")
    for _ in range(random.choice([0, 1, 1, 1, 2, 3, 8])):
        _mutate(random, source, record)
    return record


def _set_id(source: str, record: Record, identifier: str) -> None:
    for key in ("source_record_id", "id", "request_id"):
        if key in record:
            record[key] = identifier
    if source == "otlp":
        for *path, last in _paths(record):
            if last == "spanId":
                _parent(record, (*path, last))[last] = identifier


def _mutate(random: Random, source: str, record: Record) -> None:
    paths = list(_paths(record))
    path = random.choice([*paths, *_read_paths(source)])
    parent = _parent(record, path)
    if parent is None:
        return
    kind = random.randrange(12)
    if kind == 0 and isinstance(parent, dict):
        parent.pop(path[-1], None)
    elif kind == 1 and isinstance(parent, dict):
        parent[random.choice(["a.b", 'a"b', "", "$", "'", "x" * 300, *SQL])] = random.choice(TEXTS)
    elif kind == 2:
        _put(parent, path[-1], _PLACEHOLDER)
    elif kind == 3:
        _put(parent, path[-1], copy.deepcopy(random.choice(SHAPES)))
    elif kind in (4, 5):
        _put(parent, path[-1], random.choice(TEXTS))
    elif kind == 6:
        _put(parent, path[-1], random.choice(TIMES))
    elif kind == 7:
        # The same value as the text that another exporter writes.
        _put(parent, path[-1], json.dumps(_get(parent, path[-1]), default=str))
    else:
        _put(parent, path[-1], random.choice(NUMBERS))


@cache
def _read_paths(source: str) -> list[Path]:
    """Fields that the source reads, also where the example has none of them."""
    fields = sources.Fields()
    found = sources.named(source)
    found.read(fields, found.mapping)
    inside = [f"{column}.{path}" for column, rest in fields.inside.items() for path in rest]
    return [tuple(path.split(".")) for path in (*fields.paths, *inside)]


def _paths(value: Any, at: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from _paths(item, (*at, key))


def _parent(record: Any, path: Path) -> Any:
    """Where the last step leads from; objects that are missing on the way are made."""
    for key in path[:-1]:
        if isinstance(record, dict):
            record = record.setdefault(key, {})
        elif isinstance(record, list) and isinstance(key, int) and key < len(record):
            record = record[key]
        else:
            return None
    return record if isinstance(record, dict | list) else None


def _get(parent: Any, key: Any) -> Any:
    if isinstance(parent, dict):
        return parent.get(key)
    return parent[key] if isinstance(key, int) and key < len(parent) else None


def _put(parent: Any, key: Any, value: Any) -> None:
    if isinstance(parent, dict) or (isinstance(key, int) and key < len(parent)):
        parent[key] = value


def _written(random: Random, record: Record) -> str:
    text = json.dumps(record, ensure_ascii=random.random() < 0.5)
    if _PLACEHOLDER in text or json.dumps(_PLACEHOLDER)[1:-1] in text:
        depth, (opened, closed) = random.choice([40, 400, DEEP]), random.choice(["[]", ('{"a":', "}")])
        deep = opened * depth + "1" + closed * depth
        for spelling in (_PLACEHOLDER, json.dumps(_PLACEHOLDER)[1:-1]):
            text = text.replace(f'"{spelling}"', deep)
    if random.random() < 0.1:  # a key twice, first and last
        key = random.choice(list(record))
        text = "{" + json.dumps(key) + ": " + json.dumps(random.choice([*TEXTS, *NUMBERS, *SHAPES])) + ", " + text[1:]
    return text


def _spoiled(random: Random, text: str) -> bytes:
    data = text.encode("utf-8", errors="surrogatepass" if random.random() < 0.5 else "replace")
    if random.random() > 0.2:
        return data
    at = random.randrange(len(data))
    wrong = random.choice(
        [b"\xff", b"\x00", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", bytes([random.randrange(256)])]
    )
    spoiled = [
        data[:at],
        data[at:],
        data[:at] + wrong + data[at:],
        data[:at] + wrong + data[at + 1 :],
        text.encode("latin-1", errors="replace"),
        text.encode("utf-16", errors="replace"),
        data + data,
        b"\xef\xbb\xbf" + data,
        b"," + data,
        random.choice([b"null", b"[]", b'"text"', b"123", b"[1,2", b"{}", b"{", b"NaN"]),
    ]
    return random.choice(spoiled)


def _as_text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
