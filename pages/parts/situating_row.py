"""How far a model has come with a document's contexts, what is missing and why, and asking for it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Document, Situating, Status
from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _, told
from rag import library

if TYPE_CHECKING:
    from rag.deps import Deps


def goes_on(document: Document) -> bool:
    """Whether more of its passages will be situated by itself."""
    return document.situating in {Situating.WORKING, Situating.WAITING, Situating.BATCHED}


def situating_row(deps: Deps, subject: str, document: Document, *, situator: str | None) -> None:
    """Nothing while a bar shows it or all is well; else the state in a line, and a button where a person has to begin it."""
    if document.status is not Status.READY or document.stage:
        return
    ended = not goes_on(document) and document.situating is not Situating.HELD  # its price is asked for above
    again = situator is not None and ended and (document.situator != situator or document.situated < document.n_chunks)
    line = situating_told(document, situator=situator)
    if not (line or again):
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key=f"situating-{document.id}"):
        st.caption(plain(line))
        if again:
            st.button(
                _("Situate") if document.situating is Situating.NOT else _("Situate again"),
                icon=":material/history_edu:",
                key=f"situate-{document.id}",
                on_click=_situate,
                args=(deps, subject, document.id),
            )


def situating_told(document: Document, *, situator: str | None) -> str:
    """What there is to say of a ready document's contexts; "" when all of them are there, by the model that serves."""
    done, total = f"{document.situated:,}", f"{document.n_chunks:,}"
    missing, reason = f"{document.n_chunks - document.situated:,}", told(document.unsituated)
    if document.situating in {Situating.WAITING, Situating.HELD}:
        return _("{done} of {total} situated; {missing} waiting: {reason}").format(done=done, total=total, missing=missing, reason=reason)
    if document.situating is Situating.BATCHED:
        return _("{done} of {total} situated; {missing} in a batch, mostly within an hour, at the latest in a day").format(
            done=done, total=total, missing=missing
        )
    if document.situating is Situating.ENDED and document.situated < document.n_chunks:
        return _("{done} of {total} situated; {missing} not: {reason}").format(done=done, total=total, missing=missing, reason=reason)
    if document.situating is Situating.ENDED and situator is not None and document.situator != situator:
        model = document.situator.partition("/")[0]
        if model == situator.partition("/")[0]:
            return _("Situated with an earlier prompt.")
        return _("Situated by {model}.").format(model=model)
    return ""


def _situate(deps: Deps, subject: str, document_id: int) -> None:
    with attempt():
        library.situate_again(deps, subject, document_id)
    st.rerun()
