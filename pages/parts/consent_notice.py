"""Asking, once and calmly, whether text may be sent to a remote model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag import consent, library

if TYPE_CHECKING:
    from rag.deps import Deps


def consent_notice(deps: Deps, subject: str) -> None:
    """Name each recipient that is configured and not agreed to yet, what it would receive, and what happens otherwise."""
    state = page_state()
    for request in consent.outstanding(deps, subject):
        if request.recipient in state.not_now:
            continue
        recipient = plain(request.recipient)
        sent = {
            "answer": _("your questions and the passages found for them, to write answers"),
            "rerank": _("your questions and the passages found for them, to order the passages"),
            "situate": _("whole documents, to write a context for each passage"),
        }
        with st.container(border=True, key=f"consent-{request.recipient}"):
            st.markdown("**" + _("May Situate send text to {recipient}?").format(recipient=recipient) + "**")
            st.markdown("\n".join(f"- {sent[purpose]}" for purpose in request.purposes))
            st.caption(
                _("Models: {models}. A key is set, but a key alone is no consent. Until you allow it, nothing is sent there.").format(
                    models=plain(", ".join(request.models))
                )
            )
            with st.container(horizontal=True):
                st.button(
                    _("Allow"),
                    type="primary",
                    key=f"allow-{request.recipient}",
                    on_click=_allow,
                    args=(deps, subject, request.recipient),
                )
                st.button(_("Not now"), key=f"not-now-{request.recipient}", on_click=state.not_now.add, args=(request.recipient,))


def _allow(deps: Deps, subject: str, recipient: str) -> None:
    with attempt():
        library.allow(deps, subject, recipient)
