"""What makes a source file the same file: the hash of its bytes, and for a growing log the hash of what landed before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines.landing.streams import is_compressed

_BLOCK = 1 << 20
_LONGEST_BYTES = 16 << 20
"""A longer unfinished line is not read to see whether it is one: its value would take many times its text."""
_SHOWN_BYTES = 4096
_GROWING = frozenset({".jsonl", ".ndjson", ".json", ".log", ".txt"})


@dataclass(frozen=True)
class Identity:
    """`sha256` covers the bytes from 0 to `stop`. `tail` is how an unfinished last line begins that waits behind `stop`."""

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
    tail, waiting = _unfinished_line(path, size) if growing else (b"", 0)
    stop = size - waiting
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


def _unfinished_line(path: Path, size: int) -> tuple[bytes, int]:
    """Start and length of what stands after the last newline; nothing if that is a complete JSON value already."""
    position, found = size, -1
    with path.open("rb") as file:
        while position > 0 and found < 0:
            step = min(_BLOCK, position)
            position -= step
            file.seek(position)
            found = file.read(step).rfind(b"\n")
        start = position + found + 1
        file.seek(start)
        is_long = size - start > _LONGEST_BYTES
        line = file.read(_SHOWN_BYTES if is_long else size - start)
        if is_long:
            file.seek(size - _SHOWN_BYTES)
            is_complete = file.read(_SHOWN_BYTES).rstrip().endswith(b"}")
        else:
            is_complete = not line.strip() or _is_complete(line)
    return (b"", 0) if is_complete else (line, size - start)


def _is_complete(line: bytes) -> bool:
    try:
        json.loads(line)
    except RecursionError:
        return line.rstrip().endswith(b"}")
    except ValueError:
        return False
    return True
