"""What days cost under another price book: the pricing models run once more, beside the warehouse, and are thrown away.

The lake is read as a build reads it, so two books are compared on the same requests, exactly.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from pipelines.building.build import BuildError
from pipelines.building.dbt import DbtFailed, NodeDone, run_dbt
from pipelines.building.inputs import write_inputs
from pipelines.pricebook.book import PriceBook
from pipelines.settings import Settings
from warehouse import control as db
from warehouse import lake
from warehouse.connection import warehouse
from warehouse.control import Control
from warehouse.lake import Lake, LakeFile
from warehouse.planner import Marks, Plan

PICO = 12


@dataclass(frozen=True)
class Sums:
    """Requests and their costs in whole pico-dollars; those without a price count and cost nothing."""

    requests: int = 0
    unpriced: int = 0
    list_pico: int = 0
    contracted_pico: int = 0
    effective_pico: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def dollars(self) -> dict[str, Decimal]:
        """List, contracted and effective cost in USD, exact."""
        picos = {"list": self.list_pico, "contracted": self.contracted_pico, "effective": self.effective_pico}
        return {name: Decimal(pico).scaleb(-PICO) for name, pico in picos.items()}


@dataclass(frozen=True)
class Compared:
    """Sums under two books by (provider, model) as logged."""

    first: date
    last: date
    before: dict[tuple[str, str], Sums]
    after: dict[tuple[str, str], Sums]

    def totals(self) -> tuple[Sums, Sums]:
        return sum(self.before.values(), Sums()), sum(self.after.values(), Sums())


def compare_costs(
    settings: Settings,
    control: Control,
    days: Iterable[date],
    before: PriceBook,
    after: PriceBook,
    progress: NodeDone = lambda *_: None,
) -> Compared:
    """Price the requests of these days with both books. Raises BuildError."""
    listed = sorted(set(days))
    with _scratch(settings.data_dir.resolve()) as folder:
        run = _Shadow(settings, control, folder, listed, progress)
        first = run.sums(before)
        return Compared(listed[0], listed[-1], first, first if _are_one(before, after) else run.sums(after))


def request_days(control: Control) -> list[date]:
    """UTC days that the lake has requests of, ascending."""
    table = db.lake_file
    rows = control.rows(sa.select(table.c.day).where(table.c.dataset == lake.REQUESTS).distinct())
    return sorted(date.fromisoformat(row.day) for row in rows if row.day)


class _Shadow:
    """Runs over the same days and files, one book after the other."""

    def __init__(
        self, settings: Settings, control: Control, folder: Path, days: list[date], progress: NodeDone
    ) -> None:
        self.progress = progress
        self.settings, self.control, self.folder = settings, control, folder
        self.lake = Lake(settings.data_dir.resolve() / "lake")
        self.days = frozenset(days)
        with control.read() as connection:
            self.files = tuple(file for dataset in lake.datasets() for file in lake.files(connection, dataset))

    def sums(self, book: PriceBook) -> dict[tuple[str, str], Sums]:
        """Requests and costs of the days asked for, by (provider, model)."""
        path, inputs = self.folder / "warehouse.duckdb", self.folder / "inputs"
        path.unlink(missing_ok=True)
        priced = self.days | _carried(book, self.days, self.files)
        none: frozenset[date] = frozenset()
        plan = Plan("full", "shadow", priced, none, none, self.files, Marks(0, 0, 0))
        write_inputs(inputs, plan, self.settings, book, self.control, self.lake)
        command = ["run", "--full-refresh", "--select", "+fct_llm_request_priced"]
        try:
            run_dbt(
                command,
                data_dir=self.folder,
                warehouse=path,
                inputs=inputs,
                on_done=self.progress,
                target_path=self.folder / "target",
            )
        except DbtFailed as error:
            raise BuildError(f"The prices could not be compared; nothing is changed.\n{error}") from None
        with warehouse(path) as database:
            listed = ", ".join(f"date '{day}'" for day in sorted(self.days))
            rows = database.execute(
                f"""select lower(coalesce(provider_name, '')), lower(coalesce(model, '')), count(*),
                    count(*) filter (where cost_pico is null), coalesce(sum(list_cost_pico), 0),
                    coalesce(sum(contracted_cost_pico), 0), coalesce(sum(cost_pico), 0)
                from fct_llm_request_priced where day in ({listed}) group by all"""
            ).fetchall()
        return {(row[0], row[1]): Sums(*map(int, row[2:])) for row in rows}


def _carried(book: PriceBook, days: frozenset[date], files: Iterable[LakeFile]) -> frozenset[date]:
    """Earlier days of the drawdown windows that these days lie in: what was drawn there decides what a token costs here."""
    starts: list[date] = []
    for row in book.drawdowns.to_pylist():
        inside = [day for day in days if row["valid_from"] <= day < row["valid_to"]]
        if inside:
            first = min(inside)
            starts.append(
                row["valid_from"] if row["window"] == "term" else max(row["valid_from"], first.replace(day=1))
            )
    if not starts:
        return frozenset()
    known = (date.fromisoformat(file.day) for file in files if file.day)
    return frozenset(day for day in known if min(starts) <= day <= max(days))


def _are_one(one: PriceBook, other: PriceBook) -> bool:
    """Whether two books give the same names the same prices."""
    shas = [(book.names.catalogue.sha, book.names.litellm and book.names.litellm.sha) for book in (one, other)]
    return one.price_book_id == other.price_book_id and shas[0] == shas[1]


@contextmanager
def _scratch(data_dir: Path) -> Generator[Path]:
    """A folder for one comparison; those that a killed one left behind go."""
    home = data_dir / "build"
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob("shadow-*-*"):
        if not Path(f"/proc/{left.name.split('-')[1]}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"shadow-{os.getpid()}-", dir=home) as folder:
        yield Path(folder)
