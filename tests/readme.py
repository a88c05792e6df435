"""The table in the README is what the demo prints, and the example of `explain` in docs/figures.md what that prints of the demo.

`python -m tests.readme --write` puts both there.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
FIGURES = ROOT / "docs" / "figures.md"
EXAMPLE = ("explain", "cost_per_successful_task", "--tenant", "tnt-0212", "--rows", "1")
_TABLE = ("<!-- demo table", "<!-- end of demo table -->")
_EXPLAINED = ("<!-- explained", "<!-- end of explained -->")


def demo_output(folder: Path) -> str:
    """What `margincall demo` prints on standard output when run in `folder`."""
    return _printed(folder, "demo")


def explained(folder: Path) -> str:
    """What the example prints of the demo in `folder`."""
    return _printed(folder, *EXAMPLE, MARGINCALL_DATA_DIR="var/demo")


def tidy(text: str) -> str:
    """Without blank lines around it and blanks at line ends, which an editor would remove."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def table_in_readme() -> str:
    return _block(README, *_TABLE)


def example_in_figures() -> str:
    return _block(FIGURES, *_EXPLAINED)


def _printed(folder: Path, *words: str, **environ: str) -> str:
    command, variables = [sys.executable, "-m", "pipelines.cli", *words], _environment() | environ
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(words)} failed with {done.returncode}:\n{done.stderr}")
    return tidy(done.stdout)


def _block(page: Path, begin: str, end: str) -> str:
    block = page.read_text().split(begin, 1)[1].split(end, 1)[0]
    return tidy(block.split("```\n", 1)[1].rsplit("```", 1)[0])


def _write(page: Path, begin: str, end: str, text: str) -> None:
    before, rest = page.read_text().split(begin, 1)
    comment, _ = rest.split("\n", 1)
    after = rest.split(end, 1)[1]
    page.write_text(f"{before}{begin}{comment}\n```\n{text}\n```\n{end}{after}")


def _environment() -> dict[str, str]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARGINCALL_")}
    return kept | {"PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.readme --write")
    with tempfile.TemporaryDirectory() as scratch:
        _write(README, *_TABLE, demo_output(Path(scratch)))
        _write(FIGURES, *_EXPLAINED, explained(Path(scratch)))
