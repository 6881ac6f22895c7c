"""A passage of the inspector, opened: its boxed page, its text, its context apart, and what each term gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.chunks import STRUCTURAL
from pages.parts.boxed_page import Mark, boxed_page, boxes_of
from pages.parts.escape import plain
from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, told
from pages.parts.source_cards import context_label
from pages.parts.stage_table import title
from pages.parts.state import page_state
from pages.parts.tree_component import Node, draw_tree
from rag import own_questions
from rag.errors import DocumentGone, UnreadableDocument

if TYPE_CHECKING:
    from rag.deps import Deps
    from rag.inspection import Match, Row


def hit_pane(deps: Deps, subject: str, row: Row) -> None:
    """Draw it beside the table."""
    st.button(_("All ranks"), icon=":material/arrow_back:", type="tertiary", key="close-hit", on_click=_close)
    _hit(deps, subject, row)


def hit_sheet(deps: Deps, subject: str, row: Row) -> None:
    """Draw it in a dialog, for narrow windows."""

    @st.dialog(_("Passage"), width="large", on_dismiss=_close)
    def sheet() -> None:
        with guard("hit-sheet"), st.container(key="hit-sheet"):
            _hit(deps, subject, row)

    sheet()


def _close() -> None:
    page_state().hit = None
    st.rerun("inspection")


def _turn(page: int) -> None:
    page_state().hit_page = page


def _hit(deps: Deps, subject: str, row: Row) -> None:
    if row.chunk is None:
        return
    draw_tree(["p", {"c": "title", "title": title(row)}, title(row)], key="hit-title")
    try:
        boxed_page(
            deps, subject, row.key[0], page=page_state().hit_page, home=row.chunk.first_page,
            marks=[Mark(kind="passage", boxes=boxes_of([row.chunk]))], key="hit-page", on_turn=_turn,
        )  # fmt: skip
    except (DocumentGone, UnreadableDocument) as error:
        st.info(plain(told(str(error))), icon=":material/info:")
    parts: list[Node] = [["p", {"c": "faint small title"}, row.heading.replace(" > ", " › ")]] if row.heading else []
    parts.append(["p", {"c": "passage"}, row.chunk.text])
    if row.chunk.context:
        parts += [["h6", {}, context_label(row.chunk.context_by)], ["p", {"c": "context faint small"}, row.chunk.context]]
        if row.chunk.context_by != STRUCTURAL:
            parts.append(["p", {"c": "faint small"}, row.chunk.context_by])
    if row.matches:
        parts += [["h6", {}, _("What each word gave to its BM25 score")], _matches(row.matches)]
    draw_tree(["div", {}, *parts], key="hit-passage")
    st.button(
        _("Add to the evaluation"), icon=":material/add_task:", key="add-to-evaluation", on_click=_add, args=(deps, subject, row),
        help=_("Keeps the query as a question that this passage answers"),
    )  # fmt: skip


def _add(deps: Deps, subject: str, row: Row) -> None:
    inspected = page_state().inspection
    if inspected is None or row.chunk is None:
        return
    with attempt():
        new = own_questions.add(
            deps, subject, question=inspected.trace.question, document_id=row.key[0], ord_=row.key[1], quote=row.chunk.text
        )
        st.toast(_("Added.") if new else _("It is among the questions already."), icon=":material/check:")


def _matches(matches: tuple[Match, ...]) -> Node:
    head = [["th", {"c": "faint"}, name] for name in (_("Word"), _("Times"), _("Weight"), _("Score"))]
    rows = [
        ["tr", {}, ["td", {}, m.term], ["td", {}, str(m.tf)], ["td", {}, f"{m.idf:.2f}"], ["td", {}, f"{m.score:.2f}"]] for m in matches
    ]
    return ["table", {"c": "ranks"}, ["thead", {}, ["tr", {}, *head]], ["tbody", {}, *rows]]
