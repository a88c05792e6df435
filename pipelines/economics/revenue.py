"""When an amount becomes revenue, in exact integers: the readable reference of the revenue models.

One rule everywhere: after the part `p` of a whole `w` (days of service, credits, metered units) the amount A has earned
round(A·p/w), halves away from zero, in whole units of the smallest coin; a day earns what that grew by. So every prefix is
right to half a unit and the days add up to A.

Credits are burned from the pack that lapses first, of those that lapse on the same day from the older one. What is left of
a pack when it lapses is earned then (breakage). A company that expects to keep a share of all credits may earn it in
proportion instead: burned ÷ (credits − expected). A changed estimate is made up for on its first day; no earlier day moves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

NOTHING: Final = Fraction(0)
WHOLE: Final = Fraction(1)


def earned(amount: int, part: Fraction) -> int:
    """What a part of the whole has earned of an amount; halves away from zero."""
    sign = -1 if amount < 0 else 1
    return sign * ((2 * abs(amount) * part.numerator + part.denominator) // (2 * part.denominator))


def spread(amount: int, days: int) -> list[int]:
    """An amount over its days of service, first day first."""
    return by_weight(amount, [1] * days)


def by_weight(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount over days by what was metered on each; evenly where nothing was metered. `weights` are not negative."""
    if not weights:
        return []
    total, before, found = sum(weights), 0, list[int]()
    if not total:
        return by_weight(amount, [1] * len(weights))
    for weight in weights:
        found.append(earned(amount, Fraction(before + weight, total)) - earned(amount, Fraction(before, total)))
        before += weight
    return found


def overage(units: Sequence[int], allowance: int) -> list[int]:
    """Units of each day of one calendar month beyond the month's allowance; pooled, or of one seat."""
    before, found = 0, list[int]()
    for used in units:
        found.append(max(0, before + used - allowance) - max(0, before - allowance))
        before += used
    return found


@dataclass(frozen=True, slots=True)
class Pack:
    """Credits that were bought. They can be burned on days in [available_on, expires_on)."""

    line_id: str
    tenant_id: str
    available_on: date
    expires_on: date | None
    credits: int
    """In any whole unit that burns are counted in too."""


@dataclass(frozen=True, slots=True)
class Use:
    """Credits burned by a tenant on a day, from whatever pack comes first; or, with a line, given back from that pack."""

    tenant_id: str
    day: date
    credits: int
    line_id: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """From that day on: the share of a pack's credits that is expected never to be burned, at least 0 and below 1."""

    since: date
    share: Decimal


@dataclass(frozen=True, slots=True)
class PackDay:
    """A day on which a pack earns: the parts of its amount that were earned before it and after it."""

    line_id: str
    tenant_id: str
    day: date
    basis: str
    """`burned`, `refunded`, or `breakage` (lapsed, or made up for after a changed estimate)."""
    before: Fraction
    after: Fraction


@dataclass(slots=True)
class _Pack:
    pack: Pack
    used: int = 0
    earned: Fraction = NOTHING

    @property
    def left(self) -> int:
        return self.pack.credits - self.used

    def earn(self, day: date, basis: str, after: Fraction) -> Iterable[PackDay]:
        before, self.earned = self.earned, after
        if before != after:
            yield PackDay(self.pack.line_id, self.pack.tenant_id, day, basis, before, after)


@dataclass(slots=True)
class _Day:
    """What happens to one tenant on one day."""

    burned: int = 0
    refunds: list[Use] = field(default_factory=list[Use])


def recognise(
    packs: Iterable[Pack], uses: Iterable[Use], estimates: Sequence[Estimate] = ()
) -> tuple[list[PackDay], list[Use]]:
    """Days on which packs earn, by tenant and day, and credits that were burned without a pack to take them from."""
    by_tenant: defaultdict[str, list[Pack]] = defaultdict(list)
    for pack in packs:
        by_tenant[pack.tenant_id].append(pack)
    days: defaultdict[str, defaultdict[date, _Day]] = defaultdict(lambda: defaultdict(_Day))
    for use in uses:
        day = days[use.tenant_id][use.day]
        if use.line_id is None:
            day.burned += use.credits
        else:
            day.refunds.append(use)
    earning, uncovered = list[PackDay](), list[Use]()
    for tenant_id in sorted({*by_tenant, *days}):
        found, missing = _of_tenant(tenant_id, by_tenant[tenant_id], days[tenant_id], estimates)
        earning += found
        uncovered += missing
    return earning, uncovered


def _of_tenant(
    tenant_id: str, packs: Iterable[Pack], days: Mapping[date, _Day], estimates: Sequence[Estimate]
) -> tuple[list[PackDay], list[Use]]:
    """Day by day: packs lapse, credits are given back, the estimate changes, credits are burned."""
    ordered = [_Pack(pack) for pack in sorted(packs, key=_burn_order)]
    lapses = {pack.pack.expires_on for pack in ordered if pack.pack.expires_on}
    changes = {estimate.since for estimate in estimates} if ordered else set[date]()
    found, uncovered = list[PackDay](), list[Use]()
    for day in sorted({*days, *lapses, *changes}):
        happened, share = days.get(day, _Day()), _expected(estimates, day)
        for state in ordered:
            if state.pack.expires_on == day and state.left:
                found += state.earn(day, "breakage", WHOLE)
        # What lapsed earns no more; what is used up stays for a refund that names it.
        ordered = [state for state in ordered if state.pack.expires_on is None or state.pack.expires_on > day]
        found += _give_back(ordered, day, happened.refunds, share)
        if day in changes:
            for state in (state for state in ordered if state.used):
                found += state.earn(day, "breakage", _part(state, share))
        burned = happened.burned
        for state in (state for state in ordered if burned and state.left and state.pack.available_on <= day):
            taken = min(burned, state.left)
            state.used += taken
            burned -= taken
            found += state.earn(day, "burned", _part(state, share))
        if burned:
            uncovered.append(Use(tenant_id, day, burned))
    return found, uncovered


def _give_back(ordered: Iterable[_Pack], day: date, refunds: Iterable[Use], share: Decimal) -> Iterable[PackDay]:
    """Credits given back leave their pack with their share of its amount, which the refund itself takes out again."""
    by_line = {state.pack.line_id: state for state in ordered}
    for refund in refunds:
        if state := by_line.get(refund.line_id or ""):
            state.used += min(refund.credits, state.left)
            yield from state.earn(day, "refunded", _part(state, share))


def _burn_order(pack: Pack) -> tuple[date, date, str]:
    return pack.expires_on or date.max, pack.available_on, pack.line_id


def _expected(estimates: Sequence[Estimate], day: date) -> Decimal:
    """The estimate in force; none expected before the first."""
    known = [estimate for estimate in estimates if estimate.since <= day]
    return max(known, key=lambda estimate: estimate.since).share if known else Decimal(0)


def _part(state: _Pack, share: Decimal) -> Fraction:
    """Part of the pack's amount that is earned: burned ÷ (credits − those expected to lapse), never more than all."""
    return min(WHOLE, Fraction(state.used) / (state.pack.credits * (1 - Fraction(share))))
