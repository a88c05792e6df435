"""Whose cost moved most between two periods. The parts add up to the whole change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from warehouse.rows import CostLine


@dataclass(frozen=True)
class Mover:
    """Cost of one key in both periods."""

    key: Any
    before_usd: Decimal
    now_usd: Decimal

    @property
    def change_usd(self) -> Decimal:
        return self.now_usd - self.before_usd


@dataclass(frozen=True)
class Movers:
    """`others`: all that is not among `top`, `others_count` of them."""

    top: tuple[Mover, ...]
    others: Mover
    others_count: int
    total: Mover


def movers(before: Iterable[CostLine], now: Iterable[CostLine], limit: int) -> Movers:
    """The `limit` keys (first field of the lines' key) whose cost changed most in dollars, dearer or cheaper; ties by key."""
    earlier, later = _sums(before), _sums(now)
    keys = earlier.keys() | later.keys()
    every = [Mover(key, earlier.get(key, Decimal(0)), later.get(key, Decimal(0))) for key in keys]
    every.sort(key=lambda mover: (-abs(mover.change_usd), str(mover.key)))
    top, rest = every[:limit], every[limit:]
    return Movers(tuple(top), _sum("others", rest), len(rest), _sum("total", every))


def _sums(lines: Iterable[CostLine]) -> dict[Any, Decimal]:
    sums: dict[Any, Decimal] = defaultdict(Decimal)
    for line in lines:
        sums[line.key[0]] += line.cost_usd
    return sums


def _sum(name: str, parts: Iterable[Mover]) -> Mover:
    listed = list(parts)
    before = sum((part.before_usd for part in listed), Decimal(0))
    return Mover(name, before, sum((part.now_usd for part in listed), Decimal(0)))
