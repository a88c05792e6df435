"""What every command shares: the application, its options, its consoles and its exit codes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

app = typer.Typer(
    help="Unit economics of AI features: what each successful task costs, and which tenants pay for themselves.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FAILED, USAGE, THRESHOLD, LOCKED, INTERRUPTED = 1, 2, 3, 4, 130

# A file or a pipe has no width of its own; 80 columns would break every table.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 118)
err = Console(stderr=True, highlight=False)

Config = Annotated[Path | None, typer.Option("--config", help="Configuration file; default: margincall.toml if there.")]
Json = Annotated[bool, typer.Option("--json", help="Print data instead of text; decimals as strings.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit 3 if any row went to quarantine or a file is unknown.")]


def stop(message: str, code: int) -> NoReturn:
    """End the command with a message for a person."""
    err.print(message, markup=False, soft_wrap=True)
    raise SystemExit(code)
