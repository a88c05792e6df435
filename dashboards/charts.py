"""Charts: data in, a Plotly figure out. Colours stand out on light and dark and stay apart for every kind of colour vision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from html import escape

import plotly.graph_objects as go

from dashboards import format as text
from dashboards.margins import STATES, State, Step
from pipelines.economics.figures import shown, shown_bound
from warehouse.rows import Period, TenantDay, TenantMargin, TrendPoint

BLUE, ORANGE, TEAL, GRAY = "#3f83c5", "#d9742b", "#1f9583", "#8792a2"
GRID = "rgba(135,146,162,0.22)"
_STATE_MARKS: dict[State, tuple[str, str]] = {
    "under_water": (ORANGE, "triangle-down"),
    "below_target": ("#b98a1d", "diamond"),
    "on_target": (BLUE, "circle"),
    "free": (GRAY, "circle-open"),
    "idle": (GRAY, "x"),
}
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}


def coordinate(value: Decimal | None) -> float | None:
    """Where a figure stands in a drawing: the only place where one becomes a float. Texts beside it are made of the exact one."""
    return None if value is None else float(value)


def trend(points: Sequence[TrendPoint]) -> go.Figure:
    """One metric over the weeks, oldest first: a line, open marks for weeks that are not complete, the target dashed."""
    unit = points[0].unit
    hover = [
        f"Week of {text.day(point.week_start)}: <b>{escape(shown_bound(point.value, unit, point.bound)) or 'no value'}</b>"
        + ("" if point.is_complete else "<br>not complete yet")
        for point in points
    ]
    figure = go.Figure(
        go.Scatter(
            x=[point.week_start for point in points],
            y=[in_unit(point.value, unit) for point in points],
            mode="lines+markers",
            line={"color": BLUE, "width": 2},
            marker={
                "size": 6,
                "color": BLUE,
                "symbol": ["circle" if point.is_complete else "circle-open" for point in points],
                "line": {"width": 1.5, "color": BLUE},
            },
            text=hover,
            hovertemplate="%{text}<extra></extra>",
        )
    )
    target = points[-1].target
    if target is not None:
        height = in_unit(target, unit)
        figure.add_hline(y=height, line={"color": ORANGE, "width": 1.3, "dash": "dash"})
        figure.add_annotation(
            x=0, xref="paper", y=height, yshift=8, xanchor="left", showarrow=False,
            text=f"target {escape(shown(target, unit))}", font={"color": ORANGE, "size": 11},
        )  # fmt: skip
    figure.update_yaxes(tickprefix="$" if unit == "usd" else "", ticksuffix={"ratio": "%", "ms": " s"}.get(unit, ""))
    weeks = [point.week_start for point in points]
    every = -(-len(weeks) // 5)
    figure.update_xaxes(tickvals=weeks[::-1][::every], tickformat="%-d %b")
    return dressed(figure, 170)


def concentration(steps: Sequence[Step], marked: Sequence[Step]) -> go.Figure:
    """Share of cost over share of tenants, dearest first; `marked` steps carry their figures."""
    hover = [
        f"{text.counted(step.tenants, 'tenant')} ({shown(step.tenant_share, 'ratio')}) bear {shown(step.cost_share, 'ratio')}"
        for step in steps
    ]
    figure = go.Figure(
        [
            go.Scatter(
                x=[0, 100], y=[0, 100], mode="lines", line={"color": GRAY, "width": 1, "dash": "dot"}, hoverinfo="skip"
            ),
            go.Scatter(
                x=[in_unit(step.tenant_share, "ratio") for step in steps],
                y=[in_unit(step.cost_share, "ratio") for step in steps],
                mode="lines",
                line={"color": BLUE, "width": 2.2},
                text=hover,
                hovertemplate="%{text}<extra></extra>",
            ),
            go.Scatter(
                x=[in_unit(step.tenant_share, "ratio") for step in marked],
                y=[in_unit(step.cost_share, "ratio") for step in marked],
                mode="markers+text",
                marker={"color": BLUE, "size": 8},
                text=[f"{text.counted(step.tenants, 'tenant')}: {shown(step.cost_share, 'ratio')}" for step in marked],
                textposition="middle right",
                hoverinfo="skip",
            ),
        ]
    )
    figure.update_xaxes(title="tenants, dearest first", ticksuffix="%", range=[-2, 102])
    figure.update_yaxes(title="share of cost of goods", ticksuffix="%", range=[0, 104])
    return dressed(figure, 330)


def revenue_and_cost(rows: Sequence[tuple[TenantMargin, State]], margin_min: Decimal | None) -> go.Figure:
    """Each tenant's cost of goods over its revenue, both by powers of ten; those without revenue stand at the left edge.

    Above the solid line a tenant is under water, above the dashed one below target.
    """
    figure, positive = go.Figure(), [row.revenue_usd for row, _ in rows if row.revenue_usd > 0]
    floor = (min(positive) if positive else Decimal(1)) / 3
    costs = [row.cogs_usd for row, _ in rows if row.cogs_usd > 0]
    ends = [floor, max([*positive, *costs, floor * 10]) * 2]
    for share, dash, name in _limits(margin_min):
        figure.add_scatter(
            x=[coordinate(end) for end in ends], y=[coordinate(end * share) for end in ends], mode="lines", name=name,
            line={"color": ORANGE, "width": 1.2, "dash": dash}, hoverinfo="skip",
        )  # fmt: skip
    for state, words in STATES.items():
        group = [row for row, its_state in rows if its_state == state and row.cogs_usd > 0]
        color, symbol = _STATE_MARKS[state]
        if group:
            figure.add_scatter(
                x=[coordinate(max(row.revenue_usd, floor)) for row in group],
                y=[coordinate(row.cogs_usd) for row in group],
                mode="markers",
                name=words.partition(" ")[2],
                marker={"color": color, "symbol": symbol, "size": 8, "line": {"width": 1, "color": color}},
                text=[_tenant_hover(row) for row in group],
                hovertemplate="%{text}<extra></extra>",
            )
    if any(row.revenue_usd <= 0 for row, _ in rows):
        figure.add_annotation(
            x=coordinate(floor.log10()), xref="x", y=0, yref="paper", yanchor="top", yshift=-2, text="none", showarrow=False,
            font={"color": GRAY, "size": 11},
        )  # fmt: skip
    lowest = min([*costs, ends[1]]) / 2
    figure.update_xaxes(title="revenue, USD", type="log", tickprefix="$", dtick=1)
    figure.update_yaxes(
        title="cost of goods, USD", type="log", tickprefix="$", dtick=1, range=_decades(lowest, ends[1])
    )
    figure = dressed(figure, 330)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})


def tenant_days(days: Sequence[TenantDay], window: Period, chosen: Period) -> go.Figure:
    """Revenue as steps and cost of goods as bars, day by day; the chosen period is shaded."""
    known = {day.usage_date: day for day in days}
    dates = [window.start + timedelta(days=number) for number in range(window.days)]
    zero = Decimal(0)
    revenue = [known[d].revenue_usd if d in known else zero for d in dates]
    cost = [known[d].cogs_usd if d in known else zero for d in dates]
    figure = go.Figure(
        [
            go.Bar(x=dates, y=[coordinate(value) for value in cost], name="cost of goods", marker={"color": ORANGE},
                   text=_hover("cost of goods", dates, cost), hovertemplate="%{text}<extra></extra>", textposition="none"),
            go.Scatter(x=dates, y=[coordinate(value) for value in revenue], name="revenue", mode="lines",
                       line={"color": BLUE, "width": 2, "shape": "hvh"}, text=_hover("revenue", dates, revenue),
                       hovertemplate="%{text}<extra></extra>"),
        ]
    )  # fmt: skip
    half = timedelta(hours=12)
    figure.add_vrect(
        x0=f"{chosen.start - timedelta(days=1)} 12:00", x1=f"{chosen.start + timedelta(days=chosen.days) - half} 12:00",
        fillcolor=GRAY, opacity=0.13, line_width=0, layer="below",
    )  # fmt: skip
    figure.update_yaxes(tickprefix="$", rangemode="tozero")
    figure.update_xaxes(tickvals=dates[:: max(7, -(-len(dates) // 56) * 7)], tickformat="%-d %b")
    figure = dressed(figure, 250)
    return figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, bargap=0.25
    )


def _hover(name: str, dates: Sequence[date], values: Sequence[Decimal]) -> list[str]:
    return [f"{text.day(d)}: {name} <b>{shown(value, 'usd')}</b>" for d, value in zip(dates, values, strict=True)]


def _tenant_hover(row: TenantMargin) -> str:
    margin = "no revenue" if row.gross_margin is None else f"margin {shown(row.gross_margin, 'ratio')}"
    figures = f"revenue {shown(row.revenue_usd, 'usd')}, cost {shown(row.cogs_usd, 'usd')}, {margin}"
    return f"<b>{escape(row.name or row.tenant_id)}</b><br>{figures}"


def _limits(margin_min: Decimal | None) -> list[tuple[Decimal, str, str]]:
    limits = [(Decimal(1), "solid", "cost = revenue")]
    if margin_min is not None and margin_min < 1:
        limits.append((1 - margin_min, "dash", f"target: margin {shown(margin_min, 'ratio')}"))
    return limits


def _decades(low: Decimal, high: Decimal) -> list[float | None]:
    return [coordinate(low.log10()), coordinate(high.log10())]


def in_unit(value: Decimal | None, unit: str) -> float | None:
    """As the axis is labelled: per cent, seconds, else as it is."""
    scale = {"ratio": Decimal(100), "ms": Decimal("0.001")}.get(unit, Decimal(1))
    return coordinate(None if value is None else value * scale)


def dressed(figure: go.Figure, height: int) -> go.Figure:
    """With the look that all charts share; `height` in pixels."""
    figure.update_layout(
        height=height, margin={"l": 8, "r": 12, "t": 10, "b": 8}, showlegend=False, hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", dragmode=False,
    )  # fmt: skip
    figure.update_xaxes(showgrid=False, zeroline=False, automargin=True, linecolor=GRID, title_standoff=8)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, nticks=5, title_standoff=8)
    return figure
