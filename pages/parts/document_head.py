"""An opened document's name and state, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Status
from pages.parts.document_rows import said_of, state_of
from pages.parts.entries import Entry
from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.paper_routes import original_path
from pages.parts.state import page_state
from pages.parts.tree_component import draw_tree
from pages.parts.version_list import version_list
from rag import library

if TYPE_CHECKING:
    from rag.deps import Deps
    from rag.library import Document


def document_head(deps: Deps, subject: str, document: Document) -> None:
    """Draw it above the pages."""
    st.button(_("All documents"), icon=":material/arrow_back:", type="tertiary", key="close-reader", on_click=_close)
    entry = Entry(latest=document)
    situator = library.situator(deps, subject)
    said = [["p", {"c": "small"}, line] for line in said_of(entry, situator=situator)]
    draw_tree(
        [
            "div",
            {"c": "doc-body"},
            ["div", {"c": "doc-top"}, ["p", {"c": "title"}, document.filename], ["span", {"c": "chip"}, document.collection]],
            *state_of(entry),
            *said,
        ],
        key="reader-title",
    )
    version_list(library.versions(deps, subject, document.id), opened=document.id)
    with st.container(horizontal=True, key="document-actions"):
        if document.needs_password:
            st.button(
                _("Enter the password"),
                icon=":material/lock_open:",
                type="primary",
                key="unlock",
                on_click=_ask,
                args=("unlock", document.id),
            )
        elif document.status is Status.FAILED:
            st.button(_("Retry"), icon=":material/refresh:", key="retry", on_click=_retry, args=(deps, subject, document.id))
        st.link_button(_("Original"), original_path(document.id, save=True), icon=":material/download:", key="reader-original")
        st.button(_("Rename"), icon=":material/edit:", key="rename", on_click=_ask, args=("rename", document.id))
        st.button(_("Move"), icon=":material/drive_file_move:", key="move", on_click=_ask, args=("move", document.id))
        st.button(_("Delete"), icon=":material/delete:", key="delete", on_click=_ask, args=("delete", document.id))


def _close() -> None:
    page_state().reading = None


def _ask(what: str, document_id: int) -> None:
    page_state().ask(what, [document_id])


def _retry(deps: Deps, subject: str, document_id: int) -> None:
    with attempt():
        library.retry(deps, subject, document_id)
