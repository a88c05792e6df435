"""A text log as Arrow batches of lines: decompressed, bounded in memory, every line that cannot be read named.

The line splitter works on whole blocks (newline offsets by numpy, strings without copying), so that Python never
touches a single good line.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import zstandard

BLOCK_BYTES = 32 * 1024 * 1024
_BOM = codecs.BOM_UTF8
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)
BATCH = pa.schema([("source_line", pa.int64()), ("line", pa.large_string())])


@dataclass(frozen=True)
class BadLine:
    """A line that never became text; `body` is what could be read of it, cut short."""

    source_line: int
    reason: str
    body: bytes = b""


@dataclass
class LineReader:
    """Reads `path` from `start` to `stop` (bytes of the decompressed stream), collecting what cannot be read.

    Iterate once; then `bad` and `sha256` (of the stream from its very beginning to `stop`) are complete.
    `stop` None reads to the end. `first_line` is the number of the line that begins at `start`.
    """

    path: Path
    max_line_bytes: int
    start: int = 0
    stop: int | None = None
    first_line: int = 1
    bad: list[BadLine] = field(default_factory=list)
    sha256: str = ""
    _damage: str = ""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        digest = hashlib.sha256()
        number = self.first_line
        carry = b""
        skipping = False  # inside a line that is longer than allowed
        for block in self._blocks(digest):
            data = carry + block
            if skipping:
                cut = data.find(b"\n") + 1
                if not cut:
                    continue
                data, skipping, number = data[cut:], False, number + 1
            end = data.rfind(b"\n") + 1
            carry = data[end:]
            if end:
                yield from self._batch(data[:end], number)
                number += data.count(b"\n", 0, end)
            if len(carry) > self.max_line_bytes:
                self._too_long(number, carry)
                carry, skipping = b"", True
        if self._damage:
            self.bad.append(BadLine(number, f"compressed stream is damaged or cut short: {self._damage}", carry[:4096]))
        elif carry:
            yield from self._batch(carry + b"\n", number)
        self.sha256 = digest.hexdigest()

    def _blocks(self, digest: hashlib._Hash) -> Iterator[bytes]:
        position = 0
        with open_stream(self.path) as stream:
            while not self._damage:
                block = self._fill(stream, BLOCK_BYTES if self.stop is None else min(BLOCK_BYTES, self.stop - position))
                if not block:
                    return
                digest.update(block)
                skip = max(0, self.start - position)
                position += len(block)
                if position == len(block) and self.start == 0:
                    block = block.removeprefix(_BOM)
                if skip < len(block):
                    yield block[skip:]

    def _fill(self, stream: IO[bytes], size: int) -> bytes:
        """Up to `size` bytes; what a damaged stream gave before it broke is kept, and the damage noted."""
        parts: list[bytes] = []
        while size > 0:
            try:
                part = stream.read1(min(size, 1 << 20))  # type: ignore[attr-defined]  # every stream of open_stream has it
            except _DAMAGE as error:
                self._damage = str(error)
                break
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _batch(self, data: bytes, number: int) -> Iterator[pa.RecordBatch]:
        """Lines of `data` (which ends in a newline) as a batch, in slices small enough to be read in parallel."""
        buffer = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(buffer == 10).astype(np.int64)
        starts = np.concatenate(([0], ends[:-1] + 1))
        numbers = np.arange(number, number + len(ends), dtype=np.int64)
        lengths = ends - starts
        for index in np.flatnonzero(lengths > self.max_line_bytes):
            self._too_long(int(numbers[index]), data[starts[index] : ends[index]])
        offsets = pa.py_buffer(np.append(starts, len(data)).astype(np.int64))
        lines = pa.LargeStringArray.from_buffers(len(ends), offsets, pa.py_buffer(data))
        keep = lengths <= self.max_line_bytes
        if not _is_utf8(data):
            keep &= self._utf8_mask(data, starts, ends, numbers)
        batch = pa.record_batch([pa.array(numbers), lines], schema=BATCH)
        if not keep.all():
            batch = batch.filter(pa.array(keep))
        yield from (batch.slice(at, 8192) for at in range(0, len(batch), 8192))

    def _utf8_mask(self, data: bytes, starts: np.ndarray, ends: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        mask = np.ones(len(starts), dtype=bool)
        for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
            line = data[start:end]
            if not _is_utf8(line):
                mask[index] = False
                self.bad.append(BadLine(int(numbers[index]), "not valid UTF-8", line[:4096]))
        return mask

    def _too_long(self, number: int, start_of_line: bytes) -> None:
        reason = f"line is longer than landing.max_line_bytes ({self.max_line_bytes:,})"
        self.bad.append(BadLine(number, reason, start_of_line[:4096]))


def open_stream(path: Path) -> IO[bytes]:
    """The file's bytes, decompressed by what its first bytes say (not by its name)."""
    raw = path.open("rb")
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=raw)
    if magic == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().stream_reader(raw, closefd=True, read_across_frames=True)
    return raw


def is_compressed(path: Path) -> bool:
    """Whether `open_stream` decompresses; such a file is landed whole, never by its tail."""
    with path.open("rb") as file:
        magic = file.read(4)
    return magic[:2] == b"\x1f\x8b" or magic == b"\x28\xb5\x2f\xfd"


def read_start(path: Path, size: int = 1 << 20) -> bytes:
    """The first bytes of the decompressed content, as far as a damaged stream yields them."""
    reader = LineReader(path, max_line_bytes=size, stop=size)
    return b"".join(reader._blocks(hashlib.sha256()))


def batches_of(lines: list[bytes]) -> pa.RecordBatchReader:
    """A batch reader over lines already in memory (array files, single objects, samples)."""
    text = [line.decode("utf-8") for line in lines]
    batch = pa.record_batch(
        [pa.array(range(1, len(text) + 1), pa.int64()), pa.array(text, pa.large_string())], schema=BATCH
    )
    return pa.RecordBatchReader.from_batches(BATCH, [batch])


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
