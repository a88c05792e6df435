"""The same models on a Spark session: for a lake that has grown beyond one machine, and as proof that the SQL is portable.

A session of our own keeps its tables as Parquet in build/spark/warehouse and its catalogue in memory; a company's session
brings its own catalogue.
"""

# Spark is an extra that the ordinary environment does not have.
# pyright: reportMissingImports=false
from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from pipelines.building.dbt import NodeDone, run_dbt
from pipelines.building.inputs import widen_to_all_days
from pipelines.building.lock import build_lock
from pipelines.settings import Settings
from warehouse.lake import datasets

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SCHEMA = "margincall"
"""Database of the session that the models are written to; `profiles.yml` names it too."""
REQUIRED = {
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # else DECIMAL(38,12) x INT becomes DECIMAL(38,10)
    "spark.sql.ansi.enabled": "true",  # else an amount that overflows becomes null
    "spark.sql.session.timeZone": "UTC",  # else a request near midnight falls on another day
}
"""Without any one of these the figures would be wrong, and nothing would say so."""


class SparkUnavailable(Exception):
    """Spark cannot be started here; the message says what is missing."""


class SparkUnfit(Exception):
    """The session would compute other figures than DuckDB; the message names every setting that is wrong."""


class NothingToBuild(Exception):
    """The data folder has not been built yet."""


def build_on_spark(settings: Settings, session: SparkSession, *, on_done: NodeDone = lambda *_: None) -> None:
    """Build every model anew in the session's schema `margincall`, from the inputs of the last build on DuckDB.

    The session has to be the process's first: dbt finds that one by itself. It stays open for reading.
    Raises SparkUnfit, NothingToBuild, Locked, DbtFailed.
    """
    data_dir = settings.data_dir.resolve()
    inputs = data_dir / "build" / "inputs"
    check_session(session)
    with build_lock(data_dir), _ansi_kept():
        if not (inputs / "lake_file.parquet").exists():
            raise NothingToBuild(f"{data_dir}: has no inputs of a build. `margincall build` writes them.")
        widen_to_all_days(inputs, settings)
        register_inputs(session, inputs)
        command = ["build", "--full-refresh", "--exclude-resource-type", "unit_test"]
        unused = data_dir / "warehouse.duckdb"
        run_dbt(command, data_dir=data_dir, warehouse=unused, inputs=inputs, on_done=on_done, target="spark")
    check_session(session)  # an adapter that changes a setting on the way is found out


@contextmanager
def local_session(settings: Settings) -> Generator[SparkSession]:
    """A Spark session on two cores that begins without tables, writes under the data folder and listens on 127.0.0.1 only.

    Raises SparkUnavailable without the `spark` extra or without Java, Locked.
    """
    home = settings.data_dir.resolve() / "build" / "spark"
    with build_lock(home):
        # Tables of an earlier session are not in this one's catalogue, and Spark writes into no folder that has files.
        shutil.rmtree(home / "warehouse", ignore_errors=True)
        session = _start(_options(home))
        try:
            session.sparkContext.setLogLevel("ERROR")
            yield session
        finally:
            session.stop()


def check_session(session: SparkSession) -> None:
    """Raise SparkUnfit unless the session computes decimals and dates exactly."""
    found = {name: session.conf.get(name, "unset") for name in REQUIRED}
    wrong = [
        f"{name} is {found[name]} and has to be {value}" for name, value in REQUIRED.items() if found[name] != value
    ]
    if wrong:
        raise SparkUnfit(f"This Spark session would compute wrong amounts or days: {'; '.join(wrong)}.")


def register_inputs(session: SparkSession, inputs: Path) -> None:
    """Register what the models read as temporary views: `input_<name>` and `lake_<dataset>`."""
    for path in sorted(inputs.glob("*.parquet")):
        if not path.name.startswith("schema_"):
            _parquet(session, path).createOrReplaceTempView(f"input_{path.stem}")
    listed = pq.read_table(inputs / "lake_file.parquet", columns=["dataset", "path"]).to_pylist()
    for dataset in datasets():
        files = [Path(row["path"]) for row in listed if row["dataset"] == dataset]
        view = _parquet(session, inputs / f"schema_{dataset}.parquet", *sorted(files))
        view.createOrReplaceTempView(f"lake_{dataset}")


def _parquet(session: SparkSession, first: Path, *others: Path) -> Any:
    """Exactly these files, with the columns of the first; columns that another lacks are null."""
    schema = session.read.parquet(str(first)).schema
    # A folder named day=… must not become a second column `day`.
    reader = session.read.schema(schema).option("recursiveFileLookup", "true")
    return reader.parquet(*(str(path) for path in (first, *others)))


def _options(home: Path) -> dict[str, Any]:
    return {
        **REQUIRED,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # What is worth its while on a cluster costs more here than the work itself.
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.local.dir": str(home / "tmp"),
    }


def _start(options: dict[str, Any]) -> SparkSession:
    try:
        import_module("dbt.adapters.spark")
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise SparkUnavailable(
            f"Spark was asked for, but {error.name} is not installed: pip install 'margincall[spark]'."
        ) from None
    if SparkSession.getActiveSession() is not None:
        raise SparkUnavailable("A Spark session is open in this process already; stop it, or build on it.")
    builder = SparkSession.builder.master("local[2]").appName("margincall")
    try:
        return builder.config(map=options).getOrCreate()
    except PySparkRuntimeError as error:
        raise SparkUnavailable(
            f"Spark did not start; it needs Java 17 or later, on PATH or as JAVA_HOME: {error}"
        ) from None


@contextmanager
def _ansi_kept() -> Generator[None]:
    """dbt-spark turns ANSI mode off before every statement, so that an overflow becomes null; here it stays on.

    Goes when the adapter leaves the setting to the profile.
    """
    from dbt.adapters.spark.connections import SparkCredentials

    original = SparkCredentials.__post_init__

    def keep(self: SparkCredentials) -> None:
        original(self)
        self.server_side_parameters["spark.sql.ansi.enabled"] = REQUIRED["spark.sql.ansi.enabled"]

    SparkCredentials.__post_init__ = keep
    try:
        yield
    finally:
        SparkCredentials.__post_init__ = original
