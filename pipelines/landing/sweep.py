"""Files that count no longer, removed: those of landings that were read again or rewritten, and of dead processes.

What the ledger does not know at all stays: it may be the lake of another control database.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pipelines.landing import ledger, quarantine
from warehouse import control as db
from warehouse import lake
from warehouse.control import Control
from warehouse.lake import Lake


def sweep(control: Control, the_lake: Lake, data_dir: Path) -> int:
    """Remove them; how many files of the lake. The caller holds the build lock: a build may still read such files."""
    ledger.drop_abandoned(control, the_lake.discard)
    over, kept = leftovers(control, the_lake), list(quarantine.folder(data_dir).glob("*.jsonl"))
    for path in over:
        path.unlink(missing_ok=True)
    with control.read() as connection:
        states = _states(connection)
    for path in kept:
        if states.get(path.stem) == "replaced":
            path.unlink(missing_ok=True)
    return len(over)


def leftovers(control: Control, the_lake: Lake) -> list[Path]:
    """Files of the lake that landings left which the ledger knows, and that count no longer."""
    # First the files, then the ledger: what was there before and counts in neither reading is nobody's work in progress.
    found = [path for dataset in lake.datasets() for path in (the_lake.root / dataset).rglob("*.parquet")]
    with control.read() as connection:
        listed = {row.path for row in connection.execute(sa.select(db.lake_file.c.path))}
        states = _states(connection)
    return [
        path
        for path in found
        if str(path.relative_to(the_lake.root)) not in listed
        and states.get(path.name.partition("-")[0]) in ("landed", "replaced")
    ]


def _states(connection: Connection) -> dict[str, str]:
    query = sa.select(db.landing.c.landing_id, db.landing.c.state)
    return {row.landing_id: row.state for row in connection.execute(query)}
