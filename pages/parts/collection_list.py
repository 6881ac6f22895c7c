"""A person's collections: made, renamed, emptied, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.guard import complaint, guard
from pages.parts.i18n import _, plural
from pages.parts.state import page_state
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag import library

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.deps import Deps
    from rag.library import Collection


def collection_list(deps: Deps, subject: str) -> None:
    """All of them in a dialog; what a click asks for is asked below its row."""

    @st.dialog(_("Collections"), on_dismiss=page_state().answered)
    def show() -> None:
        with guard("collections"):
            held = library.collections(deps, subject)
            draw_tree(["div", {"c": "docs"}, *map(_row, held)], key="collection-rows", on_click=_clicked)
            what, collection_id = page_state().collection_asked
            collection = next((one for one in held if one.id == collection_id), None)
            if collection is not None:
                _ask(deps, subject, what, collection)
            with st.form("new-collection", border=False):
                name = st.text_input(_("New collection"), placeholder=_("Name"), key="new-collection-name")
                wanted = st.form_submit_button(_("Create"))
            if wanted:
                _do(lambda: library.create_collection(deps, subject, name or ""))

    show()


def _row(collection: Collection) -> Node:
    acts = [("rename", _("Rename"))]
    if collection.documents:
        acts.append(("empty", _("Empty")))
    acts.append(("remove", _("Delete")))
    return [
        "div",
        {"c": "doc"},
        [
            "div",
            {"c": "doc-body"},
            ["div", {"c": "doc-top"}, ["span", {"c": "title line", "title": collection.name}, collection.name]],
            ["div", {"c": "faint small"}, plural("{n} document", "{n} documents", collection.documents)],
            [
                "div",
                {"c": "offers small"},
                *(button(name, act=f"{act}:{collection.id}", classes="link", label=f"{name}: {collection.name}") for act, name in acts),
            ],
        ],
    ]


def _clicked(click: Click) -> None:
    page_state().collection_asked = (click.act, int(click.argument))


def _ask(deps: Deps, subject: str, what: str, collection: Collection) -> None:
    """A name, or a yes, before it is done."""
    if what == "rename":
        with st.form("rename-collection", border=False):
            name = st.text_input(_("New name"), value=collection.name, key=f"collection-name-{collection.id}")
            wanted = st.form_submit_button(_("Rename"), type="primary")
        if wanted:
            _do(lambda: library.rename_collection(deps, subject, collection.id, name or ""))
        return
    draw_tree(["p", {"c": "title"}, collection.name], key="collection-asked")
    if collection.documents:
        st.text(plural("{n} document in it is deleted for good.", "{n} documents in it are deleted for good.", collection.documents))
    with st.container(horizontal=True):
        if st.button(_("Empty") if what == "empty" else _("Delete"), type="primary", key="collection-yes"):
            if what == "empty":
                _do(lambda: library.empty_collection(deps, subject, collection.id))
            else:
                _do(lambda: library.delete_collection(deps, subject, collection.id, with_documents=True))
        if st.button(_("Keep"), key="collection-no"):
            _do(lambda: None)


def _do(what: Callable[[], object]) -> None:
    """Then draw the page with its dialog anew; or say why it could not be done."""
    with complaint():
        what()
        state = page_state()
        state.collection_asked = ("", 0)
        state.settled.clear()  # what cited deleted documents cannot be opened any more
        st.rerun()
