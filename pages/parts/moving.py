"""Putting documents into another collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.guard import complaint, guard
from pages.parts.i18n import _, plural, told
from pages.parts.state import page_state
from pages.parts.tree_component import draw_tree
from rag import library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.deps import Deps


def moving(deps: Deps, subject: str, documents: Sequence[int]) -> None:
    """The collection, asked for in a dialog over the page. Documents that stay where they are say why."""

    @st.dialog(_("Move"), on_dismiss=page_state().answered)
    def ask() -> None:
        with guard("moving"):
            names = [collection.name for collection in library.collections(deps, subject)]
            with st.form("move", border=False):
                chosen = st.selectbox(
                    plural("Move {n} document to", "Move {n} documents to", len(documents)), names, index=None, accept_new_options=True,
                    placeholder=_("Choose a collection, or name a new one"), key="move-to",
                )  # fmt: skip
                wanted = st.form_submit_button(_("Move"), type="primary")
            if wanted:
                with complaint():
                    moved = library.move(deps, subject, documents, chosen or "")
                    page_state().shelf.ticked.difference_update(documents)
                    if not moved.refused:
                        page_state().answered()
                        st.rerun()
                    draw_tree(["ul", {"c": "results"}, *(["li", {"c": "refused"}, told(why)] for why in moved.refused)], key="not-moved")

    ask()
