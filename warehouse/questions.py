"""What the reader's questions of one subject stand on: each subject is a class in its own file, and `Reader` is all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any


class Questions(ABC):
    """Questions to one published version."""

    @abstractmethod
    def _rows(self, sql: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """The rows that the statement finds; values only ever come in by name. Raises NothingPublished, PublishError."""


def usd(pico: Any) -> Decimal:
    """Pico-dollars to dollars with 12 decimals."""
    return Decimal(int(pico)).scaleb(-12)
