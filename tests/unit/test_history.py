"""What a model is told of a long conversation."""

from __future__ import annotations

from rag.history import LONGEST, kept
from rag.providers import Turn
from rag.windows import tokens


def turns(n, *, words=10):
    return [Turn(question=f"Question {at}?", answer=f"Answer {at}. " + "word " * words) for at in range(n)]


def test_a_short_conversation_is_told_whole():
    said = turns(3)
    assert kept(said) == (said, 0)


def test_no_conversation_leaves_nothing_out():
    assert kept([]) == ([], 0)


def test_the_latest_turns_that_fit_are_told_in_order_and_the_others_counted():
    said = turns(30, words=300)
    told, left_out = kept(said, 2_000)
    assert told == said[-len(told) :]
    assert len(told) + left_out == 30
    assert len(told) > 2
    assert sum(tokens(turn.question + turn.answer) for turn in told) <= 2_000


def test_a_very_long_answer_is_shortened_and_hides_no_other():
    said = [*turns(3), Turn(question="All of it?", answer="word " * 20_000)]
    told, left_out = kept(said)
    assert left_out == 0
    assert told[:3] == said[:3]
    assert told[3].question == "All of it?"
    assert told[3].answer.startswith("word word")
    assert told[3].answer.endswith("…")
    assert tokens(told[3].question) + tokens(told[3].answer) <= LONGEST + 5


def test_a_very_long_question_is_shortened_too():
    (told,), left_out = kept([Turn(question="问" * 4_000, answer="答" * 4_000)])
    assert left_out == 0
    assert told.question.startswith("问")
    assert told.answer.startswith("答")
    assert tokens(told.question) + tokens(told.answer) <= LONGEST + 5
