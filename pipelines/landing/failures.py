"""What the machine says about a file that could not be landed, as something a person can act on.

Messages name files, never what stands in them: an engine's error text can quote a record.
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy.exc import DBAPIError

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_FULL_TEXTS = ("No space left", "File too large", "quota exceeded", "disk is full", "disk I/O error")


class LandingError(Exception):
    """A file could not be landed; nothing of it counts and a later run begins it again."""


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Raise LandingError for what goes wrong on the machine: files, permissions, disk, memory, the control database."""
    try:
        yield
    except FileNotFoundError as error:
        raise LandingError(f"{error.filename or path}: no such file. {_nothing(path)}") from None
    except IsADirectoryError:
        raise LandingError(f"{path}: is a folder, not a file.") from None
    except PermissionError as error:
        raise LandingError(f"{error.filename or path}: no permission. {_nothing(path)}") from None
    except OSError as error:
        raise LandingError(_full(path) if error.errno in _FULL else f"{path}: {error}. {_nothing(path)}") from None
    except duckdb.OutOfMemoryException:
        raise LandingError(f"{path}: not enough memory or temporary space. {_nothing(path)}") from None
    except (duckdb.Error, DBAPIError) as error:
        raise LandingError(_database(path, error)) from None


def _database(path: Path, error: duckdb.Error | DBAPIError) -> str:
    text = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if any(sign in text for sign in _FULL_TEXTS):
        return _full(path)
    if "Permission denied" in text or "readonly database" in text:
        return f"{path}: no permission to write the data folder. {_nothing(path)}"
    what = "the control database" if isinstance(error, DBAPIError) else "the file"
    return f"{path}: {what} could not be used ({type(error).__name__}). {_nothing(path)}"


def _full(path: Path) -> str:
    return f"{path}: the disk is full. Nothing was landed from it; free space and run again."


def _nothing(path: Path) -> str:
    return f"Nothing was landed from {path}."
