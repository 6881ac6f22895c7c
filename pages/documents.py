"""The library: upload, progress, page quality, retry, delete, download."""

from __future__ import annotations

import streamlit as st

from pages import frame
from pages.parts.consent_notice import consent_notice, price_notice
from pages.parts.dialogs import dialogs
from pages.parts.document_reader import document_reader
from pages.parts.escape import plain
from pages.parts.guard import guard
from pages.parts.i18n import _, told
from pages.parts.shelf import shelf
from pages.parts.state import page_state
from pages.parts.uploader import upload_target, uploader
from rag.errors import DocumentGone

page = frame(_("Documents"))

with guard("documents"):
    consent_notice(page.deps, page.subject)
    price_notice(page.deps, page.subject)
    state = page_state()
    if state.reading is not None:
        try:
            with st.container(key="reader"):
                document_reader(page.deps, page.subject, state.reading)
        except DocumentGone as error:
            state.reading = None
            st.info(plain(told(str(error))), icon=":material/info:")
    if state.reading is None:
        with st.container(key="shelf"):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.title(_("Documents"), anchor=False, width="content")
                st.button(
                    _("Collections"),
                    icon=":material/folder:",
                    type="tertiary",
                    key="collections",
                    on_click=state.ask,
                    args=("collections",),
                )
            collection, folder = upload_target(page.deps, page.subject)
            if uploader(page.deps, page.subject, collection=collection, folder=folder):
                st.rerun()
            shelf(page.deps, page.subject)
    dialogs(page.deps, page.subject)
