"""What a failure means to Dagster: try again later, or tell a person."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
from sqlalchemy.exc import OperationalError

from pipelines.building.build import BuildError
from pipelines.building.lock import Locked
from pipelines.exports import ExportError
from pipelines.landing.land import LandingError
from pipelines.pricebook.slices import PriceBookError
from warehouse.control import ControlError
from warehouse.publish import PublishError
from warehouse.reader import NoSuchWeek, NothingPublished

RETRIES = 3
FIRST_WAIT_S = 30
"""Doubled before each further try: half a minute, one, two."""

TRANSIENT = (Locked, OSError, OperationalError)
"""Another build, a full or absent disk, a busy database: the same step may succeed later."""
PERMANENT = (
    BuildError,
    ControlError,
    ExportError,
    LandingError,
    NoSuchWeek,
    NothingPublished,
    PriceBookError,
    PublishError,
)
"""The same step would fail again: a person has to read the message. Each is told in it without a stack trace of ours."""


@contextmanager
def told(context: dg.AssetExecutionContext) -> Generator[None]:
    """Translate failures of the layers below. Raises RetryRequested for a transient one, Failure for a permanent one."""
    try:
        yield
    except TRANSIENT as error:
        wait_s = FIRST_WAIT_S * 2**context.retry_number
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=wait_s) from error
    except PERMANENT as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
