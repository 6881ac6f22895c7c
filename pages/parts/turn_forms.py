"""What unfolds at a message: a form in its question's place, or below its answer a reason, or more to do with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.exporting import export_words
from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag import conversation, export, feedback

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.conversation import Message
    from rag.deps import Deps


def is_unfolded(message_id: int, *whats: str) -> bool:
    unfolded = page_state().unfolded
    return unfolded is not None and unfolded.message_id == message_id and unfolded.what in whats


def above(deps: Deps, subject: str, message: Message) -> bool:
    """A form for the question, or for what is searched for; False when none is open."""
    if is_unfolded(message.id, "question"):
        _reword(
            _("Edit the question"), message.question, key=f"edit-{message.id}", send=partial(conversation.edit, deps, subject, message.id)
        )
        return True
    if is_unfolded(message.id, "asked"):
        send = partial(conversation.ask_as, deps, subject, message.id)
        st.caption(plain(message.question))
        _reword(_("Change what is searched for"), message.asked, key=f"asked-{message.id}", send=send)
        return True
    return False


def _reword(label: str, text: str, *, key: str, send: Callable[[str], object]) -> None:
    with st.form(f"form-{key}", border=True):
        st.text_area(label, value=text, key=key, height="content")
        with st.container(horizontal=True):
            st.form_submit_button(_("Ask"), type="primary", key=f"{key}-send", on_click=_send, args=(send, key))
            st.form_submit_button(_("Keep as it is"), key=f"{key}-keep", on_click=_fold)


def _send(send: Callable[[str], object], key: str) -> None:
    with attempt():
        send(st.session_state[key] or "")
        page_state().close_conversation()
        st.rerun()


def _fold() -> None:
    page_state().unfolded = None


def below(deps: Deps, subject: str, message: Message) -> None:
    """A form for a reason, or more to do with the answer, where one is open."""
    if is_unfolded(message.id, "reason"):
        _reason(deps, subject, message.id)
    elif is_unfolded(message.id, "more"):
        _more(deps, subject, message)


def _reason(deps: Deps, subject: str, message_id: int) -> None:
    """What was bad about it; the rating itself is kept already."""
    names = _reasons()
    with st.form(f"reason-{message_id}", border=True):
        st.pills(_("What was wrong with it?"), list(names), selection_mode="multi", format_func=names.__getitem__, key=f"why-{message_id}")
        st.text_input(_("In your own words, if you like"), key=f"words-{message_id}")
        with st.container(horizontal=True):
            st.form_submit_button(
                _("Keep this"), type="primary", key=f"reason-yes-{message_id}", on_click=_keep_reason, args=(deps, subject, message_id)
            )
            st.form_submit_button(_("No reason"), key=f"reason-no-{message_id}", on_click=_fold)


def _reasons() -> dict[str, str]:
    return {
        "wrong": _("Wrong"), "incomplete": _("Incomplete"), "sources": _("Wrong sources"), "unanswerable": _("Should not have answered"),
    }  # fmt: skip


def _keep_reason(deps: Deps, subject: str, message_id: int) -> None:
    ticked, words = st.session_state[f"why-{message_id}"], (st.session_state[f"words-{message_id}"] or "").strip()
    with attempt():
        names = _reasons()
        feedback.rate(
            deps, subject, message_id, good=False, reason="; ".join([*map(names.__getitem__, ticked), *([words] if words else [])])
        )
        st.toast(_("Kept. The evaluation page offers it as a question."), icon=":material/check:")
        _fold()


def _more(deps: Deps, subject: str, message: Message) -> None:
    conversation_id = message.conversation_id

    def download(label: str, name: str, message_id: int | None) -> None:
        st.download_button(
            label, data=lambda: export.markdown(deps, subject, conversation_id, message_id=message_id, words=export_words()),
            file_name=name, mime="text/markdown", icon=":material/download:", type="tertiary", key=f"download-{name}", on_click="ignore",
        )  # fmt: skip

    with st.container(horizontal=True, vertical_alignment="center", key=f"more-{message.id}"):
        download(_("This answer as Markdown"), f"answer-{message.id}.md", message.id)
        download(_("The conversation as Markdown"), f"conversation-{conversation_id}.md", None)
        st.page_link(
            "pages/inspector.py", label=_("Inspect retrieval"), icon=":material/manage_search:", query_params={"m": str(message.id)}
        )


def rated(deps: Deps, subject: str, message_id: int, *, good: bool, before: bool | None) -> None:
    """A thumb was pressed: again takes it back; down asks for a reason."""
    with attempt():
        if before is good:
            feedback.unrate(deps, subject, message_id)
        else:
            feedback.rate(deps, subject, message_id, good=good)
        state = page_state()
        if is_unfolded(message_id, "reason") or (not good and before is not good):
            state.unfold(message_id, "reason")
