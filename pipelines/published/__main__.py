"""`python -m pipelines.published TABLE.csv --out DIR [options]`: published figures recomputed.

Writes the table's runs as a task log (`sample_data.published`), lands, builds and publishes that like any other log, and
compares what the published marts say with what the table says, run by run: `DIR/report.csv`.

Exit codes: 0 every published figure was reproduced or its row is named as dirty, 1 failed, 2 usage, 3 a figure of the marts
is not the table's.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from pipelines.building.build import BuildError
from pipelines.building.lock import Locked
from pipelines.exports.csv_file import encode
from pipelines.landing.land import LandingError
from pipelines.pricebook.book import PriceBookError
from pipelines.published.compare import Line, compared
from pipelines.published.report import report_of, summary_of
from pipelines.run import run
from pipelines.settings import SettingsError, load_settings
from sample_data.published import Run, TableError, read_table, write_task_log
from sample_data.published.__main__ import said_of
from sample_data.published.options import asked_of, parser
from warehouse.control import ControlError
from warehouse.publish import PublishError
from warehouse.reader import Reader

FAILED, USAGE, THRESHOLD, INTERRUPTED = 1, 2, 3, 130


def main(arguments: list[str] | None = None) -> int:
    """Write, run, compare. A second time nothing is left to land or build."""
    options = parser("python -m pipelines.published", __doc__).parse_args(arguments)
    asked = asked_of(options)
    try:
        table = read_table(options.table, asked)
        config = write_task_log(options.out, table.name, table.runs, asked.models)
        print("\n".join(said_of(table)))
        lines = _recomputed(config, table.runs)
        report = options.out / "report.csv"
        report.write_bytes(encode(report_of(lines)))
    except (TableError, SettingsError) as error:
        return _complained(error, USAGE)
    except (LandingError, BuildError, Locked, PriceBookError, ControlError, PublishError, OSError) as error:
        return _complained(error, FAILED)
    print("\n".join(summary_of(lines)))
    print(f"Every run: {report}")
    return 0 if all(line.is_reproduced for line in lines) else THRESHOLD


def _recomputed(config: Path, runs: Iterable[Run]) -> list[Line]:
    settings = load_settings(config, {})  # the environment's settings are of the user's own books
    landed = run(settings, lambda *_: None)
    if quarantined := sum(file.counts.quarantined for file in landed.files):
        raise LandingError(f"{quarantined} rows in quarantine: margincall quarantine --config {config}")
    reader = Reader(settings.data_dir)
    try:
        return compared(runs, reader)
    finally:
        reader.close()


def _complained(error: Exception, code: int) -> int:
    print(f"pipelines.published: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
