"""An answer cites the version that it was written from; that a newer one has taken its place, and a way to it and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Status
from pages.parts.i18n import _
from pages.parts.state import page_state
from rag import library

if TYPE_CHECKING:
    from pages.parts.state import Opened
    from rag.deps import Deps


def newer_version(deps: Deps, subject: str, opened: Opened) -> None:
    """Draw it above the page of a source; nothing while the version that was cited is the one that answers."""
    if opened.cited is not None:
        st.info(_("This is the newer version. The answer does not rest on it."), icon=":material/info:")
        st.button(_("Back to the cited version"), key="cited-version", on_click=_show, args=(opened.cited,))
        return
    versions = library.versions(deps, subject, opened.document_id) if opened.document_id is not None else []
    shown = next((v for v in versions if v.id == opened.document_id), None)
    answering = next((v for v in versions if v.status is Status.READY), None)
    if shown is None or answering is None or shown.status is not Status.SUPERSEDED:
        return
    st.info(
        _("The answer cites version {n}. Version {newer} has taken its place since.").format(n=shown.version, newer=answering.version),
        icon=":material/history:",
    )
    page = min(opened.page, max(1, answering.page_count))
    newer = replace(opened, document_id=answering.id, ords=(), page=page, first_page=page, quote="", number=None, boxes=(), cited=opened)
    st.button(_("Open version {n}").format(n=answering.version), key="newer-version", on_click=_show, args=(newer,))


def _show(opened: Opened) -> None:
    page_state().opened = opened
