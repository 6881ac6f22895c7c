"""Taking files in, several at once, each with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.i18n import _, told
from pages.parts.state import Uploaded, page_state
from pages.parts.tree_component import draw_tree
from rag import library
from rag.errors import UploadError

if TYPE_CHECKING:
    from rag.deps import Deps


def uploader(deps: Deps, subject: str) -> bool:
    """Draw the drop zone and what became of the files dropped last; True when at least one was stored just now.

    Raises db.DatabaseAway; the files are then still in the drop zone.
    """
    state = page_state()
    chosen = st.file_uploader(
        _("Drop PDFs here, up to {limit} MB each").format(limit=deps.settings.max_file_mb),
        accept_multiple_files=True,
        max_upload_size=deps.settings.max_file_mb,
        key=f"upload-{state.upload_round}",
    )
    if chosen:
        with st.spinner(_("Storing …")):
            state.uploads = [_store(deps, subject, file.name, file.getvalue()) for file in chosen]
        state.upload_round += 1
        if any(upload.kind == "stored" for upload in state.uploads):
            return True
        st.rerun()
    if state.uploads:
        draw_tree(["ul", {"c": "results"}, *(["li", {"c": upload.kind}, told(upload.sentence)] for upload in state.uploads)], key="uploads")
    return False


def _store(deps: Deps, subject: str, filename: str, content: bytes) -> Uploaded:
    try:
        upload = library.upload(deps, subject, filename=filename, content=content)
    except UploadError as error:
        return Uploaded(filename=filename, sentence=str(error), kind="refused")
    if upload.duplicate:
        known = library.document(deps, subject, upload.document_id).filename
        return Uploaded(
            filename=filename, sentence=_("{file} is here already, as {known}.").format(file=filename, known=known), kind="duplicate"
        )
    return Uploaded(filename=filename, sentence=_("{file} is stored and being read.").format(file=filename), kind="stored")
