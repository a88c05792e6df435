"""What dbt knows of the models without a warehouse: their descriptions, columns, tests, and what each reads."""

from __future__ import annotations

import hashlib
import tempfile
from importlib.metadata import version
from pathlib import Path

from pipelines.building.dbt import models_digest, run_dbt


def manifest_file(data_dir: Path) -> Path:
    """The manifest of the models as they are now; parsed if it is not there yet, which takes seconds. Raises DbtFailed.

    Named after what it was made from, so that a release with other models never shows the old ones.
    """
    home = data_dir.resolve() / "build" / "dbt"
    path = home / f"manifest-{_fingerprint()}.json"
    if path.exists():
        return path
    home.mkdir(parents=True, exist_ok=True)
    # A folder of its own: a build may be running, and dbt keeps its state where its artefacts go.
    with tempfile.TemporaryDirectory(prefix=".parse-", dir=home, ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        # Names the database that models are said to live in; parsing opens none.
        warehouse = folder / "warehouse.duckdb"
        run_dbt(["parse"], data_dir=data_dir, warehouse=warehouse, inputs=folder, target_path=folder)
        (folder / "manifest.json").replace(path)
    for old in home.glob("manifest-*.json"):
        if old != path:
            old.unlink(missing_ok=True)
    return path


def _fingerprint() -> str:
    return hashlib.sha256(version("dbt-core").encode() + models_digest()).hexdigest()[:16]
