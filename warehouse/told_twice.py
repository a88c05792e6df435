"""Requests that two logs tell of: which rows stand for a call that a higher-ranked source tells of too.

A row is told twice when a row of a source that goes before its own has the same response id, or, where either of the two
has none, the same call id of the gateway; and they started within a day of each other, exactly a day included. Ids are
given out again after a while, and clocks and time zones differ; a day covers both.

- One source never tells on itself, whatever its instances: its own repetitions are versions of one record.
- Only current versions tell and are told. A hit of the gateway's cache has its original's response id and is another call:
  it goes by its call id alone.
- A gateway's call id is shared by retries and fallbacks: the call as a whole belongs to the source that goes first.
- Any higher-ranked row will do, also one that is told twice itself: so what a day's rows are depends on the day before
  and the day after, and no further. A row of an erased tenant or user tells still: its copy must not stand up for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from warehouse import schemas
from warehouse.connection import literal

_DAY_US = 86_400_000_000
_ROWS_AT_ONCE = 1_500_000
"""Rows of consecutive days that are looked at together; a day is never cut."""
_READ = (
    "record_key", "day", "source", "response_id", "gateway_call_id", "is_gateway_cache_hit", "started_at", "version_at",
    "row_hash", "landing_id", "source_line", "tenant_id", "end_user_id",
)  # fmt: skip

Days = frozenset[date]


@dataclass(frozen=True)
class Logged:
    """One file of requests that counts."""

    path: Path
    day: date
    source: str
    rows: int


def write(
    target: Path,
    files: Iterable[Logged],
    days: Iterable[date],
    precedence: Sequence[str],
    erased: Iterable[tuple[str, str]],
    spill: Path,
) -> None:
    """Write the rows of these days that are told twice: `record_key`, `day`, `source`, `counted_from`.

    `erased`: kind (`tenant`, `user`) and md5 of whom no row may name; those rows are left out here as everywhere. `files`
    are all that count. Where no two sources meet nothing is opened.
    """
    with _working(spill) as database:
        if rows := [list(row) for row in erased]:
            database.executemany("insert into erased values (?, ?)", rows)
        for wanted, read in _portions(list(files), days, precedence):
            database.execute(f"insert into told {_told(read, wanted, precedence, has_erased=bool(rows))}")
        database.execute(f"copy told to {literal(str(target))} (format parquet)")


def copies(files: Iterable[Logged], precedence: Sequence[str], theirs: str, traced: pa.Table, spill: Path) -> pa.Table:
    """Rows that tell of a call which a row of theirs tells of: `record_key`, `day`.

    `theirs`: SQL condition over `tenant_id` and `end_user_id`; `traced`: records that are theirs besides (`record_key`).
    Where no two sources meet nothing is opened.
    """
    every = list(files)
    if traced.num_rows:
        theirs = f"({theirs} or record_key in (select record_key from traced))"
    with _working(spill) as database:
        database.register("traced", traced)
        for wanted, read in _portions(every, {file.day for file in every}, precedence):
            database.execute(f"insert into told {_told(read, wanted, precedence, tells=theirs)}")
        return database.sql("select record_key, day from told").to_arrow_table()


@contextmanager
def _working(spill: Path) -> Generator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"temp_directory": str(spill)}) as database:
        database.execute("set timezone = 'UTC'")
        database.execute("set preserve_insertion_order = false")
        database.execute("create table told (record_key varchar, day date, source varchar, counted_from varchar)")
        database.execute("create table erased (kind varchar, id_md5 varchar)")
        yield database


def neighbours(changed: Days, sources: Mapping[date, Set[str]], told_before: Days) -> Days:
    """Days beside changed ones on which rows may be told twice now, or no longer.

    `sources`: of the files that count now, by day; `told_before`: days on which the last build found rows told twice.
    """
    beside = {(day, day + timedelta(days=shift)) for day in changed for shift in (-1, 1)}
    return frozenset(
        other
        for day, other in beside
        if other in sources and (other in told_before or len(sources[other] | sources.get(day, set())) > 1)
    )


def _portions(
    files: Sequence[Logged], days: Iterable[date], precedence: Sequence[str]
) -> Iterator[tuple[list[date], list[Logged]]]:
    """Days on which rows can be told twice, in portions, each with the files that tell."""
    by_day: defaultdict[date, list[Logged]] = defaultdict(list)
    for file in files:
        by_day[file.day].append(file)
    wanted: list[date] = []
    read: dict[date, int] = {}
    for day in sorted(set(days) & by_day.keys()):
        around = [other for other in (day - timedelta(days=1), day, day + timedelta(days=1)) if other in by_day]
        first = min(_rank(file.source, precedence) for other in around for file in by_day[other])
        if all(_rank(file.source, precedence) == first for file in by_day[day]):
            continue
        more = {other: sum(file.rows for file in by_day[other]) for other in around if other not in read}
        if wanted and sum(read.values()) + sum(more.values()) > _ROWS_AT_ONCE:
            yield wanted, [file for other in read for file in by_day[other]]
            wanted, read = [], {other: sum(file.rows for file in by_day[other]) for other in around}
        else:
            read |= more
        wanted.append(day)
    if wanted:
        yield wanted, [file for other in read for file in by_day[other]]


def _rank(source: str, precedence: Sequence[str]) -> int:
    return precedence.index(source) if source in precedence else len(precedence)


def _told(
    files: Sequence[Logged],
    days: Sequence[date],
    precedence: Sequence[str],
    *,
    tells: str = "true",
    has_erased: bool = False,
) -> str:
    """SQL of the rows of these days that a higher-ranked row tells of for which `tells` holds.

    Ids that stand on rows within a day of each other, nearly all, need no more than their lowest rank; the others a
    window. A constant that was logged as an id costs a sort and never a join of everything with everything.
    """
    ranks = " ".join(f"when {literal(source)} then {rank}" for rank, source in enumerate(precedence))
    names = " ".join(f"when {rank} then {literal(source)}" for rank, source in enumerate(precedence))
    around = f"order by started_us range between {_DAY_US} preceding and {_DAY_US} following"
    listed = ", ".join(f"date '{day}'" for day in days)
    names_erased = """md5(tenant_id) in (select id_md5 from erased where kind = 'tenant')
        or md5(coalesce(end_user_id, '')) in (select id_md5 from erased where kind = 'user')"""
    return f"""
with landed as not materialized (select {", ".join(_READ)} from {_relation(files)}),
superseded as (
    select record_key, landing_id, source_line
    from (
        select record_key, landing_id, source_line,
            row_number() over (
                partition by record_key order by version_at desc, row_hash desc, landing_id, source_line
            ) as version_rank
        from landed
        where hash(record_key) in (select hash(record_key) from landed group by all having count(*) > 1)
    )
    where version_rank > 1
),
calls as materialized (
    select record_key, day, source, case source {ranks} else {len(precedence)} end as rank,
        epoch_us(started_at) as started_us, gateway_call_id,
        case when coalesce(is_gateway_cache_hit, false) then null else response_id end as response_id,
        case when {tells} then rank end as teller, {names_erased if has_erased else "false"} as is_erased
    from landed
    where (gateway_call_id is not null or response_id is not null)
        and not exists (
            select 1 from superseded
            where superseded.record_key = landed.record_key and superseded.landing_id = landed.landing_id
                and superseded.source_line = landed.source_line
        )
),
responses as materialized (
    select response_id, min(teller) as first_rank, max(started_us) - min(started_us) <= {_DAY_US} as is_near
    from calls where response_id is not null group by response_id having min(teller) < max(rank)
),
gateway_calls as materialized (
    select gateway_call_id, min(teller) as any_rank, min(case when response_id is null then teller end) as silent_rank,
        max(started_us) - min(started_us) <= {_DAY_US} as is_near
    from calls where gateway_call_id in (select gateway_call_id from calls where response_id is null)
    group by gateway_call_id having min(teller) < max(rank)
),
found as (
    select calls.*, responses.first_rank from calls join responses using (response_id) where is_near
    union all by name
    select calls.*, min(teller) over (partition by response_id {around}) as first_rank
    from calls where response_id in (select response_id from responses where not is_near)
    union all by name
    select calls.*, case when response_id is null then any_rank else silent_rank end as first_rank
    from calls join gateway_calls using (gateway_call_id) where is_near
    union all by name
    select * exclude (any_rank, silent_rank), case when response_id is null then any_rank else silent_rank end as first_rank
    from (
        select *, min(teller) over (partition by gateway_call_id {around}) as any_rank,
            min(case when response_id is null then teller end) over (partition by gateway_call_id {around}) as silent_rank
        from calls where gateway_call_id in (select gateway_call_id from gateway_calls where not is_near)
    )
)
select record_key, any_value(day), any_value(source), case min(first_rank) {names} end
from found
where first_rank < rank and not is_erased and day in ({listed})
group by record_key"""


def _relation(files: Sequence[Logged]) -> str:
    """The columns that are read; null where a file was written before a column was."""
    types = {column.name: schemas.sql_type(column.type) for column in schemas.COLUMNS}
    empty = ", ".join(f"null::{types[name]} as {name}" for name in _READ)
    paths = ", ".join(literal(str(file.path)) for file in files)
    stored = f"read_parquet([{paths}], hive_partitioning = false, union_by_name = true)"
    return f"(select {empty} where false union all by name select * from {stored})"
