"""Numbers as published tables write them, exactly: `$1,234.50`, `61.7%`, `2.8M`, `43.1 ± 0.9`, `n/a`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

MISSING = frozenset({"", "-", "--", "–", "—", "?", "n/a", "na", "nan", "none", "null", "unknown", "tbd"})
MAX_PLACES = 9
"""More decimals than these are the noise of a float and are not compared."""

_NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,2})?)([kKMB]?)")
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
_SCALE = {"": 0, "k": 3, "K": 3, "M": 6, "B": 9}
_MAX_MAGNITUDE = 15


class Unreadable(ValueError):
    """A cell that should hold a number and holds something else."""


def number(text: str) -> Decimal | None:
    """The number of a cell; None where the cell says that there is none. Raises Unreadable."""
    bare = re.split(r"±|\+/-", text.strip())[0].strip()
    if text.strip().lower() in MISSING:
        return None
    bare = bare.removesuffix("%").rstrip().replace("$", "", 1).strip()
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    found = _NUMBER.fullmatch(bare)
    if not found:
        raise Unreadable(text)
    value = Decimal(found[1]).scaleb(_SCALE[found[2]])
    if value and abs(value.adjusted()) > _MAX_MAGNITUDE:
        raise Unreadable(text)
    return value


def whole(text: str) -> int | None:
    """A count; `225.0` is one. Raises Unreadable for a fraction and for less than none."""
    value = number(text)
    if value is None:
        return None
    if value < 0 or value != value.to_integral_value():
        raise Unreadable(text)
    return int(value)


def places(value: Decimal) -> int:
    """Decimals of a number as written, none for `5` and `5e3`, at most `MAX_PLACES`."""
    exponent = value.as_tuple().exponent
    return min(MAX_PLACES, max(0, -exponent)) if isinstance(exponent, int) else 0


@dataclass(frozen=True)
class Published:
    """A figure as the table has it, and to how many decimals."""

    value: Decimal
    places: int

    def is_met_by(self, exact: Fraction) -> bool:
        """Whether the exact figure, rounded as this one is, is this one; an exact half may go either way."""
        return abs(exact - Fraction(self.value)) <= Fraction(1, 2 * 10**self.places)
