"""Where a row was read: the source file of its landing, and its line in that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.sources import discover
from warehouse import ledger_view
from warehouse.control import Control
from warehouse.schemas import ITEMS


@dataclass(frozen=True)
class Origin:
    """`line` counts from 1; of a document or a Parquet file it is the number of the record. `item`: place in the record."""

    file: str
    line: int
    item: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" + (f", item {self.item}" if self.item else "")


def origins(control: Control, rows: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Origin]:
    """(landing id, stored line) -> where that is; a landing that the ledger does not know is left out."""
    wanted = list(rows)
    landed = ledger_view.landed_from(control, {landing_id for landing_id, _ in wanted})
    known = discover()
    found: dict[tuple[str, int], Origin] = {}
    for landing_id, line in wanted:
        if landing_id in landed:
            path, source = landed[landing_id]
            holds_several = source in known and known[source].expand is not None
            found[landing_id, line] = Origin(path, *divmod(line, ITEMS)) if holds_several else Origin(path, line)
    return found
