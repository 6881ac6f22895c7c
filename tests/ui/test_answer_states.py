from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from db.conversations import Citation, Message, Part, State
from pages.parts import answers
from pages.parts.answers import message_tree
from pages.parts.state import Answer, PageState
from tests.ui.conftest import nodes, strings


@pytest.fixture(autouse=True)
def _session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "page_state", PageState)


def draw(**changes: Any) -> Any:
    message: dict[str, Any] = {
        "id": 1,
        "conversation_id": 1,
        "question": "What was the profit?",
        "state": State.DONE,
        "parts": (Part(text="It was 7.4 million.", citations=(1,)),),
        "abstained": False,
        "model": "claude",
        "is_extract": False,
        "dropped": 0,
        "notes": (),
        "error": "",
        "created_at": datetime.now(UTC),
    }
    citation = Citation(number=1, document_id=1, filename="report.pdf", ord=0, page=2, quote="Profit: 7.4", boxes=((2, 1, 1, 2, 2),))
    return message_tree(Answer(message=Message(**message | changes), citations=(citation,), sources=()))


def said(tree: Any) -> str:
    return " ".join(strings(tree))


def acts(tree: Any) -> set[str]:
    return {n[1]["act"] for n in nodes(tree) if "act" in n[1]}


def test_a_finished_answer_names_its_model_and_offers_nothing_more() -> None:
    tree = draw()
    assert "Written by claude" in said(tree)
    assert acts(tree) == {"cite:1"}


def test_a_number_tells_a_screen_reader_and_a_pointer_what_it_opens() -> None:
    (number,) = [n for n in nodes(draw()) if n[1].get("act") == "cite:1"]
    assert number[1]["label"] == "Source 1: report.pdf, page 2"
    assert "Profit: 7.4" in number[1]["tip"]


def test_searching_and_answering_are_said() -> None:
    assert "Searching your documents" in said(draw(state=State.SEARCHING, parts=()))
    assert "Reading the sources" in said(draw(state=State.ANSWERING, parts=()))
    assert "Writing the answer" in said(draw(state=State.ANSWERING))


@pytest.mark.parametrize("state", [State.STOPPED, State.INTERRUPTED, State.FAILED])
def test_an_answer_that_ended_early_keeps_its_text_and_can_be_asked_again(state: State) -> None:
    tree = draw(state=state, error="Anthropic is overloaded at the moment. Try again later." if state is State.FAILED else "")
    assert "It was 7.4" in said(tree)
    assert "again" in acts(tree)
    assert {State.STOPPED: "Stopped.", State.INTERRUPTED: "Interrupted:", State.FAILED: "Anthropic is overloaded"}[state] in said(tree)


def test_an_answer_without_support_says_so_and_marks_nothing_twice() -> None:
    tree = draw(abstained=True, parts=(Part(text="The documents speak of lighthouses, not of submarines.", citations=()),))
    assert "Your documents do not seem to hold the answer." in said(tree)
    assert not [n for n in nodes(tree) if n[1].get("c") == "uncited"]


def test_an_extract_is_labelled_as_one() -> None:
    assert "Extract: the best matching sentences, quoted. No model wrote this." in said(draw(is_extract=True))
    assert "Extract:" not in said(draw())


def test_dropped_citations_are_counted() -> None:
    assert "2 citations left out" in said(draw(dropped=2))


def test_the_marks_of_uncited_text_are_explained() -> None:
    tree = draw(
        parts=(Part(text="It was 7.4 million.", citations=(1,)), Part(text=" That is a handsome sum for a lighthouse.", citations=()))
    )
    assert "is not from your documents." in said(tree)
    assert "is not from your documents." not in said(draw())


def test_notes_of_the_search_are_shown() -> None:
    assert "the fused order is used" in said(draw(notes=("The reranker did not answer, so the fused order is used. Sorry.",)))
