"""Do the settings name what is there?"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.doctor.check import Check
from pipelines.landing.collect import find
from pipelines.landing.failures import LandingError
from pipelines.settings import Settings
from warehouse import publish
from warehouse.reader import Reader


def places(settings: Settings) -> Iterator[Check]:
    """`logs` and `feeds` name files, folders or globs; one that stands for nothing stops every run."""
    named = [*settings.logs, *settings.feeds]
    try:
        files = find(named, settings.data_dir)
    except LandingError as error:
        yield Check("configuration", False, str(error), "mend `logs` or `feeds`, or create the folder")
        return
    detail = (
        f"{len(files):,} files at {len(named)} places of logs and feeds" if named else "no `logs` and `feeds` are set"
    )
    yield Check("configuration", True, detail)


def environments(settings: Settings) -> Iterator[Check]:
    """A production environment under a name that the settings do not know would be booked as R&D."""
    if publish.current(settings.data_dir.resolve()) is None:
        return
    reader = Reader(settings.data_dir)
    rows = reader.query(
        "select environment, is_production, sum(requests) from fct_cost_day group by all order by 3 desc"
    ).rows
    reader.close()
    seen = [(str(name), is_production) for name, is_production, _ in rows if name is not None]
    production = sorted({name for name, is_production in seen if is_production})
    other = sorted({name for name, is_production in seen if not is_production})
    detail = f"cost of goods: {', '.join(production) or 'requests without one'}; R&D: {', '.join(other) or 'none'}"
    is_well = bool(production) or not other or any(name is None for name, _, _ in rows)
    yield Check("environments", is_well, detail, "name your production environment in [environments] production")
