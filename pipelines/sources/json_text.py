"""Fields inside a column that holds JSON: an object in JSON lines, the text of one in a CSV or Parquet export.

Every field of the column comes out of one reading of its text: a reading per field costs ten times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.sources import Fields, list_of_paths, looks_nested, no_text

Read = Callable[[Fields], Mapping[str, str]]


@dataclass
class JsonTextFields(Fields):
    """Fields of a record of which one column holds JSON; `column.a.b` is key b of its object a.

    Shares `paths` and `problems` with the fields it is made from. `inner` are the dotted paths inside the column.
    """

    column: str = ""
    inner: tuple[str, ...] = ()
    is_clickhouse: bool = False
    """Whether a CSV may come from ClickHouse, which writes null as `\\N` and a map as `{'a':'b'}`."""

    def _raw(self, path: str) -> str:
        head, _, rest = path.partition(".")
        if head == self.column and rest:
            return f"{self.inner_values()}[{self.inner.index(rest) + 1}]"
        whole = super()._raw(path)
        return f"nullif({whole}, '\\N')" if self.is_clickhouse else whole

    def json_text(self) -> str:
        """SQL of the column's text as JSON."""
        text = f"nullif(trim({self._raw(self.column)}), '')"
        # Only where no quote needs escaping is the other quote the whole difference.
        is_simple = f"""starts_with({text}, '{{''') and not contains({text}, '"') and not contains({text}, '\\')"""
        return f"case when {is_simple} then replace({text}, '''', '\"') else {text} end" if self.is_clickhouse else text

    def inner_values(self) -> str:
        """SQL list of the texts at `inner`."""
        return self._once(f"try(json_extract_string({self.json_text()}, {list_of_paths(self.inner)}))")

    def inner_types(self, paths: Sequence[str]) -> str:
        """SQL list of the JSON types of the texts at these paths inside; null where none looks like an object or an array."""
        at = ", ".join(str(self.inner.index(path) + 1) for path in paths)
        texts = f"list_select({self.inner_values()}, [{at}]::bigint[])"
        types = f"list_transform({texts}, lambda x: try(json_type(x)))"
        return f"case when {looks_nested(f'array_to_string({texts}, chr(31))')} then {types} end"


def read_with_json(f: Fields, column: str, read: Read, *, is_clickhouse: bool = False) -> Mapping[str, str]:
    """What `read` makes of the record; a row whose column is filled with anything but a JSON object is unreadable."""
    named = Fields()
    read(named)
    prefix = f"{column}."
    inner = tuple(path.removeprefix(prefix) for path in named.paths if path.startswith(prefix))
    inner_texts = [path.removeprefix(prefix) for path in named.texts if path.startswith(prefix)]
    f.texts += [path for path in named.texts if not path.startswith(prefix) and path not in {column, *f.texts}]
    f.inside[column] = inner
    fields = JsonTextFields(f.paths, f.problems, column, inner, is_clickhouse)
    fields.lets = f.lets
    text = fields.json_text()
    fields.refuse(
        f"{text} is not null and coalesce(try(json_type({text})), '') not in ('OBJECT', 'NULL')",
        f"{column}: not an object",
    )
    # Written as an escape, it shows only once the text has been read as JSON.
    fields.refuse(f"contains(({fields.inner_values()})::varchar, chr(0))", f"{column}: a text holds a NUL character")
    if column in named.texts:  # which a mapping can ask for
        f.refuse(f"try(json_type({text})) = 'OBJECT'", f"{column}: an object, not a text")
    f.problems.append(no_text(fields.inner_types(inner_texts), [prefix + path for path in inner_texts]))
    return read(fields)
