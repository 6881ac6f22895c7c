"""A document page by page: its state, the page-quality report, and the image of a page with what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.boxed_page import boxed_page
from pages.parts.document_head import document_head
from pages.parts.escape import plain
from pages.parts.i18n import _
from pages.parts.page_quality import kind_of, page_told
from pages.parts.page_report import page_report
from pages.parts.state import page_state
from rag import library

if TYPE_CHECKING:
    from db.documents import Page
    from rag.deps import Deps


def document_reader(deps: Deps, subject: str, document_id: int) -> None:
    """Draw the document that was opened. Raises DocumentGone, UnreadableDocument, db.DatabaseAway."""
    state = page_state()
    document = library.document(deps, subject, document_id)
    pages = library.pages(deps, subject, document_id)
    document_head(deps, subject, document)
    if not pages:
        st.info(_("Its pages have not been read yet."))
        return
    page_report(document_id, pages, on_turn=_turn)
    last = len(pages)
    state.page = min(max(1, state.page), last)
    number = state.page
    picked = st.selectbox(
        _("Page"), [page.number for page in pages], index=number - 1, format_func=lambda n: page_name(pages[n - 1], last),
        label_visibility="collapsed", width=260,
    )  # fmt: skip
    if picked is not None and picked != number:
        _turn(picked)
        st.rerun()
    if said := page_told(pages[number - 1]):
        st.info(plain(" ".join(said)), icon=":material/info:")
    boxed_page(deps, subject, document_id, page=number, home=number, marks=[], key="reader-page", on_turn=_turn)


def page_name(page: Page, last: int) -> str:
    """As the list of pages shows it."""
    name = _("Page {page} of {last}").format(page=page.number, last=last)
    if page.label and page.label != str(page.number):
        name += f" ({page.label})"
    kind = kind_of(page)
    return f"{name} · {kind}" if kind else name


def _turn(page: int) -> None:
    page_state().page = page
