"""What a log source says of itself, as data and as a page: its signs, what it reads, and which column is made of what."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines import sources
from pipelines.config_template import mapping_section
from pipelines.settings import ScoredMapping
from pipelines.sources import Fields, Scores, Source, list_of_paths
from warehouse.schemas import REQUEST

GENERATED = "<!-- `make docs` writes this page from pipelines/sources/; a test compares it. -->"
_ORDER = ("source_record_id", "observed_at", *(column.name for column in REQUEST))
_CONSTANT = re.compile(r"'([^']*)'|cast\(null.*|null")
_LET = re.compile(r"\blet_\w+")
_FIELD = re.compile(r"\bf\[(\d+)\]|(?<=⟦)[^⟧]+(?=⟧)")


@dataclass(frozen=True)
class SourceFacts:
    """`columns`, `outcome_columns`: column -> the paths it is made of, in the order in which they stand in its SQL.

    A column of no path has what is the same in every row, in quotes.
    """

    name: str
    title: str
    formats: tuple[str, ...]
    signs: str
    about: str
    paths: tuple[str, ...]
    mapping: dict[str, tuple[str, ...]]
    columns: dict[str, tuple[str, ...]]
    outcome_columns: dict[str, tuple[str, ...]]

    def as_data(self) -> dict[str, object]:
        return dict(vars(self))


def facts_of(source: Source) -> SourceFacts:
    """With the source's own mapping."""
    fields = Fields()
    columns = source.read(fields, source.mapping)
    made = {name: _made_of(columns[name], fields) for name in _ORDER if name in columns}
    tags = set(made.get("tags", ()))
    for name, paths in source.mapping.items():
        # Where none of these is filled another field may speak.
        made[name] = (*paths, *(path for path in made[name] if path not in tags | set(paths)))
    source.natural_id(fields)
    if source.kind:
        source.kind(fields)
    outcome: Mapping[str, str] = {}
    if source.outcomes:
        outcome = source.outcomes(fields, source.mapping, _scores())
    inside = {f"{column}.{path}" for column, paths in fields.inside.items() for path in paths}
    return SourceFacts(
        name=source.name,
        title=source.title,
        formats=source.formats,
        signs=source.signs,
        about=(importlib.import_module(f"{sources.__name__}.{source.name}").__doc__ or "").strip(),
        paths=tuple(sorted({path for path in fields.paths if path not in fields.inside} | inside)),
        mapping=dict(source.mapping),
        columns={name: paths for name, paths in made.items() if paths},
        outcome_columns={name: paths for name, sql in outcome.items() if (paths := _made_of(sql, fields))},
    )


def page_of(source: Source) -> str:
    """Its page in Markdown."""
    facts = facts_of(source)
    parts = [
        f"# {facts.title}",
        GENERATED,
        f"Source `{facts.name}`. Reads {', '.join(_FORMATS[form] for form in facts.formats)}, also packed (gzip, zstd).",
        f"**Recognised by** {facts.signs}. `--source {facts.name}` takes a file for it all the same.",
        facts.about,
        "## Where your records say who and what for",
        "In `margincall.toml`; shown are the defaults. Ordered, the first filled path wins; `tag:env` reads a tag `env:…`. "
        "`margincall ingest --explain FILE` says how much of a file each fills.",
        f"```toml\n{mapping_section(source, tuple(source.mapping)).rstrip()}\n```",
        "## What a column is made of",
        "The first filled path counts, unless what is said above decides. Texts in quotes are the same in every row; every "
        "other column stays empty.",
        _table("column", facts.columns),
    ]
    if facts.outcome_columns:
        parts += [
            "## Outcomes",
            "Scores and evaluations become rows of the feed `task_outcomes`.",
            _table("column", facts.outcome_columns),
        ]
    parts += [
        "## Everything that is read",
        "Nothing else is taken out of a record. Where a text stands here, an object or an array makes the row unreadable.",
        ", ".join(f"`{path}`" for path in facts.paths),
    ]
    return "\n\n".join(parts) + "\n"


def list_page() -> str:
    """The page that lists the sources, in Markdown."""
    rows = [
        f"| [{source.title}]({source.name}.md) | `{source.name}` | {', '.join(source.formats)} | {source.signs} |"
        for source in sources.discover().values()
    ]
    table = "\n".join(["| records | source | formats | recognised by |", "|---|---|---|---|", *rows])
    about = (
        "Each is recognised by its content; `margincall ingest --explain FILE` says by what, and lands nothing. Your own "
        "format: write [canonical records](canonical.md), or [add a source](../extending.md)."
    )
    return "\n\n".join(["# Log sources", GENERATED, about, table]) + "\n"


_FORMATS = {"json": "JSON (lines, arrays, documents)", "csv": "CSV", "parquet": "Parquet"}


def _table(what: str, columns: Mapping[str, tuple[str, ...]]) -> str:
    rows = [
        f"| `{name}` | {', '.join(path if path.startswith(chr(39)) else f'`{path}`' for path in paths)} |"
        for name, paths in columns.items()
    ]
    return "\n".join([f"| {what} | from |", "|---|---|", *rows])


def _made_of(sql: str, fields: Fields) -> tuple[str, ...]:
    """The paths whose values stand in this SQL, each once; or the constant that it is."""
    if constant := _CONSTANT.fullmatch(sql):
        return (f"'{constant[1]}'",) if constant[1] else ()
    while _LET.search(sql):
        sql = _LET.sub(lambda found: fields.lets[found[0]], sql)
    for column, paths in fields.inside.items():
        values = re.compile(re.escape(f"{list_of_paths(paths)}))") + r"\[(\d+)\]")
        sql = values.sub(lambda found, c=column, p=paths: f"⟦{c}.{p[int(found[1]) - 1]}⟧", sql)
    found = [fields.paths[int(match[1]) - 1] if match[1] else match[0] for match in _FIELD.finditer(sql)]
    # The column is read to look inside.
    looked_into = {column for column in fields.inside if any(path.startswith(f"{column}.") for path in found)}
    return tuple(dict.fromkeys(path for path in found if path not in looked_into))


def _scores() -> Scores:
    said = ScoredMapping()
    return Scores(said.outcome_names, None, said.outcome_success, said.outcome_failure, said.outcome_inverted)
