"""The finance CSV: the weekly view, tenants' margins, what was spent on what, and what a successful task cost.

The files tie out to each other: a tenant's cost of goods in the margins is the sum of its rows in the costs, to the last digit.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.exports import Export, ExportError, Written
from pipelines.exports.csv_file import Table, encode
from pipelines.exports.finance.costs import cost_table, period_costs, rounded_costs
from pipelines.exports.finance.margins import margin_table
from pipelines.exports.finance.tasks import task_table
from pipelines.exports.finance.weekly import weekly_table
from pipelines.exports.folder import MANIFEST, replace_folder
from pipelines.exports.manifest import Coverage, describe, describe_file, encode_manifest
from pipelines.exports.periods import is_complete
from warehouse.reader import Period, Reader
from warehouse.rows import DataState

NAME = "finance"
MAX_DECIMALS = 12
_TRIES = 3


def export_finance(reader: Reader, out: Path, period: Period, *, label: str, decimals: int = 6) -> Written:
    """Write the finance CSV of a month or a week to the folder `label` under `out`; amounts get `decimals` places.

    Raises ExportError, NothingPublished, PublishError, OSError.
    """
    if not 2 <= decimals <= MAX_DECIMALS:
        raise ExportError(f"{decimals} decimals: an amount is printed with 2 to {MAX_DECIMALS}.")
    state, coverage, tables = _read_one_version(reader, period, decimals)
    contents = {table.name: encode(table) for table in tables}
    described = [describe_file(table, contents[table.name], coverage) for table in tables]
    about = describe(NAME, label, period, state, coverage, decimals=decimals, is_complete=is_complete(state, period))
    manifest = {**about, "files": [entry for _, entry in described]}
    replace_folder(out / label, {**contents, MANIFEST: encode_manifest(manifest)})
    return Written(out / label, [written for written, _ in described], manifest)


def _read_one_version(reader: Reader, period: Period, decimals: int) -> tuple[DataState, Coverage, list[Table]]:
    """Everything out of one published version: a build that is published in between would make files that do not tie out."""
    for _ in range(_TRIES):
        version = reader.version()
        try:
            found = _read(reader, period, decimals)
        except ExportError:
            if reader.version() == version:
                raise
            continue
        if reader.version() == version:
            return found
    raise ExportError("New figures were published while the export was read. Run it again.")


def _read(reader: Reader, period: Period, decimals: int) -> tuple[DataState, Coverage, list[Table]]:
    margins = reader.tenant_margins(period)
    costs = rounded_costs(period_costs(reader, period), margins, decimals)
    tables = [
        weekly_table(reader, period),
        margin_table(margins, costs, period, decimals),
        cost_table(costs, period),
        task_table(reader.task_costs(period, ("tenant_id", "feature")), period, decimals),
    ]
    return reader.state(), Coverage.of(margins), tables


EXPORT = Export(
    name=NAME,
    description="CSV files for finance: margins and costs of a month or a week",
    files={
        "unit_economics_weekly.csv": "the weekly view of the weeks that end in the period",
        "tenant_margin_{every}.csv": "revenue, cost of goods and gross profit by tenant",
        "cost_by_tenant_feature_model_{every}.csv": "what was spent, on what and with which model",
        "cost_per_successful_task.csv": "tasks, outcomes and their cost by tenant and feature",
    },
    write=export_finance,
)
