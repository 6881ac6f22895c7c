"""The entry: greets an empty library, otherwise leads to the chat."""

from __future__ import annotations

import streamlit as st

from pages import frame
from pages.parts.consent_notice import consent_notice
from pages.parts.guard import guard
from pages.parts.i18n import _
from pages.parts.uploader import uploader
from rag import library

page = frame(_("Welcome"))

with guard("welcome"):
    if library.documents(page.deps, page.subject):
        st.switch_page("pages/chat.py")
    with st.container(key="welcome"):
        st.title(_("Ask your documents"), anchor=False)
        st.text(_("Drop in your PDFs, ask a question, and see every answer beside the very sentence it rests on."))
        if uploader(page.deps, page.subject):
            st.switch_page("pages/chat.py")
        st.caption(_("Your files stay in this installation's own database."))
    consent_notice(page.deps, page.subject)
