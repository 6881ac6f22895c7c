"""Thumbs with a reason: kept with the answer, changed, taken back, and offered as questions to measure with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag import conversation, feedback, library, own_questions
from rag.deps import Deps
from rag.errors import ConversationError
from rag.feedback import Rated, Rating
from rag.providers.fake import FakeAnswerer
from tests import pdfs
from tests.flows.asking import asked, finished
from tests.flows.conftest import SUBJECT, Index

QUESTION = "Which foundry makes the quartz sensors?"


def test_a_rating_is_kept_changed_and_taken_back(deps: Deps) -> None:
    message, other = asked(deps, QUESTION), asked(deps, QUESTION)
    feedback.rate(deps, SUBJECT, message.id, good=True)
    assert feedback.of(deps, SUBJECT, [message.id, other.id]) == {message.id: Rating(message_id=message.id, good=True, reason="")}
    feedback.rate(deps, SUBJECT, message.id, good=False, reason="  It names\x00 no foundry. ")
    assert feedback.of(deps, SUBJECT, [message.id])[message.id] == Rating(message_id=message.id, good=False, reason="It names  no foundry.")
    feedback.unrate(deps, SUBJECT, message.id)
    assert feedback.of(deps, SUBJECT, [message.id]) == {}
    assert feedback.unsettled(deps, SUBJECT) == []


def test_only_the_owner_of_an_answer_rates_it(deps: Deps) -> None:
    message = asked(deps, QUESTION)
    with pytest.raises(ConversationError):
        feedback.rate(deps, "somebody-else", message.id, good=False)
    feedback.rate(deps, SUBJECT, message.id, good=True)
    feedback.unrate(deps, "somebody-else", message.id)
    feedback.settle(deps, "somebody-else", message.id)
    assert feedback.of(deps, "somebody-else", [message.id]) == {}
    assert [rated.message_id for rated in feedback.unsettled(deps, SUBJECT)] == [message.id]


def test_rated_answers_are_offered_until_they_are_settled(deps: Deps) -> None:
    one, two = asked(deps, "One?"), asked(deps, "Two?")
    feedback.rate(deps, SUBJECT, one.id, good=True)
    feedback.rate(deps, SUBJECT, two.id, good=False, reason="Wrong year")
    assert feedback.unsettled(deps, SUBJECT) == [
        Rated(message_id=two.id, question="Two?", good=False, reason="Wrong year"),
        Rated(message_id=one.id, question="One?", good=True, reason=""),
    ]
    feedback.settle(deps, SUBJECT, two.id)
    assert [rated.message_id for rated in feedback.unsettled(deps, SUBJECT)] == [one.id]
    feedback.rate(deps, SUBJECT, two.id, good=True)  # thought better of: a new rating is a new offer
    assert [rated.good for rated in feedback.unsettled(deps, SUBJECT)] == [True, True]
    conversation.delete(deps, SUBJECT, one.conversation_id)
    assert [rated.message_id for rated in feedback.unsettled(deps, SUBJECT)] == [two.id]
    conversation.undelete(deps, SUBJECT, one.conversation_id)
    assert len(feedback.unsettled(deps, SUBJECT)) == 2


def test_a_follow_up_is_offered_in_the_words_that_were_searched_for(deps: Deps) -> None:
    first = asked(deps, QUESTION)
    follow_up = finished(deps, conversation.ask_as(deps, SUBJECT, first.id, "quartz foundry"))
    feedback.rate(deps, SUBJECT, follow_up.id, good=True)
    assert [rated.question for rated in feedback.unsettled(deps, SUBJECT)] == ["quartz foundry"]


def test_a_good_answer_becomes_a_question_with_each_passage_that_it_cites(deps: Deps, index: Index) -> None:
    index(deps, pdfs.long_report(6))
    citing = replace(deps, answerers=(FakeAnswerer(quotes=2),))
    message = asked(citing, "Which observation was made at station 23?")
    citations = conversation.follow(deps, SUBJECT, message.id)[1]
    feedback.rate(deps, SUBJECT, message.id, good=True)
    (rated,) = feedback.unsettled(deps, SUBJECT)
    assert feedback.take(deps, SUBJECT, rated) == len(citations) > 0
    kept = own_questions.collected(deps, SUBJECT)
    assert {(q.question, q.ord, q.quote) for q in kept} == {(message.question, c.ord, c.quote) for c in citations}
    assert feedback.unsettled(deps, SUBJECT) == []
    (question,) = own_questions.question_set(deps, SUBJECT, name="mine").questions
    assert all(gold.ord is not None for gold in question.gold)


def test_an_answer_whose_documents_are_gone_is_not_taken_and_stays_offered(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    message = asked(deps, QUESTION)
    feedback.rate(deps, SUBJECT, message.id, good=True)
    library.delete(deps, SUBJECT, document.id)
    (rated,) = feedback.unsettled(deps, SUBJECT)
    assert feedback.take(deps, SUBJECT, rated) == 0
    assert feedback.unsettled(deps, SUBJECT) == [rated]
