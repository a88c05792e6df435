"""Dates whose revenue changes when feeds or usage do, beyond the dates that something was logged or sold on.

A burn changes what every later burn takes from; usage changes how much of the month's allowance is left on later dates, and
how the line that invoices it falls on its days; a credit note may mirror the line that it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

Days = frozenset[date]
Relation = Callable[[str], str]
"""Name of a feed -> SQL relation of its rows."""


@dataclass(frozen=True)
class RevenueRules:
    """Which settings make the revenue of a date depend on usage."""

    meters_usage: bool = False
    accrues_outcomes: bool = False


@dataclass(frozen=True)
class Feeds:
    """`every`: all rows of a feed, older versions included; `new`: those that the next build takes in; `changed`: their names."""

    every: Relation
    new: Relation
    changed: frozenset[str]


def fed(database: duckdb.DuckDBPyConnection, feeds: Feeds, calendar: Days) -> Days:
    """Dates that new invoice lines, burns and contracts reach."""
    found: Days = frozenset()
    last = max(calendar, default=date.min)
    if "revenue_lines" in feeds.changed:
        found |= _of_lines(database, feeds, last)
    if "credit_burns" in feeds.changed:
        new = feeds.new("credit_burns")
        found |= _from(_first(database, f"select min(occurred_at at time zone 'UTC')::date - 1 from {new}"), last)
        # The first burns of a tenant that burned by usage take the place of all of that.
        found |= _from(
            _first(
                database,
                f"""select min(service_start) from {feeds.every("revenue_lines")} where kind = 'credit_pack'
                and tenant_id in (select tenant_id from {new})
                and tenant_id in (select tenant_id from {feeds.every("contracts")} where credit_rates is not null)""",
            ),
            last,
        )
    if "contracts" in feeds.changed:
        found |= _of_contracts(database, feeds, last)
    return found


def follow(database: duckdb.DuckDBPyConnection, feeds: Feeds, used: Days, calendar: Days, rules: RevenueRules) -> Days:
    """Dates whose revenue changes because usage, or what it is charged, changed on `used`."""
    if not used:
        return frozenset()
    found: Days = frozenset()
    if rules.meters_usage:
        first_of_month = {(day.year, day.month): day for day in sorted(used, reverse=True)}
        accrued = used.union(*map(_rest_of_month, first_of_month.values()))
        lines = database.execute(
            f"""select distinct service_start, service_end from {feeds.every("revenue_lines")}
            where kind in ('usage', 'overage')"""
        ).fetchall()
        spans = [_span(first, end) for first, end in lines]
        found = accrued.union(*(span for span in spans if span & accrued))
    if _burns_by_usage(database, feeds):
        found |= _from(min(used), max(calendar, default=date.min))
    return found


def _of_lines(database: duckdb.DuckDBPyConnection, feeds: Feeds, last: date) -> Days:
    """Days of service of every version of the changed lines, and of their tenants' credit notes, with the days of those."""
    every, new = feeds.every("revenue_lines"), feeds.new("revenue_lines")
    rows = database.execute(
        f"""select kind, service_start, service_end, coalesce(invoiced_on, service_start), credits from {every}
        where line_id in (select line_id from {new})
            or (kind = 'credit_note' and tenant_id in (
                select tenant_id from {every} where line_id in (select line_id from {new})))"""
    ).fetchall()
    found: Days = frozenset()
    for kind, first, end, invoiced_on, credits in set(rows):
        found |= _span(first, end)
        if kind == "credit_pack":
            found |= _from(first, last)
        if kind == "credit_note":
            found |= _from(invoiced_on, last) if credits else frozenset({invoiced_on})
    return found


def _of_contracts(database: duckdb.DuckDBPyConnection, feeds: Feeds, last: date) -> Days:
    """Days of validity of every version of the changed contracts; where credits burn by them, all later days too."""
    rows = database.execute(
        f"""select valid_from, valid_to, credit_rates is not null from {feeds.every("contracts")}
        where (tenant_id, plan, valid_from) in (select (tenant_id, plan, valid_from) from {feeds.new("contracts")})"""
    ).fetchall()
    return frozenset[date]().union(
        *(
            _from(first, last) if burns or end is None else _span(first, min(end, last + timedelta(days=1)))
            for first, end, burns in set(rows)
        )
    )


def _burns_by_usage(database: duckdb.DuckDBPyConnection, feeds: Feeds) -> bool:
    found = database.execute(
        f"""select count(*) from {feeds.every("contracts")}
        where credit_rates is not null
            and tenant_id in (select tenant_id from {feeds.every("revenue_lines")} where kind = 'credit_pack')
            and tenant_id not in (select tenant_id from {feeds.every("credit_burns")})"""
    )
    return bool(found.fetchall()[0][0])


def _first(database: duckdb.DuckDBPyConnection, sql: str) -> date | None:
    return database.execute(sql).fetchall()[0][0]


def _from(first: date | None, last: date) -> Days:
    return _span(first, last + timedelta(days=1)) if first is not None and first <= last else frozenset()


def _span(first: date, end: date) -> Days:
    return frozenset(first + timedelta(days=n) for n in range((end - first).days))


def _rest_of_month(day: date) -> Days:
    return _span(day, (day.replace(day=1) + timedelta(days=31)).replace(day=1))
