"""The versions of a document, of which the latest that is ready answers; each can be opened."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from db.documents import Document, Status
from pages.parts.i18n import _
from pages.parts.state import page_state
from pages.parts.tree_component import Click, Node, button, draw_tree


def version_list(versions: Sequence[Document], *, opened: int) -> None:
    """Draw them, newest first, as a choice of one; nothing for a document that has one version only."""
    if len(versions) > 1:
        chips = [
            button(_("Version {n}").format(n=v.version), act=f"version:{v.id}", classes="group", pressed=v.id == opened) for v in versions
        ]
        draw_tree(["div", {}, ["div", {"c": "groups"}, *chips], *_told(versions, opened)], key="versions", on_click=_open)


def _told(versions: Sequence[Document], opened: int) -> list[Node]:
    """Which one answers, where that is not the one that is open."""
    answering = next((v for v in versions if v.status is Status.READY), None)
    if answering is None or answering.id == opened:
        return []
    return [["p", {"c": "notice small"}, _("Questions are answered from version {n}.").format(n=answering.version)]]


def _open(click: Click) -> None:
    page_state().read(int(click.argument), page=page_state().page)
    st.rerun()
