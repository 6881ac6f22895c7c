"""One query through every stage of retrieval, or what retrieval did for an answer."""

from __future__ import annotations

import streamlit as st

from db.documents import Selection, Status
from pages import frame
from pages.parts.conversation_list import number
from pages.parts.escape import plain
from pages.parts.guard import guard
from pages.parts.hit_pane import hit_pane, hit_sheet
from pages.parts.i18n import _, plural, told
from pages.parts.query_reading import query_tree
from pages.parts.rank_chart import rank_chart
from pages.parts.source_pane import NARROW
from pages.parts.stage_table import stage_table
from pages.parts.state import Address, page_state
from pages.parts.tree_component import Click, draw_tree
from rag import inspection, library
from rag.conversation import LONGEST_QUESTION
from rag.inspection import SHOWN, Inspection

page = frame(_("Inspector"))
state = page_state()


def address() -> Address:
    """What the browser's address asks for."""
    named = [number(part) for part in st.query_params.get("d", "").split(",")]
    return Address(
        query=st.query_params.get("q", ""),
        documents=tuple(document for document in named if document is not None),
        message_id=number(st.query_params.get("m", "")),
    )


def submit() -> None:
    """Search for what was typed, also when it is what was searched for last."""
    asked = Address(query=st.session_state["inspected-query"], documents=tuple(st.session_state.get("inspected-documents", ())))
    st.query_params.from_dict(asked.parameters)
    state.inspection = None


def begin(asked: Address, ready: dict[int, str]) -> None:
    """Turn to another address: put what it asks for into the boxes. An answer's trace is read at once; a search comes later."""
    if asked != state.inspected:
        state.inspected, state.inspection, state.hit = asked, None, None
    query, documents = asked.query, asked.documents
    if asked.message_id is not None:
        state.inspection = inspection.reopened(page.deps, page.subject, asked.message_id)
        if state.inspection is not None:
            query, documents = state.inspection.trace.question, state.inspection.selection.documents or ()
    st.session_state["inspected-query"] = query
    st.session_state["inspected-documents"] = [document for document in documents if document in ready]


def query_box(ready: dict[int, str]) -> None:
    """The query and the documents it is about."""
    with st.form("inspect", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(_("Query"), key="inspected-query", placeholder=_("A question, “a phrase”, -without"), max_chars=LONGEST_QUESTION)
        if len(ready) > 1:
            st.multiselect(
                _("Search only"), list(ready), format_func=ready.__getitem__, placeholder=_("All documents"), key="inspected-documents",
                width=320,
            )  # fmt: skip
        st.form_submit_button(_("Inspect"), type="primary", on_click=submit)


def searched(asked: Address) -> Inspection | None:
    """What there is to show, searched for once."""
    if state.inspection is None and asked.query.strip():
        with st.spinner(_("Searching your documents")):
            selection = Selection(documents=asked.documents or None)
            state.inspection = inspection.inspect(page.deps, page.subject, asked.query, selection=selection)
    return state.inspection


def chosen(passage: str, *, width: int | None = None) -> None:
    """A passage was chosen, in the table or in the picture, which it takes the place of."""
    document_id, _dot, ord_ = passage.partition(".")
    state.hit, state.hit_in_dialog = (int(document_id), int(ord_)), width is not None and width <= NARROW
    row = next((row for row in state.inspection.rows if row.key == state.hit), None) if state.inspection else None
    state.hit_page = row.pages[0] if row and row.pages else 1
    st.rerun("inspection")


def clicked(click: Click) -> None:
    """A passage was chosen in the table."""
    chosen(click.argument, width=click.width)


@st.fragment(key="inspection")
def laid_open(found: Inspection) -> None:
    """The table, and beside it the picture or the passage that was chosen."""
    with guard("inspection"):
        row = next((row for row in found.rows if row.key == state.hit), None)
        left, right = st.columns([6, 5], gap="large")
        with right, st.container(key="inspection-pane"):
            if row is not None and not state.hit_in_dialog:
                hit_pane(page.deps, page.subject, row)
            else:
                rank_chart(found, key="ranks", on_pick=chosen)
        with left:
            below = sum(row.place > SHOWN for row in found.rows)
            everything = bool(st.session_state.get("everything"))
            draw_tree(stage_table(found, opened=state.hit, everything=everything), key="stages", on_click=clicked)
            if below:
                st.toggle(plural("Also {n} that ended further down", "Also {n} that ended further down", below), key="everything")
        if row is not None and state.hit_in_dialog:
            hit_sheet(page.deps, page.subject, row)


def said(asked: Address, found: Inspection | None) -> None:
    """What is to be known before the lists, or instead of them."""
    if found is None:
        if asked.message_id is not None:
            st.info(_("No trace of this answer is kept: it was deleted, or its search did not end."), icon=":material/info:")
        else:
            st.caption(_("See how a query is read, what each search finds, and what fusion and reranking make of it."))
        return
    if asked.message_id is not None:
        st.caption(_("As it was when the answer was written. “Inspect” searches anew."))
    for note in found.trace.notes:
        st.warning(plain(told(note)), icon=":material/info:")
    draw_tree(query_tree(found), key="query")
    if not found.rows:
        st.info(_("Nothing was found. Fewer words, or fewer “phrases” and -exclusions, may help."), icon=":material/info:")


with guard("inspector"):
    asked = address()
    ready = {d.id: d.filename for d in library.documents(page.deps, page.subject) if d.status is Status.READY}
    if asked != state.inspected or "inspected-query" not in st.session_state:
        begin(asked, ready)
    st.title(_("Inspector"), anchor=False)
    query_box(ready)
    with guard("search"):
        found = searched(asked)
        said(asked, found)
        if found is not None and found.rows:
            laid_open(found)
