"""Around every page: find the published version, say plainly when there is none, run the view."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboards import markup, source
from dashboards.address import Address
from dashboards.page import Page
from dashboards.views import discover
from dashboards.watch import watch
from pipelines.settings import Settings, SettingsError
from warehouse.control import Control, ControlError
from warehouse.publish import PublishError
from warehouse.reader import NothingPublished


def show(name: str) -> None:
    """Run the view of this name; whatever keeps it from being shown becomes a page that says what to do."""
    st.html(markup.style())
    try:
        settings = source.settings()
        _show(name, settings)
    except (SettingsError, ControlError, PublishError) as error:
        _sorry("The figures cannot be shown", str(error))


def _show(name: str, settings: Settings) -> None:
    data_dir = str(settings.data_dir.resolve())
    reader, control = source.reader(data_dir), _control(settings)
    try:
        pointer = reader.version()
    except NothingPublished:
        _welcome()
        watch(reader, control, None)
        return
    marts = source.Marts(data_dir, pointer.n)
    try:
        page = Page(
            settings, marts, reader, control or source.control(settings.control_url), pointer, marts.state(), Address()
        )
        notices = st.container()
        if not marts.weeks():
            _sorry(
                "No requests yet",
                "A version is published, but no request has landed. `margincall ingest` reads log files.",
            )
        else:
            discover()[name].show(page)
        with notices:
            watch(reader, page.control, pointer.n)
    except source.Moved:
        st.rerun()


def _control(settings: Settings) -> Control | None:
    """Opened only where there is one: looking at a page creates no database."""
    exists = settings.control.url is not None or (Path(settings.data_dir) / "control.sqlite").exists()
    return source.control(settings.control_url) if exists else None


def _welcome() -> None:
    st.html(markup.tag("div", markup.tag("h1", "Nothing is published yet"), css="mc-title"))
    steps = [
        ("margincall ingest LOGFOLDER", "lands your logs and feeds"),
        ("margincall build", "prices them and publishes the first version"),
        ("margincall demo", "or: a sample company, in a folder of its own"),
    ]
    columns = [markup.Column("In a terminal"), markup.Column("")]
    st.html(
        markup.table(columns, [markup.Row([markup.code(line), words]) for line, words in steps], label="First steps")
    )
    st.html(markup.paragraph("This page follows by itself as soon as a build has published."))


def _sorry(title: str, message: str) -> None:
    st.html(markup.tag("div", markup.tag("h1", title), css="mc-title"))
    st.html(markup.note("warning", message))
