"""Asking before documents are deleted, and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, plural
from pages.parts.state import page_state
from pages.parts.tree_component import draw_tree
from rag import library
from rag.errors import DocumentGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.deps import Deps

NAMED = 5  # documents named in the question


def deletion(deps: Deps, subject: str, documents: Sequence[int]) -> None:
    """The question, in a dialog over the page."""

    @st.dialog(_("Delete"), on_dismiss=page_state().answered)
    def ask() -> None:
        with guard("deletion"):
            names = [name for name in (_name(deps, subject, document) for document in documents[:NAMED]) if name]
            st.text(plural("Delete {n} document for good?", "Delete {n} documents for good?", len(documents)))
            st.caption(_("All versions of it go with it. Quotes in your conversations are kept."))
            more = [["li", {"c": "faint"}, "…"]] if len(documents) > NAMED else []
            draw_tree(["ul", {"c": "small"}, *(["li", {}, name] for name in names), *more], key="to-delete")
            with st.container(horizontal=True):
                st.button(_("Delete"), type="primary", key="delete-yes", on_click=_delete, args=(deps, subject, documents))
                st.button(_("Keep"), key="delete-no", on_click=_keep)

    ask()


def _name(deps: Deps, subject: str, document_id: int) -> str:
    try:
        return library.document(deps, subject, document_id).filename
    except DocumentGone:
        return ""


def _keep() -> None:
    page_state().answered()
    st.rerun()


def _delete(deps: Deps, subject: str, documents: Sequence[int]) -> None:
    state = page_state()
    with attempt():
        for document_id in documents:
            library.delete(deps, subject, document_id)
        state.answered()
        state.reading, state.uploads = None, []
        state.shelf.ticked.difference_update(documents)
        state.settled.clear()  # what cited them cannot be opened any more
        st.rerun()
