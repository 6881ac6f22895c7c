"""Choosing which documents a conversation is about: collections and documents, ticked in a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Selection
from pages.parts.entries import Entry, entries, matching
from pages.parts.guard import complaint, guard
from pages.parts.i18n import _, plural
from pages.parts.scope import asked_as, chosen, is_everything, is_ready
from pages.parts.standing import standing_name
from pages.parts.state import SHOWN, Ticks, page_state
from pages.parts.tree_component import Click, Node, button, draw_tree, tick_box
from rag import conversation, library

if TYPE_CHECKING:
    from rag.deps import Deps
    from rag.library import Collection

FEW = 8  # documents that need no search box


def open_picker(selection: Selection, listed: Sequence[Entry]) -> None:
    """Ask with the next run of the page."""
    held = chosen(selection, listed)
    if is_everything(selection):
        page_state().ticks = Ticks()
    elif selection.documents is None:
        page_state().ticks = Ticks(collections=set(selection.collections or ()))
    else:
        page_state().ticks = Ticks(documents={entry.latest.lineage for entry in held})


def scope_picker(deps: Deps, subject: str, conversation_id: int | None) -> None:
    """The dialog, where it is open."""
    if page_state().ticks is None:
        return

    @st.dialog(_("Which documents to ask"), on_dismiss=_close)
    def ask() -> None:
        ticks = page_state().ticks
        if ticks is None:
            return
        with guard("scope"):
            listed = entries(library.documents(deps, subject))
            collections = [c for c in library.collections(deps, subject) if c.documents]
            name = ""
            if len(listed) > FEW:
                name = st.text_input(
                    _("Find a document"), placeholder=_("Find a document"), label_visibility="collapsed", type="search", live=True,
                    key="find-scope", icon=":material/search:",
                ) or ""  # fmt: skip
            _draw(ticks, listed, collections, name)
            with st.container(horizontal=True):
                if st.button(
                    _("Ask these") if ticks.collections or ticks.documents else _("Ask all documents"), type="primary", key="scope-done"
                ):
                    _keep(deps, subject, conversation_id, ticked(ticks, listed))
                if (ticks.collections or ticks.documents) and st.button(_("Ask all documents"), key="scope-all", type="tertiary"):
                    _keep(deps, subject, conversation_id, Selection())

    ask()


def _draw(ticks: Ticks, listed: Sequence[Entry], collections: Sequence[Collection], name: str) -> None:
    found = sorted(matching(listed, name=name, group="", collection=None), key=lambda entry: entry.latest.filename.casefold())
    shown = found[: ticks.shown]
    rows: list[Node] = []
    several = len(collections) > 1
    if several and not name:
        rows += [_collection_row(collection, ticked=collection.id in ticks.collections) for collection in collections]
        rows.append(["p", {"c": "faint small label"}, _("Documents")])
    rows += [_document_row(entry, ticked=_is_ticked(ticks, entry), shelves=several) for entry in shown]
    if not found:
        rows.append(["p", {"c": "faint"}, _("No document matches.")])
    if left := len(found) - len(shown):
        rows.append(["p", {}, button(plural("Show more ({n} left)", "Show more ({n} left)", left), act="more", classes="link")])

    def clicked(click: Click) -> None:
        match click.act:
            case "collection":
                ticks.collections ^= {int(click.argument)}
                ticks.documents -= {entry.latest.lineage for entry in listed if entry.latest.collection_id in ticks.collections}
            case "document":
                _toggle(ticks, listed, int(click.argument))
            case "more":
                ticks.shown += SHOWN

    draw_tree(["div", {"c": "picker"}, *rows], key="scope-rows", on_click=clicked)


def _is_ticked(ticks: Ticks, entry: Entry) -> bool:
    return entry.latest.lineage in ticks.documents or entry.latest.collection_id in ticks.collections


def _toggle(ticks: Ticks, listed: Sequence[Entry], lineage: int) -> None:
    """Tick a document, or not; without one of them a collection is no longer ticked whole."""
    entry = next((entry for entry in listed if entry.latest.lineage == lineage), None)
    if entry is None:
        return
    if entry.latest.collection_id in ticks.collections:
        ticks.collections.discard(entry.latest.collection_id)
        ticks.documents |= {e.latest.lineage for e in listed if e.latest.collection_id == entry.latest.collection_id}
    ticks.documents ^= {lineage}


def ticked(ticks: Ticks, listed: Sequence[Entry]) -> Selection:
    """What was ticked, as it is asked. Collections alone also hold what will be added to them."""
    if not ticks.documents:
        return Selection(collections=tuple(sorted(ticks.collections)) or None)
    return Selection(documents=tuple(sorted(asked_as(entry) for entry in listed if _is_ticked(ticks, entry))) or None)


def _collection_row(collection: Collection, *, ticked: bool) -> Node:
    return [
        "div",
        {"c": "pick"},
        tick_box(act=f"collection:{collection.id}", label=_("Choose {file}").format(file=collection.name), ticked=ticked),
        button(collection.name, act=f"collection:{collection.id}", classes="title line"),
        ["span", {"c": "faint small"}, plural("{n} document", "{n} documents", collection.documents)],
    ]


def _document_row(entry: Entry, *, ticked: bool, shelves: bool) -> Node:
    lineage, name = entry.latest.lineage, entry.latest.filename
    said: list[Node] = [] if is_ready(entry) else [["span", {"c": "faint small"}, standing_name(entry.standing)]]
    return [
        "div",
        {"c": "pick"},
        tick_box(act=f"document:{lineage}", label=_("Choose {file}").format(file=name), ticked=ticked),
        button(name, act=f"document:{lineage}", classes="line"),
        *said,
        *([["span", {"c": "chip"}, entry.latest.collection]] if shelves else []),
    ]


def _keep(deps: Deps, subject: str, conversation_id: int | None, selection: Selection) -> None:
    with complaint():
        if conversation_id is None:
            page_state().scope = selection
        else:
            conversation.restrict(deps, subject, conversation_id, selection)
        page_state().ticks = None
        st.rerun()


def _close() -> None:
    page_state().ticks = None
