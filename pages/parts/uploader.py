"""Taking files in, several at once, each with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain
from pages.parts.i18n import _, told
from pages.parts.state import Uploaded, page_state
from rag import library
from rag.errors import UploadError

if TYPE_CHECKING:
    from rag.deps import Deps

ICONS = {"stored": ":material/check_circle:", "duplicate": ":material/content_copy:", "refused": ":material/block:"}


def uploader(deps: Deps, subject: str) -> bool:
    """Draw the drop zone and what became of the files dropped last; True when at least one was stored just now.

    Raises db.DatabaseAway; the files are then still in the drop zone.
    """
    state = page_state()
    chosen = st.file_uploader(
        _("Drop PDFs here, or browse"),
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
    for upload in state.uploads:
        say = st.warning if upload.kind == "refused" else st.success if upload.kind == "stored" else st.info
        say(plain(told(upload.sentence)), icon=ICONS[upload.kind])
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
