"""What the ledger knows, as tables: rows in quarantine, landings, builds."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.markup import Column, Row
from dashboards.page import Page
from warehouse import ledger_view
from warehouse.ledger_view import BuildRun, LandedFile, LandedFormat

FILES, RUNS, QUARANTINE_ROWS, REASONS = 12, 8, 10_000, 12
_SIGNS = {
    "published": ("mc-good", "✓ published"),
    "failed": ("mc-bad", "✗ failed"),
    "running": ("mc-muted", "… running"),
}


def quarantine(page: Page) -> None:
    rows = ledger_view.quarantined(page.settings.data_dir, page.control, QUARANTINE_ROWS)
    st.html(markup.heading("Quarantine", "rows that could not be read; nothing of them is counted"))
    if not rows:
        st.html(markup.note("good", "✓ Empty: every row that came in could be read."))
        return
    counts = Counter((short_path(page, row.file), row.source, row.reason) for row in rows)
    columns = [
        Column("file", css="mc-name"),
        Column("format"),
        Column("reason", css="mc-name"),
        Column("rows", True, "mc-strong"),
    ]
    listed = counts.most_common(REASONS)
    body = [Row([file, source, reason, text.count(number)]) for (file, source, reason), number in listed]
    if len(counts) > REASONS:
        rest = sum(counts.values()) - sum(number for _, number in listed)
        body.append(Row([f"{len(counts) - REASONS} more files and reasons", "", "", text.count(rest)], "mc-plain"))
    st.html(markup.table(columns, body, label="Quarantine"))
    more = f" (the first {text.count(QUARANTINE_ROWS)} are counted here)" if len(rows) == QUARANTINE_ROWS else ""
    st.html(
        markup.paragraph(
            f"{text.counted(len(rows), 'row')}{more}. ", markup.code("margincall quarantine"), " lists each with its line; ",
            markup.code("margincall quarantine --replay"), " reads them again, after an upgrade or a changed mapping.",
        )
    )  # fmt: skip


def short_path(page: Page, path: str) -> str:
    """Below the data folder's home, without it: the rest is the same on every line."""
    home = str(page.settings.data_dir.resolve().parent) + "/"
    return path.removeprefix(home)


def landings(page: Page) -> None:
    st.html(markup.heading("Landed", "rows in = landed + duplicate + quarantined"))
    formats = ledger_view.landed_formats(page.control)
    columns = [
        Column("what", css="mc-name"),
        Column("files", True),
        *_count_columns(),
        Column(""),
        Column("last landed"),
    ]
    rows = [
        Row([_dataset(item), text.count(item.files), *_counts(item), text.instant(item.last_landed_at)])
        for item in formats
    ]
    st.html(markup.table(columns, rows, label="Landed by format"))
    with st.expander(f"The last {FILES} files"):
        files = ledger_view.landed_files(page.control, FILES)
        body = [
            Row([short_path(page, file.path), file.state, *_counts(file), text.instant(file.landed_at)])
            for file in files
        ]
        listed = [Column("file", css="mc-name"), Column("state"), *_count_columns(), Column(""), Column("landed")]
        st.html(markup.table(listed, body, label="Last files"))


def _dataset(item: LandedFormat) -> str:
    return (
        f"requests, {item.source}"
        if item.dataset == "llm_request"
        else item.dataset.removeprefix("feed_").replace("_", " ")
    )


def _count_columns() -> list[Column]:
    return [Column(name, True) for name in ("rows in", "landed", "duplicate", "quarantined")]


def _counts(item: LandedFormat | LandedFile) -> list[markup.Text]:
    counts = (item.rows_in, item.landed, item.duplicate, item.quarantined)
    adds_up = item.rows_in == item.landed + item.duplicate + item.quarantined
    sign = (
        markup.tag("span", "✓", css="mc-good", hint="adds up")
        if adds_up
        else markup.tag("span", "✗ does not add up", css="mc-bad")
    )
    return [*(text.count(number) for number in counts), sign]


def runs(page: Page) -> None:
    st.html(markup.heading("Builds", "newest first"))
    columns = [Column("build", True), Column("state"), Column("kind"), Column("days", True), Column("started"),
               Column("took", True),
               Column("version", True), Column("message", css="mc-name")]  # fmt: skip
    listed = ledger_view.builds(page.control, RUNS)
    st.html(markup.table(columns, [_run(run) for run in listed], label="Builds"))


def _run(run: BuildRun) -> Row:
    css, words = _SIGNS.get(run.state, ("mc-muted", run.state))
    message = (run.message or "").strip().partition("\n")[0]
    return Row(
        [str(run.build_id), markup.tag("span", words, css=css), run.kind, text.count(run.days), text.instant(run.started_at),
         text.lasted(run.started_at, run.finished_at), text.NONE if run.serving_n is None else str(run.serving_n), message]
    )  # fmt: skip
