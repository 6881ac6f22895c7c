"""Ask, follow the answer, open its sources."""

from __future__ import annotations

import streamlit as st

from pages import frame
from pages.parts.answers import answers
from pages.parts.consent_notice import consent_notice
from pages.parts.conversation_list import conversation_list, current_conversation
from pages.parts.entries import entries
from pages.parts.guard import guard
from pages.parts.i18n import _
from pages.parts.question_box import chosen_selection, question_box, scope_line
from pages.parts.scope import is_everything, is_ready, scope_of
from pages.parts.scope_picker import scope_picker
from pages.parts.source_pane import source_pane
from pages.parts.state import page_state
from pages.parts.suggested import suggested
from pages.parts.waiting_room import waiting_room
from pages.parts.whole_offer import whole_offer
from rag import library

page = frame(_("Chat"))
state = page_state()
current = current_conversation()
if current != state.conversation_id:  # the address was changed, as by the browser's way back
    state.turn_to(current)

# Always the same places, whatever can be drawn in them: so that the browser keeps the box, and what was typed in it.
above, box = st.container(key="conversation"), st.container(key="ask")
with box:
    asked_of = st.container(horizontal=True, vertical_alignment="center", key="asked-of")
    typed = st.container()
scope = None

with above, guard("chat"):
    listed = entries(library.documents(page.deps, page.subject))
    selection = chosen_selection(page.deps, page.subject, current)
    scope = scope_of(selection, listed, library.collections(page.deps, page.subject))
    state.askable = current is not None or any(map(is_ready, listed))
    conversation_list(page.deps, page.subject, current)
    consent_notice(page.deps, page.subject)
    if current is None:
        waiting_room(page.deps, page.subject)
    else:
        left, right = st.columns([6, 5], gap="large")
        with left:
            answers(page.deps, page.subject, current, restricted=not is_everything(selection))
        with right:  # after the answers: it is never behind them
            source_pane(page.deps, page.subject, current)
    if state.askable:
        with asked_of:
            scope_line(scope, selection, listed)
    scope_picker(page.deps, page.subject, current)

if state.askable:
    with typed:
        question_box(page.deps, page.subject, current)
if scope is not None and scope.ready:
    with above, guard("offers"):  # last: they may take a moment, and nobody waits for them
        if current is None:
            with st.container(key="suggestions"):
                suggested(page.deps, page.subject, selection, scope)
        with asked_of:
            whole_offer(page.deps, page.subject, selection, scope)
