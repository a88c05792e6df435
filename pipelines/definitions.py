"""The Dagster code location: find the asset files, bind the settings, one policy for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import dagster as dg

from pipelines import assets
from pipelines.settings import Settings, load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster's webserver, daemon and runs load: the configuration that `margincall dagster` names."""
    config = dg.EnvVar(assets.CONFIG_VARIABLE).get_value()
    return code_location(load_settings(Path(config) if config else None))


def code_location(settings: Settings) -> dg.Definitions:
    """Every asset, check, job, schedule and sensor over these settings. Raises DbtFailed if the models cannot be parsed.

    The steps of a run follow each other, so they share one process: starting another costs more than most of them.
    """
    bound = dg.Definitions(resources={"settings": settings}, executor=dg.in_process_executor)
    return dg.Definitions.merge(bound, *_found(settings))


def _found(settings: Settings) -> Iterator[dg.Definitions]:
    for module in sorted(iter_modules(assets.__path__), key=lambda module: module.name):
        definitions = getattr(import_module(f"{assets.__name__}.{module.name}"), "definitions", None)
        if definitions is not None:
            yield definitions(settings)
