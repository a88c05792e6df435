"""End-user ids replaced by a keyed hash as they land, and the keys for it.

    user-<key id>-<first 128 bits of HMAC-SHA256(key, id), as hex>

The key id follows from the key, so that hashes of an old and of a new key stay apart: after a rotation a person is two
users. Keys come from an environment variable (several, the newest last), or from a file of the data folder that the
first landing creates. Whoever loses them cannot find a person by the clear id any more; keep them apart from the lake.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import sqlalchemy as sa

from pipelines.settings import Settings, SettingsError, environment_variable
from warehouse import control as db
from warehouse.connection import literal
from warehouse.control import Control
from warehouse.lake import fsync_folder, write_atomically

USER = "user"
_BLOCK_BYTES = 64  # of SHA-256
_SHORTEST = 32
_SETTING = "privacy.hash_end_user_ids"


@dataclass(frozen=True)
class Key:
    """One secret; never printed."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return hmac.digest(self.secret, b"margincall end-user key", "sha256").hex()[:8]

    @property
    def prefix(self) -> str:
        return f"{USER}-{self.id}-"

    def hashed(self, user: str) -> str:
        """What stands in the lake for a user."""
        return self.prefix + hmac.digest(self.secret, user.encode(), "sha256").hex()[:32]

    def pads(self) -> list[bytes]:
        """Inner and outer key block of HMAC (RFC 2104), for the engine, which has SHA-256 only."""
        block = (hashlib.sha256(self.secret).digest() if len(self.secret) > _BLOCK_BYTES else self.secret).ljust(
            _BLOCK_BYTES, b"\0"
        )
        return [bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C)]


def key_file(data_dir: Path) -> Path:
    return data_dir / "keys" / "end_user_ids"


def known_keys(settings: Settings) -> list[Key]:
    """Every key there is, the one in use last. Raises SettingsError."""
    path, variable = key_file(settings.data_dir), settings.privacy.hash_key_env
    try:
        lines = path.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        lines = []
    if variable:
        lines += environment_variable(variable, _SETTING, "privacy.hash_key_env").replace(",", " ").split()
    if any(len(line) < _SHORTEST for line in lines):
        where = f"the environment variable {variable} or {path}" if variable else str(path)
        raise SettingsError(f"{_SETTING}: a key in {where} is shorter than {_SHORTEST} characters.")
    return [Key(line.encode()) for line in lines]


def current_key(settings: Settings) -> Key:
    """The key in use; the first call without one creates it. Raises SettingsError."""
    if not known_keys(settings):
        _create(key_file(settings.data_dir))
    return known_keys(settings)[-1]


def rotate(settings: Settings) -> Key:
    """Use a new key from now on; the old ones stay known, for erasing. Raises SettingsError where a variable holds them."""
    if settings.privacy.hash_key_env:
        raise SettingsError(
            f"The keys come from the environment variable {settings.privacy.hash_key_env}: "
            "append a new one there, behind a comma."
        )
    path = key_file(settings.data_dir)
    current_key(settings)
    write_atomically(path, path.read_bytes() + f"{secrets.token_hex(32)}\n".encode(), mode=0o600)
    return known_keys(settings)[-1]


def spellings(settings: Settings, user: str) -> list[str]:
    """The id and what any known key made of it."""
    return [user, *(key.hashed(user) for key in known_keys(settings))]


def hash_users(database: duckdb.DuckDBPyConnection, key: Key) -> None:
    """Replace the ids in table `parsed`, and the content hash: whoever has the rest of a row could try ids against it."""
    inner, outer = key.pads()
    for name, kept in (("end_user_id", f"{literal(key.prefix)} || left({{}}, 32)"), ("row_hash", "left({}, 32)")):
        mac = f"sha256(?::blob || unhex(sha256(?::blob || encode({name}))))"
        database.execute(
            f"update parsed set {name} = {kept.format(mac)} where {name} is not null",
            [outer, inner],
        )


def hash_landing(database: duckdb.DuckDBPyConnection, settings: Settings, control: Control) -> None:
    """Where the settings ask for it, replace the ids of a landing; who was erased stays erased under a new key."""
    if not settings.privacy.hash_end_user_ids:
        return
    key = current_key(settings)  # before the tombstones: whoever is erased meanwhile is erased under this key too
    erased = control.rows(sa.select(db.tombstone).where(db.tombstone.c.kind == USER))
    if erased:
        by_md5 = {row.id_md5: row for row in erased}
        listed = ", ".join(map(literal, by_md5))
        query = f"select distinct end_user_id from parsed where md5(end_user_id) in ({listed})"
        for (user,) in database.execute(query).fetchall():
            first = by_md5[md5(user)]
            bury(control, key.hashed(user), first.erased_at, first.erased_by)
    hash_users(database, key)


def bury(control: Control, user: str, erased_at: str, erased_by: str) -> None:
    """A tombstone for another spelling of an erased user."""
    with control.write() as connection:
        add_tombstone(connection, USER, user, erased_at, erased_by)


def add_tombstone(connection: sa.Connection, kind: str, identifier: str, erased_at: str, erased_by: str) -> None:
    """Inside the caller's transaction; an earlier tombstone stays."""
    table, digest = db.tombstone, md5(identifier)
    where = sa.and_(table.c.kind == kind, table.c.id_md5 == digest)
    if connection.execute(sa.select(table).where(where)).first() is None:
        values = {"kind": kind, "id_md5": digest, "erased_at": erased_at, "erased_by": erased_by}
        connection.execute(sa.insert(table).values(**values))


def md5(text: str) -> str:
    """As the models hash an id to look for its tombstone."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _create(path: Path) -> None:
    """Write the first key, readable by its owner alone; of two processes at once one wins and both use its key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
    fsync_folder(path.parent)
