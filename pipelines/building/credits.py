"""When credit packs earn: decided in a build's inputs, before the models, because burning is one step after the other.

Burns are those of the feed `credit_burns`; a tenant that has none there burns by what it used, at its contract's
`credit_rates`. Only parts of a pack are worked out here, no amounts: the models convert and round.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation, localcontext
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.economics.apportion import EXACT
from pipelines.economics.revenue import Estimate, Pack, PackDay, Use, recognise
from pipelines.settings import Settings
from warehouse import lake
from warehouse.connection import literal, warehouse
from warehouse.feed_schemas import FEEDS

UNITS = ("requests", "input_tokens", "output_tokens", "tokens", "tasks", "successful_tasks")
"""What `credit_rates` may name; the same words as the setting `revenue.usage_unit`."""
_SCALE = 12
"""Credits are counted in millionths of millionths, as finely as feeds hold them."""
_WHOLE = pa.decimal128(38, 0)
_EARNING = pa.schema(
    [
        *((name, pa.string()) for name in ("line_id", "tenant_id")),
        ("day", pa.date32()),
        ("basis", pa.string()),
        *((name, _WHOLE) for name in ("before_part", "before_whole", "after_part", "after_whole")),
    ]
)
_UNCOVERED = pa.schema([("tenant_id", pa.string()), ("day", pa.date32()), ("credits", pa.decimal128(38, 12))])
_UNKNOWN = pa.schema([("tenant_id", pa.string()), ("name", pa.string())])


@dataclass(frozen=True, slots=True)
class _Contract:
    """`rates`: credits for one unit, of the units that are understood."""

    plan: str
    valid_from: date
    valid_to: date | None
    rates: Mapping[str, Decimal]


def write_credits(folder: Path, settings: Settings, measure: Callable[[], Path]) -> None:
    """Write the inputs `credit_day`, `credit_uncovered` and `credit_rate_unknown` from the feeds that the inputs list.

    `measure` brings requests and tasks up to date and names the warehouse they are in; it is called only where usage burns.
    """
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        packs, refunds, burns = _packs(database, folder), _refunds(database, folder), list[Use]()
        contracts, unknown = {}, list[tuple[str, str]]()
        if packs:
            burns = _burns(database, folder, settings.reporting.zone)
            by_usage = {pack.tenant_id for pack in packs} - {burn.tenant_id for burn in burns}
            contracts, unknown = _contracts(database, folder, by_usage)
    if contracts:
        burns += _burned_by_usage(measure(), contracts)
    estimates = [Estimate(item.since, item.share) for item in settings.revenue.expected_breakage]
    earning, uncovered = recognise(packs, [*burns, *refunds], estimates)
    pq.write_table(_rows(_EARNING, map(_stored, earning)), folder / "credit_day.parquet")
    lost = [(use.tenant_id, use.day, Decimal(use.credits).scaleb(-_SCALE, EXACT)) for use in uncovered]
    pq.write_table(_rows(_UNCOVERED, lost), folder / "credit_uncovered.parquet")
    pq.write_table(_rows(_UNKNOWN, unknown), folder / "credit_rate_unknown.parquet")


def _current(folder: Path, feed: str) -> str:
    """SQL relation of the current version of each row, as the macro `latest_of_feed` picks it; no row of erased tenants."""
    listed = pq.read_table(folder / "lake_file.parquet", columns=["dataset", "path"]).to_pylist()
    dataset = f"feed_{feed}"
    rows = lake.scan(dataset, [Path(row["path"]) for row in listed if row["dataset"] == dataset])
    key = ", ".join(f"feed.{column}" for column in FEEDS[feed].key)
    landing, tombstone = (literal(str(folder / f"{name}.parquet")) for name in ("landing", "tombstone"))
    return f"""(
        select * from (
            select feed.* from {rows} as feed left join read_parquet({landing}) as landing using (landing_id)
            qualify row_number() over (partition by {key} order by feed.observed_at desc nulls last,
                landing.seq desc nulls last, feed.source_line desc) = 1)
        where md5(tenant_id) not in (select id_md5 from read_parquet({tombstone}) where kind = 'tenant'))"""


def _packs(database: duckdb.DuckDBPyConnection, folder: Path) -> list[Pack]:
    """A voided pack, of amount 0, has no credits."""
    rows = database.execute(
        f"""select line_id, tenant_id, service_start, expires_on, credits from {_current(folder, "revenue_lines")}
        where kind = 'credit_pack' and amount > 0"""
    ).fetchall()
    return [Pack(line_id, tenant, first, end, _whole(credits)) for line_id, tenant, first, end, credits in rows]


def _refunds(database: duckdb.DuckDBPyConnection, folder: Path) -> list[Use]:
    """Credits that a credit note takes out of the pack it corrects, on the day of the note."""
    rows = database.execute(
        f"""select tenant_id, coalesce(invoiced_on, service_start), credits, corrects_line_id
        from {_current(folder, "revenue_lines")}
        where kind = 'credit_note' and credits > 0 and corrects_line_id is not null"""
    ).fetchall()
    return [Use(tenant_id, day, _whole(credits), line_id) for tenant_id, day, credits, line_id in rows]


def _burns(database: duckdb.DuckDBPyConnection, folder: Path, zone: str) -> list[Use]:
    rows = database.execute(
        f"""select tenant_id, timezone(?, occurred_at)::date, sum(credits)
        from {_current(folder, "credit_burns")} group by all""",
        [zone],
    ).fetchall()
    return [Use(tenant_id, day, _whole(credits)) for tenant_id, day, credits in rows]


def _contracts(
    database: duckdb.DuckDBPyConnection, folder: Path, tenants: Iterable[str]
) -> tuple[dict[str, list[_Contract]], list[tuple[str, str]]]:
    """Contracts of these tenants that say what burns credits, and what of it is not understood: tenant, name."""
    wanted, contracts, unknown = set(tenants), defaultdict[str, list[_Contract]](list), set[tuple[str, str]]()
    for tenant_id, plan, first, end, text in database.execute(
        f"""select tenant_id, plan, valid_from, valid_to, credit_rates from {_current(folder, "contracts")}
        where credit_rates is not null"""
    ).fetchall():
        if tenant_id in wanted:
            named = {str(name): _rate(value) for name, value in json.loads(text, parse_float=str).items()}
            rates = {name: rate for name, rate in named.items() if name in UNITS and rate is not None}
            unknown |= {(tenant_id, name) for name in named.keys() - rates.keys()}
            contracts[tenant_id].append(_Contract(plan, first, end, rates))
    return dict(contracts), sorted(unknown)


def _rate(value: Any) -> Decimal | None:
    """Credits for one unit; None where it is no number of at most twelve decimals, or negative."""
    try:
        rate = Decimal(str(value))
        is_fit = rate >= 0 and rate == rate.quantize(Decimal(1).scaleb(-_SCALE), context=EXACT)
    except InvalidOperation:
        return None
    return rate if is_fit else None


def _burned_by_usage(path: Path, contracts: Mapping[str, Sequence[_Contract]]) -> list[Use]:
    """Of every tenant and day, what was used at the rates of the contract of that day."""
    with warehouse(path) as database:
        database.execute("create temp table wanted (tenant_id varchar)")
        database.executemany("insert into wanted values (?)", [[tenant_id] for tenant_id in contracts])
        found = database.execute(USAGE).fetchall()
    uses: list[Use] = []
    for tenant_id, day, *units in found:
        used: dict[str, int] = dict(zip(UNITS, units, strict=True))
        rates = _rates_on(contracts[tenant_id], day)
        with localcontext(EXACT):
            credits = sum((used[name] * rate for name, rate in rates.items()), Decimal(0))
        if credits:
            uses.append(Use(tenant_id, day, _whole(credits)))
    return uses


USAGE = """
with used as (
    select tenant_id, usage_date, 1 as requests, coalesce(input_tokens, 0) as input_tokens,
        coalesce(output_tokens, 0) as output_tokens, 0 as tasks, 0 as successful_tasks
    from fct_llm_request_priced
    where is_production and status in ('ok', 'cancelled') and tenant_id in (select tenant_id from wanted)
    union all
    select tenant_id, task_date, 0, 0, 0, 1, (outcome = 'success')::int
    from fct_task where is_production and tenant_id in (select tenant_id from wanted)
)
select tenant_id, usage_date, sum(requests), sum(input_tokens), sum(output_tokens), sum(input_tokens + output_tokens),
    sum(tasks), sum(successful_tasks)
from used group by all order by all
"""
"""By tenant and date: the units, in the order of `UNITS`. Production only; answered requests, tasks by their first attempt."""


def _rates_on(contracts: Sequence[_Contract], day: date) -> Mapping[str, Decimal]:
    """Of contracts that overlap the one that began last counts."""
    valid = [c for c in contracts if c.valid_from <= day and (c.valid_to is None or day < c.valid_to)]
    return max(valid, key=lambda c: (c.valid_from, c.plan)).rates if valid else {}


def _stored(earning: PackDay) -> tuple[Any, ...]:
    parts = (earning.before, earning.after)
    fractions = (Decimal(number) for part in parts for number in (part.numerator, part.denominator))
    return earning.line_id, earning.tenant_id, earning.day, earning.basis, *fractions


def _whole(credits: Decimal) -> int:
    return int(credits.scaleb(_SCALE, EXACT))


def _rows(schema: pa.Schema, rows: Iterable[Sequence[Any]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema
    )
