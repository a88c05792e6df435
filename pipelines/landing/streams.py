"""A file's bytes, decompressed by what its first bytes say (not by its name), as far as a damaged stream yields them."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import zstandard

BLOCK_BYTES = 8 * 1024 * 1024
"""Larger ones are given back to the system after every use and cost twice the time: a page fault for each page of each copy."""
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BOM = codecs.BOM_UTF8
_PACKED_BYTES = 1 << 10
"""Of one step of Zstandard: four bytes can unpack to 128 KiB, and a step gives all of it at once."""
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)


class Stream(Protocol):
    def read1(self, size: int, /) -> bytes:
        """Some bytes, at most `size`; none at the end."""
        ...


@dataclass
class Blocks:
    """The decompressed bytes from `start` to `stop` (None: to the end), in blocks, without a byte-order mark.

    Iterate once; then `sha256` covers the stream from its very beginning, and `damage` says where it broke, if it did:
    what the stream gave before that has been yielded.
    """

    path: Path
    start: int = 0
    stop: int | None = None
    sha256: str = ""
    damage: str = ""

    def __iter__(self) -> Iterator[bytes]:
        digest, position = hashlib.sha256(), 0
        with _opened(self.path) as stream:
            while not self.damage:
                size = BLOCK_BYTES if self.stop is None else min(BLOCK_BYTES, self.stop - position)
                block = self._fill(stream, size)
                if not block:
                    break
                digest.update(block)
                skip = max(0, self.start - position)
                if not skip and not position:
                    skip = len(_BOM) if block.startswith(_BOM) else 0
                position += len(block)
                if skip < len(block):
                    yield block[skip:] if skip else block
        self.sha256 = digest.hexdigest()

    def _fill(self, stream: Stream, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            try:
                part = stream.read1(min(size, 1 << 20))
            except _DAMAGE as error:
                self.damage = f"compressed stream is damaged or cut short: {error}"
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def is_compressed(path: Path) -> bool:
    """Whether the content is packed; such a file is landed whole, never by its tail."""
    with path.open("rb") as file:
        magic = file.read(4)
    return magic.startswith((_GZIP, _ZSTD))


def read_start(path: Path, size: int = 1 << 20) -> tuple[bytes, str]:
    """The first bytes of the decompressed content, and what broke the stream before them, if something did."""
    blocks = Blocks(path, stop=size)
    return b"".join(blocks), blocks.damage


@contextmanager
def _opened(path: Path) -> Generator[Stream]:
    with path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic.startswith(_GZIP):
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        elif magic == _ZSTD:
            yield _Zstd(raw)
        else:
            yield raw  # type: ignore[misc]  # a buffered reader has read1; its declared type does not say so


class _Zstd:
    """Frames of Zstandard. The library's own stream reader ends silently where a frame is cut short; this one raises."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._ready, self._given = b"", 0

    def read1(self, size: int, /) -> bytes:
        while self._given == len(self._ready):
            packed = self._packed or self._raw.read(_PACKED_BYTES)
            if not packed:
                if self._frame is not None:
                    raise EOFError("the last frame has no end")
                return b""
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            self._ready, self._given, self._packed = self._frame.decompress(packed), 0, b""
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        part = self._ready[self._given : self._given + size]
        self._given += len(part)
        return part
