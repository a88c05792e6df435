"""Which logs are read, and how: sources."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markdown import Markdown
from rich.table import Table

from pipelines.cli.app import Json, app, out
from pipelines.cli.printing import print_json


@app.command()
def sources(
    name: Annotated[str | None, typer.Argument(help="One of them, in detail.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page as Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """List the log formats that are read; of one: how it is recognised, what is read of it, and what becomes of that."""
    from pipelines.cli.source_facts import facts_of, list_page, page_of
    from pipelines.sources import discover, named

    wanted = [named(name)] if name else list(discover().values())
    if as_json:
        print_json({"sources": [facts_of(source).as_data() for source in wanted]})
    elif markdown:
        out.print(page_of(wanted[0]) if name else list_page(), markup=False, soft_wrap=True, end="")
    elif name:
        out.print(Markdown(page_of(wanted[0])))
    else:
        table = Table("source", "records", "formats", "recognised by")
        for source in wanted:
            table.add_row(source.name, source.title, ", ".join(source.formats), source.signs.replace("`", ""))
        out.print(table)
        out.print("One in detail: margincall sources NAME")
