"""Commands that remove what is stored, and the key of what is not stored in the clear: erase, retention, privacy."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.app import USAGE, Config, Json, app, out, stop
from pipelines.cli.printing import print_json
from pipelines.settings import Settings, load_settings

if TYPE_CHECKING:
    from pipelines.landing.erase import Erased
    from pipelines.landing.land import Context
    from pipelines.landing.retention import Removed

retention = typer.Typer(help="What is kept for how long.", no_args_is_help=True)
privacy = typer.Typer(help="How people are kept unnamed.", no_args_is_help=True)
app.add_typer(retention, name="retention")
app.add_typer(privacy, name="privacy")

_BUILD = "`margincall build` takes it out of the figures; published versions keep it until they are replaced."


@app.command()
def erase(
    by: Annotated[str, typer.Option("--by", help="Who asks for it: name or address of a person; it is recorded.")],
    tenant: Annotated[str | None, typer.Option(help="Erase this tenant, as the logs name it.")] = None,
    user: Annotated[str | None, typer.Option(help="Erase this end user, as the logs name them.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Erase a tenant or a user: out of the lake, and kept out of every figure from the next build on."""
    from pipelines.landing.erase import erase as erase_rows

    if (tenant is None) == (user is None):
        stop("Name whom to erase: either --tenant ID or --user ID.", USAGE)
    if not by.strip():
        stop("Erasing needs a person who asks for it: --by NAME.", USAGE)
    kind, identifier = ("tenant", tenant or "") if tenant is not None else ("user", user or "")
    settings = load_settings(config)
    if not yes and not typer.confirm(f"Erase {kind} {identifier!r} for good?", err=True):
        stop("Nothing was erased.", USAGE)
    with _alone(settings) as context:
        erased = erase_rows(context, kind, identifier, by)
    if as_json:
        told = {"rows": erased.rows, "days": sorted(erased.days), "quarantined": erased.quarantined}
        print_json({"kind": kind, "by": by, **told, "closed": erased.closed})
    else:
        _print_erased(kind, erased)


@retention.command(name="apply")
def apply_retention(
    older_than_days: Annotated[
        int | None, typer.Option(min=1, help="Requests that started longer ago; default: retention.request_days.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed; remove nothing.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Remove what is older than the settings allow; figures of closed months stay as they are."""
    from pipelines.landing.retention import apply

    settings = load_settings(config)
    days = older_than_days or settings.retention.request_days
    with _alone(settings) as context:
        today = datetime.now(UTC).date()
        removed = apply(context, days, settings.retention.quarantine_days, today=today, is_dry_run=dry_run)
    if as_json:
        print_json({"dry_run": dry_run, **vars(removed)})
    else:
        _print_removed(removed, days, settings.retention.quarantine_days, dry_run)


@privacy.command(name="rotate-key")
def rotate_key(config: Config = None) -> None:
    """Hash end-user ids with a new key from now on; the old ones stay known, for erasing."""
    from pipelines.landing.users import rotate

    settings = load_settings(config)
    if not settings.privacy.hash_end_user_ids:
        stop("End-user ids are not hashed: set hash_end_user_ids = true under [privacy] first.", USAGE)
    with _alone(settings):
        key = rotate(settings)
    out.print(f"New end-user ids begin with {key.prefix} from now on. A person counts as another user than before.")


@contextmanager
def _alone(settings: Settings) -> Generator[Context]:
    """While no build runs: it reads the files that are removed."""
    from pipelines.building.lock import build_lock
    from pipelines.landing.land import Context
    from warehouse.control import Control
    from warehouse.lake import Lake

    data_dir = settings.data_dir.resolve()
    with build_lock(data_dir):
        control = Control(settings.control_url)
        try:
            yield Context(settings, control, Lake(data_dir / "lake"))
        finally:
            control.close()


def _print_erased(kind: str, erased: Erased) -> None:
    for name, rows in erased.rows.items():
        out.print(f"{rows:,} rows of {name} erased", markup=False)
    for mart, rows in erased.closed.items():
        out.print(f"{rows:,} closed figures of {mart} erased; the totals stay", markup=False)
    if erased.quarantined:
        out.print(f"{erased.quarantined:,} quarantined rows emptied")
    if not erased.rows and not erased.closed:
        out.print(f"No stored row names this {kind}; what an overlapping export brings stays out of the figures.")
        return
    out.print(f"{len(erased.days):,} days change. {_BUILD}", markup=False)


def _print_removed(removed: Removed, days: int | None, quarantine_days: int | None, is_dry_run: bool) -> None:
    verb = "would be removed" if is_dry_run else "removed"
    if days is None:
        out.print("Requests are kept for good: retention.request_days is not set.")
    elif removed.days or removed.traces:
        if removed.days:
            reach = f"{len(removed.days):,} days from {removed.days[0]} to {removed.days[-1]}"
            out.print(f"{removed.requests:,} requests of {reach} {verb} ({removed.lake_files:,} files of the lake).")
        if removed.traces:
            out.print(f"{removed.traces:,} traces that began as early {verb}.")
        out.print(
            f"Figures of dates before {removed.closed_before} {'would be' if is_dry_run else 'are'} closed: they stay as "
            "they were published, and what still lands for them does not change them."
        )
    else:
        out.print(f"No request is older than {days:,} days.")
    if quarantine_days is None:
        out.print("Quarantined rows keep what is kept of them: retention.quarantine_days is not set.")
    else:
        out.print(f"{removed.quarantined:,} quarantined rows {'would be ' if is_dry_run else ''}emptied.")
    out.print(f"{removed.leftovers:,} leftover files of the lake {verb}.")
    if (removed.days or removed.traces) and not is_dry_run:
        out.print(_BUILD, markup=False)
