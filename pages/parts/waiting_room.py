"""The chat before the first question: an invitation to ask, or what is still being read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Document, Status
from pages.parts.document_progress import EVERY, under_way
from pages.parts.document_rows import state_of
from pages.parts.entries import Entry
from pages.parts.guard import guard
from pages.parts.i18n import _, plural
from pages.parts.tree_component import Node, draw_tree
from pages.parts.uploader import uploader
from rag import library

if TYPE_CHECKING:
    from rag.deps import Deps

FIRST = 5  # documents shown at work


def waiting_room(deps: Deps, subject: str) -> None:
    """Draw it in the middle of the page. Raises db.DatabaseAway."""
    documents = library.documents(deps, subject)
    following = any(map(under_way, documents))

    def inside() -> None:
        with guard("waiting-room"):
            now = library.documents(deps, subject)
            _invitation(now)
            if following and (not any(map(under_way, now)) or _ready(now) != _ready(documents)):
                st.rerun()  # what can be asked has changed

    with st.container(key="welcome"):
        if following:
            st.fragment(inside, run_every=EVERY, key="waiting-room")()
        else:
            with st.container():
                inside()
        if not documents and uploader(deps, subject):
            st.rerun()


def _invitation(documents: list[Document]) -> None:
    ready = _ready(documents)
    waiting = [d for d in documents if d.status in {Status.QUEUED, Status.WORKING}]
    if ready:
        st.title(_("What would you like to know?"), anchor=False)
        st.text(plural("{n} document can be asked.", "{n} documents can be asked.", len(ready)))
    elif waiting:
        st.title(_("Just a moment"), anchor=False)
        st.text(_("You can ask as soon as the first document is ready. You may close this tab; the work goes on."))
    elif documents:
        st.title(_("None of your documents can be asked"), anchor=False)
        st.page_link("pages/documents.py", label=_("See what happened to them"), icon=":material/description:")
    else:
        st.title(_("Ask your documents"), anchor=False)
    rows: list[Node] = [
        [
            "div",
            {"c": "doc"},
            ["div", {"c": "doc-body"}, ["p", {"c": "title line", "title": d.filename}, d.filename], *state_of(Entry(latest=d))],
        ]
        for d in waiting[:FIRST]
    ]
    if left := len(waiting) - len(rows):
        rows.append(["p", {"c": "faint small"}, plural("and {n} more", "and {n} more", left)])
    if rows:
        draw_tree(["div", {"c": "docs"}, *rows], key="waiting")


def _ready(documents: list[Document]) -> list[int]:
    return [d.id for d in documents if d.status is Status.READY]
