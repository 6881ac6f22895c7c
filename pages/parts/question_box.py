"""The question box, and beside it what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from db import DatabaseAway
from db.documents import Selection
from pages.parts import whole_offer
from pages.parts.conversation_list import go_to
from pages.parts.escape import plain
from pages.parts.i18n import _, told
from pages.parts.requests import in_request
from pages.parts.scope import is_everything
from pages.parts.scope_picker import open_picker
from pages.parts.state import page_state
from rag import conversation
from rag.errors import ConversationGone, SituateError

if TYPE_CHECKING:
    from pages.parts.entries import Entry
    from pages.parts.scope import Scope
    from rag.deps import Deps


def ask(deps: Deps, subject: str, question: str, *, conversation_id: int | None) -> bool:
    """Ask, and turn to the conversation; an error is said beside the box."""
    state = page_state()
    try:
        with in_request():
            message = conversation.ask(
                deps, subject, question, conversation_id=conversation_id, selection=state.scope, whole=whole_offer.is_chosen(),
                offered=whole_offer.model(),
            )  # fmt: skip
    except (SituateError, DatabaseAway) as error:
        state.question_error = str(error)
        return False
    if conversation_id is None:
        state.scope = Selection()  # it was for this one; what was chosen for the next stays when an older one goes on
    go_to(message.conversation_id)
    return True


def chosen_selection(deps: Deps, subject: str, conversation_id: int | None) -> Selection:
    """What a question would be asked of: what the conversation is about, or what was chosen for the next one."""
    if conversation_id is None:
        return page_state().scope
    try:
        return conversation.selection(deps, subject, conversation_id)
    except ConversationGone:  # deleted; the page says so where its answers would stand
        return Selection()


def scope_line(scope: Scope, selection: Selection, listed: Sequence[Entry]) -> None:
    """Which documents are asked, and a way to choose others; nothing where there is no choice."""
    if len(listed) < 2 and is_everything(selection):
        return
    st.button(
        plain(scope.label), key="scope", icon=":material/description:", type="tertiary", help=_("Which documents to ask"),
        on_click=open_picker, args=(selection, listed),
    )  # fmt: skip
    if scope.told:
        st.caption(plain(scope.told), width="content")


def question_box(deps: Deps, subject: str, conversation_id: int | None) -> None:
    """The box itself. It is drawn also while the database is away, so that what was typed stays."""
    state = page_state()

    def submit() -> None:
        question = st.session_state["question"] or ""
        if not ask(deps, subject, question, conversation_id=conversation_id):
            st.session_state["question"] = question  # put back, to be mended

    with st.container():  # whether or not there is anything to say: so that the browser keeps the box
        if state.question_error:
            st.warning(plain(told(state.question_error)), icon=":material/info:")
            state.question_error = ""
    st.chat_input(_("Ask a question about your documents"), key="question", on_submit=submit)
