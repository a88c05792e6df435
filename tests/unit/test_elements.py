"""Records that are no lines: arrays and documents, whole, odd and broken off."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipelines.landing import elements
from pipelines.landing.elements import TooLarge, read_elements, starts_with_document


def read(tmp_path: Path, content: str | bytes, *, is_array: bool = True) -> tuple[list[str], list[tuple[int, str]]]:
    path = tmp_path / "log.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found, bad = read_elements(path, is_array=is_array)
    numbers = [number for number, _ in found] + [line.source_line for line in bad]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    return [text for _, text in found], [(line.source_line, line.reason) for line in bad]


BREAKS_OFF = "the record breaks off or is no JSON; nothing behind it was read"
NO_END = "the array has no end; what stood behind it is not here"


def test_elements_keep_the_spelling_of_their_numbers(tmp_path: Path) -> None:
    text = '[{"a": 5.10e-06}, {"a": 123456789012345678901234567890, "b": NaN}]'
    assert read(tmp_path, text) == (['{"a": 5.10e-06}', '{"a": 123456789012345678901234567890, "b": NaN}'], [])


@pytest.mark.parametrize("text", ["[]", "[ ]\n", "[\n]"])
def test_an_empty_array_has_no_elements(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == ([], [])


def test_a_pretty_printed_element_becomes_one_line(tmp_path: Path) -> None:
    assert read(tmp_path, '[\n  {\r\n    "a": 1\r\n  }\n]\n') == (['{      "a": 1    }'], [])


def test_documents_may_follow_each_other_on_one_line_or_many(tmp_path: Path) -> None:
    assert read(tmp_path, '{"a":1}{"a":2} {"a":3}\n{\n"a":4}', is_array=False)[0] == [
        '{"a":1}',
        '{"a":2}',
        '{"a":3}',
        '{ "a":4}',
    ]


def test_an_array_that_breaks_off_within_an_element_has_one_bad_row(tmp_path: Path) -> None:
    assert read(tmp_path, '[{"a":1},{"a":2},{"a":') == (['{"a":1}', '{"a":2}'], [(3, BREAKS_OFF)])


@pytest.mark.parametrize("text", ['[{"a":1},{"a":2}', '[{"a":1},{"a":2},', '[{"a":1},{"a":2}\n'])
def test_an_array_that_breaks_off_between_elements_has_one_too(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == (['{"a":1}', '{"a":2}'], [(3, NO_END)])


def test_a_packed_array_cut_short_has_one_bad_row_that_says_so(tmp_path: Path) -> None:
    whole = "[" + ",".join('{"a":"%032x"}' % (n * 0x9E3779B97F4A7C15) for n in range(20_000)) + "]"
    packed = gzip.compress(whole.encode())
    found, bad = read(tmp_path, packed[: len(packed) * 3 // 4])
    assert len(found) > 10_000
    [(number, reason)] = bad
    assert number == len(found) + 1
    assert reason.startswith("compressed stream is damaged or cut short")


def test_an_element_that_is_no_utf8_costs_only_itself(tmp_path: Path) -> None:
    assert read(tmp_path, b'[{"a":1},{"a":"\xff"},{"a":3}]') == (['{"a":1}', '{"a":3}'], [(2, "not valid UTF-8")])


def test_an_odd_element_is_for_the_shape_to_refuse(tmp_path: Path) -> None:
    assert read(tmp_path, '[1, "x", {"a": "tab\there"}]') == (["1", '"x"', '{"a": "tab\there"}'], [])


def test_an_element_nested_deeper_than_can_be_parsed_breaks_the_array_off(tmp_path: Path) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    assert read(tmp_path, '[{"a":1},' + deep + "]") == (['{"a":1}'], [(2, BREAKS_OFF)])


def test_an_array_too_large_for_memory_is_refused_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "MAX_DOCUMENT_BYTES", 16)
    assert read(tmp_path, '[{"a":1},{"a":2}'[:15] + "]")[0] == ['{"a":1}']
    with pytest.raises(TooLarge, match=r"Write one record per line instead: jq -c '\.\[\]'"):
        read(tmp_path, '[{"a":1},{"a":22}]')


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b'{"a": 1}\n{"a": 2}\n', False),
        (b'{"a": 1}', False),
        (b'{"a": 1} rubbish\n{"a": 2}', False),
        (b'{"a": 1\n{"a": 2}', False),
        (b"{}\n", False),
        (b'{\n"a": 1}', True),
        (b'{ "a": 1,\n"b": 2}', True),
        (b'{"a": 1}{"a": 2}\n', True),
        (b'{"a": 1} {"a": 2}\n', True),
    ],
)
def test_a_document_is_an_object_over_several_lines_or_several_on_one(start: bytes, expected: bool) -> None:
    assert starts_with_document(start) is expected
