"""The demo: a sample company's logs and feeds through the real readers, in a data folder of its own."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.run import RunResult, run
from pipelines.settings import Settings
from sample_data import generate

SEED = 7
Progress = Callable[[str, int, int], None]


def demo_settings(settings: Settings) -> Settings:
    """The defaults, whatever the user has configured, with state under `demo` of the data folder."""
    home = settings.data_dir.resolve() / "demo"
    sample = home / "sample"
    logs = (str(sample / "litellm"), str(sample / "canonical"))
    return Settings(data_dir=home, logs=logs, feeds=(str(sample / "feeds"),))


def run_demo(settings: Settings, progress: Progress) -> tuple[Settings, RunResult]:
    """Write the sample company once, then ingest and build; a second time finds nothing to do."""
    chosen = demo_settings(settings)
    sample = chosen.data_dir / "sample"
    if not (sample / "truth.json").exists():
        generate(sample, SEED, progress=lambda done, total: progress("sample company", done, total))
    return chosen, run(chosen, progress)
