"""Taking files in, several or whole folders at once, each with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Status
from pages.parts.document_progress import counts
from pages.parts.i18n import _
from pages.parts.state import Uploaded, page_state
from pages.parts.upload_results import upload_results
from rag import library
from rag.errors import UploadError

if TYPE_CHECKING:
    from rag.deps import Deps


def uploader(deps: Deps, subject: str, *, collection: str = library.DEFAULT_COLLECTION, folder: bool = False) -> bool:
    """Draw the drop zone and what became of the files dropped last; True when at least one was stored just now.

    Raises db.DatabaseAway; the files are then still in the drop zone.
    """
    state = page_state()
    limit = deps.settings.max_file_mb
    label = _("Choose a folder of PDFs, up to {limit} MB each") if folder else _("Drop PDFs here, up to {limit} MB each")
    chosen = st.file_uploader(
        label.format(limit=limit),
        type="pdf" if folder else None,  # of a folder, only what may be wanted is sent; of chosen files, each gets its answer
        accept_multiple_files="directory" if folder else True,
        max_upload_size=limit,
        key=f"upload-{state.upload_round}-{'folder' if folder else 'files'}",
    )
    if chosen:
        if not state.taken:
            state.uploads = []
        told = st.empty()
        for at, file in enumerate(chosen):
            if file.file_id in state.taken:  # before a click ran the page anew
                continue
            told.progress(at / len(chosen), text=_("Storing …") + " " + counts(at, len(chosen)))
            name = file.name.partition("/")[2] if folder else file.name  # of a folder's file, its place below the folder
            state.uploads.append(_store(deps, subject, name, file.getvalue(), collection))
            state.taken.add(file.file_id)
        state.upload_round += 1
        state.taken.clear()
        if any(upload.kind in {"stored", "version"} for upload in state.uploads):
            return True
        st.rerun()
    if state.uploads:
        upload_results(state.uploads)
    return False


def upload_target(deps: Deps, subject: str) -> tuple[str, bool]:
    """Where uploads go, and whether a folder is to be chosen instead of files."""
    names = [collection.name for collection in library.collections(deps, subject)]
    names = sorted({library.DEFAULT_COLLECTION, *names}, key=lambda name: (name != library.DEFAULT_COLLECTION, name))
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute", key="upload-target"):
        collection = st.selectbox(
            _("Into the collection"), names, accept_new_options=True, key="upload-collection", persist_state="session", width=280
        )
        kinds = {"files": _("Files"), "folder": _("A folder")}
        kind = st.segmented_control(
            _("What to upload"), list(kinds), default="files", required=True, format_func=kinds.__getitem__, label_visibility="collapsed",
            key="upload-kind",
        )  # fmt: skip
    return collection or library.DEFAULT_COLLECTION, kind == "folder"


def _store(deps: Deps, subject: str, filename: str, content: bytes, collection: str) -> Uploaded:
    try:
        upload = library.upload(deps, subject, filename=filename, content=content, collection=collection)
    except UploadError as error:
        return Uploaded(filename=filename, sentence=str(error), kind="refused")
    name = library.clean_name(filename)
    if upload.duplicate:
        said = _("{file} is here already.") if name == upload.filename else _("{file} is here already, as {known}.")
        if upload.status is Status.FAILED:
            said += " " + _("It could not be read; open it to see why.")
        return Uploaded(
            filename=name, sentence=said.format(file=name, known=upload.filename), kind="duplicate", document_id=upload.document_id
        )
    if upload.replaces:
        said = _("{file} is stored as version {n}; version {before} answers until it is ready.")
        said = said.format(file=name, n=upload.version, before=upload.version - 1)
        return Uploaded(filename=name, sentence=said, kind="version", document_id=upload.document_id)
    said = _("{file} is stored and being read.").format(file=name)
    return Uploaded(filename=name, sentence=said, kind="stored", document_id=upload.document_id)
