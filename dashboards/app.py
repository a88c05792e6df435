"""Navigation: what `streamlit run` starts. Pages come from `dashboards.views`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboards import shell
from dashboards.views import discover

ICON = Path(__file__).with_name("icon.svg")


def main() -> None:
    st.set_page_config(
        page_title="Margincall",
        page_icon=str(ICON),  # a symbol or an emoji would be fetched from the network
        layout="wide",
        menu_items={"About": "Margincall: what each successful task costs, and which tenants pay for themselves."},
    )
    st.logo(str(ICON), size="medium")
    views = discover()
    pages = [
        st.Page(_run(name), title=view.TITLE, icon=view.ICON, url_path=name, default=position == 0)
        for position, (name, view) in enumerate(views.items())
    ]
    st.navigation(pages, position="top").run()


def _run(name: str) -> Callable[[], None]:
    return lambda: shell.show(name)


main()
