"""The commands that remove: whom they need to be told, what they report, how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from tests.integration.test_landing import line, write
from tests.landed import rows
from tests.workspace import Workspace


@pytest.fixture
def config(workspace: Workspace) -> Path:
    path = workspace.root / "margincall.toml"
    path.write_text('data_dir = "var"\n[retention]\nquarantine_days = 0\n')
    workspace.land(write(workspace, line(1, tenant_id="gone") + line(2, tenant_id="acme") + line(3, input_tokens=-1)))
    return path


def call(config: Path, *arguments: str, typed: str | None = None) -> Any:
    return CliRunner().invoke(app, [*arguments, "--config", str(config)], input=typed)


def test_erasing_needs_a_person_and_one_to_erase(config: Path) -> None:
    assert call(config, "erase", "--tenant", "gone", "--yes").exit_code == 2
    assert call(config, "erase", "--tenant", "gone", "--by", " ", "--yes").exit_code == 2
    assert call(config, "erase", "--by", "ops@example.com", "--yes").exit_code == 2
    assert call(config, "erase", "--by", "ops@example.com", "--tenant", "a", "--user", "b", "--yes").exit_code == 2


def test_erasing_asks_first_and_reports_what_went(config: Path, workspace: Workspace) -> None:
    assert call(config, "erase", "--tenant", "gone", "--by", "ops@example.com", typed="n\n").exit_code == 2
    assert len(rows(workspace)) == 2
    done = call(config, "erase", "--tenant", "gone", "--by", "ops@example.com", typed="y\n")
    assert done.exit_code == 0
    assert "1 rows of llm_request erased" in done.output
    assert "`margincall build` takes it out of the figures" in done.output
    assert [row["tenant_id"] for row in rows(workspace)] == ["acme"]
    again = call(config, "erase", "--tenant", "gone", "--by", "ops@example.com", "--yes", "--json")
    assert json.loads(again.output) == {
        "kind": "tenant", "by": "ops@example.com", "rows": {}, "days": [], "quarantined": 0, "closed": {},
    }  # fmt: skip


def test_retention_reports_what_it_would_and_what_it_did_remove(config: Path) -> None:
    said = call(config, "retention", "apply", "--dry-run")
    assert said.exit_code == 0
    assert "retention.request_days is not set" in said.output
    done = call(config, "retention", "apply", "--older-than-days", "200", "--json")
    assert json.loads(done.output) | {"quarantined": None} == {
        "dry_run": False, "requests": 0, "days": [], "lake_files": 0, "closed_before": None, "closed_rows": {},
        "quarantined": None, "leftovers": 0, "traces": 0,
    }  # fmt: skip


def test_a_key_is_rotated_only_where_ids_are_hashed(config: Path) -> None:
    assert call(config, "privacy", "rotate-key").exit_code == 2
    config.write_text('data_dir = "var"\n[privacy]\nhash_end_user_ids = true\n')
    first, second = (call(config, "privacy", "rotate-key").output for _ in range(2))
    assert first.startswith("New end-user ids begin with user-")
    assert first != second
