"""A conversation's questions and answers. While the last answer grows, a fragment follows it; then the polling ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from db.documents import Selection
from pages.parts import turn_forms
from pages.parts.answer_standing import names_settings
from pages.parts.followed import read_ahead, read_answer
from pages.parts.guard import attempt, guard
from pages.parts.i18n import _, plural
from pages.parts.message_tree import message_tree
from pages.parts.source_pane import open_source, opened_card, opened_citation, show_sources
from pages.parts.state import TURNS, Answer, page_state
from pages.parts.tree_component import LAST, Click, draw_tree
from rag import conversation, feedback, producer

if TYPE_CHECKING:
    from rag.conversation import Message
    from rag.deps import Deps
    from rag.feedback import Rating

EVERY = 0.3  # seconds between two looks at a growing answer
LOOKS = 20  # a second at most, of all who wait for an answer of this process: the answers themselves need the machine too
PATIENCE = 10  # looks at a finished answer after which the page is run anew, should the browser's signal have got lost


@dataclass(frozen=True, kw_only=True)
class _Turn:
    """A message as it stands in its conversation."""

    message: Message
    rating: Rating | None
    is_last: bool
    restricted: bool  # not all documents are asked


@st.fragment(key="answers")
def answers(deps: Deps, subject: str, conversation_id: int, *, restricted: bool) -> None:
    """The conversation, oldest first; of a long one, its latest questions. `restricted`: it is not about all documents."""
    state = page_state()
    with guard("answers"):
        asked = conversation.messages(deps, subject, conversation_id)
        if not asked:
            st.info(_("This conversation does not exist any more."))
            return
        drawn = asked[-state.turns :]
        if left := len(asked) - len(drawn):
            st.button(
                plural("Show {n} earlier question", "Show {n} earlier questions", left), key="earlier", type="tertiary",
                icon=":material/expand_less:", on_click=_earlier,
            )  # fmt: skip
        ratings = feedback.of(deps, subject, [message.id for message in drawn if message.finished])
        read_ahead(deps, subject, drawn)
        turns = [_Turn(message=m, rating=ratings.get(m.id), is_last=m is asked[-1], restricted=restricted) for m in drawn]
        for turn in turns[:-1]:
            _draw(deps, subject, turn, read_answer(deps, subject, turn.message.id))
            st.space("small")

        def latest() -> None:
            # a follow-up is brought to the top of the window: page.css makes its place tall enough for that
            with guard("latest"), st.container(key="latest" if len(asked) > 1 else "only"):
                _latest(deps, subject, turns[-1], reveal=len(asked) > 1)

        if asked[-1].finished:
            state.polls_after_end = 0
            with st.container():  # as deep as the fragment, so that the browser keeps the component it has
                latest()
        else:
            every = max(EVERY, producer.under_way() / LOOKS)
            st.fragment(latest, run_every=every, key="growing")()


def _earlier() -> None:
    page_state().turns += TURNS
    st.rerun(["answers"])


def _latest(deps: Deps, subject: str, turn: _Turn, *, reveal: bool) -> None:
    read = read_answer(deps, subject, turn.message.id)
    if read is None:
        return
    _draw(deps, subject, turn, read, signal="" if turn.message.finished else _signal(read), reveal=reveal)
    if not read.message.finished:
        st.button(_("Stop"), icon=":material/stop_circle:", key="stop", on_click=_stop, args=(deps, subject, turn.message.id))


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


def _draw(deps: Deps, subject: str, turn: _Turn, read: Answer | None, *, signal: str = "", reveal: bool = False) -> None:
    if read is None:
        return
    if turn.message.finished:
        read = replace(read, message=turn.message)  # what took another's place may have changed since it was kept
    message = read.message
    edited = message.finished and turn_forms.above(deps, subject, message)
    tree = message_tree(read, rating=turn.rating, is_last=turn.is_last, restricted=turn.restricted, with_question=not edited)

    def clicked(click: Click) -> None:
        _clicked(deps, subject, turn, read, click)
        st.rerun(["answers", "pane"])

    draw_tree(tree, key=f"answer-{message.id}", on_click=clicked, signal=signal, on_signal=_refresh, reveal=reveal)
    if names_settings(message):
        st.page_link("pages/settings.py", label=_("Open the settings"), icon=":material/settings:")
    if message.finished:
        turn_forms.below(deps, subject, message)


def _clicked(deps: Deps, subject: str, turn: _Turn, read: Answer, click: Click) -> None:
    message = read.message
    match click.act:
        case "cite":
            open_source(opened_citation(read, int(click.argument)), width=click.width)
        case "card":
            open_source(opened_card(read, int(click.argument)), width=click.width)
        case "sources":
            show_sources(message.id)
        case "unfold":
            page_state().unfold(message.id, click.argument)
        case "good" | "bad":
            before = turn.rating.good if turn.rating else None
            turn_forms.rated(deps, subject, message.id, good=click.act == "good", before=before)
        case "again" | "widen" | "back":
            with attempt():
                _anew(deps, subject, turn, click.act)
                page_state().close_conversation()
                st.rerun()  # also of what stands around the conversation


def _anew(deps: Deps, subject: str, turn: _Turn, act: str) -> None:
    """Put another answer into this one's place; or, below later questions, at the end."""
    message = turn.message
    if act == "widen":
        conversation.restrict(deps, subject, message.conversation_id, Selection())
    if act == "back":
        conversation.bring_back(deps, subject, message.id)
    elif turn.is_last:
        conversation.regenerate(deps, subject, message.id)
    else:
        conversation.ask(deps, subject, message.question, conversation_id=message.conversation_id)
