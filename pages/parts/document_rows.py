"""The library as rows: what each document's state is, how far the work on it has come, and what can be done with it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import streamlit as st
from babel.dates import format_timedelta

from db.documents import Document, Status
from pages.parts.escape import plain
from pages.parts.guard import attempt
from pages.parts.i18n import _, language, plural, told
from pages.parts.situating_row import goes_on, situating_row
from pages.parts.state import page_state
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag import library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.deps import Deps

EVERY = 1.0  # seconds between two looks while work is under way
EVERY_BATCH = 15.0  # the same while it goes on elsewhere, or later
FEWEST_DONE = 2  # units of a stage before its speed is worth a forecast


def under_way(document: Document) -> bool:
    """Whether it is being worked on, or waits for its turn."""
    return document.status in {Status.QUEUED, Status.WORKING} or bool(document.stage)


def every(documents: Sequence[Document]) -> float | None:
    """Seconds between two looks at these documents; None when nothing about them will change by itself."""
    if any(map(under_way, documents)):
        return EVERY
    return EVERY_BATCH if any(map(goes_on, documents)) else None


def progress(document: Document) -> None:
    """A bar with the stage, its counts, and about how long it will take."""
    if document.status is Status.QUEUED or not document.total:  # nothing to count yet
        now = _("Waiting for its turn") if document.status is Status.QUEUED else stage_name(document.stage)
        draw_tree(["p", {"c": "faint small waiting"}, now], key=f"stage-{document.id}")
        return
    text = " · ".join(filter(None, [stage_name(document.stage), counts(document), eta(document)]))
    st.progress(min(1.0, document.done / document.total), text=text)


def stage_name(stage: str) -> str:
    names = {
        "reading": _("Reading the pages"),
        "embedding": _("Indexing its passages"),
        "situating": _("Situating its passages (it can be asked meanwhile)"),
        "publishing": _("Publishing"),
        "filling": _("Embedding it with another model (it can be asked meanwhile)"),
    }
    return names.get(stage, _("Working"))


def counts(document: Document) -> str:
    return _("{done} of {total}").format(done=f"{document.done:,}", total=f"{document.total:,}")


def eta(document: Document) -> str:
    """About how long the stage will still take, at its speed so far; "" while that says nothing."""
    if document.done < FEWEST_DONE or document.done >= document.total:
        return ""
    left = timedelta(seconds=max(1.0, document.stage_seconds / document.done * (document.total - document.done)))
    return _("about {time} left").format(time=format_timedelta(left, locale=language(), threshold=1.2))


def facts(document: Document) -> str:
    """Its state, and what there is to know about it, in a line."""
    states = {Status.QUEUED: _("Queued"), Status.WORKING: _("In work"), Status.READY: _("Ready"), Status.FAILED: _("Failed")}
    size = f"{document.size / (1 << 20):.1f} MB" if document.size >= 100 << 10 else f"{max(1, document.size >> 10)} kB"
    told_of = [plural("{n} page", "{n} pages", document.page_count)] if document.page_count else []
    if document.status is Status.READY:
        told_of.append(plural("{n} passage", "{n} passages", document.n_chunks))
    return " · ".join(filter(None, [states.get(document.status), *told_of, size]))


def document_row(deps: Deps, subject: str, document: Document, *, situator: str | None) -> None:
    """One document: name and state, progress or facts, and its buttons. `situator` is who would situate it now."""
    state = page_state()
    with st.container(border=True, key=f"document-{document.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(width="stretch"):
                draw_tree(_name(document), key=f"name-{document.id}", on_click=_read)
            _buttons(deps, subject, document)
        if under_way(document):
            progress(document)
        if document.status is Status.FAILED:
            st.error(plain(told(document.error)), icon=":material/error:")
        if document.note:
            st.caption(plain(told(document.note)))
        situating_row(deps, subject, document, situator=situator)
        if state.deleting == document.id:
            _confirm_deletion(deps, subject, document)


def _name(document: Document) -> Node:
    name = document.filename
    title: Node = ["span", {"c": "title line", "title": name}, name]
    if document.page_count:
        title = button(name, act=f"read:{document.id}", classes="title line")
    return ["div", {}, title, ["div", {"c": "faint small"}, facts(document)]]


def _buttons(deps: Deps, subject: str, document: Document) -> None:
    if document.status is Status.FAILED:
        st.button(_("Retry"), icon=":material/refresh:", key=f"retry-{document.id}", on_click=_retry, args=(deps, subject, document.id))
    if document.page_count:
        st.button(
            "", icon=":material/menu_book:", type="tertiary", help=_("Read page by page"), key=f"read-{document.id}", on_click=_open,
            args=(document.id,),
        )  # fmt: skip
    st.download_button(
        "", data=lambda: library.original(deps, subject, document.id), file_name=document.filename, mime="application/pdf",
        on_click="ignore", icon=":material/download:", type="tertiary", help=_("Download the original"), key=f"original-{document.id}",
    )  # fmt: skip
    st.button(
        "", icon=":material/delete:", type="tertiary", help=_("Delete"), key=f"delete-{document.id}", on_click=_ask_deletion,
        args=(document.id,),
    )  # fmt: skip


def _confirm_deletion(deps: Deps, subject: str, document: Document) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(_("Delete this document for good? Quotes in your conversations are kept."))
        st.button(_("Delete"), type="primary", key=f"yes-{document.id}", on_click=_delete, args=(deps, subject, document.id))
        st.button(_("Keep"), key=f"no-{document.id}", on_click=_ask_deletion, args=(None,))


def _read(click: Click) -> None:
    _open(int(click.argument))


def _open(document_id: int) -> None:
    state = page_state()
    state.reading, state.page = document_id, 1
    st.rerun()


def _ask_deletion(document_id: int | None) -> None:
    page_state().deleting = document_id


def _delete(deps: Deps, subject: str, document_id: int) -> None:
    with attempt():
        library.delete(deps, subject, document_id)
        state = page_state()
        state.deleting, state.uploads = None, []
        state.settled.clear()  # its citations cannot be opened any more


def _retry(deps: Deps, subject: str, document_id: int) -> None:
    with attempt():
        library.retry(deps, subject, document_id)
    st.rerun()
