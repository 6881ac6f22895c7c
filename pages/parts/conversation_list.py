"""The conversations in the sidebar, and which documents a new one is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Document, Selection, Status
from pages.parts.escape import plain, shortened
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag import conversation

if TYPE_CHECKING:
    from rag.deps import Deps

TITLE = 38  # characters


def current_conversation() -> int | None:
    """The conversation that the address names, so that a reload or a second tab follows the same answer."""
    return number(st.query_params.get("c", ""))


def number(named: str) -> int | None:
    """The number that a part of the address names, such as an id in the database; None for anything else."""
    return int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None


def go_to(conversation_id: int | None) -> None:
    """Turn to a conversation, or to a new one."""
    page_state().close_conversation()
    page_state().conversation_id = conversation_id
    if conversation_id is None:
        st.query_params.clear()
    else:
        st.query_params["c"] = str(conversation_id)


def conversation_list(deps: Deps, subject: str, current: int | None) -> None:
    """Draw the list in the sidebar."""
    with st.sidebar:
        st.button(_("New conversation"), icon=":material/add:", key="new-conversation", on_click=go_to, args=(None,), width="stretch")
        with st.container(key="conversations", gap=None):
            for held in conversation.conversations(deps, subject):
                st.button(
                    plain(shortened(held.title, TITLE)), key=f"conversation-{held.id}", on_click=go_to, args=(held.id,), width="stretch",
                    type="secondary" if held.id == current else "tertiary",
                )  # fmt: skip


def selection_picker(documents: list[Document]) -> None:
    """Let the reader choose which documents a new conversation is about."""
    ready = {d.id: d.filename for d in documents if d.status is Status.READY}
    if len(ready) > 1:
        with st.container(key="scope"):
            st.multiselect(_("Ask only"), list(ready), format_func=ready.__getitem__, placeholder=_("All documents"), key="selection")


def chosen_selection() -> Selection | None:
    """What was chosen; None means all documents."""
    chosen = st.session_state.get("selection")
    return Selection(documents=tuple(chosen)) if chosen else None
