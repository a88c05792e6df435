"""Filters in the URL: it alone says what is shown, so a copied one shows the same; what it gets wrong is told, not raised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import streamlit as st

T = TypeVar("T")
ALL = "all"
"""In the URL: no filter."""
_KEPT, _WIDGET = "kept_filters", "filter_"


class Address:
    """The query of the page that runs; `notes` lists what could not be read from it."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def text(self, name: str) -> str | None:
        """What the URL says, else what was chosen earlier in this session, as on another page."""
        return st.query_params.get(name) or _kept().get(name)

    def one_of(self, name: str, options: Mapping[str, T], default: str) -> str:
        """A key of `options`: the one asked for, or `default` where it is none of them. It stands in the URL afterwards."""
        asked = self.text(name)
        chosen = asked if asked in options else default
        if asked is not None and asked != chosen:
            self.notes.append(f"“{name}={asked[:60]}” in the address is not known here; shown is {chosen}.")
        write(name, chosen)
        return str(chosen)

    def some_of(self, name: str, options: Sequence[str], default: Sequence[str]) -> list[str]:
        """Those keys of a comma-separated list that there are, in its order."""
        asked = self.text(name)
        if asked is None:
            return list(default)
        wanted = list(dict.fromkeys(part for part in asked.split(",") if part and part != "none"))
        unknown = [part for part in wanted if part not in options]
        if unknown:
            self.notes.append(f"“{name}={','.join(unknown)[:60]}” in the address is not known here and is left out.")
        return [part for part in wanted if part in options]

    def choose(self, name: str, label: str, options: Mapping[str, str], default: str) -> str:
        """A select box over key -> words, bound to the URL; returns the key."""
        chosen = self.one_of(name, options, default)
        key = bound(name, chosen)
        st.selectbox(
            label,
            list(options),
            format_func=lambda option: options.get(option, option),
            key=key,
            on_change=_follow(name),
        )
        return chosen

    def switch(self, name: str, label: str, options: Mapping[str, str], default: str) -> str:
        """A row of buttons of which one is on. The words are ours: they are read as Markdown."""
        chosen = self.one_of(name, options, default)
        key = bound(name, chosen)
        st.segmented_control(
            label,
            list(options),
            format_func=lambda option: options.get(option, option),
            key=key,
            on_change=_follow(name),
            required=True,
            label_visibility="collapsed",
        )
        return chosen


def bound(name: str, value: Any) -> str:
    """The key of a widget that shows `value`, which the URL says."""
    key = _WIDGET + name
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key


def write(name: str, value: str | None) -> None:
    """Put into the URL and remember for the other pages; None takes it out."""
    if value is None:
        _kept().pop(name, None)
        if name in st.query_params:
            del st.query_params[name]
        return
    _kept()[name] = value
    if st.query_params.get(name) != value:
        st.query_params[name] = value


def link_to(page: str, **values: str) -> str:
    """Relative address of a page with its filters."""
    return f"{page}?{urlencode(values)}"


def _kept() -> dict[str, str]:
    return st.session_state.setdefault(_KEPT, {})


def _follow(name: str) -> Callable[[], None]:
    def chosen() -> None:
        value = st.session_state.get(_WIDGET + name)
        write(name, ",".join(value) or "none" if isinstance(value, list) else value)

    return chosen
