"""The four plans: prices in whole cents, and what tenants on them are like."""

from __future__ import annotations

from dataclasses import dataclass

from sample_data.planted import Role


@dataclass(frozen=True, slots=True)
class Plan:
    """What a plan costs a month in cents; `allowance` is tasks a month, pooled; None is unlimited.

    `share` is the plan's part of all tenants, `usage` how many ordinary tasks a tenant of it has beside one of starter,
    `mix` the weights of the features. `every` plays a role with every n-th tenant, beside the `roles` that are played once.
    """

    name: str
    segment: str
    price_cents: int
    seat_cents: int
    allowance: int | None
    overage_cents: int
    share: float
    min_tenants: int
    usage: float
    seats: tuple[int, int]
    users: tuple[int, int]
    mix: dict[str, float]
    roles: tuple[Role, ...]
    every: tuple[tuple[int, Role], ...] = ()


PLANS = {
    p.name: p
    for p in (
        Plan("free", "self_serve", 0, 0, None, 0, 0.440, 4, 0.22, (1, 1), (1, 3),
             {"support_reply": 30, "search_answer": 34, "draft_email": 12, "doc_summary": 15, "extraction": 14},
             (Role.INTERNAL,)),
        Plan("starter", "self_serve", 3_900, 0, None, 0, 0.400, 8, 1.0, (1, 5), (2, 9),
             {"support_reply": 31, "search_answer": 19, "draft_email": 6, "doc_summary": 19, "extraction": 24,
              "code_review": 0.5, "long_doc": 0.4},
             (Role.HEAVY_DOCUMENTS, Role.HEAVY_DOCUMENTS, Role.HEAVY_REVIEWS, Role.HEAVY_REVIEWS, Role.UPGRADER)),
        Plan("pro", "business", 6_900, 900, 260, 6, 0.130, 9, 4.2, (3, 12), (6, 40),
             {"support_reply": 28, "search_answer": 16, "draft_email": 4, "doc_summary": 20, "extraction": 26,
              "code_review": 2.6, "long_doc": 3.2},
             (Role.HEAVY_TEAM, Role.REFUNDED, Role.OVERSIZED_MODEL, Role.DOWNGRADER, Role.IN_EUROS,
              Role.CREDIT_PACKS, Role.LAPSING_CREDITS),
             ((16, Role.CREDIT_PACKS),)),
        Plan("enterprise", "enterprise", 30_000, 800, 1_300, 5, 0.030, 6, 17.0, (24, 48), (30, 160),
             {"support_reply": 25, "search_answer": 14, "draft_email": 4, "doc_summary": 20, "extraction": 26,
              "code_review": 6.6, "long_doc": 6.0},
             (Role.PREPAID, Role.RETRY_STORM, Role.PAY_AS_YOU_GO, Role.PER_OUTCOME, Role.TENFOLD),
             ((4, Role.PER_OUTCOME),)),
    )
}  # fmt: skip
