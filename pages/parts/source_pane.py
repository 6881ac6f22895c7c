"""The pane beside the answer: its sources, or one of them opened at its page with the cited sentences boxed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.boxed_page import Mark, boxed_page, boxes_of
from pages.parts.escape import plain
from pages.parts.followed import read_answer
from pages.parts.guard import guard
from pages.parts.i18n import _, plural, told
from pages.parts.newer_version import newer_version
from pages.parts.page_quality import recognised_told
from pages.parts.paper_routes import original_path
from pages.parts.passage_tree import passage_tree
from pages.parts.source_cards import cards_tree, context_label, stages_tree, waiting_tree
from pages.parts.state import Answer, Opened, page_state
from pages.parts.tree_component import Click, Node, draw_tree
from rag import conversation, library
from rag.errors import DocumentGone, UnreadableDocument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.deps import Deps
    from rag.library import Chunk

NARROW = 640  # CSS pixels up to which columns are stacked, and a source opens in a dialog
FIRST = 6  # cards shown before "all"


@st.fragment(key="pane")
def source_pane(deps: Deps, subject: str, conversation_id: int) -> None:
    """Draw the pane. Its buttons rerun nothing but the pane."""
    state = page_state()
    with guard("pane"), st.container(key="source-pane"):
        if state.opened and not state.in_dialog:
            _opened(deps, subject, state.opened)
            return
        _sources(deps, subject, conversation_id)
        if state.opened:
            _sheet(_("Source"), deps, subject)


def opened_citation(read: Answer, number: int) -> Opened | None:
    """What the pane shows of a citation."""
    found = next((c for c in read.citations if c.number == number), None)
    if found is None:
        return None
    return Opened(
        message_id=read.message.id,
        document_id=found.document_id,
        ords=(found.ord,),
        filename=found.filename,
        page=found.page,
        first_page=found.page,
        quote=found.quote,
        number=number,
        boxes=found.boxes,
    )


def opened_card(read: Answer, rank: int) -> Opened | None:
    """What the pane shows of a passage that was found."""
    source = next((s for s in read.sources if s.best.rank == rank), None)
    if source is None:
        return None
    found = source.best
    return Opened(
        message_id=read.message.id,
        document_id=found.document_id,
        ords=source.ords,
        filename=found.filename,
        page=found.first_page,
        first_page=found.first_page,
    )


def open_source(opened: Opened | None, *, width: int) -> None:
    """Let the pane show it: beside the answer, or in a dialog where the window (CSS pixels) is too narrow."""
    if opened is not None:
        state = page_state()
        state.opened, state.sources_of, state.in_dialog = opened, opened.message_id, width <= NARROW


def show_sources(message_id: int) -> None:
    """Let the pane list a message's sources."""
    state = page_state()
    state.opened, state.sources_of = None, message_id


def _close() -> None:
    page_state().opened = None
    st.rerun(["pane", "answers"])


def _turn(page: int) -> None:
    state = page_state()
    if state.opened:
        state.opened = state.opened.turned_to(page)


def _sheet(title: str, deps: Deps, subject: str) -> None:
    """The opened source in a dialog, for narrow windows."""

    @st.dialog(title, width="large", on_dismiss=_close)
    def sheet() -> None:
        with guard("sheet"), st.container(key="source-sheet"):
            opened = page_state().opened
            if opened:
                _opened(deps, subject, opened)

    sheet()


def _sources(deps: Deps, subject: str, conversation_id: int) -> None:
    """The cards of the message that was chosen, else of the latest."""
    state = page_state()
    asked = conversation.messages(deps, subject, conversation_id)
    message_id = state.sources_of or (asked[-1].id if asked else None)
    read = None if message_id is None else read_answer(deps, subject, message_id)
    if read is None:
        return
    if not read.sources:
        if not read.message.finished:
            draw_tree(waiting_tree(), key="cards-to-come")
        return
    state.pane_knows = read.message.id

    def clicked(click: Click) -> None:
        if click.act == "card":
            open_source(opened_card(read, int(click.argument)), width=click.width)
        st.rerun(["pane", "answers"])

    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**" + _("Sources") + "**")
        everything = len(read.sources) <= FIRST or st.toggle(plural("All {n}", "All {n}", len(read.sources)), key=f"all-{read.message.id}")
    draw_tree(cards_tree(read, most=len(read.sources) if everything else FIRST), key=f"cards-{read.message.id}", on_click=clicked)


def _opened(deps: Deps, subject: str, opened: Opened) -> None:
    """A source: its page, the passage with the quote emphasised, why it was found, its context set apart."""
    document_id = opened.document_id
    _head(opened)
    chunks: list[Chunk] = []
    try:
        if document_id is None:
            raise DocumentGone  # noqa: TRY301 - deleted before or just now: one sentence for both
        newer_version(deps, subject, opened)
        read = read_answer(deps, subject, opened.message_id)
        if read and (document_id, opened.page) in read.scanned:
            st.caption(
                plain(
                    _("This page was read from a scan: check the picture.") + " " + recognised_told(read.scanned[document_id, opened.page])
                )
            )
        held = library.passages(deps, subject, [(document_id, ord_) for ord_ in opened.ords])
        chunks = [held[document_id, ord_] for ord_ in opened.ords if (document_id, ord_) in held]
        boxed_page(
            deps, subject, document_id, page=opened.page, home=opened.first_page, marks=_marks(opened, chunks, read), key="source-page",
            on_turn=_turn, on_cite=partial(_open_other, read),
        )  # fmt: skip
    except DocumentGone:
        st.info(_("This document has been deleted. The quote is kept."), icon=":material/info:")
    except UnreadableDocument as error:
        st.warning(plain(told(str(error))), icon=":material/info:")
    draw_tree(["div", {}, *_below(deps, subject, opened, chunks)], key="source-passage")


def _head(opened: Opened) -> None:
    """What it is, the way back to all sources, and what can be done with it."""

    def clicked(_click: Click) -> None:
        _close()

    tools: list[Node] = []
    if not page_state().in_dialog:
        tools += [["button", {"c": "link", "act": "close:", "escape": True}, "← " + _("All sources")], ["span", {"c": "gap"}]]
    if opened.quote:
        quoted = _("“{quote}” ({file}, page {page})").format(quote=opened.quote, file=opened.filename, page=opened.first_page)
        tools.append(["button", {"c": "link", "copy": quoted, "copied": _("Copied"), "tip": _("With file and page")}, _("Copy quote")])
    if opened.document_id is not None:
        at_page = original_path(opened.document_id, page=opened.page)
        tools.append(["a", {"to": at_page, "tip": _("The PDF in a new tab, at this page")}, _("Open PDF")])
        tools.append(["a", {"to": original_path(opened.document_id, save=True), "save": True}, _("Download")])
    badge: list[Node] = [["span", {"c": "badge"}, str(opened.number)]] if opened.number else []
    title: Node = ["p", {"c": "top title"}, *badge, ["span", {"c": "line", "title": opened.filename}, opened.filename]]
    draw_tree(["div", {}, ["div", {"c": "pane-head"}, *tools], title], key="source-head", on_click=clicked)


def _marks(opened: Opened, chunks: Sequence[Chunk], read: Answer | None) -> list[Mark]:
    """What is boxed: what was opened, and whatever else the same answer cites of the document."""
    shown = Mark(kind="passage", boxes=boxes_of(chunks))
    if opened.number is not None:
        shown = Mark(kind="cited", boxes=opened.boxes, number=opened.number, label=_cited_as(opened.number, opened.quote))
    others = [c for c in read.citations if c.document_id == opened.document_id and c.number != opened.number] if read else []
    return [
        shown,
        *(Mark(kind="other", boxes=c.boxes, number=c.number, label=_cited_as(c.number, c.quote), tip=f"“{c.quote}”") for c in others),
    ]


def _cited_as(number: int, quote: str) -> str:
    return _("Citation {number}: {quote}").format(number=number, quote=quote)


def _open_other(read: Answer | None, click: Click) -> None:
    """Turn to another citation of the same answer."""
    if read is not None:
        open_source(opened_citation(read, int(click.argument)), width=click.width)
    if not page_state().in_dialog:
        st.rerun(["pane", "answers"])


def _below(deps: Deps, subject: str, opened: Opened, chunks: Sequence[Chunk]) -> list[Node]:
    parts: list[Node] = []
    heading = ""
    for chunk in chunks:
        if chunk.heading not in ("", heading):  # what follows under the same heading goes on
            parts.append(["p", {"c": "faint small title"}, chunk.heading.replace(" > ", " › ")])
        heading = chunk.heading
        parts.append(passage_tree(chunk.text, opened.quote))
    if not chunks and opened.quote:
        parts.append(["p", {"c": "passage"}, ["mark", {}, opened.quote]])
    read = read_answer(deps, subject, opened.message_id)
    found = read.found(opened.document_id, opened.ords) if read else None
    if found is not None and found.stages:
        parts += [["h6", {}, _("Why it was found")], stages_tree(found)]
    label = ""
    for chunk in chunks:
        if chunk.context:
            before, label = label, context_label(chunk.context_by)
            parts += [["h6", {}, label]] if label != before else []
            parts.append(["p", {"c": "context faint small"}, chunk.context])
    return parts
