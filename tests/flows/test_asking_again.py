"""Questions asked again take the place of old ones, of which nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from db.conversations import Message, State
from rag import answer, conversation
from rag.deps import Deps
from rag.errors import ConversationError, QuestionError
from rag.providers.fake import FakeAnswerer
from tests import pdfs
from tests.flows.asking import asked, eventually, finished, gated
from tests.flows.conftest import SUBJECT, Index


def shown(deps: Deps, conversation_id: int) -> list[str]:
    return [message.question for message in conversation.messages(deps, SUBJECT, conversation_id)]


def three(deps: Deps) -> list[Message]:
    first = asked(deps, "A?")
    return [first, *(asked(deps, question, first.conversation_id) for question in ("B?", "C?"))]


def edited(deps: Deps, message_id: int, question: str) -> Message:
    return finished(deps, conversation.edit(deps, SUBJECT, message_id, question))


def test_an_edited_question_sets_itself_and_all_later_ones_aside_and_they_come_back(deps: Deps) -> None:
    a, b, c = three(deps)
    new = edited(deps, b.id, "B2?")
    assert new.replaces
    assert not a.replaces
    asked(deps, "D?", a.conversation_id)
    assert shown(deps, a.conversation_id) == ["A?", "B2?", "D?"]
    conversation.bring_back(deps, SUBJECT, new.id)
    assert [m.id for m in conversation.messages(deps, SUBJECT, a.conversation_id)] == [a.id, b.id, c.id]
    again = conversation.messages(deps, SUBJECT, a.conversation_id)[1]
    assert again.replaces
    conversation.bring_back(deps, SUBJECT, b.id)
    assert shown(deps, a.conversation_id) == ["A?", "B2?", "D?"]


def test_of_a_question_asked_many_times_each_form_comes_round(deps: Deps) -> None:
    first = asked(deps, "1?")
    latest = first
    for question in ("2?", "3?", "4?"):
        latest = edited(deps, latest.id, question)
    seen = []
    for _ in range(8):
        (now,) = conversation.messages(deps, SUBJECT, first.conversation_id)
        seen.append(now.question)
        conversation.bring_back(deps, SUBJECT, now.id)
    assert seen == ["4?", "3?", "2?", "1?"] * 2


def test_branches_within_branches_come_back_as_they_were(deps: Deps) -> None:
    a, b, c = three(deps)
    c2 = edited(deps, c.id, "C2?")
    b2 = edited(deps, b.id, "B2?")
    held = a.conversation_id
    assert shown(deps, held) == ["A?", "B2?"]
    conversation.bring_back(deps, SUBJECT, b2.id)
    assert shown(deps, held) == ["A?", "B?", "C2?"]
    conversation.bring_back(deps, SUBJECT, c2.id)
    assert shown(deps, held) == ["A?", "B?", "C?"]
    b3 = edited(deps, b.id, "B3?")
    for expected in (["A?", "B?", "C?"], ["A?", "B2?"], ["A?", "B3?"]):
        now = conversation.messages(deps, SUBJECT, held)[1]
        conversation.bring_back(deps, SUBJECT, now.id)
        assert shown(deps, held) == expected
    assert conversation.follow(deps, SUBJECT, b3.id)[0] is not None


def test_the_same_question_again_keeps_what_was_searched_for_and_whether_it_was_whole(deps: Deps) -> None:
    first = asked(deps, "A?")
    other = finished(deps, conversation.ask_as(deps, SUBJECT, first.id, "the whole A"))
    assert (other.question, other.asked, other.whole) == ("A?", "the whole A", False)
    again = finished(deps, conversation.regenerate(deps, SUBJECT, other.id))
    assert (again.question, again.asked) == ("A?", "the whole A")
    assert edited(deps, again.id, "B?").asked == ""


def test_what_a_follow_up_is_searched_for_is_kept_and_can_be_put_in_other_words(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    rewriting = replace(deps, answerers=(FakeAnswerer(rewrites={"And where?": "Where is the quartz foundry?"}),))
    first = asked(rewriting, "Which foundry makes the quartz sensors?")
    second = asked(rewriting, "And where?", first.conversation_id)
    assert (first.asked, second.asked) == ("", "Where is the quartz foundry?")
    third = finished(rewriting, conversation.ask_as(rewriting, SUBJECT, second.id, "Where is the spring fair?"))
    assert (third.question, third.asked) == ("And where?", "Where is the spring fair?")
    trace = conversation.trace(rewriting, SUBJECT, third.id)
    assert trace is not None
    assert trace["question"] == "Where is the spring fair?"
    own_words = finished(rewriting, conversation.ask_as(rewriting, SUBJECT, third.id, "And where?"))
    assert own_words.asked == "And where?"
    assert finished(rewriting, conversation.regenerate(rewriting, SUBJECT, own_words.id)).asked == "And where?"


def test_a_question_that_could_not_be_asked_of_whole_documents_stays_one(deps: Deps) -> None:
    nothing_there = finished(deps, conversation.ask(deps, SUBJECT, "A?", whole=True))
    assert (nothing_there.state, nothing_there.whole) == (State.FAILED, True)
    again = conversation.regenerate(deps, SUBJECT, nothing_there.id)
    assert again.whole
    assert not conversation.regenerate(deps, SUBJECT, again.id, whole=False).whole


def test_a_follow_up_is_told_what_was_said_in_its_branch_and_nothing_else(
    deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    index(deps, pdfs.report())
    slow, model = gated(deps)
    model.gate.set()
    a = asked(slow, "Who leads the board?")
    b = asked(slow, "Where is the foundry?", a.conversation_id)
    asked(slow, "When is the fair?", a.conversation_id)
    finished(slow, conversation.edit(slow, SUBJECT, b.id, "How many people work there?"))
    _, history = model.heard[-1]
    assert [(turn.question, turn.answer) for turn in history] == [("Who leads the board?", "The first. The last.")]


AGAIN: list[Callable[[Deps, int], object]] = [
    lambda deps, message_id: conversation.regenerate(deps, SUBJECT, message_id),
    lambda deps, message_id: conversation.edit(deps, SUBJECT, message_id, "Other?"),
    lambda deps, message_id: conversation.ask_as(deps, SUBJECT, message_id, "other"),
]


@pytest.mark.parametrize("again", AGAIN)
def test_asking_again_while_the_answer_is_written_stops_that_one_and_keeps_it(
    deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch, again: Callable[[Deps, int], Message]
) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    index(deps, pdfs.report())
    slow, model = gated(deps)
    old = conversation.ask(slow, SUBJECT, "Who leads the board?")
    eventually(slow, old.id, lambda m: bool(m.parts))
    new = again(slow, old.id)
    stopped, citations = conversation.follow(slow, SUBJECT, old.id)
    assert stopped is not None
    assert stopped.state is State.STOPPED
    assert citations
    model.gate.set()
    assert finished(slow, new).state is State.DONE
    assert [m.id for m in conversation.messages(slow, SUBJECT, old.conversation_id)] == [new.id]
    assert conversation.follow(slow, SUBJECT, old.id)[0] == stopped


@pytest.mark.parametrize("again", AGAIN)
def test_what_was_replaced_is_not_replaced_again(deps: Deps, again: Callable[[Deps, int], Message]) -> None:
    old = asked(deps, "A?")
    new = edited(deps, old.id, "B?")
    with pytest.raises(ConversationError, match="asked anew meanwhile"):
        again(deps, old.id)
    with pytest.raises(ConversationError, match="asked anew meanwhile"):
        conversation.bring_back(deps, SUBJECT, old.id)
    assert [m.id for m in conversation.messages(deps, SUBJECT, old.conversation_id)] == [new.id]


def test_two_windows_that_ask_again_at_once_replace_it_once(deps: Deps) -> None:
    old = asked(deps, "A?")

    def again(n: int) -> Message | str:
        try:
            return conversation.edit(deps, SUBJECT, old.id, f"{n}?")
        except ConversationError as error:
            return str(error)

    with ThreadPoolExecutor(8) as windows:
        ended = list(windows.map(again, range(8)))
    (new,) = [one for one in ended if isinstance(one, Message)]
    assert [m.id for m in conversation.messages(deps, SUBJECT, old.conversation_id)] == [new.id]


def test_a_question_that_cannot_be_searched_for_replaces_nothing(deps: Deps) -> None:
    old = asked(deps, "A?")
    for wrong in (" ", "x" * 5000):
        with pytest.raises(QuestionError):
            conversation.edit(deps, SUBJECT, old.id, wrong)
        with pytest.raises(QuestionError):
            conversation.ask_as(deps, SUBJECT, old.id, wrong)
    assert [m.id for m in conversation.messages(deps, SUBJECT, old.conversation_id)] == [old.id]
    with pytest.raises(ConversationError):
        conversation.bring_back(deps, SUBJECT, old.id)
