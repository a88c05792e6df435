"""All findings of one published version, the dearest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from pipelines.economics.finding import Finding
from pipelines.findings.detectors import anomalies, margins, shares
from pipelines.findings.detectors.anomalies import cost_anomalies
from pipelines.findings.detectors.bills import missing_logs
from pipelines.findings.detectors.caches import cache_regressions
from pipelines.findings.detectors.company import Company, Limits
from pipelines.findings.detectors.keys import tests_on_production_keys
from pipelines.findings.detectors.large_models import simple_work_on_large_models
from pipelines.findings.detectors.margins import tenants_under_water
from pipelines.findings.detectors.prices import contracts_above_list, price_changes
from pipelines.findings.detectors.prompts import prompt_growth
from pipelines.findings.detectors.retries import retry_storms
from pipelines.findings.detectors.shares import provider_concentration, repeated_contexts
from pipelines.findings.detectors.steps import long_context_cliffs
from pipelines.findings.detectors.unpriced import unpriced_models
from pipelines.findings.detectors.volumes import tenants_at_multiples
from pipelines.settings import Findings
from warehouse.reader import Reader

_EXPLAINED = Decimal("0.5")


def limits_of(asked: Findings) -> Limits:
    """The settings as the detectors take them: shares and factors only meet statistics."""
    return Limits(
        least_share_of_spend=asked.least_share_of_spend,
        least_usd=asked.least_usd,
        least_cases=asked.least_cases,
        storm_retries_per_call=float(asked.storm_retries_per_call),
        surge_factor=float(asked.surge_factor),
        prompt_growth=float(asked.prompt_growth),
        cache_drop=float(asked.cache_drop),
        simple_work_share=float(asked.simple_work_share),
        anomaly_factor=float(asked.anomaly_factor),
        anomaly_share_of_spend=float(asked.anomaly_share_of_spend),
        provider_share=float(asked.provider_share),
        repeated_context_share=float(asked.repeated_context_share),
    )


def findings(reader: Reader, limits: Limits) -> list[Finding]:
    """Everything that the detectors find, the dearest first, those without dollars last. Raises NothingPublished."""
    company = Company.of(reader.spend_days(), limits)
    if company is None:
        return []

    def lately(days: int) -> tuple[date, date]:
        return max(company.first, company.end - timedelta(days=days)), company.end

    steps: tuple[Callable[[], list[Finding]], ...] = (
        lambda: retry_storms(reader.retry_days(), company),
        lambda: tests_on_production_keys(reader.key_days(), company),
        lambda: simple_work_on_large_models(reader.simple_work_days(), company),
        lambda: prompt_growth(reader.prompt_versions(), company),
        lambda: long_context_cliffs(reader.step_work(), company),
        lambda: cache_regressions(reader.cache_days(), company),
        lambda: price_changes(reader.price_changes(), company),
        lambda: contracts_above_list(reader.over_list(*lately(shares.WINDOW_DAYS)), company),
        lambda: tenants_at_multiples(reader.task_days(), company),
        lambda: missing_logs(reader.billed_use(), reader.cut_streams(), company),
        lambda: tenants_under_water(reader.tenant_results(*lately(margins.WINDOW_DAYS)), company),
        lambda: unpriced_models(reader.unpriced_use(), company),
        lambda: provider_concentration(reader.provider_spend(*lately(shares.WINDOW_DAYS)), company),
        lambda: repeated_contexts(reader.repeated_context(*lately(shares.WINDOW_DAYS)), company),
        lambda: cost_anomalies(reader.cost_days(), company),
    )
    return ranked(without_explained([finding for step in steps for finding in step()]))


def without_explained(found: Sequence[Finding]) -> list[Finding]:
    """Without anomalies that other findings account for: those that name the cause, at the same place, in the same days."""
    causes = [finding for finding in found if finding.kind != anomalies.KIND]
    return [one for one in found if one.kind != anomalies.KIND or not _is_explained(one, causes)]


def _is_explained(anomaly: Finding, causes: Sequence[Finding]) -> bool:
    near = [
        cause
        for cause in causes
        if cause.since < anomaly.until and anomaly.since < cause.until and _is_same_place(anomaly, cause)
    ]
    known = sum((cause.cost_usd for cause in near if cause.cost_usd is not None), Decimal(0))
    return anomaly.cost_usd is not None and known >= _EXPLAINED * anomaly.cost_usd


def _is_same_place(anomaly: Finding, cause: Finding) -> bool:
    """A cause without a tenant, or without a feature, may lie at any."""
    return not any(
        mine is not None and its is not None and mine != its
        for mine, its in ((anomaly.tenant_id, cause.tenant_id), (anomaly.feature, cause.feature))
    )


def ranked(found: Sequence[Finding]) -> list[Finding]:
    """The dearest first; those that nobody can put a price on last; never by the order they were found in."""
    return sorted(
        found, key=lambda one: (one.cost_usd is None, -(one.cost_usd or Decimal(0)), one.kind, one.place, one.since)
    )
