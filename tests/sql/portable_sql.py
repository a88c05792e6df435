"""A lint for the SQL that DuckDB and Spark both read: what only one of them reads, or reads otherwise, is found by line.

Comments and quoted values are not SQL and are passed over; text inside Jinja tags is, because macros are handed fragments
of SQL. Macros with an engine's prefix (`duckdb__…`, `spark__…`) are where the differences belong; they are passed over too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENGINE_MACRO = re.compile(r"\{%-?\s*macro (?:duckdb|spark)__.*?\{%-?\s*endmacro\s*-?%\}", re.S)
COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*", re.S)
JINJA = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})", re.S)
LITERAL = re.compile(r"'[^']*'")
WINDOW = re.compile(r"\bover\s*\(")

RULES: dict[str, tuple[str, str]] = {
    "engine_type": (
        r"\b(?:varchar|hugeint|uhugeint|ubigint|uinteger|int128)\b",
        "a type of one engine; use string, bigint or decimal(38, 0)",
    ),
    "float": (
        r"\b(?:double|float|float4|float8|real)\b",
        "money and ratios touch no float; use whole pico-dollars and div_half_even",
    ),
    "star_without": (r"\*\s*(?:exclude|replace|except|rename)\b", "one engine's star; name the columns"),
    "integer_division": (r"//", "an operator of one engine; use the macro int_div"),
    "division": (
        r"(?<!/)(?:\s/\s|\)/|/\()(?!/)",
        "a float on one engine, digits lost on the other; use ratio or div_half_even",
    ),
    "average": (r"\bavg\s*\(", "a float, and no ratio of sums; divide two sums with div_half_even"),
    "percentile_of_money": (
        r"\bpercentile_disc\b[^)]*\)\s*within group\s*\(\s*order by [\w.]*_pico\b",
        "Spark takes a decimal for a double; count ranks",
    ),
    "nested_type": (
        r"\b(?:list_\w+|struct_\w+|array_\w+|map_\w+|unnest|list|struct|array|named_struct|explode)\s*\(",
        "lists and structs differ; use rows and joins",
    ),
    "hash": (r"\bhash\s*\(", "another number on each engine; use md5"),
    "concat": (r"\bconcat\s*\(", "skips nulls on one engine and returns null on the other; use ||"),
    "engine_function": (
        r"\b(?:epoch_ms|epoch_us|strftime|strptime|date_diff|datediff|timezone|generate_series|range|unix_millis|date_format"
        r"|read_parquet|regexp_matches|ifnull|nvl)\s*\(",
        "a function of one engine; use or write a macro",
    ),
}
NULLS_ORDER = "nulls_order"
NULLS_MESSAGE = (
    "nulls sort first on one engine and last on the other; write `nulls last`, or add a column that is never null"
)
NEVER_NULL = frozenset(
    {"version_at", "row_hash", "landing_id", "source_line", "record_key", "started_at", "observed_at", "outcome_id"}
    | {"tenant_id", "cogs_pico", "usage_date", "day"}
)
"""Columns that the lake or a sum never leaves null, by their name in whatever table."""


@dataclass(frozen=True)
class Finding:
    file: str
    line: int
    rule: str
    found: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: `{self.found}`: {self.message}"


def lint(text: str, file: str) -> list[Finding]:
    """Every place of one file that breaks a rule, in the order of lines."""
    sql = _without_values(_blank(ENGINE_MACRO, _blank(COMMENT, text)))
    found = [
        _finding(file, sql, match.start(), rule, match.group(), message)
        for rule, (pattern, message) in RULES.items()
        for match in re.finditer(pattern, sql, re.I)
    ]
    found += [_finding(file, sql, at, NULLS_ORDER, term, NULLS_MESSAGE) for at, term in _unsure_terms(sql)]
    return sorted(found, key=lambda finding: (finding.line, finding.rule))


def lint_files(paths: list[Path], root: Path) -> list[Finding]:
    return [finding for path in paths for finding in lint(path.read_text(), str(path.relative_to(root)))]


def _finding(file: str, sql: str, at: int, rule: str, found: str, message: str) -> Finding:
    at += len(found) - len(found.lstrip())
    return Finding(file, sql.count("\n", 0, at) + 1, rule, " ".join(found.split()), message)


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """Replace what matches by blanks, so that every line keeps its number."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def _without_values(text: str) -> str:
    parts = JINJA.split(text)
    return "".join(part if JINJA.fullmatch(part) else _blank(LITERAL, part) for part in parts)


def _unsure_terms(sql: str) -> Iterator[tuple[int, str]]:
    """Terms of a window's `order by` that say nothing about nulls and may meet them."""
    for window in WINDOW.finditer(sql):
        inside = sql[window.end() : _closing(sql, window.end())]
        order = re.search(r"\border by\b", inside)
        if order is None:
            continue
        at = window.end() + order.end()
        for term in re.split(r",(?![^()]*\))", inside[order.end() :]):
            ordered = re.sub(r"\s+(?:rows|range) between\b.*", "", term, flags=re.S)
            column = re.sub(r"\s+(?:asc|desc)\s*$", "", ordered.strip()).rpartition(".")[2]
            if not re.search(r"\bnulls (?:first|last)\b", term) and column not in NEVER_NULL:
                yield at, term
            at += len(term) + 1


def _closing(sql: str, start: int) -> int:
    depth = 1
    for position in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[position], 0)
        if depth == 0:
            return position
    return len(sql)
