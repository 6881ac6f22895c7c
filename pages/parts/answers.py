"""A conversation's questions and answers. While the last answer grows, a fragment follows it; then the polling ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from db.conversations import State
from pages.parts.extract_tree import extract_tree
from pages.parts.followed import read_answer
from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, plural, told
from pages.parts.markdown_tree import answer_tree
from pages.parts.money import price, prompt_tokens, tokens
from pages.parts.scan_notice import scan_told, scanned_numbers
from pages.parts.source_pane import open_source, opened_citation, show_sources
from pages.parts.state import Answer, page_state
from pages.parts.tree_component import LAST, Click, Node, button, draw_tree
from rag import conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.deps import Deps

EVERY = 0.3  # seconds between two looks at a growing answer
PATIENCE = 10  # looks at a finished answer after which the page is run anew, should the browser's signal have got lost


@st.fragment(key="answers")
def answers(deps: Deps, subject: str, conversation_id: int) -> None:
    """The whole conversation, oldest first."""
    with guard("answers"):
        asked = conversation.messages(deps, subject, conversation_id)
        if not asked:
            st.info(_("This conversation does not exist any more."))
            return
        for message in asked[:-1]:
            _draw(deps, subject, read_answer(deps, subject, message.id))
            st.space("small")

        def latest() -> None:
            with guard("latest"):
                _latest(deps, subject, asked[-1].id, reveal=len(asked) > 1, polled=not asked[-1].finished)

        if asked[-1].finished:
            page_state().polls_after_end = 0
            with st.container():  # as deep as the fragment, so that the browser keeps the component it has
                latest()
        else:
            st.fragment(latest, run_every=EVERY, key="growing")()


def _latest(deps: Deps, subject: str, message_id: int, *, reveal: bool, polled: bool) -> None:
    read = read_answer(deps, subject, message_id)
    if read is None:
        return
    _draw(deps, subject, read, signal=_signal(read) if polled else "", reveal=reveal)
    if not read.message.finished:
        st.button(_("Stop"), icon=":material/stop_circle:", key="stop", on_click=_stop, args=(deps, subject, message_id))


def _signal(read: Answer) -> str:
    """What the browser is to report back: that there is more to draw than this fragment may."""
    state = page_state()
    if read.message.finished:
        state.polls_after_end += 1
        if state.polls_after_end > PATIENCE:
            state.polls_after_end = 0
            st.rerun()
        return LAST
    return "sources" if read.sources and state.pane_knows != read.message.id else ""


def _refresh() -> None:
    """An answer has sources, or has ended: draw what depends on it, but leave an open dialog alone."""
    state = page_state()
    st.rerun(["answers"] if state.in_dialog and state.opened else ["answers", "pane"])


def _stop(deps: Deps, subject: str, message_id: int) -> None:
    with attempt():
        conversation.stop(deps, subject, message_id)
    st.rerun(["answers", "pane"])


def _draw(deps: Deps, subject: str, read: Answer | None, *, signal: str = "", reveal: bool = False) -> None:
    if read is None:
        return
    message = read.message

    def clicked(click: Click) -> None:
        if click.act == "cite":
            open_source(opened_citation(read, int(click.argument)), width=click.width)
        elif click.act == "sources":
            show_sources(message.id)
        elif click.act == "again":
            _ask_again(deps, subject, read)
        st.rerun(["answers", "pane"])

    draw_tree(message_tree(read), key=f"answer-{message.id}", on_click=clicked, signal=signal, on_signal=_refresh, reveal=reveal)
    if message.finished and read.sources:
        st.page_link(
            "pages/inspector.py", label=_("Inspect retrieval"), icon=":material/manage_search:", query_params={"m": str(message.id)}
        )


def _ask_again(deps: Deps, subject: str, read: Answer) -> None:
    with attempt():
        conversation.ask(deps, subject, read.message.question, conversation_id=read.message.conversation_id)
        page_state().close_conversation()


def message_tree(read: Answer) -> Node:
    """A question, its answer as far as it has come, and how it stands."""
    message = read.message
    tree: list[object] = ["div", {}, ["div", {"c": "question"}, ["span", {}, message.question]]]
    if message.is_extract and message.parts and not message.abstained:
        tree.append(["p", {"c": "label faint small"}, _("Extract: the best matching sentences, quoted. No model wrote this.")])
    if message.abstained:
        beside = _("What follows does not rest on them.") if message.parts else ""
        tree.append(["p", {"c": "notice"}, _("Your documents do not seem to hold the answer."), " ", beside])
    if message.parts:
        cite = _citer(read)
        if message.is_extract:
            tree.append(extract_tree(message.parts, read.citations, cite))
        else:
            uncited = "" if message.abstained else _("Not from your documents")
            tree.append(answer_tree(message.parts, cite, uncited_title=uncited, finished=message.finished and not message.abstained))
    tree += _standing(read)
    return tree


def _citer(read: Answer) -> Callable[[int], Node]:
    by_number = {c.number: c for c in read.citations}
    opened = page_state().opened
    active = opened.number if opened and opened.message_id == read.message.id else None

    def cite(number: int) -> Node:
        citation = by_number.get(number)
        if citation is None:  # its row follows with the next look
            return ["span", {"c": "cite"}, str(number)]
        where = _("{file}, page {page}").format(file=citation.filename, page=citation.page)
        node = button(
            str(number),
            act=f"cite:{number}",
            classes="cite",
            pressed=number == active,
            label=_("Source {number}: {where}").format(number=number, where=where),
            tip=f"{where}\n“{citation.quote}”",
        )
        node[1]["n"] = number  # type: ignore[index]  # a button is a list
        return node

    return cite


def _standing(read: Answer) -> list[Node]:
    """What is to be said below an answer."""
    message = read.message
    again = button(_("Ask again"), act="again", classes="link")
    said: list[Node] = [["p", {"c": "notice small"}, told(note)] for note in message.notes]
    if message.state is State.SEARCHING:
        said.append(["p", {"c": "faint waiting"}, _("Searching your documents")])
    elif message.state is State.ANSWERING:
        said.append(["p", {"c": "faint waiting"}, _("Writing the answer") if message.parts else _("Reading the sources")])
    elif message.state is State.FAILED:
        said.append(["p", {"c": "notice"}, f"{told(message.error)} ", again])
    elif message.state is State.STOPPED:
        said.append(["p", {"c": "notice"}, _("Stopped. What was written so far is kept.") + " ", again])
    elif message.state is State.INTERRUPTED:
        said.append(
            ["p", {"c": "notice"}, _("Interrupted: the program that wrote this answer ended. What was written is kept.") + " ", again]
        )
    foot = _foot(read)
    return [*said, ["div", {"c": "foot faint small"}, *foot]] if foot else said


def _foot(read: Answer) -> list[Node]:
    """How many sources, who wrote it, at what price, and what of it is not from the documents."""
    message = read.message
    foot: list[Node] = []
    if read.sources:
        foot.append(button(plural("{n} source", "{n} sources", len(read.sources)), act="sources:", classes="link"))
    if message.finished and message.model and not message.is_extract:
        foot.append(["span", {}, _("Written by {model}").format(model=message.model)])
    if read.spent:
        sent, written = tokens(prompt_tokens(read.spent)), tokens(read.spent.output_tokens)
        foot.append(["span", {"title": _("{sent} tokens sent, {written} written").format(sent=sent, written=written)}, price(read.spent)])
    if scanned := scan_told(scanned_numbers(read)):
        foot.append(["span", {"c": "scan"}, scanned])
    if message.dropped:
        left_out = plural("{n} citation left out: its quote was not found.", "{n} citations left out: quotes not found.", message.dropped)
        foot.append(["span", {}, left_out])
    if message.finished and not message.is_extract and not message.abstained and any(not p.citations for p in message.parts):
        foot.append(["span", {}, ["span", {"c": "uncited"}, _("Dotted text")], " " + _("is not from your documents.")])
    return foot
