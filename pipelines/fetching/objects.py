"""Objects of a store: `s3://`, `gs://` and `az://` names, folders and globs, through fsspec.

An object lies under its own key, each version of it in a folder of its own: `<bucket>/<key>/<time>-<version>/<file name>`.
The version is a hash of the store's own mark (its ETag) and of the size. A version that is here is not downloaded again;
one that was cut off goes on where it stopped, in a hidden file that carries the version in its name. It counts when its
size is right and the store says afterwards that the version is still the same.

Earlier versions stay: what a killed run has fetched and not landed still lands. Credentials and endpoints are the
drivers' own (AWS_…, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_…); nothing of them is read or kept here.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipelines.fetching import Failed, Fetched, FetchError, Kind, Readable, folder_of
from pipelines.fetching.folders import locked
from pipelines.settings import Settings
from warehouse.lake import fsync_folder

DRIVERS = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gs"), "az": ("adlfs", "az")}
"""Scheme -> the driver's package and the extra that installs it."""
BLOCK_BYTES = 16 * 1024 * 1024
_TRIES = 3
_MAGIC = re.compile(r"[*?\[]")
_LONGEST = 200
_MD5 = re.compile(r"[0-9a-f]{32}")
_VERSION = re.compile(r"[0-9T]+-[0-9a-f]{16}")
_PLAIN = re.compile(r"[^\x00-\x1f%./][^\x00-\x1f%/]*")


@dataclass(frozen=True)
class Object:
    """One version of one object."""

    path: str
    """Bucket and key, as the driver names it."""
    size: int
    tag: str
    changed_at: str

    @property
    def version(self) -> str:
        return hashlib.sha256(f"{self.tag}/{self.size}".encode()).hexdigest()[:16]


def _fetch(settings: Settings, name: str, is_readable: Readable) -> Generator[Fetched | Failed]:
    """Every version of every object that the name stands for. Raises FetchError where none can be listed."""
    scheme, _, rest = name.partition("://")
    scheme, rest = scheme.lower(), rest.strip("/") if _MAGIC.search(rest) else rest.lstrip("/")
    bucket = rest.partition("/")[0]
    if not bucket or _MAGIC.search(bucket):
        raise FetchError(f"{name}: names no bucket. Write {scheme}://bucket/folder/…")
    store = _store(scheme, name)
    root = folder_of(settings, scheme)
    with locked(root / _part(bucket)):
        found, is_named = _matching(store, rest, name, is_readable)
        for item in found:
            home = root.joinpath(*(_part(part) for part in item.path.split("/")))
            try:
                _bring(store, item, home, f"{scheme}://{item.path}")
            except FetchError as error:
                yield Failed(f"{scheme}://{item.path}", str(error))
            yield from (Fetched(path, is_named) for path in _versions(home))


def _store(scheme: str, name: str) -> Any:
    package, extra = DRIVERS[scheme]
    try:
        import fsspec

        return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)
    except ImportError:
        raise FetchError(
            f"{name}: reading {scheme}:// needs {package}. Install it: pip install 'margincall[{extra}]'"
        ) from None
    except Exception as error:  # whatever the driver makes of missing credentials
        raise FetchError(f"{name}: {package} could not be set up: {_said(error)}") from None


def _matching(store: Any, rest: str, name: str, is_readable: Readable) -> tuple[list[Object], bool]:
    """The objects, by path, and whether the name is that of one. Raises FetchError, also where there is none."""
    try:
        if _MAGIC.search(rest):
            found = store.glob(rest, detail=True)
            inside = [store.find(path, detail=True) for path, info in found.items() if _is_folder(info)]
            files = {path: info for path, info in found.items() if not _is_folder(info)}
            for folder in inside:
                files |= _readable(folder, rest.partition("/")[0], is_readable)
        elif not rest.endswith("/") and "/" in rest and store.exists(rest) and not store.isdir(rest):
            return [_object(rest, store.info(rest))], True
        else:
            folder = rest.rstrip("/")
            files = _readable(store.find(folder, detail=True), folder, is_readable)
    except FileNotFoundError:
        files = {}
    except FetchError:
        raise
    except Exception as error:  # each driver has exceptions of its own, not all of them are OSErrors
        raise FetchError(f"{name}: cannot be listed: {_said(error)}") from None
    if not files:
        raise FetchError(f"{name}: no object, or no log or feed below it.")
    return [_object(path, files[path]) for path in sorted(files)], False


def _readable(files: Mapping[str, Any], folder: str, is_readable: Readable) -> dict[str, Any]:
    """Logs and feeds below a folder; hidden ones and the markers of empty folders are none."""
    return {
        path: info
        for path, info in files.items()
        if not _is_folder(info)
        and is_readable(path)
        and not any(part.startswith(".") for part in path.removeprefix(folder).split("/"))
    }


def _is_folder(info: Mapping[str, Any]) -> bool:
    return info.get("type") == "directory" or str(info.get("name", "")).endswith("/")


def _object(path: str, info: Mapping[str, Any]) -> Object:
    tag = next((str(info[key]).strip('"') for key in ("ETag", "etag", "generation", "md5Hash") if info.get(key)), "")
    changed = next((info[key] for key in ("LastModified", "last_modified", "mtime", "updated") if info.get(key)), "")
    stamp = changed.strftime("%Y%m%dT%H%M%S") if isinstance(changed, datetime) else re.sub(r"\D", "", str(changed))[:14]
    if not tag:
        raise FetchError(f"{path}: the store does not tell its versions apart (no ETag).")
    return Object(path, int(info.get("size") or 0), tag, stamp or "0")


def _bring(store: Any, item: Object, home: Path, name: str) -> None:
    """Have this version here, or the one that replaces it meanwhile. Raises FetchError."""
    for _ in range(_TRIES):
        if any(path.parent.name.endswith(f"-{item.version}") for path in _versions(home)):
            return
        try:
            part = _copied(store, item, home, name)
            store.invalidate_cache()
            now = _object(item.path, store.info(item.path))
        except FileNotFoundError:
            raise FetchError(f"{name}: was there when listed and is gone.") from None
        except FetchError:
            raise
        except OSError as error:
            raise FetchError(f"{name}: {_said(error)}. Run again; it goes on.") from None
        except Exception as error:
            raise FetchError(f"{name}: could not be read: {_said(error)}. Run again; it goes on.") from None
        if now.version == item.version:
            _admit(part, home / f"{item.changed_at}-{item.version}" / home.name)
            return
        part.unlink()
        item = now
    raise FetchError(f"{name}: changes faster than it can be copied.")


def _versions(home: Path) -> list[Path]:
    """The versions that are here, oldest first. Other keys may lie below this one."""
    return sorted(path for path in home.glob(f"*/{glob.escape(home.name)}") if _VERSION.fullmatch(path.parent.name))


def _copied(store: Any, item: Object, home: Path, name: str) -> Path:
    """The whole object in a hidden file, continued where an earlier copy of this version was cut off."""
    home.mkdir(parents=True, exist_ok=True)
    part = home / f".{item.version}.part"
    has_begun = part.exists()
    if has_begun and part.stat().st_size > item.size:
        part.unlink()
    with part.open("ab") as file:
        while (position := file.tell()) < item.size:
            block = store.cat_file(item.path, start=position, end=min(position + BLOCK_BYTES, item.size))
            if not block:
                raise FetchError(f"{name}: ends at byte {position:,} of {item.size:,}. Run again; it goes on.")
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if has_begun and _MD5.fullmatch(item.tag) and _md5(part) != item.tag:
        # Where the tag is the content's hash, a copy that survived a crash half-written can be told. Where it only looks
        # like one (encrypted objects), the object is read once more.
        part.unlink()
        return _copied(store, item, home, name)
    return part


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _admit(part: Path, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    part.replace(path)
    for folder in (path.parent, path.parent.parent):
        fsync_folder(folder)


def _part(part: str) -> str:
    """A part of a key as a file's name that cannot lead anywhere else."""
    name = part if _PLAIN.fullmatch(part) else re.sub(r"^\.", "%2E", quote(part, safe="")) or "%"
    if len(name.encode()) <= _LONGEST:
        return name
    return f"{hashlib.sha256(part.encode()).hexdigest()[:32]}-{name[-40:]}"


def _said(error: Exception) -> str:
    """The first line of what a driver says, without what signs a request."""
    text = str(error).strip().partition("\n")[0][:300] or type(error).__name__
    return re.sub(r"(?i)(sig|signature|credential|token)=[^&\s]+", r"\1=…", text)


KIND = Kind(tuple(DRIVERS), _fetch)
