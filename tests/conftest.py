"""Fixtures that every suite shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A data folder of the test's own."""
    made = Workspace(tmp_path)
    yield made
    made.control.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real records; skips where there is none."""
    folder = os.environ.get("MARGINCALL_REAL_DATA")
    if not folder:
        pytest.skip("MARGINCALL_REAL_DATA is not set: tests on real records are skipped")
    return Path(folder)
