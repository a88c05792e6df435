"""Pieces of a page as HTML. Every text that comes in is escaped here, so that a tenant may be called `<b>`; see `Html`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = Path(__file__).with_name("style.css")
MET = {True: ("good", "✓ met"), False: ("bad", "✗ not met")}


class Html(str):
    """Text that is HTML already. Made in this file only, from escaped parts."""

    __slots__ = ()


Text = str | Html


@dataclass(frozen=True)
class Column:
    """A column of a table; `css` adds classes to its cells."""

    title: str
    is_number: bool = False
    css: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Row:
    """Cells in the order of the columns. A row of one cell is a heading over all of them."""

    cells: Sequence[Text]
    css: str = ""


@dataclass(frozen=True)
class Card:
    """A headline figure: what, how much, and lines that put it in proportion."""

    label: str
    value: Text
    lines: Sequence[Text] = ()
    hint: str = ""


def style() -> Html:
    return Html(f"<style>{STYLE.read_text(encoding='utf-8')}</style>")


def safe(text: Text) -> Html:
    """As HTML that shows exactly this text."""
    return text if isinstance(text, Html) else Html(escape(text))


def joined(*parts: Text, between: str = "") -> Html:
    return Html(escape(between).join(safe(part) for part in parts if part))


def tag(name: str, *parts: Text, css: str = "", hint: str = "") -> Html:
    attributes = (f' class="{escape(css)}"' if css else "") + (f' title="{escape(hint)}"' if hint else "")
    return Html(f"<{name}{attributes}>{joined(*parts)}</{name}>")


def link(text: Text, address: str, *, hint: str = "") -> Html:
    """Within the dashboard; `address` is relative and built by `address.link_to`."""
    return Html(f'<a class="mc-link" href="{escape(address)}" target="_self" title="{escape(hint)}">{safe(text)}</a>')


def muted(*parts: Text) -> Html:
    return tag("span", *parts, css="mc-muted")


def stacked(above: Text, below: Text) -> Html:
    """Two lines in one cell: a figure, and what puts it in proportion."""
    return joined(safe(above), tag("div", below, css="mc-below") if below else "")


def code(text: str) -> Html:
    return tag("code", text, css="mc-code")


def verdict(is_met: bool | None) -> Text:
    """Met or not, by word and sign as well as by colour."""
    if is_met is None:
        return ""
    css, words = MET[is_met]
    return tag("span", words, css=f"mc-{css}")


def heading(text: Text, hint: Text = "") -> Html:
    return tag("div", tag("h2", text), tag("span", hint, css="mc-hint") if hint else "", css="mc-heading")


def paragraph(*parts: Text) -> Html:
    return tag("p", *parts, css="mc-text")


def note(kind: str, *parts: Text) -> Html:
    """A line that says something about the page. `kind`: info, good, warning."""
    return tag("div", *parts, css=f"mc-note mc-note-{kind}")


def cards(items: Iterable[Card]) -> Html:
    made = [
        tag(
            "div",
            tag("div", item.label, css="mc-card-label", hint=item.hint),
            tag("div", item.value, css="mc-card-value"),
            *(tag("div", line, css="mc-card-line") for line in item.lines if line),
            css="mc-card",
        )
        for item in items
    ]
    return tag("div", *made, css="mc-cards")


def table(columns: Sequence[Column], rows: Iterable[Row], *, label: str, css: str = "") -> Html:
    """`label` names the table to a screen reader."""
    classes = [f"{'mc-number' if column.is_number else ''} {column.css}".strip() for column in columns]
    head = [
        Html(f'<th scope="col" class="{name}" title="{escape(column.hint)}">{escape(column.title)}</th>')
        for column, name in zip(columns, classes, strict=True)
    ]
    body: list[Html] = []
    for row in rows:
        if len(row.cells) == 1:
            cells = [Html(f'<th colspan="{len(columns)}" scope="colgroup">{safe(row.cells[0])}</th>')]
        else:
            cells = [tag("td", cell, css=name) for cell, name in zip(row.cells, classes, strict=True)]
        body.append(tag("tr", *cells, css=row.css))
    inner = joined(tag("thead", tag("tr", *head)), tag("tbody", *body))
    return Html(
        f'<div class="mc-scroll"><table class="mc-table {css}" aria-label="{escape(label)}">{inner}</table></div>'
    )


def bars(heights: Sequence[int | None], hints: Sequence[str], *, last_is_open: bool = False) -> Html:
    """A row of small bars, heights in per cent; None leaves a gap."""
    made: list[str] = []
    for position, (height, hint) in enumerate(zip(heights, hints, strict=True)):
        is_last = position == len(heights) - 1
        css = "mc-bar" + (" mc-bar-open" if is_last and last_is_open else " mc-bar-last" if is_last else "")
        size = 0 if height is None else max(height, 4)
        made.append(f'<span class="{css}" style="height:{size}%" title="{escape(hint)}"></span>')
    return Html(f'<span class="mc-bars" aria-hidden="true">{"".join(made)}</span>')


def bars_across(per_cent: int) -> Html:
    """A bar from the left, 0 to 100."""
    size = max(0, min(per_cent, 100))
    return Html(f'<span class="mc-across" aria-hidden="true"><span style="width:{size}%"></span></span>')


def balance(per_cent: int) -> Html:
    """A bar to the right for more, to the left for less; -100 to 100."""
    side, size = ("more" if per_cent > 0 else "less"), min(abs(per_cent), 100)
    inner = f'<span class="mc-balance-{side}" style="width:{size // 2}%"></span>'
    return Html(f'<span class="mc-balance" aria-hidden="true">{inner if size else ""}</span>')
