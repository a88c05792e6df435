"""Log formats. One file per format, found by discovery: a module of this package that has a `SOURCE` is a source.

A source says, in data, how its records become `llm_request` rows: which fields it *keeps* (nothing else is ever read
out of a record), the SQL expression of each canonical column over those fields, and what makes a row unreadable. The
landing engine runs that in bulk; no source touches a row in Python.

A source whose records hold several rows says how they come apart (`expand`); one whose files hold other things beside
requests says what a row is (`kind`), how it is an outcome of a task (`outcomes`), and what it says of a trace (`traces`).
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from warehouse.connection import literal

REQUEST, OUTCOME, TRACE = "request", "outcome", "trace"
"""What a row can be that lands."""

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
    inside: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], init=False)
    """Of a column that holds JSON: the paths that are read inside it."""
    texts: list[str] = field(default_factory=list[str], init=False)
    """Paths that are read as text. A row with an object or an array at one of them is unreadable: it could hold anything."""
    lets: dict[str, str] = field(default_factory=dict[str, str], init=False)
    """What is worked out once per row, before anything else: name -> SQL over fields and over what stands before it."""

    def let(self, name: str, sql: str) -> str:
        """Work `sql` out once per row and use it under this name: a statement grows with every copy of an expression."""
        return self.lets.setdefault(f"let_{name}", sql) and f"let_{name}"

    def _once(self, sql: str) -> str:
        """`let` for an expression that has no name: the engine would work it out anew wherever it stands inside a case."""
        known = next((name for name, other in self.lets.items() if other == sql), None)
        return known or self.let(str(len(self.lets)), sql)

    def _value(self, path: str) -> str:
        """What stands at a path, trimmed; null where it is not filled."""
        return self._once(f"nullif(trim({self._raw(path)}), '')")

    def text(self, *paths: str) -> str:
        """First filled path, as text; an object or an array there is a problem."""
        self.texts += [path for path in dict.fromkeys(paths) if path not in self.texts]
        return self.whole(*paths)

    def whole(self, *paths: str) -> str:
        """First filled path, also an object or an array, as the text of it: to be looked into, never to be stored as it is."""
        return _coalesce([self._value(path) for path in paths])

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

    def milliseconds(self, *paths: str) -> str:
        """First filled path, a length in seconds, as whole milliseconds."""
        sql = "(round(try_cast({} as decimal(18,6)) * 1000))::bigint"
        return self._typed(paths, r"\d{1,9}(\.\d*)?", sql, "a number of seconds of at least 0")

    def nanos(self, path: str) -> str:
        """The path as an instant given in whole nanoseconds since 1970, which is null where it is 0."""
        sql = "make_timestamptz(({}::hugeint // 1000)::bigint)"
        return f"nullif({self._typed((path,), r'[0-9]{1,19}', sql, 'nanoseconds since 1970')}, make_timestamptz(0))"

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
            value = self._value(path)
            typed.append(self._once(sql.format(value)))
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
    signs: str
    """By what it is recognised, for people: keys in backticks."""
    read: Callable[[Fields, Mapping[str, tuple[str, ...]]], Mapping[str, str]]
    """Canonical column -> SQL, given the mapping (canonical column -> ordered paths)."""
    natural_id: Callable[[Fields], str]
    """SQL of what, with the start to the millisecond, makes a record the same record."""
    mapping: Mapping[str, tuple[str, ...]]
    """Where the columns that companies fill differently come from, by default."""
    objects: tuple[str, ...] = ()
    """Paths that hold an object where they are filled; a row with something else there is unreadable."""
    expand: Callable[[str, Sequence[str]], str] | None = None
    """How one record holds several: SQL over a relation (source_line, line), given the paths that are read.

    One row per element, in their order: `source_line`; `raw`, its own text; `f`, the list of the texts at those paths;
    `unreadable`, null or what is wrong. What cannot be taken apart is one unreadable element.
    """
    kind: Callable[[Fields], str] | None = None
    """SQL of what a row is: `request`, `outcome`, `trace`, in a few words what else, or null for no record of this source.

    Rows that are something else are passed over and counted under those words. None: every row is a request.
    """
    outcomes: Callable[[Fields, Mapping[str, tuple[str, ...]], Scores], Mapping[str, str]] | None = None
    """Column of the feed `task_outcomes` -> SQL, for rows of kind `outcome`; one without an outcome is passed over."""
    traces: Callable[[Fields, Mapping[str, tuple[str, ...]]], Mapping[str, str]] | None = None
    """Column of the dataset `trace` -> SQL, for rows of kind `trace`; null where the trace does not say."""


@dataclass(frozen=True)
class Scores:
    """Which scores judge a task, and how; see `ScoredMapping` of the settings."""

    names: tuple[str, ...]
    threshold: Decimal | None
    success: tuple[str, ...]
    failure: tuple[str, ...]
    inverted: tuple[str, ...]

    def outcome(self, name: str, label: str, flag: str, value: str) -> str:
        """SQL of the outcome that a score stands for, null for none.

        `name`, `label`: SQL texts; `flag`: SQL boolean of a score that is one, else null; `value`: SQL number.
        """
        label = f"replace(lower(trim({label})), ' ', '_')"
        good = f"<> {one_of(f'lower({name})', self.inverted)} then 'success' else 'failure' end"
        cases = [f"when {flag} is not null then case when {flag} {good}"]
        if self.names:
            cases.insert(0, f"when not {one_of(f'lower({name})', self.names)} then null")
        cases += [
            f"when {one_of(label, self.success)} then 'success'",
            f"when {one_of(label, self.failure)} then 'failure'",
            f"when {label} in ('escalated', 'abandoned') then {label}",
        ]
        if self.threshold is not None:
            reached = f"({value} >= '{self.threshold}'::decimal(38,12))"
            cases.append(f"when {value} is not null then case when {reached} {good}")
        return f"case {' '.join(cases)} end"


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


def one_of(text_sql: str, words: Sequence[str]) -> str:
    """SQL: whether a lower-case text is one of these words; false for null.

    A list, not `in (…)`: of that with many words the engine makes a join, which keeps whole files in memory.
    """
    return (
        f"coalesce(list_contains([{', '.join(literal(word.lower()) for word in words)}]::varchar[], {text_sql}), false)"
    )


def looks_nested(texts_sql: str) -> str:
    """SQL: whether one of these texts, joined by chr(31), begins as a JSON object or array does. Cheap, and no proof."""
    return f"coalesce(regexp_matches({texts_sql}, '(^|\\x1f)\\s*[\\[{{]'), false)"


def no_text(types_sql: str, paths: Sequence[str]) -> str:
    """SQL of what is wrong where one of the JSON types of these paths is not that of a text, number or flag; else null."""
    named = f"([{', '.join(map(literal, paths))}]::varchar[])"
    cases = [
        f"when list_contains({types_sql}, '{kind}') "
        f"then {named}[list_position({types_sql}, '{kind}')] || ': {what}, not a text'"
        for kind, what in (("OBJECT", "an object"), ("ARRAY", "an array"))
    ]
    return f"case {' '.join(cases)} end"


def list_of_paths(paths: Sequence[str]) -> str:
    """The same list as `json_paths`, as one literal: for a statement in which it stands some hundred times."""
    return (
        literal("[" + ", ".join("$" + "".join(f'."{key}"' for key in path.split(".")) for path in paths) + "]")
        + "::varchar[]"
    )


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
