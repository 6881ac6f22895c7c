"""Answers that the reader rated, offered as questions for the evaluation: a good one with what it cites, a bad one to find the passage for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.question_collector import offer_passages
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag import feedback

if TYPE_CHECKING:
    from rag.deps import Deps
    from rag.feedback import Rated


def rated_answers(deps: Deps, subject: str) -> None:
    """The list, while there is anything in it. Raises db.DatabaseAway."""
    offered = {rated.message_id: rated for rated in feedback.unsettled(deps, subject)}
    if not offered:
        return

    def clicked(click: Click) -> None:
        rated = offered.get(int(click.argument))
        if rated is not None:
            with attempt():
                _act(deps, subject, click.act, rated)

    with st.container(border=True, key="rated"):
        st.caption(_("From answers that you rated"))
        draw_tree(["table", {"c": "ledger"}, ["tbody", {}, *map(_row, offered.values())]], key="rated-answers", on_click=clicked)


def _act(deps: Deps, subject: str, act: str, rated: Rated) -> None:
    if act == "aside":
        feedback.settle(deps, subject, rated.message_id)
    elif act == "take" and feedback.take(deps, subject, rated):
        st.toast(_("Added."), icon=":material/check:")
    else:  # a bad answer, or one whose documents are gone
        offer_passages(deps, subject, rated.question, rated=rated.message_id)


def _row(rated: Rated) -> Node:
    thought = _("Rated good") if rated.good else _("Rated bad")
    chosen = (
        button(_("Add"), act=f"take:{rated.message_id}", classes="link", tip=_("With the passages that the answer cites"))
        if rated.good
        else button(_("Find the passage"), act=f"find:{rated.message_id}", classes="link")
    )
    return [
        "tr",
        {},
        ["td", {"c": "wide"}, rated.question, ["div", {"c": "faint small"}, f"{thought}: {rated.reason}" if rated.reason else thought]],
        ["td", {"c": "right"}, chosen],
        [
            "td",
            {"c": "right"},
            button("✕", act=f"aside:{rated.message_id}", label=_("Put aside"), classes="faint", tip=_("Put aside")),
        ],
    ]
