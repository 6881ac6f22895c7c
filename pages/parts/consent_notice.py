"""Asking, once and calmly, whether text may be sent to a remote model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag import consent, library
from rag.consent import Purpose

if TYPE_CHECKING:
    from rag.consent import Request
    from rag.deps import Deps


def consent_notice(deps: Deps, subject: str) -> None:
    """Name each model that is configured and not agreed to yet, who runs it, what it would receive, and what happens otherwise."""
    state = page_state()
    for request in consent.outstanding(deps, subject):
        key = f"{request.recipient}-{request.model}"
        if key in state.not_now:
            continue
        sent = {
            Purpose.ANSWER: _("your questions and the passages found for them, to write answers"),
            Purpose.RERANK: _("your questions and the passages found for them, to order the passages"),
            Purpose.SITUATE: _("whole documents, to write a context for each passage"),
            Purpose.EMBED: _("whole documents and your questions, to compare them by meaning"),
        }
        with st.container(border=True, key=f"consent-{key}"):
            names = {"recipient": plain(request.recipient), "model": plain(request.model)}
            st.markdown("**" + _("May Situate send text to {recipient}, for {model}?").format(**names) + "**")
            st.markdown("\n".join(f"- {sent[purpose]}" for purpose in request.purposes))
            st.caption(_("A key is set, but a key alone is no consent. Until you allow it, nothing is sent there."))
            with st.container(horizontal=True):
                st.button(_("Allow"), type="primary", key=f"allow-{key}", on_click=_allow, args=(deps, subject, request))
                st.button(_("Not now"), key=f"not-now-{key}", on_click=state.not_now.add, args=(key,))


def _allow(deps: Deps, subject: str, request: Request) -> None:
    with attempt():
        library.allow(deps, subject, request.recipient, request.model)
