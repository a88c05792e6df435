"""The one error of price sources and price books."""

from __future__ import annotations

from collections.abc import Sequence


class PriceBookError(ValueError):
    """Prices that cannot be used; `problems` lists every reason, not only the first."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__(f"The price book has {len(self.problems)} problem(s):\n" + "\n".join(self.problems))
