"""What is wrong with the sample company, when and with whom: the plants that `truth.json` reports.

Windows are half-open. A plant outside the generated weeks is simply absent, in the logs and in the truth.
"""

from __future__ import annotations

from datetime import date
from enum import Enum


class Role(Enum):
    """The part that a tenant plays; `ORDINARY` tenants play none."""

    ORDINARY = "ordinary"
    INTERNAL = "internal"
    HEAVY_DOCUMENTS = "heavy_documents"
    HEAVY_REVIEWS = "heavy_reviews"
    HEAVY_TEAM = "heavy_team"
    UPGRADER = "upgrader"
    REFUNDED = "refunded"
    OVERSIZED_MODEL = "oversized_model"
    PREPAID = "prepaid"
    RETRY_STORM = "retry_storm"
    PAY_AS_YOU_GO = "pay_as_you_go"


UNDER_WATER_ROLES = (Role.HEAVY_DOCUMENTS, Role.HEAVY_REVIEWS, Role.HEAVY_TEAM)

RETRY_STORM = (date(2026, 10, 20), date(2026, 10, 23))
CI_ON_PRODUCTION_KEYS = (date(2026, 10, 5), date(2026, 10, 12))
OVERSIZED_MODEL_FROM = date(2026, 10, 5)
SERVICE_TIERS_FROM = date(2026, 10, 12)
BATCH_FROM = date(2026, 10, 19)
PROMPT_GROWTH_FROM = date(2026, 10, 26)
PROMPT_GROWTH_TOKENS = 1_100
UPGRADE_ON = date(2026, 10, 12)
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
