"""The table in the README is what the demo prints: `python -m tests.readme --write` puts it there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_BEGIN, _END = "<!-- demo table", "<!-- end of demo table -->"


def demo_output(folder: Path) -> str:
    """What `margincall demo` prints on standard output when run in `folder`."""
    command = [sys.executable, "-m", "pipelines.cli", "demo"]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"the demo failed with {done.returncode}:\n{done.stderr}")
    return tidy(done.stdout)


def tidy(text: str) -> str:
    """Without blank lines around it and blanks at line ends, which an editor would remove."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def table_in_readme() -> str:
    block = README.read_text().split(_BEGIN, 1)[1].split(_END, 1)[0]
    return tidy(block.split("```\n", 1)[1].rsplit("```", 1)[0])


def write(table: str) -> None:
    before, rest = README.read_text().split(_BEGIN, 1)
    comment, _ = rest.split("\n", 1)
    after = rest.split(_END, 1)[1]
    README.write_text(f"{before}{_BEGIN}{comment}\n```\n{table}\n```\n{_END}{after}")


def _environment() -> dict[str, str]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARGINCALL_")}
    return kept | {"PYTHONPATH": str(ROOT)}


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: python -m tests.readme --write")
    with tempfile.TemporaryDirectory() as scratch:
        write(demo_output(Path(scratch)))
