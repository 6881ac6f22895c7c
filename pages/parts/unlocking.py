"""Asking for the password of a document that cannot be read without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db import DatabaseAway
from pages.parts.escape import plain
from pages.parts.guard import guard
from pages.parts.i18n import _, told
from pages.parts.state import page_state
from pages.parts.tree_component import draw_tree
from rag import library
from rag.errors import SituateError

if TYPE_CHECKING:
    from rag.deps import Deps


def unlocking(deps: Deps, subject: str, document_id: int) -> None:
    """The password, asked for in a dialog over the page. Each try has a field of its own: what was typed is gone with it."""

    @st.dialog(_("Password"), on_dismiss=page_state().answered)
    def ask() -> None:
        state = page_state()
        with guard("unlocking"):
            document = library.document(deps, subject, document_id)
            draw_tree(["p", {"c": "title"}, document.filename], key="to-unlock")
            st.caption(_("It opens the file once and is kept nowhere. A copy that needs no password takes the file's place."))
            if state.refused:
                st.error(plain(told(state.refused)), icon=":material/lock:")
            with st.form("unlock", border=False):
                password = st.text_input(_("Password"), type="password", key=f"password-{state.tries}", autocomplete="off")
                wanted = st.form_submit_button(_("Unlock"), type="primary")
            if wanted:
                _unlock(deps, subject, document_id, password or "")

    ask()


def _unlock(deps: Deps, subject: str, document_id: int, password: str) -> None:
    state = page_state()
    state.tries += 1
    try:
        with st.spinner(_("Unlocking …")):
            library.unlock(deps, subject, document_id, password)
    except (SituateError, DatabaseAway) as error:
        state.refused = str(error)
    else:
        state.answered()
    st.rerun()
