"""Conversations are kept: found again, renamed, deleted with a way back, and each about its own documents."""

from __future__ import annotations

from datetime import timedelta

import pytest

from db import as_subject
from db.conversations import KEPT, State
from db.documents import Selection
from rag import answer, conversation, library, producer
from rag.deps import Deps
from rag.errors import ConversationError
from tests import pdfs
from tests.flows.asking import asked, eventually, finished, gated, produced
from tests.flows.conftest import SUBJECT, Index, work_off

QUESTION = "Who leads the board of Meridian Instruments?"


def titles(deps: Deps, search: str = "") -> list[str]:
    return [held.title for held in conversation.conversations(deps, SUBJECT, search=search)]


def test_a_conversation_is_named_by_its_first_question_shortened_at_a_word(deps: Deps) -> None:
    asked(deps, "How many\n people  work there?")
    asked(deps, "What is said of the instruments that were calibrated in the laboratories of Karlsruhe and Mannheim?")
    asked(deps, "南" * 200)
    chinese, long, short = titles(deps)
    assert short == "How many people work there?"
    assert long == "What is said of the instruments that were calibrated in the laboratories of…"
    assert chinese == "南" * 79 + "…"


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["100% cotton_wool?", "Who leads the board?", "水稻产量是多少?"]),
        ("BOARD leads", ["Who leads the board?"]),
        ("水稻", ["水稻产量是多少?"]),
        ("增长", ["水稻产量是多少?"]),  # stands in the answer only
        ("100%", ["100% cotton_wool?"]),
        ("n_w", ["100% cotton_wool?"]),
        ("%", ["100% cotton_wool?"]),
        ("\\", []),
        ("board 水稻", []),
        ("  ", ["100% cotton_wool?", "Who leads the board?", "水稻产量是多少?"]),
    ],
)
def test_conversations_are_found_by_words_of_title_questions_and_answers(deps: Deps, search: str, found: list[str]) -> None:
    messages = [asked(deps, q) for q in ("水稻产量是多少?", "Who leads the board?", "100% cotton_wool?")]
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("""update messages set parts = '[["产量增", [1]], ["长了 \\"两成\\"。", []]]' where id = %s""", [messages[0].id])
    assert titles(deps, search) == found
    assert conversation.conversations(deps, "somebody-else", search=search) == []


def test_a_word_of_a_follow_up_finds_its_conversation_unless_it_was_set_aside(deps: Deps) -> None:
    first = asked(deps, "Who leads the board?")
    second = asked(deps, "And the laboratory?", first.conversation_id)
    assert titles(deps, "laboratory") == ["Who leads the board?"]
    finished(deps, conversation.edit(deps, SUBJECT, second.id, "And the workshop?"))
    assert titles(deps, "laboratory") == []
    assert titles(deps, "workshop") == ["Who leads the board?"]


def test_a_conversation_is_renamed_with_a_clean_name(deps: Deps) -> None:
    held = asked(deps, QUESTION).conversation_id
    conversation.rename(deps, SUBJECT, held, "  The\x00 board\n of 2023 ")
    assert titles(deps) == ["The board of 2023"]
    for wrong in (" \n", "x" * 201):
        with pytest.raises(ConversationError, match="1 to 200 characters"):
            conversation.rename(deps, SUBJECT, held, wrong)
    with pytest.raises(ConversationError, match="deleted"):
        conversation.rename(deps, "somebody-else", held, "Mine")
    assert titles(deps) == ["The board of 2023"]


def test_a_deleted_conversation_is_nowhere_until_it_is_brought_back(deps: Deps) -> None:
    message = asked(deps, QUESTION)
    held = message.conversation_id
    conversation.delete(deps, "somebody-else", held)
    assert titles(deps) == [QUESTION]
    conversation.delete(deps, SUBJECT, held)
    assert titles(deps) == []
    assert conversation.messages(deps, SUBJECT, held) == []
    for action in (
        lambda: conversation.ask(deps, SUBJECT, QUESTION, conversation_id=held),
        lambda: conversation.regenerate(deps, SUBJECT, message.id),
        lambda: conversation.rename(deps, SUBJECT, held, "Other"),
        lambda: conversation.restrict(deps, SUBJECT, held, Selection()),
        lambda: conversation.selection(deps, SUBJECT, held),
    ):
        with pytest.raises(ConversationError, match="has been deleted"):
            action()
    conversation.undelete(deps, SUBJECT, held)
    assert [m.id for m in conversation.messages(deps, SUBJECT, held)] == [message.id]


def test_what_was_deleted_long_ago_goes_for_good_with_the_next_deletion(deps: Deps) -> None:
    old, recent, last = (asked(deps, QUESTION) for _ in range(3))
    conversation.delete(deps, SUBJECT, old.conversation_id)
    conversation.delete(deps, SUBJECT, recent.conversation_id)
    with as_subject(deps.pool, SUBJECT) as connection:
        for held, days in ((old, KEPT + 1), (recent, KEPT - 1)):
            connection.execute(
                "update conversations set deleted_at = now() - %s where id = %s", [timedelta(days=days), held.conversation_id]
            )
    conversation.delete(deps, SUBJECT, last.conversation_id)
    assert conversation.follow(deps, SUBJECT, old.id) == (None, [])
    with pytest.raises(ConversationError):
        conversation.undelete(deps, SUBJECT, old.conversation_id)
    conversation.undelete(deps, SUBJECT, recent.conversation_id)
    assert titles(deps) == [QUESTION]


def test_deleting_a_conversation_stops_what_is_being_written_and_keeps_it(
    deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    index(deps, pdfs.report())
    slow, model = gated(deps)
    message = conversation.ask(slow, SUBJECT, QUESTION)
    eventually(slow, message.id, lambda m: bool(m.parts))
    conversation.delete(slow, SUBJECT, message.conversation_id)
    model.gate.set()
    conversation.undelete(slow, SUBJECT, message.conversation_id)
    (kept,) = conversation.messages(slow, SUBJECT, message.conversation_id)
    assert (kept.state, [part.text for part in kept.parts]) == (State.STOPPED, ["The first. "])


def test_a_conversation_deleted_before_its_search_begins_searches_nothing(
    deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(deps, pdfs.report())
    other = index(deps, pdfs.lines("The soup needs leeks."))
    slow, model = gated(deps)
    model.gate.set()
    start = producer.start
    monkeypatch.setattr(producer, "start", lambda *_: None)
    message = conversation.ask(slow, SUBJECT, QUESTION, selection=Selection(documents=(other.id,)))
    conversation.delete(slow, SUBJECT, message.conversation_id)
    start(slow, SUBJECT, message)
    produced(message)
    assert model.heard == []
    assert conversation.trace(slow, SUBJECT, message.id) is None


def test_nobody_asks_in_the_conversation_of_another(deps: Deps) -> None:
    message = asked(deps, QUESTION)
    with pytest.raises(ConversationError):
        conversation.ask(deps, "somebody-else", QUESTION, conversation_id=message.conversation_id)
    with pytest.raises(ConversationError):
        conversation.edit(deps, "somebody-else", message.id, "Mine?")
    assert [m.question for m in conversation.messages(deps, SUBJECT, message.conversation_id)] == [QUESTION]


def test_each_conversation_is_about_its_own_documents(deps: Deps, index: Index) -> None:
    one = index(deps, pdfs.lines("The lamp was lit in Karlsruhe."), "one.pdf")
    two = index(deps, pdfs.lines("The lamp was lit in Mannheim."), "two.pdf")
    message = asked(deps, "Where was the lamp lit?", selection=Selection(documents=(one.id,)))
    held = message.conversation_id
    assert cited(deps, message.id) == {"one.pdf"}
    assert conversation.conversations(deps, SUBJECT)[0].selection == Selection(documents=(one.id,))
    conversation.restrict(deps, SUBJECT, held, Selection(documents=(two.id,)))
    assert cited(deps, asked(deps, "Where was the lamp lit?", held).id) == {"two.pdf"}
    conversation.restrict(deps, SUBJECT, held, Selection(collections=(two.collection_id,)))
    assert cited(deps, asked(deps, "Where was the lamp lit?", held).id) == {"one.pdf", "two.pdf"}


def cited(deps: Deps, message_id: int) -> set[str]:
    return {citation.filename for citation in conversation.follow(deps, SUBJECT, message_id)[1]}


def test_a_deleted_document_leaves_the_selection_and_none_left_is_said(deps: Deps, index: Index) -> None:
    documents = [index(deps, pdfs.lines(f"The lamp was lit in {place}."), f"{place}.pdf") for place in ("Ulm", "Trier", "Worms")]
    chosen = Selection(documents=tuple(d.id for d in documents[:2]))
    held = asked(deps, "Where was the lamp lit?", selection=chosen).conversation_id
    library.delete(deps, SUBJECT, documents[0].id)
    assert conversation.selection(deps, SUBJECT, held) == Selection(documents=(documents[1].id,))
    library.delete(deps, SUBJECT, documents[1].id)
    assert conversation.selection(deps, SUBJECT, held) == Selection(documents=())
    message = asked(deps, "Where was the lamp lit?", held)
    assert message.state is State.FAILED
    assert message.error == "The documents that this conversation was about have been deleted. Choose others to ask."
    conversation.restrict(deps, SUBJECT, held, Selection())
    assert cited(deps, finished(deps, conversation.regenerate(deps, SUBJECT, message.id)).id) == {"Worms.pdf"}


def test_a_selected_document_is_selected_by_its_new_version(deps: Deps, index: Index) -> None:
    old = index(deps, pdfs.lines("The lamp was lit in Ulm."), "lamp.pdf")
    held = asked(deps, "Where was the lamp lit?", selection=Selection(documents=(old.id,))).conversation_id
    new = index(deps, pdfs.lines("The lamp was lit in Trier."), "lamp.pdf")
    assert new.id != old.id
    assert conversation.selection(deps, SUBJECT, held) == Selection(documents=(new.id,))


def test_an_answer_says_when_some_documents_were_not_ready(deps: Deps, index: Index) -> None:
    index(deps, pdfs.lines("The lamp was lit in Ulm."), "one.pdf")
    old = index(deps, pdfs.lines("The lamp was lit in Trier."), "two.pdf")
    waiting = [
        library.upload(deps, SUBJECT, filename=name, content=pdfs.lines(f"The lamp of {name} was lit.")).document_id
        for name in ("three.pdf", "two.pdf")  # of the latter an older version answers
    ]
    asked_now = asked(deps, "Where was the lamp lit?")
    assert asked_now.notes[0] == "2 of 3 documents are ready; those were asked."
    only = asked(deps, "Where was the lamp lit?", selection=Selection(documents=(old.id,)))
    assert not any("are ready" in note for note in only.notes)
    nothing = asked(deps, "Where was the lamp lit?", selection=Selection(documents=(waiting[0],)))
    assert (nothing.state, nothing.notes) == (State.FAILED, ())
    assert "wait until one is ready" in nothing.error
    work_off(deps)
    assert not any("are ready" in note for note in asked(deps, "Where was the lamp lit?").notes)
