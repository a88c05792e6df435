"""The ledger's books by dataset, against what the lake's files hold."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from warehouse import control as db
from warehouse.control import Control


@dataclass(frozen=True)
class Balance:
    """Everything that ever landed of one dataset. `newest`: number of its latest landing, 0 before the first."""

    files: int = 0
    rows_in: int = 0
    landed: int = 0
    duplicate: int = 0
    quarantined: int = 0
    erased: int = 0
    newest: int = 0
    stored: int = 0
    """Rows that the listed files of the lake hold."""

    @property
    def is_even(self) -> bool:
        """Every row that came in is accounted for, and what landed and was not erased is what the lake holds."""
        accounted = self.landed + self.duplicate + self.quarantined
        return self.rows_in == accounted and self.landed - self.erased == self.stored


def balances(control: Control) -> dict[str, Balance]:
    """Dataset (`llm_request`, `feed_<name>`) -> its balance; a dataset of which nothing landed is not there."""
    table, names = db.landing, ("rows_in", "landed", "duplicate", "quarantined", "erased")
    sums = [sa.func.sum(table.c[name]) for name in names]
    landed = sa.select(table.c.dataset, sa.func.count(), *sums, sa.func.max(table.c.seq))
    landed = landed.where(table.c.state == "landed").group_by(table.c.dataset)
    stored = sa.select(db.lake_file.c.dataset, sa.func.sum(db.lake_file.c.rows)).group_by(db.lake_file.c.dataset)
    with control.read() as connection:
        books = {dataset: [int(count) for count in counts] for dataset, *counts in connection.execute(landed)}
        rows = {dataset: int(count) for dataset, count in connection.execute(stored)}
    return {name: Balance(*books.get(name, [0] * 7), stored=rows.get(name, 0)) for name in books.keys() | rows.keys()}
