"""`python -m sample_data.published TABLE.csv --out DIR [options]`: a published table as a task log for `margincall run`."""

from __future__ import annotations

import sys

from sample_data.published import Run, TableError, read_table, write_task_log
from sample_data.published.options import asked_of, parser
from sample_data.published.table import Table


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when written, 2 when what was asked cannot be done."""
    options = parser("python -m sample_data.published", __doc__).parse_args(arguments)
    asked = asked_of(options)
    try:
        table = read_table(options.table, asked)
        config = write_task_log(options.out, table.name, table.runs, asked.models)
    except (TableError, OSError) as error:
        print(f"sample_data.published: {error}", file=sys.stderr)
        return 2
    print("\n".join(said_of(table)))
    print(f"Next: margincall run --config {config}")
    return 0


def said_of(table: Table) -> list[str]:
    """What was read as what, and what was left out."""
    read = ", ".join(f"{role} = {header}" for role, header in table.columns.by_role.items())
    if table.columns.pass_k:
        read += f"; trials of each task = the highest k of {', '.join(table.columns.pass_k.values())} that a row has"
    logged = sum(run.is_logged for run in table.runs)
    tasks = sum(_tasks(run) for run in table.runs)
    return [
        f"Read {read}",
        *([f"Not read: {', '.join(table.columns.unread)}"] if table.columns.unread else []),
        f"{len(table.runs)} rows, {logged} runs logged with {tasks} tasks, {len(table.runs) - logged} not",
    ]


def _tasks(run: Run) -> int:
    return (run.tasks or 0) if run.is_logged else 0


if __name__ == "__main__":
    sys.exit(main())
