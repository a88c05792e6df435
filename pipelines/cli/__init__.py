"""The `margincall` command. Each sub-command reads its options, calls one function and prints what it returns.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 threshold not met (`--strict`: rows in quarantine; `gate`), 4 locked,
130 interrupted.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from pipelines.cli import (
    alerting,
    bridging,
    builds,
    explaining,
    exporting,
    figures,
    finding,
    forecasting,
    gating,
    intake,
    prices,
    privacy,
    saving,
    servers,
    sources,
    upkeep,
)
from pipelines.cli.app import FAILED, INTERRUPTED, LOCKED, USAGE, app, stop
from pipelines.settings import SettingsError

__all__ = [
    "alerting",
    "app",
    "bridging",
    "builds",
    "explaining",
    "exporting",
    "figures",
    "finding",
    "forecasting",
    "gating",
    "intake",
    "main",
    "prices",
    "privacy",
    "saving",
    "servers",
    "sources",
    "upkeep",
]


def main() -> NoReturn:
    """Run the command; turn what a user can mend into a message and an exit code."""
    from pipelines.alerts.state import AlertError
    from pipelines.bridge import BridgeError
    from pipelines.building.build import BuildError
    from pipelines.building.lock import Locked
    from pipelines.building.prices.answers import PriceQuestionError
    from pipelines.explain.asked import ExplainError
    from pipelines.fetching import FetchError
    from pipelines.findings.judged import NoSuchFinding
    from pipelines.forecast import ForecastError, UnknownTenant
    from pipelines.landing.detect import UnknownFormat
    from pipelines.landing.erase import EraseError
    from pipelines.landing.land import LandingError
    from pipelines.landing.retention import RetentionError
    from pipelines.pricebook.book import PriceBookError
    from pipelines.savings.measure import SavingsError
    from pipelines.sources import UnknownSource
    from warehouse.control import ControlError
    from warehouse.publish import PublishError
    from warehouse.reader import NoSuchWeek, NothingPublished, QueryError

    asked = (
        AlertError,
        SavingsError,
        ExplainError,
        BridgeError,
        UnknownTenant,
        NoSuchWeek,
        QueryError,
        PriceQuestionError,
        NoSuchFinding,
    )
    usage = (*asked, SettingsError, UnknownSource)
    removals = (EraseError, RetentionError)
    landing = (FetchError, LandingError, UnknownFormat)
    failures = (
        *landing,
        *removals,
        BuildError,
        ControlError,
        PriceBookError,
        PublishError,
        NothingPublished,
        ForecastError,
    )
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:  # what the command library makes of Ctrl-C
            stop("Interrupted. Nothing is lost: the same command goes on where this one stopped.", INTERRUPTED)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except usage as error:
        stop(str(error), USAGE)
    except Locked as error:
        stop(str(error), LOCKED)
    except failures as error:
        stop(str(error), FAILED)
    except OSError as error:
        stop(f"{error.filename or 'data folder'}: {error.strerror or error}", FAILED)
    raise SystemExit(0)
