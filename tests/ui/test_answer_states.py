from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from db.conversations import Citation, Message, Part, State
from pages.parts import message_tree as drawing
from pages.parts.message_tree import message_tree
from pages.parts.state import Answer, Found, PageState, Search, Source
from rag.feedback import Rating
from tests.ui.conftest import nodes, strings


@pytest.fixture(autouse=True)
def _session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "page_state", PageState)


def draw(
    *, rating: Rating | None = None, is_last: bool = True, restricted: bool = False, search: Search | None = None, **changes: Any
) -> Any:
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
    read = Answer(message=Message(**message | changes), citations=(citation,), search=search or Search())
    return message_tree(read, rating=rating, is_last=is_last, restricted=restricted)


def said(tree: Any) -> str:
    return " ".join(strings(tree))


def acts(tree: Any) -> set[str]:
    return {n[1]["act"] for n in nodes(tree) if "act" in n[1]}


def pressed(tree: Any) -> dict[str, bool]:
    return {n[1]["act"]: n[1]["on"] for n in nodes(tree) if n[1].get("act") in {"good", "bad"}}


FOUND = Search(
    sources=tuple(
        Source(
            found=(
                Found(
                    rank=n, document_id=1, ord=n, filename="report.pdf", heading="", first_page=n, last_page=n, snippet="Lamps.", stages={}
                ),
            )
        )
        for n in range(1, 6)
    ),
    passages=1204,
    documents=5,
)


def test_a_finished_answer_names_its_model_and_can_be_rated_copied_and_asked_again() -> None:
    tree = draw()
    assert "Written by claude" in said(tree)
    assert acts(tree) == {"cite:1", "unfold:question", "good", "bad", "again", "unfold:more"}
    (copy,) = [n for n in nodes(tree) if "copy" in n[1]]
    assert "It was 7.4 million." in copy[1]["copy"]
    assert "report.pdf" in copy[1]["copy"]


def test_every_sign_says_its_name() -> None:
    tree = draw(asked="What was the profit in 2031?")
    signs = [n for n in nodes(tree) if n[1].get("c") == "icon-button"]
    assert len(signs) == 7
    assert all(n[1]["label"] and n[1]["tip"] for n in signs)


def test_only_the_last_answer_is_asked_again_in_its_place() -> None:
    assert "again" not in acts(draw(is_last=False))


def test_while_an_answer_grows_nothing_can_be_done_with_it() -> None:
    assert acts(draw(state=State.ANSWERING)) == {"cite:1"}


def test_a_thumb_stays_pressed() -> None:
    rating = {"message_id": 1, "reason": ""}
    assert pressed(draw()) == {"good": False, "bad": False}
    assert pressed(draw(rating=Rating(good=True, **rating))) == {"good": True, "bad": False}  # type: ignore[arg-type]  # by name
    assert pressed(draw(rating=Rating(good=False, **rating))) == {"good": False, "bad": True}  # type: ignore[arg-type]


def test_what_was_searched_for_is_shown_and_can_be_changed() -> None:
    tree = draw(asked="What was the operating profit in 2031?")
    assert "Searched for: What was the operating profit in 2031?" in said(tree)
    assert "unfold:asked" in acts(tree)
    assert "unfold:asked" not in acts(draw(asked="x", state=State.ANSWERING))
    assert "Searched for" not in said(draw())


def test_an_answer_that_took_anothers_place_leads_back_to_it() -> None:
    assert "back" in acts(draw(replaces=True))
    assert "back" not in acts(draw())


def test_documents_that_were_read_whole_are_said() -> None:
    assert "Written by claude, which read the documents whole" in said(draw(whole=True))


def test_what_the_model_was_not_told_is_said() -> None:
    assert "3 earlier questions were left out of what the model was told." in said(draw(left_out=3))


def test_an_abstention_tells_what_was_searched_and_offers_what_came_nearest() -> None:
    tree = draw(abstained=True, parts=(), search=FOUND, is_extract=True)
    assert "Searched 1,204 passages of 5 documents." in said(tree)
    assert {act for act in acts(tree) if act.startswith("card:")} == {"card:1", "card:2", "card:3"}
    assert "widen" not in acts(tree)
    assert "widen" in acts(draw(abstained=True, parts=(), search=FOUND, restricted=True))
    assert "The model read 5 documents whole." in said(draw(abstained=True, whole=True, search=FOUND))


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
    assert "What follows does not rest on them." in said(tree)
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


def test_while_nothing_is_written_yet_its_place_is_kept() -> None:
    assert [n for n in nodes(draw(state=State.SEARCHING, parts=())) if "skeleton" in n[1].get("c", "")]
    assert not [n for n in nodes(draw(state=State.ANSWERING)) if "skeleton" in n[1].get("c", "")]


def test_notes_of_the_search_are_shown() -> None:
    assert "the fused order is used" in said(draw(notes=("The reranker did not answer, so the fused order is used. Sorry.",)))
