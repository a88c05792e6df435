"""How long pricing takes, in the models' own SQL, beside two yardsticks measured in the same run: `make bench-pricing`.

BENCH_ROWS requests (10,000,000 unless told) lie in Parquet as the lake keeps them, over every model that the price book
can name, all contexts, a year of dates and every tier step, with a few models taking most of the traffic. Then, on two
threads and in pairs:

- sum: DuckDB adds up the same token columns of the same files, without a price;
- price: DuckDB adds up the costs that the compiled models give for them;
- calculator: genai-prices' own `calc_price`, one call per request, on a sample, extrapolated to all rows.

Prints the medians and their ratios, by the clock and, because other programs may use the same cores, by processor time.
Every statement reads the files anew.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from genai_prices import Usage, calc_price

from pipelines.building.manifest import manifest_file
from pipelines.pricebook.aliases import resolve
from pipelines.pricebook.book import build_price_book
from pipelines.pricebook.catalogue import CATALOGUE_CONTEXT
from tests.workspace import Workspace, request
from warehouse.lake import dataset_schema
from warehouse.schemas import sql_type

ROWS = 10_000_000
PAIRS = 3
SAMPLE = 5_000
THREADS = 2
MEMORY = "3GB"
FILE_ROWS = 1_000_000
LAST = "2026-11-21 00:00:00+00"
MART = "model.margincall.fct_llm_request_priced"
STAGED = "model.margincall.stg_llm_request"

TOKENS = (
    "input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation_1h_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "web_search_requests",
    "rerank_searches",
)
USAGE_KEY = {
    "input_tokens": "input_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
    "cache_creation_1h_input_tokens": "cache_write_1h_tokens",
    "output_tokens": "output_tokens",
    "reasoning_output_tokens": "output_reasoning_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "web_search_requests": "web_searches",
}
"""Our counts under the calculator's names."""


@dataclass(frozen=True)
class Result:
    """Medians of seconds for all rows; `calculator_s` is extrapolated from `sample` calls."""

    rows: int
    models: int
    slices_hit: int
    sum_s: float
    price_s: float
    calculator_s: float
    price_over_sum: float
    price_over_sum_by_processor: float
    calculator_over_price: float
    mart_s: float
    peak_rss_mb: float
    sample: int
    sample_equal: int
    sample_unequal: Sequence[object]
    """Of the sampled requests that both price: those where the costs differ."""

    def lines(self) -> list[str]:
        each = self.rows / self.price_s
        return [
            f"{self.rows:,} requests, {self.models:,} models, {self.slices_hit:,} price slices hit, {THREADS} threads",
            f"sum of the token columns      {self.sum_s:9.2f} s",
            f"price, costs added up         {self.price_s:9.2f} s   {each:,.0f} requests/s",
            f"price, every column stored    {self.mart_s:9.2f} s",
            f"calculator, call by call      {self.calculator_s:9.1f} s   extrapolated from {self.sample:,} calls",
            f"price / sum                   {self.price_over_sum:9.1f} x   at most 5 wanted; "
            f"{self.price_over_sum_by_processor:.1f} x by processor time",
            f"calculator / price            {self.calculator_over_price:9.0f} x   at least 200 wanted",
            f"peak memory of the whole run  {self.peak_rss_mb:9.0f} MB  at most 4,000 wanted",
            f"costs equal to the calculator's, but for the last pico-dollar: {self.sample_equal:,} of the "
            f"{self.sample_equal + len(self.sample_unequal):,} sampled requests that both can price",
        ]


def measure(
    folder: Path, rows: int, *, pairs: int = PAIRS, sample: int = SAMPLE, max_models: int | None = None
) -> Result:
    """Run the whole benchmark in an empty folder, over all models or the first `max_models` of them."""
    models, slices = _models()
    models = models[:max_models]
    workspace = Workspace(folder)
    try:
        named = [
            request(provider_name=p, response_model=m, source_record_id=f"r-{n}") for n, (p, m) in enumerate(models)
        ]
        workspace.land_records("models", named)
        workspace.build()
    finally:
        workspace.control.close()
    data_dir = workspace.settings.data_dir
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as database:
        for setting in (f"threads = {THREADS}", f"memory_limit = '{MEMORY}'", "preserve_insertion_order = false"):
            database.execute(f"set {setting}")
        database.execute("set timezone = 'UTC'")
        files = _write_requests(database, folder / "requests", models, rows)
        database.execute(f"create or replace view stg_llm_request as select * from {files}")
        before, price = _models_sql(data_dir)
        costs = [name for name, *_ in database.execute(f"describe {price}").fetchall() if name.endswith("_pico")]
        summed = f"select count(*), {', '.join(f'sum({name})' for name in TOKENS)} from {files}"
        priced = (
            f"select count(*), {', '.join(f'sum({name})' for name in costs)}, "
            f"count(*) filter (pricing_status = 'unpriced') from ({price})"
        )

        def price_all() -> None:
            for statement in before:
                database.execute(statement)
            assert database.execute(priced).fetchall()[0][0] == rows

        times = [(*_seconds(lambda: database.execute(summed).fetchall()), *_seconds(price_all)) for _ in range(pairs)]
        mart_s, _ = _seconds(lambda: database.execute(f"create or replace table bench_priced as {price}"))
        hit = _slices_hit(database, slices)
        sampled = _sample(database, files, sample)
    calculator_s, equal, unequal = _calculator(sampled)
    sum_s, sum_cpu_s, price_s, price_cpu_s = (statistics.median(column) for column in zip(*times, strict=True))
    return Result(
        rows=rows,
        models=len(models),
        slices_hit=hit,
        sum_s=sum_s,
        price_s=price_s,
        calculator_s=calculator_s * rows / len(sampled),
        price_over_sum=statistics.median(priced / plain for plain, _, priced, _ in times),
        price_over_sum_by_processor=price_cpu_s / sum_cpu_s,
        calculator_over_price=calculator_s * rows / len(sampled) / price_s,
        mart_s=mart_s,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        sample=len(sampled),
        sample_equal=equal,
        sample_unequal=unequal,
    )


def _models() -> tuple[list[tuple[str, str]], pa.Table]:
    """Every model that is found under its own name, in an order that mixes providers; and all slices."""
    slices = build_price_book().slices
    known = sorted({(row["price_provider"], row["price_model"]) for row in slices.to_pylist()})
    own = [pair for pair in known if (a := resolve(*pair)) and (a.price_provider, a.price_model) == pair]
    return sorted(own, key=lambda pair: (len(pair[1]), pair)), slices


def _models_sql(data_dir: Path) -> tuple[list[str], str]:
    """What the build compiled: statements for stored models between the staged requests and the mart, and the mart."""
    nodes = json.loads(manifest_file(data_dir).read_text(encoding="utf-8"))["nodes"]
    compiled = data_dir / "build" / "dbt" / "target-duckdb" / "compiled" / "margincall"

    def sql(node: str) -> str:
        return (compiled / nodes[node]["original_file_path"]).read_text(encoding="utf-8")

    chain: list[str] = []

    def visit(node: str) -> bool:
        """Whether a node reads the staged requests; those that do and are tables go into the chain, inputs first."""
        if node == STAGED:
            return True
        if node not in nodes:
            return False
        reads = [visit(parent) for parent in nodes[node]["depends_on"]["nodes"]]
        if (
            any(reads)
            and node not in (MART, *chain)
            and nodes[node]["config"]["materialized"] in ("table", "incremental")
        ):
            chain.append(node)
        return any(reads)

    if not visit(MART):
        raise RuntimeError(f"{MART} does not read {STAGED}: the benchmark would price nothing")
    return [f"create or replace table {nodes[node]['name']} as {sql(node)}" for node in chain], sql(MART)


def _write_requests(
    database: duckdb.DuckDBPyConnection, folder: Path, models: Sequence[tuple[str, str]], rows: int
) -> str:
    """Write the requests as Parquet, a million to a file; returns the relation that reads them."""
    folder.mkdir()
    names = pa.table({"n": range(len(models)), "p": [p for p, _ in models], "m": [m for _, m in models]})
    database.register("bench_model_arrow", names)
    database.execute("create or replace temp table bench_model as select * from bench_model_arrow")
    for start in range(0, rows, FILE_ROWS):
        stop = min(start + FILE_ROWS, rows)
        query = _traffic(len(models), start, stop)
        database.execute(f"copy ({query}) to '{folder}/{start:012d}.parquet' (format parquet, compression zstd)")
    return f"read_parquet('{folder}/*.parquet', hive_partitioning = false)"


def _traffic(models: int, start: int, stop: int) -> str:
    """Requests `start` to `stop`, each a pure function of its number."""

    def chance(salt: int) -> str:
        return f"(hash(i * 64 + {salt}) % 1000003) / 1000003.0"

    drawn = {
        "n": f"cast(floor({models} * pow({chance(1)}, 3)) as bigint)",
        "started_at": f"timestamptz '{LAST}' - to_seconds(1 + hash(i * 64 + 2) % {365 * 86_400})",
        "inputs": f"cast(floor(exp({chance(3)} * ln(400000))) as bigint)",
        "reads": f"case when {chance(4)} < 0.4 then {chance(5)} else 0 end",
        "writes": f"case when {chance(6)} < 0.15 then {chance(7)} else 0 end",
        "hours": f"case when {chance(8)} < 0.3 then {chance(9)} else 0 end",
        "audios": f"case when {chance(10)} < 0.02 then {chance(11)} else 0 end",
        "outputs": f"cast(floor(exp({chance(12)} * ln(8000))) as bigint)",
        "thoughts": f"case when {chance(13)} < 0.2 then {chance(14)} else 0 end",
        "tier": f"cast(floor({chance(15)} * 100) as bigint)",
        "kind": f"cast(floor({chance(16)} * 1000) as bigint)",
    }
    has_usage = "kind >= 20"
    filled = {
        "record_key": "'bench-' || i",
        "day": "cast(started_at as date)",
        "source": "'bench'",
        "source_instance": "'bench'",
        "source_file": "'bench'",
        "source_line": "i",
        "landing_id": "'bench'",
        "version_at": "started_at",
        "row_hash": "''",
        "started_at": "started_at",
        "ended_at": "started_at + interval 1 second",
        "operation_name": "'chat'",
        "provider_name": "p",
        "response_model": "m",
        "tenant_id": "'tenant-' || hash(i) % 400",
        "input_tokens": f"case when {has_usage} then inputs end",
        "cache_read_input_tokens": f"case when {has_usage} then read end",
        "cache_creation_input_tokens": f"case when {has_usage} then written end",
        "cache_creation_1h_input_tokens": f"case when {has_usage} then cast(floor(written * hours) as bigint) end",
        "input_audio_tokens": f"case when {has_usage} then cast(floor((inputs - read - written) * audios) as bigint) end",
        "output_tokens": f"case when {has_usage} then outputs end",
        "reasoning_output_tokens": f"case when {has_usage} then cast(floor(outputs * thoughts) as bigint) end",
        "web_search_requests": f"case when {has_usage} and kind < 30 then 1 end",
        "usage_semantics": "'inclusive'",
        "usage_quality": "'reported'",
        "is_gateway_cache_hit": "kind between 950 and 999",
        "service_tier": "case when tier < 3 then 'flex' when tier < 6 then 'priority' when tier < 20 then 'default' end",
        "is_batch": "tier between 80 and 89",
        "status": f"case when {has_usage} then 'ok' else 'error' end",
    }
    columns = [
        f"cast({filled.get(field.name, 'null')} as {sql_type(field.type)}) as {field.name}"
        for field in dataset_schema("llm_request")
    ]
    return f"""with drawn as (
        select i, {", ".join(f"{sql} as {name}" for name, sql in drawn.items())} from range({start}, {stop}) as t(i)
    ), parts as (
        select *, cast(floor(inputs * reads) as bigint) as read,
            cast(floor((inputs - cast(floor(inputs * reads) as bigint)) * writes) as bigint) as written
        from drawn
    )
    select {", ".join(columns)} from parts inner join bench_model using (n)"""


def _seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of processor time over all threads."""
    start, start_cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - start_cpu


def _slices_hit(database: duckdb.DuckDBPyConnection, slices: pa.Table) -> int:
    """How many slices of the book priced at least one request, at the day, second and step that the slice names."""
    database.register("bench_slice", slices)
    (found,) = database.execute(
        """with requests as (
            select distinct price_provider, price_model, price_context, coalesce(input_tokens, 0) as tokens, day,
                epoch(started_at) % 86400 as second
            from bench_priced using sample 500000 rows
        )
        select count(distinct (s.price_provider, s.price_model, s.price_context, s.tier_lo, s.valid_from, s.tod_from_s))
        from requests as r inner join bench_slice as s using (price_provider, price_model, price_context)
        where tokens >= tier_lo and tokens < tier_hi and day >= valid_from and day < valid_to
            and second >= tod_from_s and second < tod_to_s"""
    ).fetchall()[0]
    return int(found)


def _sample(database: duckdb.DuckDBPyConnection, files: str, size: int) -> list[dict[str, Any]]:
    """Requests with usage and without hits, which no calculator knows, and what the mart says of them."""
    names = ("provider_name", "response_model", "started_at", "service_tier", "is_batch", *USAGE_KEY)
    found = database.execute(
        f"""select {", ".join(f"r.{name}" for name in names)}, m.cost_pico
        from (
            select * from (select * from {files} where not is_gateway_cache_hit and input_tokens > 0) using sample {size} rows
        ) as r
        inner join bench_priced as m using (record_key)"""
    ).fetchall()
    return [dict(zip((*names, "cost_pico"), row, strict=True)) for row in found]


def _calculator(sampled: Sequence[dict[str, Any]]) -> tuple[float, int, list[object]]:
    """Seconds of the calculator's calls alone, and how often both costs are equal."""
    warnings.simplefilter("ignore")
    found: list[Decimal | None] = []
    start = time.perf_counter()
    for row in sampled:
        found.append(_calculated_usd(row))
    elapsed = time.perf_counter() - start
    both = [
        (row, int((usd * 10**12).quantize(Decimal(1), ROUND_HALF_EVEN)))
        for row, usd in zip(sampled, found, strict=True)
        if usd is not None and row["cost_pico"] is not None
    ]
    # We round every component of a price that is no whole number of pico-dollars, the calculator their sum.
    unequal: list[object] = [(row, pico) for row, pico in both if abs(pico - row["cost_pico"]) > 1]
    return elapsed, len(both) - len(unequal), unequal


def _calculated_usd(row: dict[str, Any]) -> Decimal | None:
    context = "batch" if row["is_batch"] else row["service_tier"] or "standard"
    started_at: datetime = row["started_at"]
    try:
        price = calc_price(
            Usage(**{theirs: row[ours] for ours, theirs in USAGE_KEY.items() if row[ours]}),
            row["response_model"],
            provider_id=row["provider_name"],
            genai_request_timestamp=started_at,
            price_context=dict(CATALOGUE_CONTEXT.get(context, {})) or None,
        )
    except (LookupError, ValueError):
        return None
    return price.total_price


def main() -> int:
    rows = int(os.environ.get("BENCH_ROWS", str(ROWS)).replace("_", ""))
    with tempfile.TemporaryDirectory(prefix="margincall-bench-") as folder:
        result = measure(Path(folder), rows)
    print("\n".join(result.lines()))
    for case in result.sample_unequal[:5]:
        print("differs:", case)
    return 0


if __name__ == "__main__":
    sys.exit(main())
