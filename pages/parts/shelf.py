"""The library's list: find, choose, act on one document or on many. Drawn as one tree, a few rows at a time, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from pages.parts.document_progress import every
from pages.parts.document_rows import rows_tree
from pages.parts.embedder_switch import switch_notice, switch_pace
from pages.parts.entries import Entry, entries, group_sizes, matching
from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, plural
from pages.parts.overall_progress import overall_tree
from pages.parts.shelf_head import groups_tree, head_tree
from pages.parts.state import SHOWN, page_state
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag import library, progress
from rag.deps import Deps
from rag.library import Document

FEW = 8  # documents that need no search box


def _each(act: Callable[[Deps, str, int], object]) -> Callable[[Deps, str, Sequence[int]], None]:
    def act_on_all(deps: Deps, subject: str, chosen: Sequence[int]) -> None:
        for document_id in chosen:
            act(deps, subject, document_id)

    return act_on_all


# what needs no question; a document that it does not apply to is left as it is
ACTS: dict[str, Callable[[Deps, str, Sequence[int]], object]] = {
    "retry": _each(library.retry),
    "situate": _each(library.situate_again),
    "discard": _each(library.discard),
    "pause": progress.pause,
    "resume": progress.resume,
    "cancel": progress.cancel,
}
FOR_ALL: dict[str, Callable[[Deps, str], object]] = {
    "pause": progress.pause,
    "resume": progress.resume,
    "cancel": progress.cancel,
    "retry": progress.retry_failed,
}


@st.fragment(key="library")
def shelf(deps: Deps, subject: str) -> None:
    """The documents; followed while work on one of them is under way."""
    with guard("library"):
        documents = library.documents(deps, subject)
        pause = _pace(deps, subject, documents)
        name, collection = _sought(documents)

        def rows() -> None:
            with guard("rows"):
                now = library.documents(deps, subject)
                switch_notice(deps, subject)
                _draw(deps, subject, now, name=name, collection=collection)
                if pause is not None and _pace(deps, subject, now) != pause:
                    st.rerun()  # nothing is left to follow, or at another pace

        if pause is not None:
            st.fragment(rows, run_every=pause, key="rows")()
        else:
            with st.container():
                rows()


def _pace(deps: Deps, subject: str, documents: list[Document]) -> float | None:
    """Seconds between two looks at the library; None when nothing will change by itself."""
    return every(documents) or switch_pace(deps, subject)


def _sought(documents: Sequence[Document]) -> tuple[str, str | None]:
    """The name and the collection that the reader looks for, asked for only where there is much to look through."""
    collections = sorted({document.collection for document in documents})
    if len(documents) <= FEW and len(collections) <= 1:
        return "", None
    with st.container(horizontal=True, key="sought"):
        name = st.text_input(
            _("Find a document"), placeholder=_("Find a document"), label_visibility="collapsed", type="search", live=True, key="find",
            persist_state="session", icon=":material/search:",
        )  # fmt: skip
        collection = None
        if len(collections) > 1:
            collection = st.selectbox(
                _("Collection"), collections, index=None, placeholder=_("All collections"), label_visibility="collapsed", key="collection",
                persist_state="session", width=240,
            )  # fmt: skip
    return name or "", collection


def _draw(deps: Deps, subject: str, documents: list[Document], *, name: str, collection: str | None) -> None:
    everything = entries(documents)
    if not everything:
        st.caption(_("No documents yet."))
        return
    look = page_state().shelf
    look.ticked &= {entry.latest.id for entry in everything}
    sought = matching(everything, name=name, group="", collection=collection)
    sizes = group_sizes(sought)
    if look.group and not sizes[look.group]:
        look.group = ""  # its last one has gone on
    listed = matching(sought, name="", group=look.group, collection=None)
    shown = listed[: look.shown]
    parts: list[Node] = overall_tree(progress.overall(deps, subject)) if len(everything) > 1 else []
    if len(everything) > 1:
        parts += [groups_tree(sizes, everything=len(sought), chosen=look.group), head_tree(listed, look.ticked)]
    situator = library.situator(deps, subject)
    shelves = len({document.collection for document in documents}) > 1
    parts.append(rows_tree(shown, ticked=look.ticked, situator=situator, shelves=shelves))
    if not listed:
        parts.append(["p", {"c": "faint"}, _("No document matches.")])
    if left := len(listed) - len(shown):
        parts.append(["p", {}, button(plural("Show more ({n} left)", "Show more ({n} left)", left), act="more:", classes="link")])
    draw_tree(["div", {}, *parts], key="shelf-rows", on_click=partial(_clicked, deps, subject, listed))


def _clicked(deps: Deps, subject: str, listed: Sequence[Entry], click: Click) -> None:
    """What a click in the list means. Those that open something run the whole page."""
    state, look = page_state(), page_state().shelf
    chosen = [int(click.argument)] if click.argument.isdigit() else sorted(look.ticked)
    match click.act:
        case "tick":
            look.ticked ^= {int(click.argument)}
        case "all":
            ids = {entry.latest.id for entry in listed}
            look.ticked = look.ticked - ids if ids <= look.ticked else look.ticked | ids
        case "clear":
            look.ticked.clear()
        case "group":
            look.group, look.shown = click.argument, SHOWN
        case "more":
            look.shown += SHOWN
        case "read" | "older":
            documents = {entry.latest.id: entry for entry in listed}
            entry = documents[int(click.argument)]
            state.read((entry.answering or entry.latest).id if click.act == "older" else entry.latest.id)
            st.rerun()
        case "delete" | "move" | "unlock":
            state.ask(click.act, chosen)
            st.rerun()
        case act:
            with attempt():
                if click.argument == "all":
                    FOR_ALL[act](deps, subject)
                else:
                    ACTS[act](deps, subject, chosen)
                look.ticked.clear()
                st.rerun()
