"""Bytes of a text file, unpacked and known to be UTF-8, or the reason why not."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from pathlib import Path

from pipelines.feeds.problems import FeedError, Problem

GZIP_MAGIC = b"\x1f\x8b"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def open_text(path: Path) -> io.TextIOWrapper:
    """The whole file as a text stream without byte-order mark and with its line ends kept.

    Raises FeedError when it is missing, unreadable, empty, a broken gzip or not UTF-8 (the line is named).
    """
    data = read_bytes(path)
    if data.startswith(GZIP_MAGIC):
        data = _unpacked(path, data)
    if not data.removeprefix(codecs.BOM_UTF8).strip():
        raise refusal(path, "is empty", "A feed without rows still has its header; a JSON file may hold [].")
    if data.startswith(UTF16_MARKS):
        raise refusal(path, "is UTF-16", "Save it as UTF-8.")
    try:
        codecs.decode(data, "utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = data[error.start : error.start + 1].hex()
        raise FeedError(
            [Problem(str(path), f"has the byte 0x{found}, which is not UTF-8", "Save it as UTF-8.", line)]
        ) from None
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def read_bytes(path: Path) -> bytes:
    """The bytes of the file. Raises FeedError when there is no such file or it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise refusal(path, "does not exist", "Give the path of a file.") from None
    except IsADirectoryError:
        raise refusal(path, "is a folder", "Give the path of a file.") from None
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})", "Give a file that can be read.") from None


def refusal(path: Path, what: str, allowed: str) -> FeedError:
    """A FeedError about the file as a whole."""
    return FeedError([Problem(str(path), what, allowed)])


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise refusal(path, f"is a damaged or truncated gzip ({error})", "Copy it again from its source.") from None
