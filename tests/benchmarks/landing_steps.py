"""What `make bench` does through the product's functions, each in a process of its own; prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from pipelines.building.build import build
from pipelines.building.dbt import Node
from pipelines.landing.balance import balances
from pipelines.run import ingest_names
from pipelines.settings import Settings, load_settings
from warehouse import lake
from warehouse.connection import warehouse
from warehouse.control import Control
from warehouse.lake import REQUESTS, Lake

BEGAN = "BENCH_BEGAN"
"""The environment variable that says when this process was asked for, in seconds since 1970."""
OF_REQUESTS = ("stg_llm_request", "int_llm_request_quantity", "int_llm_request_cost", "fct_llm_request_priced")
"""Models with a row per request: the latest version of each, priced and written. All others count as marts."""


def build_marts(config: str) -> Any:
    """A build and the seconds of its parts: before the first model (also of processor time), models, tests, publication."""
    return {"started_s": _since_started(), **_build(load_settings(Path(config)))}


def ingest_and_build(config: str) -> Any:
    started_s, settings = _since_started(), load_settings(Path(config))
    ingest_names(settings, settings.inputs, lambda *_: None)
    return {"started_s": started_s, **_build(settings)}


def _since_started() -> float:
    """Seconds since the process was asked for: the interpreter's start and all imports."""
    return time.time() - float(os.environ[BEGAN])


def _build(settings: Settings) -> dict[str, float]:
    parts = dict.fromkeys(("requests_s", "marts_s", "tests_s"), 0.0)
    at: dict[str, float] = {}

    def on_node(node: Node) -> None:
        at.setdefault("models", time.perf_counter() - node.seconds)
        at.setdefault("models_cpu", time.process_time())
        part = "tests_s" if node.resource_type == "test" else "requests_s" if node.name in OF_REQUESTS else "marts_s"
        parts[part] += node.seconds

    def progress(what: str, _done: int, _total: int) -> None:
        if what == "publish":
            at[what] = time.perf_counter()

    began, began_cpu = time.perf_counter(), time.process_time()
    build(settings, progress=progress, on_node=on_node)
    return {
        "before_models_s": at["models"] - began,
        "before_models_cpu_s": at["models_cpu"] - began_cpu,
        "publish_s": time.perf_counter() - at["publish"],
        **parts,
    }


def count(config: str, is_built: str) -> Any:
    """The ledger's books, and the records in the lake or, once built, in the priced requests."""
    settings = load_settings(Path(config))
    control = Control(settings.control_url)
    book = balances(control)[REQUESTS]
    with control.read() as connection:
        files = lake.files(connection, REQUESTS)
    control.close()
    if not book.is_even:
        raise AssertionError(f"the ledger is not even: {book}")
    the_lake = Lake(settings.data_dir / "lake")
    relation = lake.scan(REQUESTS, [the_lake.absolute(file.path) for file in files])
    with duckdb.connect() as database:
        (records,) = database.execute(f"select count(distinct record_key) from {relation}").fetchall()[0]
    current = records
    if int(is_built):
        with warehouse(settings.data_dir / "warehouse.duckdb") as database:
            (current,) = database.execute("select count(*) from fct_llm_request_priced").fetchall()[0]
    names = ("rows_in", "landed", "duplicate", "quarantined")
    return {**{name: getattr(book, name) for name in names}, "current": current, "superseded": book.stored - records}


STEPS: Mapping[str, Callable[..., Any]] = {"build": build_marts, "ingest_and_build": ingest_and_build, "count": count}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](*sys.argv[2:])))
