"""What was spent, as figures, a chart by day, and tables."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

import altair as alt
import streamlit as st

from pages.parts.escape import plain, shortened
from pages.parts.i18n import _, plural
from pages.parts.money import dollars, percent, price, prompt_tokens, tokens
from pages.parts.tree_component import Node, draw_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.usage import Spending

DAYS = 30
ROWS = 20
QUESTION = 80  # characters


def figures(month: Sequence[Spending], ever: Sequence[Spending]) -> None:
    """This month, all time, what the cache served, and what cache and batches saved."""
    read, prompts = sum(s.cache_read_tokens for s in ever), sum(map(prompt_tokens, ever))
    saved = sum((s.saved_by_cache for s in ever), Decimal(0)), sum((s.saved_by_batch for s in ever), Decimal(0))
    told = [
        (_("This month"), dollars(total(month)), plural("{n} call", "{n} calls", sum(s.calls for s in month))),
        (_("All time"), dollars(total(ever)), plural("{n} call", "{n} calls", sum(s.calls for s in ever))),
        (_("Served by the cache"), percent(read / prompts if prompts else 0), _("of the tokens sent")),
        (
            _("Saved"),
            dollars(saved[0] + saved[1]),
            _("{cache} by the cache, {batch} by batches").format(cache=dollars(saved[0]), batch=dollars(saved[1])),
        ),
    ]
    tiles: list[Node] = [
        ["div", {"c": "tile"}, ["div", {"c": "faint small"}, name], ["div", {"c": "figure"}, value], ["div", {"c": "faint small"}, beside]]
        for name, value, beside in told
    ]
    draw_tree(["div", {"c": "tiles"}, *tiles], key="figures")
    unpriced = sum(s.unpriced for s in ever)
    if unpriced:
        said = plural(
            "{n} call is not in these sums: its price is not known.", "{n} calls are not in these sums: no price known.", unpriced
        )
        st.caption(plain(said))


def total(spent: Sequence[Spending]) -> Decimal:
    return sum((s.price for s in spent), Decimal(0))


def chart(days: Sequence[Spending], today: dt.date) -> None:
    """US dollars a day over the last month, stacked by model."""
    spent: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for s in days:
        spent[s.key, s.label] += s.price
    names = [(today - dt.timedelta(days=n)).isoformat() for n in reversed(range(DAYS))]
    models = sorted({model for (_day, model), usd in spent.items() if usd})
    if not models:
        return
    rows = [{"day": name[5:], "usd": float(spent[name, model]), "model": model} for name in names for model in models]
    bars = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar()
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            y=alt.Y("usd:Q", title=None, axis=alt.Axis(format="$~g", tickCount=4)),
            color=alt.Color("model:N", title=None, legend=alt.Legend(orient="top", columns=2)),
            tooltip=["day:O", "model:N", alt.Tooltip("usd:Q", format="$.4~f")],
        )
        .properties(height=260)
    )
    st.altair_chart(bars, width="stretch")


def by_model(month: Sequence[Spending], ever: Sequence[Spending]) -> None:
    this_month = {s.key: s for s in month}
    head = [_("Model"), _("This month"), _("All time"), _("Plain input"), _("Written to cache"), _("Read from cache"), _("Output")]
    rows = [
        [
            s.key,
            price(this_month[s.key]) if s.key in this_month else "",
            price(s),
            tokens(s.input_tokens) if not s.search_units else plural("{n} search", "{n} searches", s.search_units),
            tokens(s.cache_write_tokens),
            tokens(s.cache_read_tokens),
            tokens(s.output_tokens),
        ]
        for s in sorted(ever, key=lambda s: (-s.price, s.key))
    ]
    _table(head, rows, key="by-model")


def by_document(spent: Sequence[Spending]) -> None:
    """The dearest documents."""
    rows = [
        [s.label or _("Deleted documents"), price(s), tokens(prompt_tokens(s)), tokens(s.output_tokens)]
        for s in sorted(spent, key=lambda s: -s.price)[:ROWS]
    ]
    _table([_("Document"), _("Price"), _("Tokens sent"), _("Tokens written")], rows, key="by-document")


def by_answer(spent: Sequence[Spending]) -> None:
    """The latest answers."""
    rows = [
        [
            shortened(" ".join(s.label.split()), QUESTION) or _("Elsewhere (command line, deleted conversations)"),
            price(s),
            tokens(prompt_tokens(s)),
            tokens(s.output_tokens),
        ]
        for s in spent[:ROWS]
    ]
    _table([_("Question"), _("Price"), _("Tokens sent"), _("Tokens written")], rows, key="by-answer")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, key: str) -> None:
    """Names on the left, figures on the right."""
    titles: list[Node] = [["th", {"c": "faint" if at == 0 else "faint right"}, title] for at, title in enumerate(head)]
    lines: list[Node] = [
        ["tr", {}, *(["td", {"c": "wide"} if at == 0 else {"c": "right keep"}, cell] for at, cell in enumerate(row))] for row in rows
    ]
    draw_tree(["table", {"c": "ledger"}, ["thead", {}, ["tr", {}, *titles]], ["tbody", {}, *lines]], key=key)
