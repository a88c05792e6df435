"""What traces say of requests: a request takes from the latest version of its trace what it does not say itself.

A trace may land before its requests, after them, or be corrected later. So its row stays apart, the models join the two in
every build (macro `filled_from_trace`), and whoever changes traces has to know which requests are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse import lake
from warehouse.connection import literal
from warehouse.schemas import UNATTRIBUTED

KEY = ("source", "source_instance", "trace_id")
_NEWEST_FIRST = "version_at desc, row_hash desc, landing_id, source_line"
_OWN = {"tenant_id": f"nullif(tenant_id, {literal(UNATTRIBUTED)})", "end_user_id": "end_user_id"}


def days_of(database: duckdb.DuckDBPyConnection, traces: str, requests: str) -> frozenset[date]:
    """Days of the requests that belong to these traces; `traces`, `requests`: SQL relations."""
    keys = ", ".join(KEY)
    found = database.execute(f"select distinct day from {requests} where ({keys}) in (select {keys} from {traces})")
    return frozenset(day for (day,) in found.fetchall())


def requests_naming(traces: Sequence[Path], requests: Sequence[Path], column: str, names: Iterable[str]) -> pa.Table:
    """Requests that name nobody in `column`, and whose trace names one of these there: `record_key`, `day`.

    Current versions on both sides. `column`: tenant_id or end_user_id. Without traces no request is opened.
    """
    keys, theirs, own = ", ".join(KEY), ", ".join(map(literal, names)), _OWN[column]
    with duckdb.connect() as database:
        return database.sql(
            f"""with latest as (
                select {keys}, {column} as named from {lake.scan(lake.TRACES, traces)}
                qualify row_number() over (partition by {keys} order by {_NEWEST_FIRST}) = 1
            ),
            theirs as (select {keys} from latest where named in ({theirs})),
            requests as (select * from {lake.scan(lake.REQUESTS, requests if traces else [])}),
            current as (
                select {keys}, record_key, day, {own} as own from requests
                where record_key in (select record_key from requests where ({keys}) in (select {keys} from theirs))
                qualify row_number() over (partition by record_key order by {_NEWEST_FIRST}) = 1
            )
            select record_key, day from current where own is null and ({keys}) in (select {keys} from theirs)"""
        ).to_arrow_table()
