"""A text log as Arrow batches of lines: bounded in memory, every line that cannot be read named.

The splitter works on whole blocks (newline offsets by numpy, strings without copying), so that Python never touches a
single good line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines.feeds.compute import pc
from pipelines.landing.streams import Blocks

BATCH = pa.schema([("source_line", pa.int64()), ("line", pa.large_string())])
BATCH_ROWS = 8192
SMALL_BYTES = 1 << 20
_KEPT_BYTES = 4096


@dataclass(frozen=True)
class BadLine:
    """A line that never became a record; `body` is what could be read of it, cut short."""

    source_line: int
    reason: str
    body: bytes = b""


@dataclass
class LineReader:
    """Reads `path` from `start` to `stop` (bytes of the decompressed stream), collecting what cannot be read.

    Iterate once; then `bad` and `sha256` (of the stream from its very beginning to `stop`) are complete.
    A line keeps its newline: strings without it would have to be copied.
    `stop` None reads to the end. `first_line` is the number of the line that begins at `start`.
    """

    path: Path
    max_line_bytes: int
    start: int = 0
    stop: int | None = None
    first_line: int = 1
    bad: list[BadLine] = field(default_factory=list)
    sha256: str = ""
    last_line: int = 0
    """Number of the last line that has an end."""

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        blocks = Blocks(self.path, self.start, self.stop)
        number, carry = self.first_line, b""
        is_inside_too_long = False
        for block in blocks:
            data = carry + block
            if is_inside_too_long:
                cut = data.find(b"\n") + 1
                if not cut:
                    continue
                data, is_inside_too_long, number = data[cut:], False, number + 1
            end = data.rfind(b"\n") + 1
            carry = data[end:]
            if end:
                yield from self._batch(data[:end], number)
                number += data.count(b"\n", 0, end)
            if len(carry) > self.max_line_bytes:
                self._too_long(number, carry)
                carry, is_inside_too_long = b"", True
        if blocks.damage:
            self._refuse(number + is_inside_too_long, blocks.damage, carry)
        elif carry:
            yield from self._batch(carry + b"\n", number)
        self.sha256, self.last_line = blocks.sha256, number - (not carry)

    def _batch(self, data: bytes, number: int) -> Iterator[pa.RecordBatch]:
        """Lines of `data` (which ends in a newline) as a batch, in slices small enough to be read in parallel."""
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10).astype(np.int64)
        starts = np.concatenate(([0], ends[:-1] + 1))
        numbers = np.arange(number, number + len(ends), dtype=np.int64)
        keep = ends - starts <= self.max_line_bytes
        for index in np.flatnonzero(~keep):
            self._too_long(int(numbers[index]), data[starts[index] : ends[index]][:_KEPT_BYTES])
        if not _is_utf8(data):
            for index in np.flatnonzero(keep):
                line = data[starts[index] : ends[index]]
                if not _is_utf8(line):
                    keep[index] = False
                    self._refuse(int(numbers[index]), "not valid UTF-8", line)
        offsets = pa.py_buffer(np.append(starts, len(data)).astype(np.int64).data)
        lines = pa.LargeStringArray.from_buffers(len(ends), offsets, pa.py_buffer(data))
        batch = pa.record_batch([pa.array(numbers), lines], schema=BATCH)
        if not keep.all():
            batch = batch.filter(pa.array(keep))
        yield from (batch.slice(at, BATCH_ROWS) for at in range(0, len(batch), BATCH_ROWS))

    def _too_long(self, number: int, start_of_line: bytes) -> None:
        self._refuse(number, f"line is longer than landing.max_line_bytes ({self.max_line_bytes:,})", start_of_line)

    def _refuse(self, number: int, reason: str, line: bytes) -> None:
        self.bad.append(BadLine(number, reason, line[:_KEPT_BYTES]))


def in_small_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same lines in batches of about a MiB: taking a record apart needs many times the memory of its text."""
    for batch in batches:
        ends = np.cumsum(pc.binary_length(batch.column(1)).to_numpy(zero_copy_only=False))
        at = 0
        while at < len(batch):
            start = ends[at - 1] if at else 0
            stop = max(at + 1, int(np.searchsorted(ends, start + SMALL_BYTES, side="right")))
            yield batch.slice(at, stop - at)
            at = stop


def batch_of(records: Iterable[tuple[int, str]]) -> pa.RecordBatchReader:
    """A batch reader over numbered records that are in memory already."""
    numbers, texts = list(zip(*records, strict=True)) or [(), ()]
    batch = pa.record_batch([pa.array(numbers, pa.int64()), pa.array(texts, pa.large_string())], schema=BATCH)
    return pa.RecordBatchReader.from_batches(BATCH, [batch])


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
