"""Log formats. One file per format, found by discovery: a module of this package that has a `SOURCE` is a source.

A source says, in data, how its records become `llm_request` rows: which fields it *keeps* (nothing else is ever read
out of a record), the SQL expression of each canonical column over those fields, and what makes a row unreadable. The
landing engine runs that in bulk; no source touches a row in Python.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from warehouse.connection import literal

_NUMBER_LIKE = "'[-+]?(\\d[-+.:0-9eTZ]{0,23}|NaN|Infinity|true|false)'"


@dataclass
class Fields:
    """The fields that a source reads out of one record, and the SQL that reads them. Collects checks on the way.

    A path is dotted; `a.b` is key b of object a; of two equal keys the first counts. Every value arrives as text: JSON
    numbers in the shortest spelling of their double, which is what logs write; texts as they are, so an exact amount of
    more than 17 digits is safe in quotes. `""` and JSON null are both "not there".
    """

    paths: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """SQL expressions that are null for a good row and say what is wrong for a bad one."""

    def text(self, *paths: str) -> str:
        """First filled path, as text."""
        return _coalesce([f"nullif(trim({self._raw(path)}), '')" for path in paths])

    def count(self, *paths: str) -> str:
        """First filled path, as a whole number >= 0; anything else there is a problem. `12.0` is 12."""
        return self._typed(
            paths, r"\d{1,15}(\.0+)?", "trunc({}::decimal(18,2))::bigint", "a whole number of at least 0"
        )

    def money(self, *paths: str) -> str:
        """First filled path, as DECIMAL(38,12); a number of any spelling, also 5.1e-06."""
        pattern = r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?"
        return self._typed(paths, pattern, "try_cast({} as decimal(38,12))", "an amount of money")

    def share(self, *paths: str) -> str:
        pattern = r"-?\d{1,8}(\.\d*)?([eE]-?\d{1,2})?"
        return self._typed(paths, pattern, "try_cast({} as decimal(18,9))", "a number")

    def flag(self, *paths: str) -> str:
        """First filled path, as a boolean; `True`, `true` and `1` are one thing."""
        return self._typed(paths, r"(?i:true|false|0|1)", "({} in ('true', 'True', 'TRUE', '1'))", "true or false")

    def epoch(self, *paths: str) -> str:
        """First filled path, as an instant given in seconds since 1970."""
        pattern = r"\d{1,12}(\.\d*)?([eE]\+?\d{1,2})?"
        sql = "make_timestamptz((trunc(try_cast({} as decimal(18,6))::decimal(30,6) * 1000000))::bigint)"
        return self._typed(paths, pattern, sql, "seconds since 1970")

    def instant(self, *paths: str) -> str:
        """First filled path, as an instant: ISO 8601, UTC where it names no zone."""
        # "infinity" is a time to the engine.
        sql = "case when isfinite(try_cast({0} as timestamptz)) then try_cast({0} as timestamptz) end"
        return self._checked(paths, sql, "an ISO 8601 time")

    def require(self, sql: str, message: str) -> None:
        """A row for which `sql` is null or empty is unreadable."""
        self.problems.append(f"case when {sql} is null then {literal(message)} end")

    def refuse(self, condition: str, message: str) -> None:
        """A row for which `condition` holds is unreadable."""
        self.problems.append(f"case when {condition} then {literal(message)} end")

    def _raw(self, path: str) -> str:
        if path not in self.paths:
            self.paths.append(path)
        return f"f[{self.paths.index(path) + 1}]"

    def _typed(self, paths: Sequence[str], pattern: str, sql: str, what: str) -> str:
        # The pattern keeps out what the engine would take all the same, the cast what is too large for the column.
        typed = f"case when regexp_full_match({{0}}, {_braced(literal(pattern))}) then {sql.replace('{}', '{0}')} end"
        return self._checked(paths, typed, what)

    def _checked(self, paths: Sequence[str], sql: str, what: str) -> str:
        """First filled path as `sql` types it; one that is filled and comes out null is a problem."""
        typed: list[str] = []
        for path in paths:
            value = f"nullif(trim({self._raw(path)}), '')"
            typed.append(sql.format(value))
            self._problem(f"{value} is not null and {typed[-1]} is null", path, value, what)
        return _coalesce(typed)

    def _problem(self, condition: str, path: str, value: str, what: str) -> None:
        # The value may be anything, a prompt too: only what looks like a number or a time is repeated.
        shown = f"case when regexp_full_match({value}, {_NUMBER_LIKE}) then ' (' || {value} || ')' else '' end"
        problem = f"case when {condition} then {literal(f'{path}: not {what}')} || {shown} end"
        if problem not in self.problems:
            self.problems.append(problem)


@dataclass(frozen=True)
class Source:
    """One log format."""

    name: str
    title: str
    version: int
    """Of the mapping below; a higher one reads files again that an earlier one has landed."""
    formats: tuple[str, ...]
    """Among json, csv, parquet."""
    recognise: Callable[[Mapping[str, Any]], str | None]
    """Why a record looks like this format, or None."""
    read: Callable[[Fields, Mapping[str, tuple[str, ...]]], Mapping[str, str]]
    """Canonical column -> SQL, given the mapping (canonical column -> ordered paths)."""
    natural_id: Callable[[Fields], str]
    """SQL of what, with the start to the millisecond, makes a record the same record."""
    mapping: Mapping[str, tuple[str, ...]]
    """Where the columns that companies fill differently come from, by default."""
    objects: tuple[str, ...] = ()
    """Paths that hold an object where they are filled; a row with something else there is unreadable."""


class UnknownSource(Exception):
    """No source of that name; the message lists those there are."""


@cache
def discover() -> Mapping[str, Source]:
    """Every source, by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    sources = [module.SOURCE for module in modules if hasattr(module, "SOURCE")]
    return {source.name: source for source in sorted(sources, key=lambda source: source.name)}


def named(name: str) -> Source:
    """The source of that name. Raises UnknownSource."""
    known = discover()
    if name not in known:
        raise UnknownSource(f"Unknown source {name!r}. Known sources: {', '.join(known)}.")
    return known[name]


def paths_or_tag(fields: Fields, paths: Sequence[str], tags_sql: str) -> str:
    """First filled of the mapped paths, where `tag:env` is the value of an `env:…` entry of a JSON list of tags."""
    return _coalesce([_tag(tags_sql, path[4:]) if path.startswith("tag:") else fields.text(path) for path in paths])


def tag_list(tags_sql: str) -> str:
    """SQL list of the strings in a JSON list; null where it is none."""
    return f"""try(from_json({tags_sql}, '["VARCHAR"]'))"""


def json_paths(paths: Sequence[str]) -> str:
    """SQL list literal of JSON paths."""
    return (
        "["
        + ", ".join(literal("$" + "".join("." + json.dumps(key) for key in path.split("."))) for path in paths)
        + "]"
    )


def _braced(text: str) -> str:
    """Text that stays what it is inside a format string."""
    return text.replace("{", "{{").replace("}", "}}")


def _tag(tags_sql: str, name: str) -> str:
    prefix = f"{name}:"
    found = f"list_filter({tag_list(tags_sql)}, lambda x: starts_with(x, {literal(prefix)}))"
    return f"nullif(trim(substr(list_extract({found}, 1), {len(prefix) + 1})), '')"


def _coalesce(values: Sequence[str]) -> str:
    if not values:
        return "null"
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
