"""The features that the company sells, and the evaluation suite that tests them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Feature:
    """One product feature. `source` says who logs it: the gateway, or the service itself."""

    name: str
    source: str
    team: str
    task_tier: int
    is_async_eligible: bool
    risk_class: str
    environment: str
    prompt_version: str
    endpoint: str
    success_definition: str


FEATURES = {
    f.name: f
    for f in (
        Feature("support_reply", "litellm", "support", 2, False, "medium", "production", "v7", "/chat", "not reopened"),
        Feature("search_answer", "litellm", "search", 2, False, "low", "production", "v4", "/search", "answer kept"),
        Feature("code_review", "litellm", "devtools", 1, False, "high", "production", "v12", "/reviews", "accepted"),
        Feature("draft_email", "litellm", "support", 3, False, "low", "production", "v2", "/drafts", "draft sent"),
        Feature("eval_suite", "litellm", "platform", 3, True, "low", "ci", "v1", "/eval", "assertions hold"),
        Feature("doc_summary", "canonical", "docs", 2, True, "low", "production", "v5", "/summaries", "summary kept"),
        Feature("extraction", "canonical", "docs", 3, True, "medium", "production", "v9", "/extractions", "all valid"),
        Feature("long_doc", "canonical", "docs", 1, True, "medium", "production", "v3", "/documents", "rated helpful"),
    )
}  # fmt: skip
