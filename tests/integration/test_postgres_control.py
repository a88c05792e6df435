"""The tests of landing and of the control database once more, with PostgreSQL behind them: a server of our own."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import sqlalchemy as sa

from pipelines.settings import Control as ControlSettings
from pipelines.settings import Settings
from tests.integration import test_control, test_landing
from tests.landers import in_processes, open_and_close
from tests.workspace import Workspace
from warehouse.control import HEAD, Control, ControlError

_NUMBERS = itertools.count()
# What a file of SQLite's is asked to do, or what says nothing of the control database and takes its time.
_NOT_HERE = {
    "test_a_database_that_cannot_be_opened_is_named_without_its_password",
    "test_eight_processes_may_create_the_database_at_once",
    "test_a_line_of_fifty_megabytes_is_quarantined_and_the_next_one_lands",
}

globals().update(
    {
        name: test
        for module in (test_control, test_landing)
        for name, test in vars(module).items()
        if name.startswith("test_") and name not in _NOT_HERE
    }
)


def _programs() -> Path | None:
    """The folder of the server's programs, newest first."""
    found = shutil.which("postgres")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


def _as_other() -> dict[str, Any]:
    """Who runs the server: it refuses to run as root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def _run(*command: str | Path, **options: Any) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True, **options)


@pytest.fixture(scope="session")
def server() -> Generator[sa.URL]:
    """A server on a free port of this machine, gone when the tests are."""
    programs = _programs()
    if programs is None:
        message = "no PostgreSQL server is installed: landing is tested on SQLite only"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    who, home = _as_other(), Path(mkdtemp(prefix="pg-", dir="/tmp"))
    data = home / "data"
    if who:
        os.chown(home, who["user"], who["group"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-h 127.0.0.1 -p {port} -k {home} -c fsync=off -c max_connections=60"
    try:
        _run(programs / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", cwd=home, **who)
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", home / "log", "-o", options, "start", cwd=home, **who)
        yield sa.URL.create("postgresql+psycopg", "tester", host="127.0.0.1", port=port, database="postgres")
    finally:
        if (data / "postmaster.pid").exists():
            _run(programs / "pg_ctl", "-D", data, "-m", "fast", "stop", cwd=home, **who)
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def new_database(server: sa.URL) -> Callable[[], str]:
    """Makes an empty database and gives its URL."""

    def made() -> str:
        name = f"test_{next(_NUMBERS)}"
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f"create database {name}"))
        engine.dispose()
        return server.set(database=name).render_as_string(hide_password=False)

    return made


@pytest.fixture
def workspace(tmp_path: Path, new_database: Callable[[], str]) -> Generator[Workspace]:
    """A data folder with its control database on the server; the tests above take this for the one on SQLite."""
    made = Workspace(tmp_path, control={"url": new_database()})
    yield made
    made.control.close()


def test_eight_processes_may_create_the_schema_at_once(tmp_path: Path, new_database: Callable[[], str]) -> None:
    settings = Settings(data_dir=tmp_path, control=ControlSettings(url=new_database()))
    assert in_processes([(settings,)] * 8, open_and_close) == [HEAD] * 8


def test_a_server_that_is_gone_is_named_without_its_password(server: sa.URL) -> None:
    url = server.set(port=1, password="secret")
    with pytest.raises(ControlError) as caught:
        Control(url.render_as_string(hide_password=False))
    assert "the control database cannot be opened" in str(caught.value)
    assert "secret" not in str(caught.value)
