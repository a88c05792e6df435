"""From what a person names (files, folders, globs) to landed files: logs and feeds told apart by content."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.feeds import FeedError, detect_feed, feed_by_name
from pipelines.fetching import FOLDER, Failed, FileHere, fetch, is_elsewhere, settings_of
from pipelines.landing.detect import UnknownFormat, detect
from pipelines.landing.fetched import Landings, fetched_landings, landed_before
from pipelines.landing.land import Context, FileResult, LandingError, land_file
from pipelines.landing.land_feed import land_feed
from pipelines.settings import Settings

_READABLE = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_PACKED = (".gz", ".zst")
_OWN = ("lake", "closed", "quarantine", "serving", "build", "tmp", "exports", "budgets", FOLDER)

FileDone = Callable[[FileResult, int, int], None]
"""Told what became of a file, how many are done, and how many there are."""


@dataclass(frozen=True)
class Found:
    """A file to land; `is_named` if a person named it, so that failing on it is an error and not a remark.

    `problem`: there is nothing to land, the name cannot be fetched.
    """

    path: Path
    is_named: bool
    problem: FileResult | None = None


def find(
    names: Iterable[str], data_dir: Path, settings: Settings | None = None, on_fetched: FileHere = lambda _: None
) -> list[Found]:
    """The files that these names stand for, each once, ordered by path within a name. Raises LandingError.

    What is elsewhere (`s3://…`) is fetched with `settings`; without them it is passed over: a look fetches nothing.
    """
    found: dict[Path, Found] = {}
    for name in names:
        if not is_elsewhere(name):
            expanded = _expand(name, data_dir.resolve())
        else:
            expanded = _fetched(settings, name, on_fetched) if settings else iter(())
        for item in expanded:
            found.setdefault(item.path, item)
    return list(found.values())


def ingest(
    context: Context,
    files: list[Found],
    *,
    source: str | None = None,
    feed: str | None = None,
    on_file: FileDone = lambda *_: None,
) -> list[FileResult]:
    """Land these files; a file that fails is told in its result and does not keep the others from landing."""
    results: list[FileResult] = []
    landings = fetched_landings(context)
    for found in files:
        result = _land_one(context, found, source, feed, landings)
        results.append(result)
        on_file(result, len(results), len(files))
    return results


def _land_one(context: Context, found: Found, source: str | None, feed: str | None, landings: Landings) -> FileResult:
    if found.problem:
        return found.problem
    path = found.path
    if before := landed_before(context, landings, path, source, feed):
        return before
    context = replace(context, settings=settings_of(context.settings, path))
    try:
        name = feed or (None if source else feed_of(path))
        return land_feed(context, path, name) if name else land_file(context, path, source)
    except (UnknownFormat, FeedError) as error:
        return FileResult(str(path), "", "failed" if found.is_named else "unknown", message=str(error))
    except LandingError as error:
        return FileResult(str(path), source or feed or "", "failed", message=str(error))


def feed_of(path: Path) -> str | None:
    """The feed a file holds, by its name, or by its columns if no log source knows its records; None for a log."""
    if by_name := feed_by_name(path):
        return by_name
    try:
        detect(path)
    except UnknownFormat as unknown:
        try:
            return detect_feed(path)
        except FeedError:
            raise unknown from None
    except OSError:
        return None  # landing says what is wrong with the file
    return None


def _fetched(settings: Settings, name: str, on_fetched: FileHere) -> Iterator[Found]:
    for item in fetch(settings, name, is_readable, on_fetched):
        if isinstance(item, Failed):
            failed = FileResult(item.name, "", "failed", message=item.message)
            yield Found(Path(item.name), is_named=True, problem=failed)
        else:
            yield Found(item.path, item.is_named)


def _expand(name: str, data_dir: Path) -> Iterator[Found]:
    path = Path(name).expanduser()
    if path.is_dir():
        own = [data_dir / name for name in _OWN]
        files = [file for file in _walk(path) if not any(file.resolve().is_relative_to(folder) for folder in own)]
        if not files:
            looked = f"Looked for files ending in {', '.join(_READABLE)} (also {', '.join(_PACKED)})."
            raise LandingError(f"{name}: holds no log or feed. {looked}")
        yield from (Found(file, is_named=False) for file in files)
    elif path.exists() or not glob.has_magic(name):
        if not path.exists():
            raise LandingError(f"{name}: no such file or folder.")
        yield Found(path, is_named=True)
    else:
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
        if not matches:
            raise LandingError(f"{name}: matches no file.")
        for match in matches:
            yield from (Found(file.path, is_named=False) for file in _expand(match, data_dir))


def _walk(folder: Path) -> list[Path]:
    """Readable files below a folder, by path; hidden ones and other kinds of file are none of ours."""
    found = (path for path in folder.rglob("*") if path.is_file() and is_readable(path.name))
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def is_readable(key: str) -> bool:
    """Whether a file or an object of that name is a log or a feed at all."""
    name = Path(key).name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name.endswith(_READABLE)
