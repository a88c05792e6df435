"""What is wrong with a feed file: every problem by file, line and column, raised together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

PRINTED_PROBLEMS = 50
VALUE_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1; it and `column` are None where the whole file is meant."""

    file: str
    what: str
    allowed: str
    line: int | None = None
    column: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        subject = "" if self.column is None else f"column {self.column}: "
        value = "" if self.value is None else f"{shortened(self.value)} "
        what = self.what if self.what.endswith("?") else f"{self.what}."
        return f"{place}: {subject}{value}{what} {self.allowed}"


class FeedError(ValueError):
    """A file cannot be taken as a feed; `problems` holds all reasons, of which the message prints the first fifty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:PRINTED_PROBLEMS]]
        count = len(self.problems)
        if count == 1:
            return shown[0]
        rest = [f"… and {count - len(shown):,} more problems."] if count > len(shown) else []
        return "\n".join([f"{count:,} problems:", *shown, *rest])


def shortened(value: str) -> str:
    """The value in quotes on one line, cut after 60 characters."""
    text = value if len(value) <= VALUE_CHARACTERS else value[: VALUE_CHARACTERS - 1] + "…"
    return repr(text)


def nearest(value: str, names: Iterable[str]) -> str:
    """`; did you mean 'x'?` with the known name most like `value`, or nothing."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(value.lower().replace(" ", "_"), list(by_lower), n=1, cutoff=0.6)
    return f"; did you mean '{by_lower[close[0]]}'?" if close else ""
