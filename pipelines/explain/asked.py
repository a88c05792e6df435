"""What is asked: a metric, and perhaps a tenant, by names that are there."""

from __future__ import annotations

import difflib

from pipelines.economics.formula import Expression
from pipelines.explain.metrics import FORMULAS, Formula
from warehouse.reader import UNALLOCATED, Reader


class ExplainError(Exception):
    """The question names something that is not there; the message says what is."""


def formula_of(metric_id: str) -> Formula:
    """The metric's formula. Raises ExplainError, with the nearest names."""
    if metric_id not in FORMULAS:
        near = difflib.get_close_matches(metric_id, FORMULAS, n=3, cutoff=0.5)
        meant = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ExplainError(f"Unknown metric '{metric_id}'.{meant} Metrics: {', '.join(FORMULAS)}.")
    return FORMULAS[metric_id]


def tenant_name(reader: Reader, tenant_id: str | None) -> str | None:
    """The tenant's name, where it has one. Raises ExplainError for a tenant that neither logs nor feeds name."""
    if tenant_id is None:
        return None
    if tenant_id == UNALLOCATED:
        raise ExplainError(
            f"'{UNALLOCATED}' is what no tenant bears; `explain gross_profit` without --tenant has it as shared pools."
        )
    known: dict[str, str | None] = dict(
        reader.query(
            "select tenant_id, any_value(name) from (select distinct tenant_id from fct_tenant_day "
            "union select tenant_id from dim_tenant) left join dim_tenant using (tenant_id) group by tenant_id order by tenant_id"
        ).rows
    )
    if tenant_id in known:
        return known[tenant_id]
    by_name = [tenant for tenant, name in known.items() if name and name.casefold() == tenant_id.casefold()]
    near = by_name or difflib.get_close_matches(tenant_id, known, n=3, cutoff=0.5)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    some = ", ".join(list(known)[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
    raise ExplainError(f"Unknown tenant '{tenant_id}'.{meant} Tenants in the data: {some or 'none'}.")


def expression_of(metric_id: str, formula: Formula, tenant_id: str | None) -> Expression:
    """The formula of the company or of a tenant. Raises ExplainError where a tenant has none."""
    if tenant_id is None or formula.for_tenant is None:
        return formula.expression
    if isinstance(formula.for_tenant, str):
        raise ExplainError(f"{metric_id} is not worked out for one tenant. {formula.for_tenant}")
    return formula.for_tenant
