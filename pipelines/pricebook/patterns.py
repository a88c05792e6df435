"""Shell patterns over models: what one means, and whether two can mean the same."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase


def matches(pattern: str, name: str) -> bool:
    """Whether a shell pattern means a model: its whole name, or what follows a '/', as in 'openai/gpt-4o'."""
    return any(fnmatchcase(name.lower(), spelling) for spelling in spellings(pattern))


def spellings(pattern: str) -> tuple[str, str]:
    """The plain shell patterns that make a pattern over models."""
    return pattern, f"*/{pattern}"


def patterns_meet(one: str, other: str) -> bool:
    """Whether some name can match both shell patterns; a `[set]` counts as any one character."""
    one, other = (re.sub(r"\[!?\]?[^\]]*\]", "?", re.sub(r"\*+", "*", pattern)) for pattern in (one, other))
    reached = {(0, 0)}
    waiting = [(0, 0)]
    while waiting:
        i, j = waiting.pop()
        a, b = one[i : i + 1], other[j : j + 1]
        steps = [(i + 1, j)] if a == "*" else []
        steps += [(i, j + 1)] if b == "*" else []
        if a and b and (a in "*?" or b in "*?" or a == b):
            steps.append((i + (a != "*"), j + (b != "*")))
        fresh = [step for step in steps if step not in reached]
        reached.update(fresh)
        waiting += fresh
    return (len(one), len(other)) in reached
