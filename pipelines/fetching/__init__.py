"""Records and feeds that are not local files, brought here as files. One module per kind, found by discovery.

Fetching writes files that never change under `data_dir/fetched/<kind>/…`; landing them is then what it is for any other
file: once, with quarantine and replay. What is fetched and what has landed are two steps, so a run killed anywhere loses
nothing: the next one finds the files that are there, fetches what is missing, and lands what has not landed.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipelines.settings import Settings, SettingsError

FOLDER, LITELLM = "fetched", "litellm"
Readable = Callable[[str], bool]
"""Whether a file of that name is a log or feed at all."""
FileHere = Callable[[int], None]
"""Told how many files of a name are here."""


class FetchError(Exception):
    """Something could not be fetched; the message says what, why not, and what to do, and holds no password."""


@dataclass(frozen=True)
class Fetched:
    """A local file to land; `is_named` if the name stands for exactly this file."""

    path: Path
    is_named: bool = True


@dataclass(frozen=True)
class Failed:
    """What could not be fetched, under a name without its password. What was fetched before stands."""

    name: str
    message: str


@dataclass(frozen=True)
class Kind:
    """A kind of place: `scheme://…` names, and how files come from there. `fetch` raises FetchError."""

    schemes: tuple[str, ...]
    fetch: Callable[[Settings, str, Readable], Generator[Fetched | Failed]]


def is_elsewhere(name: str) -> bool:
    """Whether a name stands for something that has to be fetched."""
    return "://" in name


def fetch(
    settings: Settings, name: str, is_readable: Readable, on_file: FileHere = lambda _: None
) -> list[Fetched | Failed]:
    """Bring what a name stands for; every local file of it, also those of earlier runs, and what went wrong."""
    done: list[Fetched | Failed] = []
    try:
        for item in _kind_of(name).fetch(settings, name, is_readable):
            done.append(item)
            on_file(len(done))
    except (FetchError, SettingsError) as error:
        done.append(Failed(shown(name), str(error)))
    except OSError as error:
        done.append(
            Failed(shown(name), f"{shown(name)}: {error.strerror or error} ({error.filename}). Mend it, run again.")
        )
    return done


def first(settings: Settings, name: str, is_readable: Readable) -> Path:
    """One file of what a name stands for: an earlier one of a database, else the first that comes. Raises FetchError."""
    with closing(_kind_of(name).fetch(settings, name, is_readable)) as found:
        for item in found:
            if isinstance(item, Failed):
                raise FetchError(item.message)
            return item.path
    raise FetchError(f"{shown(name)}: holds nothing yet.")


@cache
def discover() -> Mapping[str, Kind]:
    """Every kind, by scheme."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    kinds = [module.KIND for module in modules if hasattr(module, "KIND")]
    return dict(sorted((scheme, kind) for kind in kinds for scheme in kind.schemes))


def shown(name: str) -> str:
    """A name as it may be printed: a database URL without user, password and options."""
    scheme = name.partition("://")[0]
    return re.sub(r"://.*@", "://***@", name).partition("?")[0] if scheme.startswith("postgres") else name


def folder_of(settings: Settings, *parts: str) -> Path:
    """Where files of a kind are kept."""
    return settings.data_dir.resolve().joinpath(FOLDER, *parts)


def settings_of(settings: Settings, path: Path) -> Settings:
    """The settings under which a file is read: one that was fetched from a proxy has the `instance` of that proxy."""
    for database in settings.litellm_databases:
        if database.instance and path.is_relative_to(folder_of(settings, LITELLM, database.name)):
            return settings.model_copy(update={"instance": database.instance})
    return settings


def _kind_of(name: str) -> Kind:
    scheme = name.partition("://")[0].lower()
    kinds = discover()
    if scheme not in kinds:
        raise FetchError(f"{shown(name)}: cannot fetch from {scheme}://. Known: {', '.join(f'{s}://' for s in kinds)}.")
    return kinds[scheme]
