"""What a run measured: a table of its rungs, a chart, differences between any two, and the questions that were missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import streamlit as st

from pages.parts.escape import plain, shortened
from pages.parts.i18n import _, plural, told
from pages.parts.source_cards import stage_names
from pages.parts.state import page_state
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag.ladder import Ladder, Rung, difference
from rag.metrics import interval
from rag.question_sets import Context

if TYPE_CHECKING:
    pass

MISSES = 20
QUESTION = 140  # characters


def context_names() -> dict[Context, str]:
    return {
        Context.NONE: _("no context"),
        Context.GIVEN: _("given context"),
        Context.STRUCTURAL: _("structural context"),
        Context.MODEL: _("context by a model"),
    }


def metric_name(metric: str) -> str:
    """A metric as the reader knows it."""
    name, _at, cutoff = metric.partition("@")
    names = {"recall": _("Found"), "page hit": _("Page found"), "nDCG": "nDCG", "MRR": "MRR"}
    return f"{names[name]} @{cutoff}"


def rung_name(rung: Rung) -> str:
    return f"{stage_names()[rung.stage.value]}, {context_names()[rung.context]}"


def ladder_view(ladder: Ladder) -> str:
    """The figures of one run; the metric that the reader looks at."""
    said = [plural("{n} question", "{n} questions", len(ladder.questions)), plural("{n} document", "{n} documents", ladder.documents)]
    said += [plural("{n} passage", "{n} passages", ladder.chunks)]
    st.caption(plain(" · ".join(said)))
    for note in ladder.notes:
        st.caption(plain(told(note)))
    names = list(ladder.rungs[0].values())
    usual = "page hit@5" if "page hit@5" in names else "recall@5"
    metric = st.segmented_control(
        _("Figure"), names, default=usual, required=True, format_func=metric_name, key="metric", label_visibility="collapsed"
    )
    _chart(ladder, metric or usual)
    _table(ladder)
    st.caption(
        _(
            "@20: among the first twenty. The small figures are the 95 % interval: with other questions of this kind the value would "
            "probably lie there. The fewer questions, the wider it is."
        )
    )
    return metric or usual


def _chart(ladder: Ladder, metric: str) -> None:
    """A metric at every rung, with its interval."""
    rows = []
    for rung in ladder.rungs:
        values = rung.values()[metric]
        low, high = interval(values)
        rows.append(
            {
                "stage": stage_names()[rung.stage.value],
                "context": context_names()[rung.context],
                "mean": round(100 * float(values.mean()), 1),
                "low": 100 * low,
                "high": 100 * high,
            }
        )
    contexts = [context_names()[c] for c in Context if any(r.context is c for r in ladder.rungs)]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("stage:N", title=None, sort=list(stage_names().values()), axis=alt.Axis(labelLimit=200)),
        yOffset=alt.YOffset("context:N", sort=contexts),
    )
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        x=alt.X("mean:Q", title=metric_name(metric) + " (%)", scale=alt.Scale(domain=[0, 100])),
        color=alt.Color("context:N", title=None, sort=contexts, legend=alt.Legend(orient="top", columns=2)),
        tooltip=["stage:N", "context:N", "mean:Q"],
    )
    whiskers = base.mark_rule(strokeWidth=1.5, opacity=0.7, color="#888").encode(x="low:Q", x2="high:Q")
    stages = len({rung.stage for rung in ladder.rungs})
    st.altair_chart((bars + whiskers).properties(height=60 + stages * (14 + 18 * len(contexts))), width="stretch")


def _table(ladder: Ladder) -> None:
    names = list(ladder.rungs[0].values())
    head = ["", *(metric_name(name) for name in names), _("Seconds")]
    rows: list[Node] = []
    for rung in ladder.rungs:
        values = rung.values()
        cells: list[Node] = []
        for name in names:
            low, high = interval(values[name])
            inner: list[Node] = [
                ["div", {}, percent(values[name].mean())],
                ["div", {"c": "faint small"}, f"{percent(low)}–{percent(high)}"],
            ]
            cells.append(["td", {"c": "right keep"}, *inner])
        name_cell: Node = [
            "td", {"c": "wide"}, stage_names()[rung.stage.value], ["div", {"c": "faint small"}, context_names()[rung.context]],
        ]  # fmt: skip
        rows.append(["tr", {}, name_cell, *cells, ["td", {"c": "right keep"}, f"{rung.seconds:.2f}"]])
    titles: list[Node] = [["th", {"c": "faint right" if title else "faint"}, title] for title in head]
    draw_tree(["table", {"c": "ledger"}, ["thead", {}, ["tr", {}, *titles]], ["tbody", {}, *rows]], key="rungs")


def percent(fraction: float) -> str:
    return f"{100 * float(fraction):.1f}"


def comparison(ladder: Ladder, other: Ladder | None, *, names: tuple[str, str]) -> None:
    """The paired difference of any two rungs: of one run, or of two runs over the questions that they share."""
    mine, theirs = ladder.beside(other) if other is not None else (ladder, ladder)
    if not mine.questions:
        st.info(_("These two runs share no question, so they cannot be compared."), icon=":material/info:")
        return
    choices = [(0, place) for place in range(len(mine.rungs))]
    if other is not None:
        choices += [(1, place) for place in range(len(theirs.rungs))]

    def label(choice: tuple[int, int]) -> str:
        rung = (mine, theirs)[choice[0]].rungs[choice[1]]
        return f"{rung_name(rung)} · {names[choice[0]]}" if other is not None else rung_name(rung)

    left, right = st.columns(2)
    before = left.selectbox(_("From"), choices, format_func=label, key="compare-from")
    after = right.selectbox(_("To"), choices, index=len(mine.rungs) - 1, format_func=label, key="compare-to")
    rungs = [(mine, theirs)[which].rungs[place] for which, place in (before or (0, 0), after or (0, 0))]
    metrics = [name for name in rungs[0].values() if name in rungs[1].values()]
    rows: list[Node] = []
    for metric in metrics:
        found = difference(rungs[0], rungs[1], metric)
        verdict = _("no clear difference")
        if found.low > 0 or found.high < 0:
            verdict = _("better") if found.low > 0 else _("worse")
        rows.append(
            [
                "tr",
                {},
                ["td", {"c": "wide"}, metric_name(metric)],
                ["td", {"c": "right keep"}, f"{100 * found.mean:+.1f}"],
                ["td", {"c": "right keep faint"}, f"{100 * found.low:+.1f} … {100 * found.high:+.1f}"],
                ["td", {"c": "keep"}, verdict],
            ]
        )
    draw_tree(["table", {"c": "ledger"}, ["tbody", {}, *rows]], key="differences")
    st.caption(plural("Over {n} question, pair by pair.", "Over {n} questions, pair by pair.", len(mine.questions)))


def misses(ladder: Ladder, metric: str) -> None:
    """The questions that a rung did not wholly find; each opens in the inspector."""
    chosen = st.selectbox(
        _("Missed by"),
        range(len(ladder.rungs)),
        index=len(ladder.rungs) - 1,
        format_func=lambda n: rung_name(ladder.rungs[n]),
        key="missed-by",
    )
    rung = ladder.rungs[chosen if chosen is not None else -1]
    values = rung.values()[metric]
    missed = [place for place, value in enumerate(values) if value < 1]
    if not missed:
        st.caption(_("Nothing was missed."))
        return
    st.caption(_("{n} of {all} questions, not wholly found: {metric}").format(n=len(missed), all=len(values), metric=metric_name(metric)))
    shown = missed if st.session_state.get("all-misses") else missed[:MISSES]
    rows: list[Node] = []
    for place in shown:
        question = button(
            shortened(ladder.questions[place].question, QUESTION), act=f"inspect:{place}", classes="link", tip=_("Open in the inspector")
        )
        rows.append(["tr", {}, ["td", {"c": "wide"}, question], ["td", {"c": "keep faint"}, _ranks(rung, place)]])

    def inspect(click: Click) -> None:
        page_state().to_inspect = ladder.questions[int(click.argument)].question

    draw_tree(["table", {"c": "ledger"}, ["tbody", {}, *rows]], key="misses", on_click=inspect)
    if wanted := page_state().to_inspect:
        page_state().to_inspect = ""
        st.switch_page("pages/inspector.py", query_params={"q": wanted})
    if len(missed) > MISSES:
        st.toggle(_("Show all"), key="all-misses")


def _ranks(rung: Rung, place: int) -> str:
    """Where the passages of a missed question stand."""
    found = [rung.pages[place]] if rung.pages is not None else sorted(r for r in rung.ranks[place] if r is not None)
    told = ", ".join(str(rank) for rank in found if rank is not None)
    lost = sum(rank is None for rank in rung.ranks[place]) if rung.pages is None else int(rung.pages[place] is None)
    return " · ".join(filter(None, [_("at {ranks}").format(ranks=told) if told else "", _("not found") if lost else ""]))
