"""The sortable table of tenants. Its cells are for reading and sorting; what is downloaded comes from `downloads`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import streamlit as st

from dashboards.address import write
from dashboards.charts import coordinate
from dashboards.margins import STATES, State
from warehouse.rows import TenantMargin

KEY = "tenant_grid"
ROW_HEIGHT_PX, SHOWN_ROWS = 34, 14


def tenant_grid(rows: Sequence[tuple[TenantMargin, State]]) -> None:
    """One row per tenant; choosing one puts it into the URL."""
    if not rows:
        st.info("No tenant fits these filters.")
        return
    ids = [row.tenant_id for row, _ in rows]

    def follow() -> None:
        chosen = st.session_state[KEY].selection.rows
        if chosen and chosen[0] < len(ids):
            write("tenant", ids[chosen[0]])

    st.dataframe(
        table(rows),
        key=KEY,
        on_select=follow,
        selection_mode="single-row",
        hide_index=True,
        row_height=ROW_HEIGHT_PX,
        height=ROW_HEIGHT_PX * (min(len(rows), SHOWN_ROWS) + 1) + 4,
        column_config={
            "name": st.column_config.TextColumn("Tenant", width=185),
            "revenue": st.column_config.NumberColumn("Revenue", format="dollar", width=92),
            "cogs": st.column_config.NumberColumn(
                "Cost of goods", format="dollar", width=92, help="A lower bound where not fully priced"
            ),
            "profit": st.column_config.NumberColumn("Gross profit", format="dollar", width=92),
            "margin": st.column_config.NumberColumn("Margin", format="%.1f%%", width=78, help="Gross profit ÷ revenue"),
            "state": st.column_config.TextColumn("State", width=118),
            "plan": st.column_config.TextColumn("Plan", width=85),
            "segment": st.column_config.TextColumn("Segment", width=90),
            "requests": st.column_config.NumberColumn("Requests", format="localized", width=76),
            "coverage": st.column_config.NumberColumn(
                "Fully priced", format="%.1f%%", width=92, help="Share of requests with a full price"
            ),
        },
    )


def table(rows: Sequence[tuple[TenantMargin, State]]) -> pa.Table:
    """Columns in reading order; amounts to the cent, shares in per cent."""
    columns: dict[str, list[Any]] = {
        "name": [row.name or row.tenant_id for row, _ in rows],
        "revenue": [coordinate(row.revenue_usd) for row, _ in rows],
        "cogs": [coordinate(row.cogs_usd) for row, _ in rows],
        "profit": [coordinate(row.gross_profit_usd) for row, _ in rows],
        "margin": [_per_cent(row.gross_margin) for row, _ in rows],
        "state": [STATES[state] for _, state in rows],
        "plan": [row.plan for row, _ in rows],
        "segment": [row.segment for row, _ in rows],
        "requests": [row.requests for row, _ in rows],
        "coverage": [_per_cent(_coverage(row)) for row, _ in rows],
    }
    return pa.table(columns)


def _coverage(row: TenantMargin) -> Decimal | None:
    lacking = row.unpriced_requests + row.partial_requests
    return Decimal(row.requests - lacking) / Decimal(row.requests) if row.requests else None


def _per_cent(value: Decimal | None) -> float | None:
    return None if value is None else coordinate(value * 100)
