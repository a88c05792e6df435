"""Records that are no lines: the elements of a JSON array, or objects one after the other, on as many lines as they like."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pipelines.landing.lines import BadLine
from pipelines.landing.streams import Blocks

MAX_DOCUMENT_BYTES = 512 * 1024 * 1024
_BETWEEN = re.compile(r"[\s,\[\]]*")
# Only where a value ends is wanted here; numbers need no reading, and an odd text is the next reader's to refuse.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, strict=False)

Elements = tuple[list[tuple[int, str]], list[BadLine]]


class TooLarge(Exception):
    """The document is larger than what is read into memory at once."""


def read_elements(path: Path, *, is_array: bool) -> Elements:
    """Each element's own text, numbered from 1; where the text breaks off is a bad line. Raises TooLarge."""
    data, damage = _read(path)
    # A byte that is no UTF-8 stays what it is: only the element that holds it is refused.
    text = data.decode("utf-8", errors="surrogateescape")
    found: list[tuple[int, str]] = []
    bad: list[BadLine] = []
    number, position = 1, 0
    while (position := _next(text, position)) < len(text):
        try:
            end = _DECODER.raw_decode(text, position)[1]
        except (ValueError, RecursionError):
            rest = text[position : position + 4096].encode("utf-8", errors="surrogateescape")
            reason = damage or "the record breaks off or is no JSON; nothing behind it was read"
            return found, [*bad, BadLine(number, reason, rest)]
        # Line breaks inside an element are only layout; its numbers keep their spelling.
        element = text[position:end].replace("\n", " ").replace("\r", " ")
        if _is_utf8(element):
            found.append((number, element))
        else:
            bad.append(BadLine(number, "not valid UTF-8", element[:4096].encode("utf-8", errors="surrogateescape")))
        number, position = number + 1, end
    if damage or (is_array and not text.rstrip().endswith("]")):
        bad.append(BadLine(number, damage or "the array has no end; what stood behind it is not here"))
    return found, bad


def starts_with_document(start: bytes) -> bool:
    """Whether a text that begins with `{` is an object over several lines, or several objects on one line."""
    first, _, _ = start.partition(b"\n")
    if first.strip() == b"{":
        return True
    text = start.decode("utf-8", errors="replace")
    try:
        end = _DECODER.raw_decode(text)[1]
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end] or text[end:].lstrip(" \t").startswith("{")


def _read(path: Path) -> tuple[bytes, str]:
    blocks = Blocks(path, stop=MAX_DOCUMENT_BYTES + 1)
    data = b"".join(blocks)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise TooLarge(
            f"{path}: a JSON array of more than {MAX_DOCUMENT_BYTES >> 20} MiB. Write one record per line instead: jq -c '.[]'."
        )
    return data, blocks.damage


def _next(text: str, position: int) -> int:
    found = _BETWEEN.match(text, position)
    return found.end() if found else position


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
