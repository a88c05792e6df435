"""What makes a source file the same file: the hash of its bytes, and for a growing log the hash of what landed before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.landing.streams import is_compressed

_BLOCK = 1 << 20
_GROWING = frozenset({".jsonl", ".ndjson", ".json", ".log", ".txt"})


@dataclass(frozen=True)
class Identity:
    """`sha256` covers the bytes from 0 to `stop`. `tail` is an unfinished last line that waits behind `stop`."""

    stop: int
    sha256: str
    head_sha256: str
    tail: bytes
    prefixes: dict[int, str]
    """Hash of the first n bytes, for every n that was asked for and lies within `stop`."""


def grows(path: Path) -> bool:
    """Whether the file is plain text that a writer may still append to."""
    return path.suffix.lower() in _GROWING and not is_compressed(path)


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


def stamp(path: Path) -> tuple[int, int, int]:
    """Changes when the file is written to or replaced."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def identify(path: Path, lengths: Iterable[int] = (), *, growing: bool) -> Identity:
    """Hash a file once: whole, or if it is a log that grows up to the end of its last complete line."""
    size = path.stat().st_size
    tail = _unfinished_line(path, size) if growing else b""
    stop = size - len(tail)
    wanted = sorted({length for length in lengths if 0 < length <= stop} | {stop})
    digest, prefixes, position = hashlib.sha256(), dict[int, str](), 0
    with path.open("rb") as file:
        for length in wanted:
            while position < length:
                block = file.read(min(_BLOCK, length - position))
                if not block:
                    raise OSError("became shorter while it was read")
                digest.update(block)
                position += len(block)
            prefixes[length] = digest.hexdigest()
    return Identity(stop, prefixes[stop], head_hash(path), tail, prefixes)


def newlines(path: Path, stop: int) -> int:
    """Newlines among the first `stop` bytes."""
    found = 0
    with path.open("rb") as file:
        while stop > 0 and (block := file.read(min(_BLOCK, stop))):
            stop -= len(block)
            found += block.count(b"\n")
    return found


def _unfinished_line(path: Path, size: int) -> bytes:
    """Bytes after the last newline, unless they are a complete JSON value already (a file without a final newline)."""
    parts: list[bytes] = []
    with path.open("rb") as file:
        position = size
        while position > 0 and not (parts and b"\n" in parts[-1]):
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            parts.append(file.read(step))
    tail = b"".join(reversed(parts)).rpartition(b"\n")[2]
    return b"" if not tail.strip() or _is_complete(tail) else tail


def _is_complete(line: bytes) -> bool:
    try:
        json.loads(line)
    except RecursionError:
        return line.rstrip().endswith(b"}")
    except ValueError:
        return False
    return True
