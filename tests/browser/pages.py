"""A page run without a browser, and what stands on it."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from typing import Any

from streamlit.testing.v1 import AppTest


def page(name: str, **query: str) -> AppTest:
    """Run a view with these filters in the URL; any exception fails the test."""
    at = AppTest.from_function(_script, args=(name,), default_timeout=60)
    for key, value in query.items():
        at.query_params[key] = value
    return again(at)


def again(at: AppTest) -> AppTest:
    main = sys.modules["__main__"]
    try:
        at.run()
    finally:
        # Streamlit puts its script there and leaves it; processes that multiprocessing starts later would run it.
        sys.modules["__main__"] = main
    assert [item.message for item in at.exception] == []
    return at


def _script(name: str) -> None:
    from dashboards import shell

    shell.show(name)


def query(at: AppTest) -> dict[str, str]:
    """The filters that stand in the URL."""
    return {name: value if isinstance(value, str) else value[0] for name, value in at.query_params.items()}


def html(at: AppTest) -> str:
    return "\n".join(item.proto.body for item in at.get("html"))  # pyright: ignore


def words(at: AppTest) -> str:
    """All text of the page's HTML as a person reads it."""
    return " ".join(_read(html(at)).text)


def rows(at: AppTest, label: str) -> list[list[str]]:
    """The cells of the table of that name, headings left out."""
    return _read(html(at)).tables[label]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.table: list[list[str]] = []
        self.is_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values: dict[str, Any] = dict(attrs)
        if tag == "table":
            self.table = self.tables.setdefault(values["aria-label"], [])
        elif tag == "tr":
            self.table.append([])
        elif tag == "td":
            self.table[-1].append("")
            self.is_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self.is_cell = False

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.text.append(data.strip())
        if self.is_cell:
            self.table[-1][-1] += data


def _read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text.replace("<style>", "<!--").replace("</style>", "-->"))
    reader.tables = {label: [row for row in table if row] for label, table in reader.tables.items()}
    return reader
