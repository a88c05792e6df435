"""What dbt hands back, as the build takes it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.building.dbt import DbtFailed, run_dbt


@pytest.mark.parametrize(
    ("handed_back", "raised"), [(KeyboardInterrupt(), KeyboardInterrupt), (ValueError("no"), DbtFailed)]
)
def test_an_interruption_of_dbt_is_an_interruption_and_not_a_failed_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handed_back: BaseException, raised: type[BaseException]
) -> None:
    """dbt catches everything and returns it."""

    def invoke(*_: Any) -> Any:
        return SimpleNamespace(exception=handed_back, success=False, result=None)

    monkeypatch.setattr("dbt.cli.main.dbtRunner.invoke", invoke)
    with pytest.raises(raised):
        run_dbt(["build"], data_dir=tmp_path, warehouse=tmp_path / "w.duckdb", inputs=tmp_path)
