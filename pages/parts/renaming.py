"""Giving a document another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.guard import complaint, guard
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag import library

if TYPE_CHECKING:
    from rag.deps import Deps


def renaming(deps: Deps, subject: str, document_id: int) -> None:
    """The new name, asked for in a dialog over the page."""

    @st.dialog(_("Rename"), on_dismiss=page_state().answered)
    def ask() -> None:
        with guard("renaming"):
            document = library.document(deps, subject, document_id)
            with st.form("rename", border=False):
                name = st.text_input(_("Name"), value=document.filename, key="new-name")
                wanted = st.form_submit_button(_("Rename"), type="primary")
            if wanted:
                with complaint():
                    library.rename(deps, subject, document_id, name or "")
                    page_state().answered()
                    st.rerun()

    ask()
