"""Margincall's pages: what the published marts say, for people who read them on a Monday. `margincall dashboard` serves them."""
