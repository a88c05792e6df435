"""Which days a build replaces: the closure of what changed over days and tasks.

A request belongs to its day, a task to the day of its first attempt, a cost event or an invoice line to the dates it
covers. So when something changes on a day, every task that has or had an attempt there may change, on whatever day
it is stored; and every cost event of such a task may change its tenant. A trace changes the requests that belong to it,
on whatever days; an outcome that names no task, those of its window. Where two sources meet, whether a request counts
depends on the day before and the day after. Where requests draw on a commitment or an allowance one after the other,
every later day of its window changes too. What revenue reaches beyond its own dates is in `revenue_days.py`. The build
replaces exactly the days of this closure, each from complete inputs; nothing else can have changed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import sqlalchemy as sa

from warehouse import attribution, lake, revenue_days, told_twice, traces
from warehouse import control as db
from warehouse.connection import literal, warehouse
from warehouse.control import Control
from warehouse.lake import Lake, LakeFile
from warehouse.revenue_days import RevenueRules

Days = frozenset[date]
_MODELS = (
    *("fct_llm_request_priced", "fct_told_twice_day", "fct_task", "fct_cost_day"),
    *("fct_tenant_day", "fct_feature_day", "fct_model_day", "fct_revenue_day"),
    *("fct_user_week", "int_cache_week", "int_prompt_week", "int_context_step_week"),
)
"""What a build replaces in parts."""
_NO_TASK = "select null::varchar as task_id where false"
_PLANNED = frozenset({"feed_tenants", "feed_contracts"})
"""Feeds that say who is on which plan."""


@dataclass(frozen=True)
class Marks:
    """The newest change that a plan knows of; what is marked later stays for the next build."""

    day: int
    feed: int
    everything: int


@dataclass(frozen=True)
class DrawdownSpan:
    """Days `[first, end)` on which requests draw one after the other, from the start of each month anew or once."""

    first: date
    end: date
    is_monthly: bool

    def rest_of(self, day: date) -> Days:
        """This day and the later ones of its window; nothing where it lies outside."""
        if not self.first <= day < self.end:
            return frozenset()
        end = min(self.end, (day.replace(day=1) + timedelta(days=31)).replace(day=1)) if self.is_monthly else self.end
        return frozenset(day + timedelta(days=n) for n in range((end - day).days))


@dataclass(frozen=True)
class Plan:
    """What a build does. `kind`: full, incremental, or nothing."""

    kind: str
    reason: str
    days: Days
    """UTC days of requests, and first days of tasks, to replace."""
    usage_dates: Days
    """Dates of the reporting zone to replace in tables by tenant and date."""
    calendar: Days
    """Every date the data covers; revenue is recognised on these only."""
    files: tuple[LakeFile, ...]
    marks: Marks


@dataclass(frozen=True)
class _State:
    """One consistent reading of the control database."""

    dirty_days: Days
    dirty_feeds: tuple[tuple[str, str], ...]
    dirty_reasons: tuple[str, ...]
    unfinished: Days
    files: tuple[LakeFile, ...]
    sources: Mapping[str, str]
    """Landing of requests -> its source."""
    marks: Marks
    last_fingerprint: str | None
    price_book_id: str | None


def plan(
    control: Control,
    the_lake: Lake,
    path: Path,
    fingerprint: str,
    *,
    is_utc: bool,
    revenue: RevenueRules = RevenueRules(),
    plans_decide_cost: bool = False,
    force_full: bool = False,
) -> Plan:
    """Decide what to build. Reads the warehouse, so the caller holds the build lock."""
    state = _read(control)
    request_days = frozenset(date.fromisoformat(file.day) for file in state.files if file.day)
    margin = 0 if is_utc else 1
    reason = _why_full(state, path, fingerprint, force_full, plans_decide_cost)
    with duckdb.connect() as scratch:
        calendar = _calendar(request_days | _event_days(scratch, the_lake, state.files), margin)
    known = (calendar, state.files, state.marks)
    if reason:
        return Plan("full", reason, request_days, calendar, *known)
    if not (state.dirty_days or state.dirty_feeds or state.unfinished):
        return Plan("nothing", "nothing changed", frozenset(), frozenset(), *known)
    with warehouse(path) as database:
        days, dates = _closure(database, the_lake, state, calendar, margin, revenue)
    if 2 * len(days & request_days) > max(len(request_days), 2):
        return Plan("full", "more than half of all days changed", request_days, calendar, *known)
    return Plan("incremental", f"{len(days)} days changed", days, dates, *known)


def begin(control: Control, plan: Plan) -> None:
    """Remember what is about to be replaced, so that the build after a killed one replaces it again."""
    with control.write() as connection:
        known = {row.day for row in connection.execute(sa.select(db.build_day))}
        wanted = {day.isoformat() for day in plan.days | plan.usage_dates} - known
        if wanted:
            connection.execute(sa.insert(db.build_day), [{"day": day} for day in sorted(wanted)])


def finish(connection: sa.Connection, marks: Marks) -> None:
    """Clear what a published build has taken in, inside the caller's transaction."""
    connection.execute(sa.delete(db.dirty_day).where(db.dirty_day.c.seq <= marks.day))
    connection.execute(sa.delete(db.dirty_feed).where(db.dirty_feed.c.seq <= marks.feed))
    connection.execute(sa.delete(db.dirty_all).where(db.dirty_all.c.seq <= marks.everything))
    connection.execute(sa.delete(db.build_day))


def _read(control: Control) -> _State:
    with control.read() as connection:
        days = connection.execute(sa.select(db.dirty_day)).fetchall()
        feeds = connection.execute(sa.select(db.dirty_feed)).fetchall()
        everything = connection.execute(sa.select(db.dirty_all)).fetchall()
        unfinished = connection.execute(sa.select(db.build_day)).fetchall()
        files = tuple(file for dataset in lake.datasets() for file in lake.files(connection, dataset))
        sources = lake.sources(connection)
        last = sa.select(db.build.c.fingerprint).where(db.build.c.state == "published")
        fingerprint = connection.execute(last.order_by(db.build.c.build_id.desc()).limit(1)).scalar()
        book = sa.select(db.price_book.c.price_book_id).order_by(db.price_book.c.seq.desc()).limit(1)
        price_book_id = connection.execute(book).scalar()
    marks = Marks(*(max((row.seq for row in rows), default=0) for rows in (days, feeds, everything)))
    return _State(
        frozenset(date.fromisoformat(row.day) for row in days),
        tuple((row.dataset, row.path) for row in feeds),
        tuple(row.reason for row in everything),
        frozenset(date.fromisoformat(row.day) for row in unfinished),
        files,
        sources,
        marks,
        fingerprint,
        price_book_id,
    )


def _why_full(state: _State, path: Path, fingerprint: str, force_full: bool, plans_decide_cost: bool) -> str | None:
    if force_full:
        return "asked for"
    has_new_plans = plans_decide_cost and bool(_PLANNED.intersection(dataset for dataset, _ in state.dirty_feeds))
    if reasons := [
        *state.dirty_reasons,
        *(["plans decide what is cost of goods, and changed"] if has_new_plans else []),
    ]:
        return reasons[0]
    if state.last_fingerprint is None:
        return "first build"
    if state.last_fingerprint != fingerprint:
        return "models or settings changed"
    if not path.exists():
        return "the warehouse is gone"
    with warehouse(path) as database:
        tables = {name for (name,) in database.execute("select table_name from information_schema.tables").fetchall()}
    return None if tables.issuperset(_MODELS) else "the warehouse is incomplete"


def _closure(
    database: duckdb.DuckDBPyConnection,
    the_lake: Lake,
    state: _State,
    calendar: Days,
    margin: int,
    revenue: RevenueRules,
) -> tuple[Days, Days]:
    """Days of requests and tasks, and dates of tenants, that the changes reach."""
    changed = state.dirty_days | state.unfinished | _beside(database, state) | _traced(database, the_lake, state)
    outcomes = _outcomes_without_task(database, the_lake, state)
    request_days = frozenset(date.fromisoformat(file.day) for file in state.files if file.day)
    changed |= _attributed(database, the_lake, state, outcomes) & request_days
    dirty = changed | drawn_after(changed, _drawdowns(database, the_lake, state)) & request_days
    database.execute("create temp table dirty (day date)")
    if dirty:
        database.executemany("insert into dirty values (?)", [[day] for day in sorted(dirty)])
    requests = _scan(the_lake, state.files, lake.REQUESTS, dirty)
    events = _scan(the_lake, state.files, "feed_cost_events")
    fed_tasks, fed_dates = _fed(database, the_lake, state)
    traced_tasks = _tasks_of_traces(the_lake, state, f"select trace_id from {requests}")
    judged_tasks = attribution.tasks_on(outcomes, "dirty") if outcomes else _NO_TASK
    database.execute(
        f"""create temp table touched as
        select distinct task_id from fct_llm_request_priced where day in (select day from dirty) and task_id is not null
        union select distinct task_id from {requests} where task_id is not null
        union {traced_tasks}
        union {judged_tasks}
        union {fed_tasks}"""
    )
    task_days = _dates(
        database,
        """select task_day from fct_task where task_id in (select task_id from touched)
        union select min(day) from fct_llm_request_priced
        where task_id in (select task_id from touched) and day not in (select day from dirty) group by task_id""",
    )
    event_days = _dates(
        database,
        f"""select distinct (occurred_at at time zone 'UTC')::date from {events}
        where task_id in (select task_id from touched)""",
    )
    bounds = database.execute("select min(usage_date), max(usage_date) from fct_tenant_day").fetchall()[0]
    days = dirty | task_days
    used = _widen(days, margin) | _edges(bounds, calendar)
    return days, used | _widen(event_days, margin) | fed_dates | _revenue_dates(
        database, the_lake, state, used, calendar, revenue
    )


def _revenue_dates(
    database: duckdb.DuckDBPyConnection,
    the_lake: Lake,
    state: _State,
    used: Days,
    calendar: Days,
    rules: RevenueRules,
) -> Days:
    """Dates whose revenue changes with what was fed, and with usage on `used`."""

    def every(feed: str) -> str:
        return _scan(the_lake, state.files, f"feed_{feed}")

    def new(feed: str) -> str:
        return lake.scan(
            f"feed_{feed}", [the_lake.absolute(p) for name, p in state.dirty_feeds if name == f"feed_{feed}"]
        )

    changed = frozenset(name.removeprefix("feed_") for name, _ in state.dirty_feeds)
    feeds = revenue_days.Feeds(every, new, changed)
    fed = revenue_days.fed(database, feeds, calendar)
    charged = used | fed if "contracts" in changed else used
    judged: Days = frozenset()
    if rules.accrues_outcomes:
        judged = _dates(
            database,
            f"""select distinct (observed_at at time zone 'UTC')::date from {every("task_outcomes")}
            where {attribution.TASK} in (select task_id from touched)""",
        )
    return fed | _widen(judged, 1) | revenue_days.follow(database, feeds, charged, calendar, rules)


def _beside(database: duckdb.DuckDBPyConnection, state: _State) -> Days:
    """Days on which another source's rows count now or no longer, because of what changed on the day before or after."""
    sources: defaultdict[date, set[str]] = defaultdict(set)
    for file in state.files:
        if file.day:
            sources[date.fromisoformat(file.day)].add(state.sources[file.landing_id])
    told_before = _dates(database, "select distinct day from fct_told_twice_day")
    return told_twice.neighbours(state.dirty_days, sources, told_before)


def _new(the_lake: Lake, state: _State, dataset: str) -> list[Path]:
    return [the_lake.absolute(path) for changed, path in state.dirty_feeds if changed == dataset]


def _traced(database: duckdb.DuckDBPyConnection, the_lake: Lake, state: _State) -> Days:
    """Days with requests of which a trace has landed: it may say what they do not, or say it differently."""
    new = _new(the_lake, state, lake.TRACES)
    if not new:
        return frozenset()
    landed = lake.scan(lake.TRACES, new)
    sources = {source for (source,) in database.execute(f"select distinct source from {landed}").fetchall()}
    theirs = [file for file in state.files if file.day and state.sources[file.landing_id] in sources]
    return traces.days_of(database, landed, _scan(the_lake, theirs, lake.REQUESTS))


def _outcomes_without_task(database: duckdb.DuckDBPyConnection, the_lake: Lake, state: _State) -> str | None:
    """SQL relation of all outcomes, None where each of them names its task."""
    outcomes = _scan(the_lake, state.files, attribution.OUTCOMES)
    return outcomes if attribution.is_any(database, outcomes) else None


def _attributed(database: duckdb.DuckDBPyConnection, the_lake: Lake, state: _State, outcomes: str | None) -> Days:
    """Days with requests that may now be of another task: of another outcome, or no longer of any."""
    new = {feed: _new(the_lake, state, feed) for feed in (attribution.OUTCOMES, attribution.COST_EVENTS)}
    if outcomes is None or not any(new.values()):
        return frozenset()
    requests = _scan(the_lake, state.files, lake.REQUESTS)
    windows = attribution.days_of_windows(
        database, outcomes, lake.scan(attribution.OUTCOMES, new[attribution.OUTCOMES])
    )
    claims = [attribution.days_claimed(database, lake.scan(feed, files), requests) for feed, files in new.items()]
    return windows.union(*claims)


def _tasks_of_traces(the_lake: Lake, state: _State, trace_ids: str) -> str:
    """SQL of the tasks that any version of these traces names; `trace_ids`: SQL."""
    if not any(file.dataset == lake.TRACES for file in state.files):
        return _NO_TASK
    known = _scan(the_lake, state.files, lake.TRACES)
    return f"select task_id from {known} where task_id is not null and trace_id in ({trace_ids})"


def drawn_after(days: Days, drawdowns: Iterable[DrawdownSpan]) -> Days:
    """These days and the later ones of every window that they lie in.

    Windows do not chain: a request draws on one drawdown only, by its contracted cost, which no drawdown changes.
    """
    reached = days
    for span in drawdowns:
        inside = sorted(day for day in days if span.first <= day < span.end)
        first_of_month = {(day.year, day.month): day for day in reversed(inside)}
        starts = list(first_of_month.values()) if span.is_monthly else inside[:1]
        reached = reached.union(*(span.rest_of(day) for day in starts))
    return reached


def _drawdowns(database: duckdb.DuckDBPyConnection, the_lake: Lake, state: _State) -> list[DrawdownSpan]:
    """Those of the price book in force."""
    path = the_lake.root / "price_book" / str(state.price_book_id) / "price_drawdown.parquet"
    if not path.exists():
        return []
    rows = database.execute(
        f"select valid_from, valid_to, \"window\" = 'month' from read_parquet({literal(str(path))})"
    ).fetchall()
    return [DrawdownSpan(*row) for row in rows]


def _fed(database: duckdb.DuckDBPyConnection, the_lake: Lake, state: _State) -> tuple[str, Days]:
    """Tasks (as SQL) and dates that new feed files touch; every version of their rows counts, also the older ones."""
    tasks, dates = [_NO_TASK], frozenset[date]()
    keys = {"feed_task_outcomes": "outcome_id", "feed_cost_events": "event_id"}
    for dataset, key in keys.items():
        new = _new(the_lake, state, dataset)
        if not new:
            continue
        changed = f"select {key} from {lake.scan(dataset, new)}"
        versions = f"(select * from {_scan(the_lake, state.files, dataset)} where {key} in ({changed}))"
        tasks.append(f"select task_id from {versions} where task_id is not null")
        if dataset == "feed_task_outcomes":  # of a trace, and so of the task that the trace names
            tasks.append(_tasks_of_traces(the_lake, state, f"select task_id from {versions}"))
        if dataset == "feed_cost_events":
            days = _dates(database, f"select distinct (occurred_at at time zone 'UTC')::date from {versions}")
            dates |= _widen(days, 1)
    if new := _new(the_lake, state, lake.TRACES):  # an outcome of such a trace changes its task
        landed = f"select trace_id from {lake.scan(lake.TRACES, new)}"
        tasks += [landed, _tasks_of_traces(the_lake, state, landed)]
    return " union ".join(tasks), dates


def _scan(the_lake: Lake, files: Iterable[LakeFile], dataset: str, days: Days | None = None) -> str:
    wanted = None if days is None else {day.isoformat() for day in days}
    chosen = [f for f in files if f.dataset == dataset and (wanted is None or f.day in wanted)]
    return lake.scan(dataset, [the_lake.absolute(file.path) for file in chosen])


def _event_days(scratch: duckdb.DuckDBPyConnection, the_lake: Lake, files: Iterable[LakeFile]) -> Days:
    scratch.execute("set timezone = 'UTC'")
    events = _scan(the_lake, files, "feed_cost_events")
    return _dates(scratch, f"select distinct (occurred_at at time zone 'UTC')::date from {events}")


def _dates(database: duckdb.DuckDBPyConnection, sql: str) -> Days:
    return frozenset(day for (day,) in database.execute(sql).fetchall() if day is not None)


def _calendar(days: Days, margin: int) -> Days:
    if not days:
        return frozenset()
    first, last = min(days) - timedelta(days=margin), max(days) + timedelta(days=margin)
    return frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))


def _widen(days: Days, margin: int) -> Days:
    """A UTC day meets up to two dates of another zone, whichever side of it the zone lies."""
    return frozenset(day + timedelta(days=shift) for day in days for shift in range(-margin, margin + 1))


def _edges(bounds: tuple[date | None, date | None], calendar: Days) -> Days:
    """Dates that the data newly covers or covers no longer."""
    first, last = bounds
    if first is None or last is None:
        return calendar
    before = frozenset(first + timedelta(days=n) for n in range((last - first).days + 1))
    return calendar ^ before
