"""Commands that serve pages on this machine: dagster, dashboard."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

import pipelines
from pipelines.assets import CONFIG_VARIABLE
from pipelines.cli.app import FAILED, Config, app, err, stop
from pipelines.settings import DEFAULT_CONFIG, load_settings

DAGSTER_YAML = """\
# Written once by `margincall dagster`; yours to change from here on.
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  pools: # DuckDB has one writer: a run that builds waits in the queue until the one before it is done
    granularity: run
    default_limit: 1
python_logs: # of runs in this terminal; what Dagster itself does step by step is in its pages
  python_log_level: INFO
run_monitoring: # a run whose process died is marked failed, so that the next can begin
  enabled: true
retention: # of ticks, in days
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days: {skipped: 1, success: 90, failure: 90}
"""

ROOT = Path(pipelines.__file__).parent.parent
"""What Dagster imports the code location from: where this package is, not a folder of the same name at hand."""

Host = Annotated[str, typer.Option(help="Address to listen on. There is no login: everyone who reaches it can do all.")]


@app.command()
def dagster(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 3000,
    config: Config = None,
) -> None:
    """Serve Dagster: assets with lineage and checks, an hourly run, the Monday report. Ctrl-C stops it."""
    from pipelines.building.manifest import manifest_file

    _warn_unless_local(host)
    settings = load_settings(config)
    port = _free_port(host, port)
    home = settings.data_dir.resolve() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(DAGSTER_YAML)
    manifest_file(settings.data_dir)  # so that models that cannot be parsed are told here
    err.print(f"Dagster comes up on http://{host}:{port}; its state is under {home}. Ctrl-C stops it.", soft_wrap=True)
    words = ["dev", "--module-name", "pipelines.definitions", "--working-directory", str(ROOT)]
    words += ["--host", host, "--port", str(port), "--log-level", "warning"]
    # Started in the background by a script, it would inherit that Ctrl-C is ignored, and with it Dagster's own way to stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # In place of this process, so that a signal reaches Dagster itself, which ends all that it has started.
    os.execve(sys.executable, [sys.executable, "-m", "dagster", *words], _environment(home, config))


def _environment(home: Path, config: Path | None) -> dict[str, str]:
    """This process's, with what Dagster's processes have to know."""
    told = {
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "DO_NOT_TRACK": "1",
        "PYTHONSAFEPATH": "1",  # no file of the folder that this is started in is taken for a library
        # The command is superseded by a scaffolding tool that a user of this product has no need of.
        "PYTHONWARNINGS": "ignore:Function `dev_command` is superseded",
    }
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    return os.environ | told | ({CONFIG_VARIABLE: str(path.resolve())} if path else {})


def _warn_unless_local(host: str) -> None:
    if not _is_local(host):
        err.print(f"Warning: {host} can be reached from other machines, and there is no login.", style="yellow")


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@app.command()
def dashboard(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8501,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    config: Config = None,
) -> None:
    """Serve the dashboard: the week, the tenants, the data behind them. Ctrl-C stops it."""
    load_settings(config)  # so that what is wrong with it is told here
    pages = find_spec("dashboards")
    if pages is None or pages.origin is None:
        stop("The dashboard is not installed: `dashboards` cannot be imported.", FAILED)
    _warn_unless_local(host)
    port = _free_port(host, port)
    environment = os.environ | {"DO_NOT_TRACK": "1", "PYTHONSAFEPATH": "1"}
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    if path:
        environment["MARGINCALL_CONFIG"] = str(Path(path).resolve())
    options = {"server.address": host, "server.port": str(port), "server.headless": str(no_browser).lower()}
    words = [f"--{name}={value}" for name, value in options.items()]
    if _is_local(host):  # no page of another site reaches it under a name of its own
        words += [f"--server.allowedHosts={name}" for name in ("127.0.0.1", "localhost", "::1")]
    err.print(
        f"The dashboard is on http://{f'[{host}]' if ':' in host else host}:{port} and Ctrl-C stops it.", soft_wrap=True
    )
    # As above: in place of this process, and with Ctrl-C heeded also where a script started it in the background.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    app_file = str(Path(pages.origin).parent / "app.py")
    os.execve(sys.executable, [sys.executable, "-m", "streamlit", "run", app_file, *words], environment)


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0. Ends the command where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            stop(
                f"{host}:{port} cannot be had: {error.strerror or error}. Choose another with --port; 0 takes a free one.",
                FAILED,
            )
        return int(probe.getsockname()[1])
