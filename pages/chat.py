"""Ask, follow the answer, open its sources."""

from __future__ import annotations

import streamlit as st

from db import DatabaseAway
from db.documents import Status
from pages import frame
from pages.parts.answers import answers
from pages.parts.consent_notice import consent_notice
from pages.parts.conversation_list import chosen_selection, conversation_list, current_conversation, go_to, selection_picker
from pages.parts.escape import plain
from pages.parts.guard import guard
from pages.parts.i18n import _, told
from pages.parts.source_pane import source_pane
from pages.parts.state import page_state
from pages.parts.waiting_room import waiting_room
from rag import conversation, library
from rag.errors import SituateError

page = frame(_("Chat"))
state = page_state()


def submit() -> None:
    """Ask what was typed; an error is said beside the box, and the question put back into it."""
    question = st.session_state["question"] or ""
    try:
        message = conversation.ask(page.deps, page.subject, question, conversation_id=current_conversation(), selection=chosen_selection())
    except (SituateError, DatabaseAway) as error:
        state.question_error, st.session_state["question"] = str(error), question
        return
    go_to(message.conversation_id)


with guard("chat"):
    current = state.conversation_id = current_conversation()
    documents = library.documents(page.deps, page.subject)
    conversation_list(page.deps, page.subject, current)
    consent_notice(page.deps, page.subject)
    if current is None:
        waiting_room(page.deps, page.subject)
        selection_picker(documents)
    else:
        left, right = st.columns([6, 5], gap="large")
        with right:
            source_pane(page.deps, page.subject, current)
        with left:
            answers(page.deps, page.subject, current)
    if current is not None or any(d.status is Status.READY for d in documents):
        with st.container(key="ask"):  # kept in view by page.css; Streamlit's own bottom bar would scroll down by itself as the page grows
            if state.question_error:
                st.warning(plain(told(state.question_error)), icon=":material/info:")
                state.question_error = ""
            st.chat_input(_("Ask a question about your documents"), key="question", on_submit=submit)
