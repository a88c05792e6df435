"""What makes a source file the same file: the hash of its bytes, and for a growing log the hash of what landed before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.landing.lines import is_compressed

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Identity:
    """`sha256` covers the bytes from 0 to `stop`. `tail` is an unfinished last line that waits behind `stop`."""

    size: int
    stop: int
    sha256: str
    head_sha256: str
    tail: bytes
    prefixes: dict[int, str]
    """Hash of the first n bytes, for every n that was asked for and lies within `stop`."""


def grows(path: Path) -> bool:
    """Whether the file is plain text that a writer may still append to."""
    return path.suffix.lower() in {".jsonl", ".ndjson", ".json", ".log", ".txt"} and not is_compressed(path)


def head_hash(path: Path) -> str:
    """Hash of the first line: the cheap key under which earlier landings of a growing file are found."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            at = block.find(b"\n")
            digest.update(block if at < 0 else block[:at])
            if at >= 0:
                break
    return digest.hexdigest()


def identify(path: Path, lengths: Iterable[int] = ()) -> Identity:
    """Hash a file once, up to the end of its last complete line if it is one that grows."""
    growing = grows(path)
    size = path.stat().st_size
    tail = _unfinished_line(path, size) if growing else b""
    stop = size - len(tail)
    wanted = sorted({length for length in lengths if 0 < length <= stop} | {stop})
    digest, prefixes, position = hashlib.sha256(), {}, 0
    with path.open("rb") as file:
        for length in wanted:
            while position < length:
                block = file.read(min(_BLOCK, length - position))
                if not block:
                    raise OSError(f"{path}: became shorter while it was read")
                digest.update(block)
                position += len(block)
            prefixes[length] = digest.copy().hexdigest()
    return Identity(size, stop, prefixes.get(stop, digest.hexdigest()), head_hash(path), tail, prefixes)


def _unfinished_line(path: Path, size: int) -> bytes:
    """Bytes after the last newline, unless they are a complete JSON value already (a file without a final newline)."""
    tail = b""
    with path.open("rb") as file:
        position = size
        while position > 0 and b"\n" not in tail:
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            tail = file.read(step) + tail
    tail = tail.rpartition(b"\n")[2]
    try:
        json.loads(tail)
    except ValueError:
        return tail if tail.strip() else b""
    return b""
