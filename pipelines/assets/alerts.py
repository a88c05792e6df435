"""Alerts after every build: what `margincall alerts check` does, with what it told as metadata."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from pipelines.alerts.check import Checked, check
from pipelines.alerts.report import checked_lines
from pipelines.assets.failures import told
from pipelines.assets.published import PUBLISHED, reading
from pipelines.settings import Settings

DELIVERED = "alerts_are_delivered"
JOB = "check_alerts"
_ASSET = "alerts"


@dg.asset(
    name=_ASSET,
    deps=[PUBLISHED],
    group_name="alerts",
    check_specs=[
        dg.AssetCheckSpec(
            DELIVERED, asset=_ASSET, description="Every sink took what fired; the next run tries the rest."
        )
    ],
)
def alerts(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Budgets, floors and findings of the published version, told once each. What the command has told is not told again."""
    with told(context), reading(settings) as (reader, control):
        checked = check(settings, reader, control)
    for line in checked_lines(checked, is_dry=False):
        context.log.info(line)
    yield dg.MaterializeResult(metadata=_metadata(checked))
    errors = {delivery.sink: delivery.error for delivery in checked.deliveries if delivery.error is not None}
    yield dg.AssetCheckResult(
        check_name=DELIVERED, passed=not errors, severity=dg.AssetCheckSeverity.WARN, metadata=dict(errors)
    )


def _metadata(checked: Checked) -> dict[str, Any]:
    return {
        "fired": len(checked.new),
        "holding": checked.holding,
        "undecided": len(checked.undecided),
        "new": dg.MetadataValue.md("\n".join(f"- {firing.text}" for firing in checked.new) or "nothing"),
    }


def definitions(_: Settings) -> dg.Definitions:
    job = dg.define_asset_job(
        JOB,
        selection=dg.AssetSelection.assets(_ASSET),
        description="Alerts of what is published now: `margincall alerts check`. The hourly run has them too.",
    )
    return dg.Definitions(assets=[alerts], jobs=[job])
