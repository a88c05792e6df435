"""The pages of docs/sources are what the sources say of themselves: `python -m tests.source_pages --write` writes them."""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines import sources
from pipelines.cli.source_facts import list_page, page_of

FOLDER = Path(__file__).parent.parent / "docs" / "sources"


def pages() -> dict[str, str]:
    """File name -> what has to stand in it."""
    return {"README.md": list_page()} | {f"{name}.md": page_of(source) for name, source in sources.discover().items()}


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.source_pages --write")
    FOLDER.mkdir(exist_ok=True)
    for gone in {path.name for path in FOLDER.glob("*.md")} - pages().keys():
        (FOLDER / gone).unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
