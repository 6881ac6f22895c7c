"""A document page by page: the image of a page, what is known of its quality, and the pages without text marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.i18n import _, told
from pages.parts.page_image import SCALE
from pages.parts.page_turner import page_turner
from pages.parts.state import page_state
from pages.parts.tree_component import draw_tree
from rag import library

if TYPE_CHECKING:
    from db.documents import Page
    from rag.deps import Deps


def document_reader(deps: Deps, subject: str, document_id: int) -> None:
    """Draw the document that was opened. Raises DocumentGone, UnreadableDocument, db.DatabaseAway."""
    state = page_state()
    document = library.document(deps, subject, document_id)
    pages = library.pages(deps, subject, document_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.button(_("All documents"), icon=":material/arrow_back:", type="tertiary", key="close-reader", on_click=_close)
        st.download_button(
            _("Original"), data=lambda: library.original(deps, subject, document_id), file_name=document.filename, mime="application/pdf",
            icon=":material/download:", type="tertiary", key="reader-original", on_click="ignore",
        )  # fmt: skip
    draw_tree(["p", {"c": "title"}, document.filename], key="reader-title")
    if document.note:
        st.caption(plain(told(document.note)))
    if not pages:
        st.info(_("Its pages have not been read yet."))
        return
    last = len(pages)
    state.page = min(max(1, state.page), last)
    number = state.page
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(width="content"):
            page_turner(number, last, key="reader-turner", on_turn=_turn)
        picked = st.selectbox(
            _("Page"), [page.number for page in pages], index=number - 1, format_func=lambda n: page_name(pages[n - 1], last),
            label_visibility="collapsed", width=260,
        )  # fmt: skip
    if picked is not None and picked != number:
        _turn(picked)
        st.rerun()
    page = pages[number - 1]
    if quality := page_quality(page):
        st.info(quality, icon=":material/info:")
    png = library.page_image(deps, subject, document_id, number, scale=SCALE)
    st.image(png, width="stretch", alt=_("Page {page} of {file}").format(page=number, file=document.filename))


def page_name(page: Page, last: int) -> str:
    """As the list of pages shows it."""
    name = _("Page {page} of {last}").format(page=page.number, last=last)
    if page.label and page.label != str(page.number):
        name += f" ({page.label})"
    return name + " · " + _("no text") if page.source == "none" else name


def page_quality(page: Page) -> str:
    """What is worth knowing about a page before one trusts answers from it."""
    said = _("This page has no text, so questions cannot find it.") if page.source == "none" else ""
    return " ".join(filter(None, [said, plain(told(page.note))]))


def _turn(page: int) -> None:
    page_state().page = page


def _close() -> None:
    page_state().reading = None
