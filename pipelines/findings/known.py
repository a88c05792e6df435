"""Findings of what is published now, with what people said of them."""

from __future__ import annotations

from pipelines.economics.finding import Finding
from pipelines.findings.gather import findings, limits_of
from pipelines.findings.judged import Judged, judged
from pipelines.settings import Findings
from warehouse.control import Control
from warehouse.finding_states import everything_said
from warehouse.reader import Reader


def known(reader: Reader, control: Control, asked: Findings) -> list[Judged]:
    """All of them, the dearest first. Raises NothingPublished."""
    return judged(findings(reader, limits_of(asked)), everything_said(control))


def open_findings(reader: Reader, control: Control, asked: Findings) -> dict[str, Finding]:
    """Those that somebody should look at, by the id they are known by. Raises NothingPublished."""
    return {one.finding_id: one.finding for one in known(reader, control, asked) if one.is_open}
