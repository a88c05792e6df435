"""What can be wrong with an installation, checked and told with how to mend it. One file for each part of the house."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pipelines.doctor import configuration, installation, ledger, serving, storage
from pipelines.doctor.check import Check
from pipelines.settings import Settings

Look = Callable[[Settings], Iterator[Check]]

LOOKS: tuple[Look, ...] = (
    installation.python,
    installation.packages,
    configuration.places,
    configuration.environments,
    storage.permissions,
    storage.disk,
    ledger.control_database,
    ledger.lake_files,
    ledger.landings,
    ledger.quarantine,
    serving.published,
    serving.priced_files,
    serving.told_twice,
    serving.revenue,
    serving.against_control,
    serving.last_build,
)
DEEP: tuple[Look, ...] = (ledger.content,)
"""Looks that read every byte of the lake."""

__all__ = ["Check", "examine"]


def examine(settings: Settings, *, is_deep: bool = False) -> list[Check]:
    """Look at everything; a check that cannot be made is one that is not well."""
    looks = LOOKS + DEEP if is_deep else LOOKS
    return [check for look in looks for check in _safely(look, settings)]


def _safely(look: Look, settings: Settings) -> list[Check]:
    try:
        return list(look(settings))
    except Exception as error:  # a broken part must not hide the state of the others
        return [Check(look.__name__.replace("_", " "), False, f"{type(error).__name__}: {error}", "see the message")]
