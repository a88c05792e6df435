"""What goes on behind the page: a build that runs or failed is told, a version that was published is picked up."""

from __future__ import annotations

import streamlit as st

from dashboards import format as text
from dashboards import markup
from warehouse import ledger_view
from warehouse.control import Control
from warehouse.ledger_view import BuildRun
from warehouse.publish import PublishError
from warehouse.reader import NothingPublished, Reader

EVERY_S = 5


def watch(reader: Reader, control: Control | None, shown_n: int | None) -> None:
    """Looks every few seconds, for as long as the page is open."""

    @st.fragment(run_every=EVERY_S)
    def look() -> None:
        if published(reader) != shown_n:
            st.rerun()
        run = last_build(control)
        said = news(run, shown_n)
        if said:
            st.html(said)

    look()


def published(reader: Reader) -> int | None:
    """The number of the version that can be read now."""
    try:
        return reader.version().n
    except (NothingPublished, PublishError):
        return None


def last_build(control: Control | None) -> BuildRun | None:
    runs = ledger_view.builds(control, 1) if control is not None else []
    return runs[0] if runs else None


def news(run: BuildRun | None, shown_n: int | None) -> markup.Html | None:
    """A line about the last build, where it is not simply the one that is shown."""
    kept = f"The figures are those of version {shown_n}." if shown_n else "Nothing is published yet."
    if run is None or run.state == "published":
        return None
    if run.state == "running":
        return markup.note(
            "info", f"A build runs since {text.instant(run.started_at)}. {kept} The page follows by itself."
        )
    reason = (run.message or "no reason was recorded").strip().splitlines()[0].rstrip(".")
    when = text.instant(run.finished_at or run.started_at)
    told = f"The last build failed ({when}): {reason}. {kept} The Data page and "
    return markup.note("warning", told, markup.code("margincall doctor"), " say more.")
