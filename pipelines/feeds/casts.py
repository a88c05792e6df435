"""Text to exact types, a column at a time; what does not fit comes back as faults with the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_DOWN, Context, Decimal
from typing import Any, TypeAlias

import pyarrow as pa

from pipelines.feeds.compute import pc
from pipelines.feeds.currencies import CURRENCIES
from pipelines.feeds.json_rows import DECODER, canonical_json
from pipelines.feeds.problems import nearest
from warehouse.feed_schemas import EXACT, Column

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
FINER_THAN_PICO = r"\.[0-9]{12}[0-9]*[1-9][0-9]*$"
SURELY_FITS = r"^[+-]?[0-9]{0,26}(\.[0-9]{0,12})?$"
WHOLE = r"^[+-]?[0-9]+(\.0*)?$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
MIDNIGHT = r"[T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?$"
INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?$"
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")

NUMBERS_ALLOWED = "Digits with a decimal point: no thousands separator, no currency sign."
FINE_ALLOWED = "At most 12 decimals, one pico-dollar; nothing is rounded silently, so round it at the source."
PICO_EXPONENT = -12
DIGITS_BEFORE_POINT = 26
SPELLED_OUT = 20  # distinct unknown values for which a nearest known one is looked up, each a pass over the column


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows (by index) of one column that share one thing wrong."""

    column: str
    rows: Sequence[int]
    what: str
    allowed: str


Cast: TypeAlias = "tuple[pa.Array[Any], list[Fault]]"


def cast_column(column: Column, text: pa.Array[Any]) -> Cast:
    """The column in its stored type, null where it is empty or faulty."""
    values, faults = _CASTS[column.kind](column, text)
    faults += [*_sign_faults(column, values), *_set_faults(column, values)]
    return values, faults


def rows_where(mask: pa.Array[Any]) -> list[int]:
    """Indices at which the mask is true; null is not true."""
    return pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()


def _blank(values: pa.Array[Any], mask: pa.Array[Any]) -> pa.Array[Any]:
    """Null where the mask is true."""
    return pc.if_else(pc.fill_null(mask, False), pa.scalar(None, values.type), values)


def _keep(column: Column, text: pa.Array[Any], pattern: str, what: str, allowed: str) -> Cast:
    """Null out and report what does not match the pattern."""
    unlike = pc.invert(pc.match_substring_regex(text, pattern))
    rows = rows_where(unlike)
    return (_blank(text, unlike), [Fault(column.name, rows, what, allowed)]) if rows else (text, [])


def _cast_or_null(text: pa.Array[Any], target: pa.DataType) -> tuple[pa.Array[Any], list[int]]:
    """Cast in bulk; where that fails, halve until the single values at fault are found."""
    pieces: list[pa.Array[Any]] = []
    bad: list[int] = []
    todo = [(0, len(text))]
    while todo:
        start, stop = todo.pop()
        try:
            pieces.append(text.slice(start, stop - start).cast(target))
        except pa.ArrowInvalid:
            if stop - start == 1:
                bad.append(start)
                pieces.append(pa.array([None], target))
            else:
                middle = (start + stop) // 2
                todo += [(middle, stop), (start, middle)]
    return pa.concat_arrays(pieces) if pieces else pa.array([], target), bad


def _text(column: Column, text: pa.Array[Any]) -> Cast:
    if column.format != "currency":
        return text, []
    upper = pc.utf8_upper(text)
    unknown = pc.invert(pc.is_in(upper, value_set=pa.array(sorted(CURRENCIES))))
    rows = rows_where(pc.and_(unknown, pc.is_valid(upper)))
    fault = Fault(column.name, rows, "is not an ISO 4217 currency", "Three letters such as USD or EUR.")
    return (_blank(upper, unknown), [fault]) if rows else (upper, [])


def _number(column: Column, text: pa.Array[Any]) -> Cast:
    text, faults = _keep(column, text, NUMBER, "is not a number", NUMBERS_ALLOWED)
    # Past the twelfth decimal a measurement is cut; of money only zeros may go.
    text = pc.replace_substring_regex(text, r"(\.[0-9]{12})" + ("[0-9]+$" if column.may_round else "0+$"), r"\1")
    finer = pc.match_substring_regex(text, FINER_THAN_PICO)
    faults += _fault(column, finer, "has more than 12 decimals", FINE_ALLOWED)
    text = _blank(text, finer)
    # pyarrow's cast wraps around without a word where a number has more than 38 digits: give it only what surely fits.
    others = pc.invert(pc.match_substring_regex(text, SURELY_FITS))
    values = _blank(text, others).cast(EXACT)
    exact = {row: _decimal(text[row].as_py(), column.may_round) for row in rows_where(others)}
    if not exact:
        return values, faults
    patched = pa.array([value if isinstance(value, Decimal) else None for value in exact.values()], EXACT)
    values = pc.replace_with_mask(values, pc.fill_null(others, False), patched)
    fine = [row for row, value in exact.items() if value == "fine"]
    large = [row for row, value in exact.items() if value == "large"]
    faults += [Fault(column.name, fine, "has more than 12 decimals", FINE_ALLOWED)] if fine else []
    faults += [Fault(column.name, large, "is too large", "At most 26 digits before the point.")] if large else []
    return values, faults


def _decimal(text: str, may_round: bool) -> Decimal | str:
    """The exact value at 12 decimals (a measurement's is cut), or 'fine' or 'large' for what is wrong with it."""
    context = Context(prec=len(text) + DIGITS_BEFORE_POINT - PICO_EXPONENT, Emin=MIN_EMIN, Emax=MAX_EMAX)
    try:
        value = Decimal(text).normalize(context)
    except ArithmeticError:
        return "large"
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or (value and value.adjusted() >= DIGITS_BEFORE_POINT):
        return "large"
    if exponent < PICO_EXPONENT and not may_round:
        return "fine"
    return value.quantize(Decimal((0, (1,), PICO_EXPONENT)), ROUND_DOWN, context)


def _integer(column: Column, text: pa.Array[Any]) -> Cast:
    text, faults = _keep(column, text, WHOLE, "is not a whole number", "Digits only.")
    plain = pc.replace_substring_regex(pc.replace_substring_regex(text, r"\.0*$", ""), r"^\+", "")
    values, bad = _cast_or_null(plain, pa.int64())
    return values, faults + ([Fault(column.name, bad, "is too large", "At most 9223372036854775807.")] if bad else [])


def _date(column: Column, text: pa.Array[Any]) -> Cast:
    days = pc.replace_substring_regex(text, MIDNIGHT, "")
    if column.format == "month":
        days = pc.replace_substring_regex(days, r"^([0-9]{4}-[0-9]{2})$", r"\1-01")
    allowed = "YYYY-MM, or the first day of the month." if column.format == "month" else "YYYY-MM-DD."
    days, faults = _keep(column, days, DATE, "is not a date", allowed)
    values, bad = _cast_or_null(days, pa.date32())
    faults += [Fault(column.name, bad, "is no day of the calendar", allowed)] if bad else []
    if column.format == "month":
        inside = rows_where(pc.not_equal(pc.day(values), 1))
        faults += [Fault(column.name, inside, "is not the first day of a month", allowed)] if inside else []
    return values, faults


def _timestamp(column: Column, text: pa.Array[Any]) -> Cast:
    allowed = "An ISO 8601 instant such as 2026-10-31T23:59:59.123456Z; UTC where no zone is given."
    text, faults = _keep(column, text, INSTANT, "is not an instant", allowed)
    # Micro-seconds are kept, as in the request logs; a date alone is its midnight, a time without a zone is UTC.
    text = pc.replace_substring_regex(text, r"(\.[0-9]{6})[0-9]+", r"\1")
    text = pc.replace_substring_regex(text, r"^([0-9-]{10})$", r"\1T00:00")
    zoned = pc.match_substring_regex(text, r"(Z|[T ].*[+-][0-9]{2}(:?[0-9]{2})?)$")
    text = pc.if_else(zoned, text, pc.binary_join_element_wise(text, pa.scalar("Z"), ""))
    values, bad = _cast_or_null(text, pa.timestamp("us", "UTC"))
    return values, faults + ([Fault(column.name, bad, "is no instant of the calendar", allowed)] if bad else [])


def _boolean(column: Column, text: pa.Array[Any]) -> Cast:
    lower = pc.utf8_lower(text)
    values = pc.is_in(lower, value_set=pa.array(TRUE))
    known = pc.or_(values, pc.is_in(lower, value_set=pa.array(FALSE)))
    rows = rows_where(pc.and_(pc.invert(known), pc.is_valid(text)))
    fault = Fault(column.name, rows, "is neither true nor false", f"{', '.join((*TRUE, *FALSE))}.")
    return pc.if_else(known, values, pa.scalar(None, pa.bool_())), [fault] if rows else []


def _json(column: Column, text: pa.Array[Any]) -> Cast:
    cells: list[str | None] = []
    rows: list[int] = []
    for row, cell in enumerate(text.to_pylist()):
        try:
            value = None if cell is None else DECODER.decode(cell)
        except (ValueError, RecursionError):
            value = False
        is_object = isinstance(value, dict)
        cells.append(canonical_json(value) if is_object else None)
        if cell is not None and not is_object:
            rows.append(row)
    fault = Fault(column.name, rows, "is not a JSON object", 'An object such as {"a": 1}, each key once.')
    return pa.array(cells, pa.string()), [fault] if rows else []


def _sign_faults(column: Column, values: pa.Array[Any]) -> list[Fault]:
    if column.sign == "any":
        return []
    if column.sign == "positive":
        return _fault(column, pc.less_equal(values, 0), "is not above zero", "A number above zero.")
    return _fault(column, pc.less(values, 0), "is negative", "Zero or more.")


def _set_faults(column: Column, values: pa.Array[Any]) -> list[Fault]:
    if not column.allowed:
        return []
    text = values.cast(pa.string())
    strange = pc.and_(pc.invert(pc.is_in(text, value_set=pa.array(column.allowed))), pc.is_valid(text))
    allowed = f"One of {', '.join(column.allowed)}."
    found = pc.unique(text.filter(pc.fill_null(strange, False))).to_pylist()
    if len(found) > SPELLED_OUT:
        return [Fault(column.name, rows_where(strange), "is not known", allowed)]
    return [
        Fault(
            column.name,
            rows_where(pc.equal(text, value)),
            f"is not known{nearest(str(value), column.allowed)}",
            allowed,
        )
        for value in found
    ]


def _fault(column: Column, mask: pa.Array[Any], what: str, allowed: str) -> list[Fault]:
    rows = rows_where(mask)
    return [Fault(column.name, rows, what, allowed)] if rows else []


_CASTS: dict[str, Callable[[Column, pa.Array[Any]], Cast]] = {
    "text": _text,
    "money": _number,
    "decimal": _number,
    "integer": _integer,
    "date": _date,
    "timestamp": _timestamp,
    "boolean": _boolean,
    "json": _json,
}
