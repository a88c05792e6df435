"""Charts of shares: rates over the weeks, what a whole is made of, success with its interval. Data in, a Plotly figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from html import escape

import plotly.graph_objects as go

from dashboards import format as text
from dashboards.charts import BLUE, GRAY, ORANGE, TEAL, dressed, in_unit
from pipelines.economics.figures import shown
from pipelines.economics.wilson import wilson
from warehouse.task_rows import ContextBin

LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"}
TIERS: dict[str, tuple[str, str]] = {
    "small": (TEAL, ""),
    "mid": (BLUE, "/"),
    "large": (ORANGE, "x"),
    "unknown": (GRAY, "."),
}
"""Colour and pattern of each tier, so that colour is never the only one to tell."""
_LINES = ((BLUE, "solid", "circle"), (ORANGE, "dash", "diamond"), (TEAL, "dot", "square"))


def rates(series: Mapping[str, Sequence[tuple[date, Decimal | None]]]) -> go.Figure:
    """Rates over the weeks, oldest first, a line for each name; a week without one leaves a gap."""
    figure = go.Figure()
    for (name, points), (color, dash, symbol) in zip(series.items(), _LINES, strict=False):
        figure.add_scatter(
            x=[week for week, _ in points],
            y=[in_unit(value, "ratio") for _, value in points],
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2, "dash": dash},
            marker={"size": 6, "color": color, "symbol": symbol},
            text=[
                f"Week of {text.day(week)}: {escape(name)} <b>{shown(v, 'ratio') or 'none'}</b>" for week, v in points
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    weeks = sorted({week for points in series.values() for week, _ in points})
    figure.update_yaxes(ticksuffix="%", rangemode="tozero")
    figure.update_xaxes(tickvals=weeks[::-1][:: max(1, -(-len(weeks) // 8))], tickformat="%-d %b")
    return dressed(figure, 260).update_layout(showlegend=True, legend=LEGEND)


def tiers(bars: Mapping[str, Mapping[str, Decimal]], unit: Mapping[str, str]) -> go.Figure:
    """Bars of 100%, each the tiers of one thing; `unit` of each bar's amounts (usd, count). Bars of nothing are left out."""
    drawn = {name: parts for name, parts in bars.items() if sum(parts.values()) > 0}
    figure = go.Figure()
    for tier, (color, pattern) in TIERS.items():
        if not any(parts.get(tier) for parts in drawn.values()):
            continue
        shares = [parts.get(tier, Decimal(0)) / sum(parts.values()) for parts in drawn.values()]
        figure.add_bar(
            y=[escape(name) for name in drawn],
            x=[in_unit(share, "ratio") for share in shares],
            name=tier,
            orientation="h",
            marker={
                "color": color,
                "pattern": {
                    "shape": pattern,
                    "fillmode": "overlay",
                    "fgcolor": "#ffffff",
                    "fgopacity": 0.45,
                    "size": 7,
                    "solidity": 0.25,
                },
            },
            text=[
                f"{escape(name)}, {tier}: <b>{shown(share, 'ratio')}</b> ({shown(parts.get(tier, Decimal(0)), unit[name])})"
                for (name, parts), share in zip(drawn.items(), shares, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            textposition="none",
        )
    figure = dressed(figure, 70 + 34 * max(len(drawn), 1))
    figure.update_layout(barmode="stack", showlegend=True, legend=LEGEND, bargap=0.35)
    figure.update_xaxes(ticksuffix="%", range=[0, 100], dtick=25)
    return figure.update_yaxes(autorange="reversed", showgrid=False, ticksuffix="  ", tickmode="linear", dtick=1)


def success_by_context(bins: Sequence[ContextBin]) -> go.Figure:
    """Success rate of judged tasks by context length, with 95% Wilson intervals."""
    drawn = [(its, wilson(its.successes, its.successes + its.failures)) for its in bins]
    known = [(its, its.successes / (its.successes + its.failures), found) for its, found in drawn if found is not None]
    figure = go.Figure(
        go.Scatter(
            x=[context_words(its) for its, _, _ in known],
            y=[100 * rate for _, rate, _ in known],
            mode="markers",
            marker={"color": BLUE, "size": 8},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (high - rate) for _, rate, (_, high) in known],
                "arrayminus": [100 * (rate - low) for _, rate, (low, _) in known],
                "color": BLUE,
                "thickness": 1.4,
            },
            text=[
                f"{context_words(its)} tokens: <b>{rate:.1%}</b> ({low:.1%} to {high:.1%}), "
                f"{text.count(its.successes + its.failures)} judged"
                for its, rate, (low, high) in known
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    figure.update_yaxes(ticksuffix="%", range=[0, 104], title="success rate")
    figure.update_xaxes(title="input tokens of the largest call")
    return dressed(figure, 280)


def context_words(its: ContextBin) -> str:
    """Under 1k, 8k – 16k, from 1M: bins as the axis names them."""
    low, high = _short(its.input_tokens_from), its.input_tokens_to
    if high is None:
        return f"from {low}"
    return f"{low} – {_short(high)}" if its.input_tokens_from else f"under {_short(high)}"


def _short(tokens: int) -> str:
    return f"{tokens // 1_000_000}M" if tokens >= 1_000_000 else f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)
