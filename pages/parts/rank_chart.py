"""A picture of what fusion and reranking moved: one line per passage, from its rank in each list to its place at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.parts.escape import shortened
from pages.parts.i18n import _
from pages.parts.source_cards import pages_of
from pages.parts.stage_table import BEFORE, short_names, title
from rag.inspection import SHOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.inspection import Inspection, Row, Stage

BELOW = SHOWN + 2  # where ranks beyond those shown are drawn
PICKED = "picked"  # the name of the chart's selection
LABEL = 25  # characters
COLOURS = {"up": "#3a86b7", "down": "#d5822a", "same": "#8b9099"}  # legible on light and dark


def rank_chart(inspection: Inspection, *, key: str, on_pick: Callable[[str], None]) -> None:
    """Draw it for the passages that retrieval ended with; `on_pick` is told the one whose dot was clicked, as "document.ord"."""

    def picked() -> None:
        chosen = st.session_state[key].selection.get(PICKED, [])
        if chosen:
            on_pick(chosen[0]["passage"])

    values = [point for row in inspection.rows if row.place <= SHOWN for point in _points(row, inspection.stages)]
    st.vega_lite_chart(
        {"data": {"values": values}, **_specification(inspection.stages, lowest=max(point["at"] for point in values))},
        key=key,
        width="stretch",
        on_select=picked,
        selection_mode=PICKED,
    )


def _points(row: Row, stages: list[Stage]) -> list[dict[str, Any]]:
    names = short_names()
    won = row.moved(BEFORE[stages[-1]], stages[-1])
    section = row.heading.split(" > ")[-1] or row.document or _("Deleted")
    return [
        {
            "passage": ".".join(map(str, row.key)),
            "label": shortened(f"{pages_of(row.pages)} {section}".strip(), LABEL),
            "title": title(row),
            "section": shortened(section, 60),
            "stage": names[stage],
            "rank": row.stages[stage].rank,
            "shown": str(row.stages[stage].rank) if row.stages[stage].rank <= SHOWN else "",
            "at": min(row.stages[stage].rank, BELOW),
            "score": round(row.stages[stage].score, 4),
            "moved": "same" if not won else "up" if won > 0 else "down",
            "last": stage is stages[-1],
        }
        for stage in stages
        if stage in row.stages
    ]


def _specification(stages: list[Stage], *, lowest: int) -> dict[str, Any]:
    names = short_names()
    x = {
        "field": "stage",
        "type": "ordinal",
        "sort": [names[stage] for stage in stages],
        "scale": {"type": "point", "padding": 0.25},
        "axis": {"orient": "top", "title": None, "labelAngle": 0, "domain": False, "ticks": False, "labelPadding": 8, "grid": False},
    }
    y = {
        "field": "at",
        "type": "quantitative",
        "scale": {"domain": [0.5, lowest + 0.5], "reverse": True, "nice": False, "zero": False},
        "axis": None,
    }
    colour = {"field": "moved", "type": "nominal", "scale": {"domain": list(COLOURS), "range": list(COLOURS.values())}, "legend": None}
    pointed = {"condition": {"param": "pointed", "value": 1.0}, "value": 0.15}
    # beyond the ranks that are told apart, a small dot
    size = {"condition": {"test": {"field": "shown", "equal": ""}, "value": 70}, "value": 340}
    tooltip = [
        {"field": "title", "title": _("Passage")},
        {"field": "section", "title": _("Section")},
        {"field": "stage", "title": _("Search")},
        {"field": "rank", "title": _("Rank")},
        {"field": "score", "title": _("Score")},
    ]
    return {
        "description": _("Ranks of the passages in each list"),
        "height": 26 * lowest + 30,
        "padding": {"left": 24, "top": 4, "bottom": 4, "right": 8},
        "config": {"view": {"stroke": None}},
        "encoding": {"x": x, "y": y},
        "layer": [
            {
                "params": [
                    {"name": "pointed", "select": {"type": "point", "on": "pointerover", "clear": "pointerout", "fields": ["passage"]}}
                ],
                "mark": {"type": "line", "strokeWidth": 2, "strokeOpacity": 0.6, "interpolate": "monotone"},
                "encoding": {"detail": {"field": "passage"}, "color": colour, "opacity": pointed},
            },
            {
                "params": [{"name": PICKED, "select": {"type": "point", "on": "click", "fields": ["passage"]}}],
                "mark": {"type": "circle", "opacity": 1, "cursor": "pointer"},
                "encoding": {"color": colour, "opacity": pointed, "tooltip": tooltip, "size": size},
            },
            {
                "mark": {"type": "text", "color": "white", "fontSize": 10, "fontWeight": 600},
                "encoding": {"text": {"field": "shown"}, "tooltip": tooltip},
            },
            {
                "transform": [{"filter": {"field": "last", "equal": True}}],
                "mark": {"type": "text", "align": "left", "dx": 16, "fontSize": 11, "color": COLOURS["same"]},
                "encoding": {"text": {"field": "label"}, "opacity": pointed},
            },
        ],
    }
