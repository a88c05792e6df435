"""What is wrong with the sample company, when, with whom and how much: the plants that `truth.json` reports.

Windows are half-open. A plant outside the generated weeks is simply absent, in the logs and in the truth.
"""

from __future__ import annotations

from datetime import date
from enum import Enum


class Plants(Enum):
    """How much is planted: everything, half the size of everything, or nothing but the noise that every company has."""

    NONE = "none"
    HALF = "half"
    FULL = "full"

    @property
    def size(self) -> float:
        """0, 0.5 or 1: what shares and volumes are multiplied by; no money."""
        return {"none": 0.0, "half": 0.5, "full": 1.0}[self.value]


class Role(Enum):
    """The part that a tenant plays; `ORDINARY` tenants play none."""

    ORDINARY = "ordinary"
    INTERNAL = "internal"
    HEAVY_DOCUMENTS = "heavy_documents"
    HEAVY_REVIEWS = "heavy_reviews"
    HEAVY_TEAM = "heavy_team"
    UPGRADER = "upgrader"
    DOWNGRADER = "downgrader"
    REFUNDED = "refunded"
    IN_EUROS = "in_euros"
    CREDIT_PACKS = "credit_packs"
    LAPSING_CREDITS = "lapsing_credits"
    OVERSIZED_MODEL = "oversized_model"
    PREPAID = "prepaid"
    RETRY_STORM = "retry_storm"
    PAY_AS_YOU_GO = "pay_as_you_go"
    PER_OUTCOME = "per_outcome"
    TENFOLD = "tenfold"


HEAVY_ROLES = (Role.HEAVY_DOCUMENTS, Role.HEAVY_REVIEWS, Role.HEAVY_TEAM)
CREDIT_ROLES = (Role.CREDIT_PACKS, Role.LAPSING_CREDITS)

RETRY_STORM = (date(2026, 10, 20), date(2026, 10, 23))
CI_ON_PRODUCTION_KEYS = (date(2026, 10, 5), date(2026, 10, 12))
OVERSIZED_MODEL_FROM = date(2026, 10, 5)
SERVICE_TIERS_FROM = date(2026, 10, 12)
BATCH_FROM = date(2026, 10, 19)
PROMPT_GROWTH_FROM = date(2026, 10, 26)
PROMPT_GROWTH_TOKENS = 1_100
CACHE_DEPLOY_ON = date(2026, 11, 3)
"""A deploy of search_answer after which the gateway's semantic cache finds less. Without plants it is a deploy like any."""
PRICE_CHANGE = (date(2026, 10, 20), date(2026, 10, 29))
"""Mistral Large 4 at twice its promotional price, as its provider announced it, until it came down again."""
TENFOLD_FROM = date(2026, 10, 27)
BYPASS = (date(2026, 10, 13), date(2026, 11, 3))
"""Nights on which a script of the company called a provider directly, past the gateway and its log."""

UPGRADE_ON = date(2026, 10, 12)
DOWNGRADE_FROM = date(2026, 10, 12)
OUTAGE = (date(2026, 9, 22), date(2026, 9, 25))
OUTAGE_REFUNDED_ON = date(2026, 10, 14)
UNPRICED_MODEL = "acme-rerank-exp-1"

DOUBLE_LOGGED_AT = 0.45
"""Share of the period after which the next gateway hit is written twice."""

MALFORMED_LITELLM_AT = (0.12, 0.55)
MALFORMED_CANONICAL_AT = (0.30, 0.75)
"""Shares of the period at which a line that no reader can accept is added."""


def within(day: date, window: tuple[date, date]) -> bool:
    return window[0] <= day < window[1]
