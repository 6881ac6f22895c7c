"""The page-quality report: how many pages are of which kind, and small pictures of those that are worth a look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.i18n import _, plural
from pages.parts.page_quality import doubtful, kind_of, kinds_told, page_told
from pages.parts.paper_routes import WIDTHS, page_path
from pages.parts.state import THUMBNAILS, page_state
from pages.parts.tree_component import Click, Node, button, draw_tree

if TYPE_CHECKING:
    from db.documents import Page


def page_report(document_id: int, pages: Sequence[Page], *, on_turn: Callable[[int], None]) -> None:
    """Draw it; nothing for a document whose every page simply holds text. A click on a picture turns to its page."""
    kinds = kinds_told(pages)
    if len(kinds) == 1 and all(page.source == "text" for page in pages):
        return
    draw_tree(["div", {"c": "kinds small"}, *(["span", {"c": "chip"}, kind] for kind in kinds)], key="page-kinds")
    looked_at = doubtful(pages)
    if not looked_at:
        return
    name = plural("{n} page is worth a look", "{n} pages are worth a look", len(looked_at))
    with st.expander(name, expanded=True, key=f"doubtful-{document_id}", on_change="rerun") as opened:
        if not opened.open:
            return
        shown = page_state().thumbnails

        def clicked(click: Click) -> None:
            if click.act == "more":
                page_state().thumbnails += THUMBNAILS
            else:
                on_turn(int(click.argument))

        parts: list[Node] = [["div", {"c": "thumbnails"}, *(_thumbnail(document_id, page) for page in looked_at[:shown])]]
        if (left := len(looked_at) - shown) > 0:
            parts.append(button(plural("Show more ({n} left)", "Show more ({n} left)", left), act="more:", classes="link small"))
        draw_tree(["div", {}, *parts], key="thumbnails", on_click=clicked)


def _thumbnail(document_id: int, page: Page) -> Node:
    said = _("Page {page}: {kind}").format(page=page.number, kind=kind_of(page))
    picture = ["img", {"c": "picture", "label": said, "src": page_path(document_id, page.number, width=WIDTHS[0])}]
    return button(
        picture, ["span", {"c": "small"}, str(page.number), " ", ["span", {"c": "faint"}, kind_of(page)]],
        act=f"turn:{page.number}", classes="thumbnail", label=said, tip=" ".join(page_told(page)),
    )  # fmt: skip
