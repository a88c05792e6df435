"""Holding a claim while its landing runs: a sign of life in time, and everything given back if the landing fails."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from pipelines.landing import ledger
from pipelines.landing.ledger import Claim, LostClaim
from warehouse.control import Control
from warehouse.lake import Lake


@contextmanager
def holding(control: Control, lake: Lake, held: Claim, lease_s: int) -> Generator[None]:
    """Inside, the claim stays ours as long as the process lives. Raises LostClaim if another took over meanwhile."""
    try:
        with _alive(control, held, lease_s):
            yield
    except BaseException as error:
        # Also on Ctrl-C: leave nothing behind that a later run would have to wait for.
        lake.discard(held.landing_id, held.token)
        if _given_back(control, held) or isinstance(error, LostClaim) or not isinstance(error, Exception):
            raise
        # Whoever took over removed our files under our hands; what that looked like to us is not the cause.
        raise LostClaim(f"{held.path}: another process took over") from error


def _given_back(control: Control, held: Claim) -> bool:
    try:
        return ledger.release(control, held)
    except SQLAlchemyError:
        return True  # the control database is what failed; its claim ends with this process


@contextmanager
def _alive(control: Control, held: Claim, lease_s: int) -> Generator[None]:
    """Renew the lease from a thread of its own: the long steps of a landing are single calls into the engine."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(lease_s / 3):
            try:
                ledger.renew(control, held, lease_s)
            except LostClaim:
                return  # committing will say so
            except SQLAlchemyError:
                continue  # busy or gone; the lease outlives a missed beat

    thread = threading.Thread(target=beat, name=f"lease {held.landing_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
