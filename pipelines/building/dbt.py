"""Running dbt in this process, quietly, with nothing sent anywhere; what fails is told in a sentence per model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.connection import BUILD_MEMORY

MODELS = Path(__file__).parent.parent.parent / "models_sql"

NodeDone = Callable[[str, int, int], None]
"""Told a finished node's name, how many are finished, and how many there are."""


@dataclass(frozen=True)
class Node:
    """A finished model or test. `status` is dbt's word: success, pass, warn, fail, error, skipped."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    seconds: float
    failures: int
    """Rows that a test found; 0 for a model."""
    message: str

    @property
    def is_well(self) -> bool:
        return self.status in ("success", "pass", "warn")


NodeSeen = Callable[[Node], None]
"""Told every finished node, also those of a run that fails."""


class DbtFailed(Exception):
    """One or more models or tests failed; the message names each with its reason."""


_manifests: dict[tuple[str, bytes], Any] = {}
"""dbt's parsed project by target and `models_digest`: reading the models takes longer than a small build. They say nothing of a
data folder; its paths are put in when a model is compiled.
"""


def models_digest() -> bytes:
    """A hash of every model, macro, test and description."""
    digest = hashlib.sha256()
    for path in sorted(MODELS.rglob("*")):
        if path.suffix in {".sql", ".yml"} and "target" not in path.parts:
            digest.update(str(path.relative_to(MODELS)).encode() + path.read_bytes())
    return digest.digest()


def run_dbt(
    command: list[str],
    *,
    data_dir: Path,
    warehouse: Path,
    inputs: Path,
    on_done: NodeDone = lambda *_: None,
    on_node: NodeSeen = lambda _: None,
    target: str = "duckdb",
    target_path: Path | None = None,
) -> None:
    """Run a dbt command on the project; `target_path` takes dbt's artefacts. Raises DbtFailed."""
    done: list[str] = []
    total = [0]

    def listen(event: Any) -> None:
        if event.info.name == "ConcurrencyLine":
            total[0] = int(event.data.node_count)
        if event.info.name == "NodeFinished":
            done.append(event.data.node_info.node_name)
            on_done(done[-1], len(done), max(total[0], len(done)))
            on_node(_node(event.data))

    home = data_dir / "build" / "dbt"
    options = [
        # No log of its own: what failed is in the exception, and every line is put together only to be thrown away.
        *("--quiet", "--no-use-colors", "--no-version-check", "--log-level", "none", "--log-level-file", "none"),
        *("--log-path", str(home / "logs")),
    ]
    places = [
        *("--project-dir", str(MODELS), "--profiles-dir", str(MODELS), "--target-path"),
        str(target_path or home / f"target-{target}"),
    ]
    variables = {
        "MARGINCALL_WAREHOUSE": str(warehouse),
        "MARGINCALL_BUILD_INPUTS": str(inputs),
        "MARGINCALL_BUILD_MEMORY": BUILD_MEMORY,
        "MARGINCALL_DBT_TARGET": target,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
    with _environment(variables):
        try:
            if command == ["parse"]:
                _invoke([*options, *command, *places])
                return
            parsed = (target, models_digest())
            if parsed not in _manifests:
                _manifests[parsed] = _invoke([*options, "--no-write-json", "parse", *places])
            # A run writes into its manifest what it compiled.
            manifest = _manifests[parsed].deepcopy()
            _invoke([*options, *command, *places], manifest, listen)
        finally:
            if target == "duckdb":
                _close_warehouse()


def _invoke(arguments: list[str], manifest: Any = None, listen: Callable[[Any], None] = lambda _: None) -> Any:
    """What dbt returns. Raises DbtFailed, and what interrupted it."""
    from dbt.cli.main import dbtRunner

    result = dbtRunner(manifest=manifest, callbacks=[listen]).invoke(arguments)
    if result.exception is not None and not isinstance(result.exception, Exception):
        raise result.exception  # an interruption, which dbt hands over as if it were a failure of its own
    if not result.success:
        raise DbtFailed(_failures(result))
    return result.result


def _node(data: Any) -> Node:
    info, result = data.node_info, data.run_result
    return Node(
        unique_id=info.unique_id,
        name=info.node_name,
        resource_type=info.resource_type,
        status=result.status or info.node_status,
        seconds=round(result.execution_time, 3),
        failures=result.num_failures,
        message=" ".join(result.message.split()),
    )


def _close_warehouse() -> None:
    """The adapter keeps its database open until the process ends; publishing opens the file anew."""
    import duckdb
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    if DuckDBConnectionManager._ENV is not None:  # pyright: ignore[reportPrivateUsage]
        # After an interruption a statement may still be running; whoever opens the file next is told that it is in use.
        with suppress(duckdb.Error):
            DuckDBConnectionManager._ENV.close()  # pyright: ignore[reportPrivateUsage]
            DuckDBConnectionManager.close_all_connections()


def _failures(result: Any) -> str:
    if result.exception is not None:
        return f"dbt could not run: {result.exception}"
    failed = [item for item in getattr(result.result, "results", []) if str(item.status) in ("error", "fail")]
    lines = [f"{item.node.name}: {' '.join(str(item.message).split())[:600]}" for item in failed]
    return "\n".join(lines) or "dbt failed without naming a model"


@contextmanager
def _environment(variables: dict[str, str]) -> Generator[None]:
    """Set variables for the time of a run; dbt's profile can only be told through them."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
