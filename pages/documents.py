"""The library: upload, progress, page quality, retry, delete, download."""

from __future__ import annotations

import streamlit as st

from pages import frame
from pages.parts.consent_notice import consent_notice, price_notice
from pages.parts.document_reader import document_reader
from pages.parts.document_rows import document_row, every
from pages.parts.embedder_switch import switch_notice, switch_pace
from pages.parts.escape import plain
from pages.parts.guard import guard
from pages.parts.i18n import _, told
from pages.parts.state import page_state
from pages.parts.uploader import uploader
from rag import library
from rag.errors import DocumentGone
from rag.library import Document

page = frame(_("Documents"))


def pace(documents: list[Document]) -> float | None:
    """Seconds between two looks at the library; None when nothing will change by itself."""
    return every(documents) or switch_pace(page.deps, page.subject)


@st.fragment(key="library")
def library_rows() -> None:
    """The documents; followed while work on one of them is under way."""
    with guard("library"):
        documents = library.documents(page.deps, page.subject)

        def rows() -> None:
            with guard("rows"):
                shown = library.documents(page.deps, page.subject)
                switch_notice(page.deps, page.subject)
                situator = library.situator(page.deps, page.subject)
                for document in shown:
                    document_row(page.deps, page.subject, document, situator=situator)
                if pause is not None and pace(shown) != pause:
                    st.rerun()  # nothing is left to follow, or at another pace

        pause = pace(documents)
        if pause is not None:
            st.fragment(rows, run_every=pause, key="rows")()
        else:
            with st.container():
                rows()
        if not documents:
            st.caption(_("No documents yet."))


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
            st.title(_("Documents"), anchor=False)
            if uploader(page.deps, page.subject):
                st.rerun()
            library_rows()
