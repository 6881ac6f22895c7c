"""Collecting questions with the passages that answer them: picked from a search, or taken from a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.parts.escape import plain, shortened
from pages.parts.guard import attempt
from pages.parts.i18n import _, plural, told
from pages.parts.state import page_state
from pages.parts.tree_component import Click, Node, button, draw_tree
from rag import feedback, own_questions, question_files
from rag.conversation import LONGEST_QUESTION
from rag.errors import SituateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.deps import Deps
    from rag.own_questions import OwnQuestion, Taken
    from rag.trace import Hit

SNIPPET = 320  # characters
NAMED = 5  # lines of a file that are named when their passages are missing
MAX_FILE_MB = 10


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Passages to pick from, for a question."""

    question: str
    sought: str  # words that find them; the question itself unless the reader chose others
    hits: tuple[Hit, ...]
    rated: int | None = None  # the message whose rating it comes from


def question_collector(deps: Deps, subject: str, collected: Sequence[OwnQuestion]) -> None:
    """The form, the passages it offers, the upload, and what has been collected. Raises SituateError, db.DatabaseAway."""
    _form(deps, subject)
    if page_state().offer:
        _offered(deps, subject)
    _upload(deps, subject)
    _list(deps, subject, collected)


def _form(deps: Deps, subject: str) -> None:
    with st.form("collect", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(
            _("A question whose answer you know"), key="collected-question", max_chars=LONGEST_QUESTION,
            placeholder=_("How many people does the company employ?"),
        )  # fmt: skip
        st.form_submit_button(_("Find the passage"), type="primary", on_click=_seek, args=(deps, subject, "collected-question"))


def _seek(deps: Deps, subject: str, box: str) -> None:
    """Offer passages for what was typed into a box: a question, or other words for the same question."""
    sought = str(st.session_state[box] or "")
    offer = page_state().offer
    with attempt():
        if offer and box != "collected-question":
            offer_passages(deps, subject, offer.question, sought=sought, rated=offer.rated)
        else:
            offer_passages(deps, subject, sought)


def offer_passages(deps: Deps, subject: str, question: str, *, sought: str | None = None, rated: int | None = None) -> None:
    """Show passages to pick from with the next run. Raises QuestionError, NothingToSearch, db.DatabaseAway."""
    sought = question if sought is None else sought
    page_state().offer = Offer(question=question, sought=sought, hits=own_questions.passages(deps, subject, sought), rated=rated)


def _offered(deps: Deps, subject: str) -> None:
    offer = page_state().offer
    assert offer is not None  # noqa: S101 - the caller has looked

    def pick(click: Click) -> None:
        hit = offer.hits[int(click.argument)]
        with attempt():
            own_questions.add(
                deps, subject, question=offer.question, document_id=hit.chunk.document_id, ord_=hit.chunk.ord, quote=hit.chunk.text
            )
            if offer.rated is not None:
                feedback.settle(deps, subject, offer.rated)
            page_state().offer = None
            st.session_state["collected-question"] = ""
            st.toast(_("Added."), icon=":material/check:")

    with st.container(border=True, key="offer"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            draw_tree(["p", {"c": "title"}, offer.question], key="offer-question")
            st.button(_("Cancel"), type="tertiary", key="no-offer", on_click=_withdraw)
        st.caption(_("Which passage answers it?") if offer.hits else _("Nothing was found. Try other words."))
        draw_tree(["div", {"c": "cards"}, *(_card(place, hit) for place, hit in enumerate(offer.hits))], key="offered", on_click=pick)
        with st.form("seek-again", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(_("Not among them? Words that stand in the passage"), key="sought-again", max_chars=LONGEST_QUESTION)
            st.form_submit_button(_("Search"), on_click=_seek, args=(deps, subject, "sought-again"))


def _card(place: int, hit: Hit) -> Node:
    where = _("p. {page}").format(page=hit.chunk.first_page)
    return button(
        ["span", {"c": "top"}, ["span", {"c": "name", "title": hit.document}, hit.document], ["span", {"c": "faint small"}, where]],
        *([["span", {"c": "faint small line"}, " › ".join(hit.chunk.heading.split(" > ")[-2:])]] if hit.chunk.heading else []),
        ["span", {"c": "snippet small"}, shortened(" ".join(hit.chunk.text.split()), SNIPPET)],
        act=f"pick:{place}",
        label=_("This passage answers it"),
        classes="card",
    )


def _withdraw() -> None:
    page_state().offer = None


def _upload(deps: Deps, subject: str) -> None:
    state = page_state()
    with st.expander(_("Upload questions")):
        st.caption(_("A CSV file with the columns question, quote and, if you like, document; or a questions.jsonl."))
        file = st.file_uploader(
            _("Questions"), type=["csv", "jsonl"], max_upload_size=MAX_FILE_MB, label_visibility="collapsed",
            key=f"questions-{state.upload_round}",
        )  # fmt: skip
        if file is not None:
            with st.spinner(_("Looking for their passages")):
                try:
                    read = question_files.read_uploaded(file.name, file.getvalue())
                    state.questions_taken = _said(own_questions.take(deps, subject, read))
                except SituateError as error:
                    state.questions_taken = str(error)
            state.upload_round += 1
            st.rerun()
        if state.questions_taken:
            st.info(plain(told(state.questions_taken)), icon=":material/info:")


def _said(taken: Taken) -> str:
    parts = [plural("{n} question was added.", "{n} questions were added.", taken.added)]
    if taken.known:
        parts.append(plural("{n} was there already.", "{n} were there already.", taken.known))
    if taken.missing:
        lines = ", ".join(taken.missing[:NAMED]) + (" …" if len(taken.missing) > NAMED else "")
        parts.append(_("The passage was found in no document for: {lines}").format(lines=lines))
    return " ".join(parts)


def _list(deps: Deps, subject: str, collected: Sequence[OwnQuestion]) -> None:
    if not collected:
        st.caption(_("No questions yet."))
        return

    def remove(click: Click) -> None:
        with attempt():
            own_questions.remove(deps, subject, int(click.argument))

    rows: list[Node] = [
        [
            "tr",
            {},
            ["td", {"c": "wide"}, one.question, ["div", {"c": "faint small"}, _place(one)]],
            ["td", {"c": "right"}, button("✕", act=f"remove:{one.id}", label=_("Remove"), classes="faint", tip=_("Remove"))],
        ]
        for one in reversed(collected)
    ]
    draw_tree(["table", {"c": "ledger"}, ["tbody", {}, *rows]], key="collected", on_click=remove)


def _place(one: OwnQuestion) -> str:
    return f"{one.filename} · {_('p. {page}').format(page=one.page)}" if one.page else one.filename
