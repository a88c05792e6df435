"""What lands in the lake: requests and business feeds, in one step, because files are told apart by their content."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from pipelines.assets.failures import told
from pipelines.feeds import feed_by_name
from pipelines.landing.balance import Balance, balances
from pipelines.landing.land import FileResult
from pipelines.run import ingest_names
from pipelines.settings import Settings
from warehouse.control import Control
from warehouse.feed_schemas import FEEDS
from warehouse.lake import REQUESTS, TRACES

REQUESTS_DESCRIPTION = """Requests to model providers, from the log files of the configuration. Each file, and each line of
a growing file, lands exactly once. Grain: one row per provider attempt and version of it."""
TRACES_DESCRIPTION = """What logs say of whole traces, from the same files: a request takes from its trace what it does not say
itself. Grain: one row per trace and version of it."""
BALANCED, LANDED, CLEAN = "rows_in_are_accounted_for", "every_file_landed", "nothing_in_quarantine"


def _specs() -> Iterator[dg.AssetSpec]:
    yield dg.AssetSpec(REQUESTS, group_name="ingest", description=REQUESTS_DESCRIPTION, kinds={"parquet"})
    yield dg.AssetSpec(TRACES, group_name="ingest", description=TRACES_DESCRIPTION, kinds={"parquet"})
    for name in sorted(FEEDS):
        description = f"Business feed `{name}`; a file lands whole or not at all. {FEEDS[name].grain}"
        yield dg.AssetSpec(f"feed_{name}", group_name="feeds", description=description, kinds={"parquet"})


def _checks(specs: Sequence[dg.AssetSpec]) -> Iterator[dg.AssetCheckSpec]:
    for spec in specs:
        balanced = "Rows in = landed + duplicate + quarantined; landed − erased = rows of the lake's files."
        yield dg.AssetCheckSpec(BALANCED, asset=spec.key, description=balanced)
        landed = "No file of the last run was refused, or of a format that nothing here knows."
        yield dg.AssetCheckSpec(LANDED, asset=spec.key, description=landed)
    clean = "No row waits in quarantine. `margincall quarantine` lists them."
    yield dg.AssetCheckSpec(CLEAN, asset=REQUESTS, description=clean)


SPECS = list(_specs())


@dg.multi_asset(name="ingest", specs=SPECS, check_specs=list(_checks(SPECS)))
def ingest(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Land what is new in `logs` and `feeds` of the configuration, each file exactly once."""
    names = settings.inputs
    if not names:
        context.log.warning("Nothing to ingest is configured: only what the command line landed is built.")
    with told(context):
        results = ingest_names(settings, names, lambda *_: None)
        control = Control(settings.control_url)
        books = balances(control)
        control.close()
    by_dataset: defaultdict[str, list[FileResult]] = defaultdict(list)
    for result in results:
        by_dataset[_dataset(result)].append(result)
    for spec in SPECS:
        name = spec.key.to_user_string()
        yield _materialised(name, by_dataset[name], books.get(name, Balance()))


def _dataset(result: FileResult) -> str:
    """The dataset a file belongs to; one that could not be read as a feed by its name counts as a log."""
    name = result.source if result.source in FEEDS else feed_by_name(Path(result.path))
    return f"feed_{name}" if name else REQUESTS


def _materialised(name: str, results: Sequence[FileResult], book: Balance) -> dg.MaterializeResult[Any]:
    landed = [result for result in results if result.state == "landed"]
    counts = {
        what: sum(getattr(result.counts, what) for result in landed)
        for what in ("rows_in", "landed", "duplicate", "quarantined")
    }
    checks = [_balanced(name, book), _every_file_landed(name, results)]
    if name == REQUESTS:
        checks.append(_clean(book))
    return dg.MaterializeResult(
        asset_key=name,
        metadata={"files": len(results), "new_files": len(landed), **counts, "dagster/row_count": book.stored},
        check_results=checks,
        # What is downstream is out of date only when something landed or was erased.
        data_version=dg.DataVersion(f"{book.newest}-{book.stored}"),
    )


def _balanced(name: str, book: Balance) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=name, check_name=BALANCED, passed=book.is_even, metadata=dict(vars(book)))


def _every_file_landed(name: str, results: Sequence[FileResult]) -> dg.AssetCheckResult:
    """A refused file is an error, one of an unknown format a remark; neither keeps the others from being built."""
    left = [result for result in results if result.state in ("failed", "unknown")]
    is_refused = any(result.state == "failed" for result in left)
    told_of = "\n".join(f"- {result.path}: {result.message}" for result in left)
    return dg.AssetCheckResult(
        asset_key=name,
        check_name=LANDED,
        passed=not left,
        severity=dg.AssetCheckSeverity.ERROR if is_refused else dg.AssetCheckSeverity.WARN,
        metadata={"files": dg.MetadataValue.md(told_of)} if left else {},
    )


def _clean(book: Balance) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=REQUESTS,
        check_name=CLEAN,
        passed=book.quarantined == 0,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rows": book.quarantined},
    )


def definitions(_: Settings) -> dg.Definitions:
    return dg.Definitions(assets=[ingest])
