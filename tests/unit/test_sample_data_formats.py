"""The samples of each format are what the generator writes, small, and land without a question."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.feeds.bills import bill_readers
from pipelines.landing.collect import find, ingest
from sample_data.write_formats import ABOUT, FORMATS, main
from tests.workspace import Workspace
from warehouse.feed_schemas import FEEDS

NAMES = sorted(path.name for path in FORMATS.iterdir())


def test_the_samples_are_up_to_date(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "fresh")]) == 0
    fresh = {path.name: path.read_bytes() for path in (tmp_path / "fresh").iterdir()}
    committed = {path.name: path.read_bytes() for path in FORMATS.iterdir()}
    assert fresh == committed, "python -m sample_data.write_formats"


def test_every_feed_and_every_bill_reader_has_a_sample() -> None:
    assert set(NAMES) == {*ABOUT, "README.md"}
    feeds = {name.partition(".")[0].partition("-")[0] for name in NAMES} - {"README", "litellm", "canonical", "short"}
    assert feeds == set(FEEDS)
    assert {f"provider_bills-{provider}.json" for provider in bill_readers()} <= set(NAMES)
    assert sum(path.stat().st_size for path in FORMATS.iterdir()) < 100_000


@pytest.mark.parametrize("name", ABOUT)
def test_a_sample_lands_without_a_question(workspace: Workspace, name: str) -> None:
    (result,) = ingest(workspace.context, find([str(FORMATS / name)], workspace.settings.data_dir))
    assert (result.state, result.counts.quarantined, result.message) == ("landed", 0, "")
    assert result.counts.landed == result.counts.rows_in > 1
