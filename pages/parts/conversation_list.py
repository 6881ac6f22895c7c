"""The conversations in the sidebar: opened, found again, renamed, deleted and brought back."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.conversation_groups import group_name, grouped, readers_now
from pages.parts.escape import plain, shortened
from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, plural
from pages.parts.state import SHOWN, Deleted, page_state
from rag import conversation

if TYPE_CHECKING:
    from rag.conversation import Conversation
    from rag.deps import Deps

TITLE = 60  # characters; page.css shortens to what there is room for
FEW = 8  # conversations that need no search box


def current_conversation() -> int | None:
    """The conversation that the address names, so that a reload or a second tab follows the same answer."""
    return number(st.query_params.get("c", ""))


def number(named: str) -> int | None:
    """The number that a part of the address names, such as an id in the database; None for anything else."""
    return int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None


def go_to(conversation_id: int | None) -> None:
    """Turn to a conversation, or to a new one."""
    page_state().turn_to(conversation_id)
    if conversation_id is None:
        st.query_params.clear()
    else:
        st.query_params["c"] = str(conversation_id)


def conversation_list(deps: Deps, subject: str, current: int | None) -> None:
    """Draw the list in the sidebar. Raises db.DatabaseAway."""
    with st.sidebar:
        st.button(_("New conversation"), icon=":material/add:", key="new-conversation", on_click=go_to, args=(None,), width="stretch")
        _list(deps, subject, current)


@st.fragment(key="conversations")
def _list(deps: Deps, subject: str, current: int | None) -> None:
    state = page_state()
    with guard("conversations"), st.container(key="conversations", gap=None):
        if state.deleted:
            _undo(deps, subject, state.deleted)
        held = conversation.conversations(deps, subject)
        if len(held) > FEW:
            sought = st.text_input(
                _("Find a conversation"), placeholder=_("Find a conversation"), label_visibility="collapsed", type="search", live=True,
                key="find-conversation", icon=":material/search:", persist_state="session",
            )  # fmt: skip
            if sought and sought.strip():
                held = conversation.conversations(deps, subject, search=sought)
                if not held:
                    st.caption(_("No conversation holds these words."))
        rest = islice(held, state.listed)
        for group, members in grouped(rest, now=readers_now()).items():
            st.caption(group_name(group))
            for one in members:
                _row(deps, subject, one, is_current=one.id == current)
        if (left := len(held) - state.listed) > 0:
            st.button(
                plural("Show more ({n} left)", "Show more ({n} left)", left), key="more-conversations", type="tertiary", on_click=_more
            )


def _more() -> None:
    page_state().listed += SHOWN


def _row(deps: Deps, subject: str, one: Conversation, *, is_current: bool) -> None:
    if page_state().renaming == one.id:
        _name(deps, subject, one)
        return
    title = plain(shortened(one.title, TITLE))
    with st.container(
        horizontal=True, gap=None, wrap=False, vertical_alignment="center", key=f"row-{'current-' if is_current else ''}{one.id}"
    ):
        st.button(title, key=f"conversation-{one.id}", on_click=_open, args=(one.id,), width="stretch", type="tertiary")
        acts = {"rename": _("Rename"), "delete": _("Delete")}
        st.menu_button(
            _("Rename or delete: {title}").format(title=title), list(acts), format_func=acts.__getitem__, key=f"menu-{one.id}",
            icon=":material/more_horiz:", type="tertiary", on_click=_act, args=(deps, subject, one, is_current),
        )  # fmt: skip


def _open(conversation_id: int) -> None:
    go_to(conversation_id)
    st.rerun()


def _act(deps: Deps, subject: str, one: Conversation, is_current: bool) -> None:  # noqa: FBT001 - Streamlit passes it on
    state = page_state()
    chosen = st.session_state[f"menu-{one.id}"]
    state.deleted = None
    if chosen == "rename":
        state.renaming = one.id
    elif chosen == "delete":
        with attempt():
            conversation.delete(deps, subject, one.id)
            if is_current:
                go_to(None)
            state.renaming, state.deleted = None, Deleted(conversation_id=one.id, title=one.title)
            if is_current:
                st.rerun()


def _undo(deps: Deps, subject: str, deleted: Deleted) -> None:
    """Said until the next thing is done."""
    with st.container(border=True, key="undo"):
        st.text(_("Deleted: {title}").format(title=shortened(deleted.title, TITLE)))
        st.button(_("Undo"), key="undelete", icon=":material/undo:", type="tertiary", on_click=_undelete, args=(deps, subject, deleted))


def _undelete(deps: Deps, subject: str, deleted: Deleted) -> None:
    with attempt():
        conversation.undelete(deps, subject, deleted.conversation_id)
        page_state().deleted = None


def _name(deps: Deps, subject: str, one: Conversation) -> None:
    """A field in the row's place. Enter keeps the name."""
    with st.form(f"rename-{one.id}", border=False):
        st.text_input(_("Name"), value=one.title, key=f"name-{one.id}", label_visibility="collapsed")
        with st.container(horizontal=True):
            st.form_submit_button(_("Rename"), type="primary", key=f"rename-yes-{one.id}", on_click=_rename, args=(deps, subject, one.id))
            st.form_submit_button(_("Keep"), key=f"rename-no-{one.id}", on_click=_keep)


def _rename(deps: Deps, subject: str, conversation_id: int) -> None:
    with attempt():
        conversation.rename(deps, subject, conversation_id, st.session_state[f"name-{conversation_id}"] or "")
        page_state().renaming = None


def _keep() -> None:
    page_state().renaming = None
