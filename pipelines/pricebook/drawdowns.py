"""Commitments, allowances and prices by volume as tables: what a window's cumulative usage costs, segment by segment."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from itertools import combinations
from typing import Any, Final

import pyarrow as pa

from pipelines.economics.drawdown import SEGMENT_END, Segment
from pipelines.pricebook.capacity import SELF_HOSTED_PROVIDER
from pipelines.pricebook.clashes import are_at_once
from pipelines.pricebook.company import Drawdown
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.patterns import matches, spellings

WHOLE: Final = pa.decimal128(38, 0)
DRAWDOWN: Final = pa.schema(
    [
        pa.field("drawdown_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("window", pa.string(), nullable=False),
        pa.field("valid_from", pa.date32(), nullable=False),
        pa.field("valid_to", pa.date32(), nullable=False),
        pa.field("fee_pico", WHOLE),
    ]
)
DRAWDOWN_SEGMENT: Final = pa.schema(
    [
        pa.field("drawdown_id", pa.string(), nullable=False),
        pa.field("lo", WHOLE, nullable=False),
        pa.field("hi", WHOLE, nullable=False),
        pa.field("rate_num", pa.int64(), nullable=False),
        pa.field("rate_den", pa.int64(), nullable=False),
    ]
)
DRAWDOWN_MODEL: Final = pa.schema(
    [
        pa.field("drawdown_id", pa.string(), nullable=False),
        pa.field("provider", pa.string(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
    ]
)


def drawdown_tables(drawdowns: Iterable[Drawdown], providers: Iterable[str]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Drawdowns, their segments, and plain shell patterns over the priced models that draw. Raises PriceBookError.

    `providers` are those of the book: a pattern that would take in one's own GPUs is written out as their names.
    """
    known = sorted(set(providers) - {SELF_HOSTED_PROVIDER})
    ordered = sorted(drawdowns, key=lambda drawdown: drawdown.id)
    heads = [
        (d.id, d.kind, d.measure, d.window, d.valid_from, d.valid_to, None if d.fee_usd is None else _pico(d.fee_usd))
        for d in ordered
    ]
    problems: list[str] = []
    rows: list[tuple[Any, ...]] = []
    for d in ordered:
        for s in segments(d):
            rows.append((d.id, s.lo, s.hi, s.rate_num, s.rate_den))
            if max(s.rate_num, s.rate_den) >= 2**63:
                problems.append(f"drawdown {d.id}: the rate {s.rate_num}/{s.rate_den} does not fit 64 bits")
    if problems:
        raise PriceBookError(problems)
    models = [
        (d.id, provider, model)
        for d in ordered
        for provider in dict.fromkeys(plain for pattern in d.providers for plain in _plain(pattern, known))
        for model in dict.fromkeys(plain for pattern in d.models for plain in spellings(pattern))
    ]
    return _table(heads, DRAWDOWN), _table(rows, DRAWDOWN_SEGMENT), _table(models, DRAWDOWN_MODEL)


def segments(drawdown: Drawdown) -> list[Segment]:
    """A window's price steps: whole units (pico-USD, tokens, requests) and the share of the contracted price they cost."""
    if drawdown.kind == "commitment":
        fee, commit = drawdown.fee_usd or Decimal(0), drawdown.commit_usd or Decimal(1)
        steps = [(Decimal(0), Fraction(fee) / Fraction(commit)), (commit, Fraction(drawdown.overage_multiplier))]
    elif drawdown.kind == "allowance":
        steps = [(Decimal(0), Fraction(0)), (drawdown.free or Decimal(0), Fraction(1))]
    else:
        steps = [(Decimal(0), Fraction(1)), *((tier.above, Fraction(tier.multiplier)) for tier in drawdown.tier)]
    unit = 10**12 if drawdown.measure == "usd" else 1
    starts = [int(start * unit) for start, _ in steps]
    rates = [rate for _, rate in steps]
    spans = zip(starts, [*starts[1:], SEGMENT_END], rates, strict=True)
    return [Segment(lo, hi, rate.numerator, rate.denominator) for lo, hi, rate in spans if lo < hi]


def draws(drawdown: Drawdown, provider: str, model: str) -> bool:
    """Whether a priced model draws. One's own GPUs never do: what they cost is paid already."""
    is_meant = any(fnmatchcase(provider, p) for p in drawdown.providers) and any(
        matches(p, model) for p in drawdown.models
    )
    return is_meant and provider != SELF_HOSTED_PROVIDER


def conflicts(drawdowns: Iterable[Drawdown], models: Iterable[tuple[str, str]]) -> list[str]:
    """Drawdowns that one model would draw on at the same time; and those that no model draws on are not problems."""
    known = sorted(models)
    problems: list[str] = []
    for one, other in combinations(drawdowns, 2):
        both = [m for m in known if draws(one, *m) and draws(other, *m)] if are_at_once(one, other) else []
        if both:
            more = f" and {len(both) - 1} more" if len(both) > 1 else ""
            problems.append(f"drawdowns {one.id} and {other.id} hold at once for {' '.join(both[0])}{more}")
    return problems


def _plain(pattern: str, known: Iterable[str]) -> list[str]:
    is_too_wide = fnmatchcase(SELF_HOSTED_PROVIDER, pattern)
    return [provider for provider in known if fnmatchcase(provider, pattern)] if is_too_wide else [pattern]


def _pico(usd: Decimal) -> Decimal:
    return (usd * 10**12).to_integral_value()


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [
        pa.array([Decimal(v) if isinstance(v, int) and f.type == WHOLE else v for v in column], f.type)
        for column, f in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
