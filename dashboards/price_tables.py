"""Which prices the figures stand on: the price book in force, and what a newer installed catalogue would change."""

from __future__ import annotations

import streamlit as st

from dashboards import format as text
from dashboards import markup
from dashboards.markup import Card, Column, Row
from dashboards.page import Page
from warehouse import ledger_view
from warehouse.ledger_view import NewerCatalogue, PriceBookEntry, PriceChange

CHANGES = 12
_SHORT = 8


def book(page: Page) -> None:
    entries = ledger_view.price_books(page.control)
    st.html(markup.heading("Price book", "what a model costs, and since when we know"))
    if not entries:
        st.html(markup.paragraph("None is recorded yet; the next ", markup.code("margincall build"), " adopts one."))
        return
    st.html(markup.cards(_cards(entries)))
    newer = ledger_view.newer_catalogue(page.control)
    if newer is not None and newer.price_book_id == entries[0].price_book_id:
        _newer(newer, entries[0])


def _cards(entries: list[PriceBookEntry]) -> list[Card]:
    entry = entries[0]
    since, _, at = text.instant(entry.known_from).partition(", ")
    company = f"file {entry.company_sha[:_SHORT]}" if entry.company_sha else "None"
    litellm = f"file {entry.litellm_sha[:_SHORT]}" if entry.litellm_sha else "None"
    earlier = text.counted(len(entries) - 1, "earlier book") if len(entries) > 1 else "the first book"
    return [
        Card("In force", entry.price_book_id[:_SHORT], [entry.note, earlier], hint=entry.price_book_id),
        Card("Known from", since, [at]),
        Card("Catalogue", f"genai-prices {entry.catalogue_version}", [f"file {entry.catalogue_sha[:_SHORT]}, pinned"]),
        Card("LiteLLM's prices", litellm, ["pinned" if entry.litellm_sha else "not configured"]),
        Card("Company's prices", company, ["overrides and contracts" if entry.company_sha else "list prices are paid"]),
    ]


def _newer(newer: NewerCatalogue, entry: PriceBookEntry) -> None:
    installed = f"genai-prices {newer.catalogue_version} is installed, prices are pinned to {entry.catalogue_version}. "
    if not newer.days:
        st.html(markup.note("info", installed, "It would change no price that was used."))
        return
    would = f"It would change what requests of {text.counted(newer.days, 'day')} cost; "
    st.html(
        markup.note("warning", installed, would, markup.code("margincall prices refresh"), " says by how many dollars.")
    )
    columns = [Column("model in use", css="mc-name"), Column("price"), Column("in force", True), Column("installed", True),
               Column("USD per")]  # fmt: skip
    rows = [_change(change) for change in newer.changes[:CHANGES]]
    if len(newer.changes) > CHANGES:
        rows.append(Row([text.counted(len(newer.changes) - CHANGES, "more price"), "", "", "", ""], "mc-plain"))
    st.html(markup.table(columns, rows, label="Newer prices"))


def _change(change: PriceChange) -> Row:
    name = f"{change.model or 'no model named'} ({change.provider_name or 'no provider named'})"
    kind = "" if change.context == "standard" else change.context
    price = ", ".join(part for part in (change.component.replace("_", " "), kind, change.where) if part)
    return Row([name, price, change.before or text.NONE, change.after or text.NONE, change.unit])
