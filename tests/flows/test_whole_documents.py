"""A small selection read whole: offered with its price, sent once, kept by the provider, cited like any other answer."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from db import as_subject
from db.documents import Selection
from pages.parts.state import Source
from rag import answer, consent, library, usage, whole
from rag.deps import Deps
from rag.errors import TransientProviderError
from rag.providers import Turn
from rag.providers.fake import FakeAnswerer
from rag.trace import Trace
from rag.usage import By
from rag.whole import offer
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index
from tests.standin import AnthropicServer

QUESTION = "Who founded Meridian Instruments in Tromsdal?"


def asked(deps: Deps, question: str = QUESTION, **options):  # type: ignore[no-untyped-def]
    return list(answer.answer(deps, SUBJECT, question, selection=options.pop("selection", Selection()), whole=True, **options))


def results(claude: AnthropicServer, message: int = 0) -> list[dict]:  # type: ignore[type-arg]
    return [block for block in claude.requests[-1].body["messages"][message]["content"] if block["type"] == "search_result"]


def test_every_sentence_of_every_document_is_sent_once_and_in_order(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    documents = [index(agreed, pdfs.report()), index(agreed, pdfs.long_report(8), filename="stations.pdf")]
    _, *_, last = asked(agreed)
    chunks = [chunk for document in documents for chunk in library.chunks(agreed, SUBJECT, document.id)]
    sent = [block["text"] for result in results(claude) for block in result["content"]]
    assert sent == [chunk.quote(at, at + 1) for chunk in chunks for at in range(len(chunk.sentences))]
    assert last.whole
    assert last.citations
    assert last.dropped == 0


def test_the_next_question_reads_what_the_first_one_had_kept(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.long_report(8))
    *_, first = asked(agreed, "Which observation was made at station 23?")
    told = [Turn(question="Which observation was made at station 23?", answer="Observation 3.2.")]
    *_, second = asked(agreed, "And which at station 30?", history=told)
    *_, third = asked(
        agreed, "And which at station 31?", history=[*told, Turn(question="And which at station 30?", answer="Observation 4.2.")]
    )
    assert first.usage is not None
    assert second.usage is not None
    assert third.usage is not None
    written = first.usage.cache_write_tokens
    assert written > 1500
    assert first.usage.cache_read_tokens == 0
    for later in (second.usage, third.usage):
        assert (later.cache_read_tokens, later.cache_write_tokens) == (written, 0)
        assert later.input_tokens < 300
    messages = claude.requests[-1].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant", "user"]
    assert messages[0]["content"][-1]["text"] == "Which observation was made at station 23?"
    assert messages[-1]["content"] == "And which at station 31?"


def test_a_follow_up_is_put_as_it_is_because_nothing_is_searched(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.report())
    before = len(claude.requests)
    *_, last = asked(agreed, "And when?", history=[Turn(question=QUESTION, answer="Dr. A. Holm.")])
    assert len(claude.requests) == before + 1
    assert last.asked == ""
    *_, worded = asked(agreed, "And when?", asked="When was it founded?", history=[Turn(question=QUESTION, answer="Dr. A. Holm.")])
    assert worded.asked == "When was it founded?"
    assert claude.requests[-1].body["messages"][-1]["content"] == "When was it founded?"


def test_the_price_that_is_told_is_about_the_price_that_is_billed(agreed: Deps, index: Index) -> None:
    index(agreed, pdfs.long_report(40))
    told = offer(agreed, SUBJECT, Selection())
    assert told is not None
    assert (told.documents, told.recipient, told.model) == (1, "Anthropic", agreed.answerers[0].name)
    billed = []
    for _ in range(2):
        *_, last = asked(agreed)
        assert last.usage is not None
        sent = last.usage.input_tokens + last.usage.cache_write_tokens + last.usage.cache_read_tokens
        assert sent == pytest.approx(told.tokens, rel=0.3)
        # of an answer's length the estimate knows nothing: the same for both
        cost = agreed.prices.cost(replace(last.usage, output_tokens=whole.ANSWER_TOKENS))
        assert cost is not None
        billed.append(cost.price)
    assert [float(price) for price in billed] == pytest.approx([float(told.first), float(told.again)], rel=0.3)
    assert told.again < told.first / 2


def test_what_a_question_cost_is_kept_with_its_cache(agreed: Deps, index: Index) -> None:
    index(agreed, pdfs.long_report(8))
    asked(agreed)
    asked(agreed)
    spent = {spending.key: spending for spending in usage.spending(agreed, SUBJECT, By.MODEL)}[agreed.answerers[0].name]
    assert spent.cache_write_tokens == spent.cache_read_tokens > 1500


def test_the_sources_are_the_documents_and_the_stored_trace_is_small(agreed: Deps, index: Index) -> None:
    index(agreed, pdfs.report())
    index(agreed, pdfs.long_report(40), filename="stations.pdf")
    first, *_ = asked(agreed)
    assert first.trace is not None
    assert first.trace["whole"] is True
    assert first.trace["documents"] == 2
    assert [source.best.filename for source in Source.all_of(first.trace)] == ["report.pdf", "stations.pdf"]
    assert len(json.dumps(first.trace)) < 5_000
    assert Trace.from_json(first.trace).chunks > 20


def test_a_searched_answer_tells_how_many_documents_were_searched(agreed: Deps, index: Index) -> None:
    chosen = index(agreed, pdfs.report())
    index(agreed, pdfs.long_report(2), filename="stations.pdf")
    for selection, documents in ((Selection(), 2), (Selection(documents=(chosen.id,)), 1)):
        first, *_ = answer.answer(agreed, SUBJECT, QUESTION, selection=selection)
        assert first.trace is not None
        assert first.trace["documents"] == documents
        assert "whole" not in first.trace


def test_only_the_selected_documents_are_offered_and_sent(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    chosen = index(agreed, pdfs.report())
    index(agreed, pdfs.long_report(8), filename="stations.pdf")
    every, one = offer(agreed, SUBJECT, Selection()), offer(agreed, SUBJECT, Selection(documents=(chosen.id,)))
    assert every is not None
    assert one is not None
    assert (one.documents, one.tokens < every.tokens, one.first < every.first) == (1, True, True)
    asked(agreed, selection=Selection(documents=(chosen.id,)))
    assert "station" not in json.dumps(results(claude))


def test_nothing_is_offered_where_nothing_can_be_read_whole(
    deps: Deps, with_claude: Deps, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.allow(with_claude, SUBJECT, "Anthropic")
    assert offer(with_claude, SUBJECT, Selection()) is None, "nothing is ready"
    index(with_claude, pdfs.report())
    assert offer(with_claude, SUBJECT, Selection()) is not None
    assert offer(deps, SUBJECT, Selection()) is None, "the extract takes no whole documents"
    assert offer(with_claude, "someone else", Selection()) is None
    monkeypatch.setattr(whole, "MOST", 300)
    assert offer(with_claude, SUBJECT, Selection()) is None, "too large"


def test_nothing_is_offered_before_the_model_was_agreed_to(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    index(with_claude, pdfs.report())
    assert offer(with_claude, SUBJECT, Selection()) is None
    *_, last = asked(with_claude)
    assert (last.whole, last.is_extract, claude.requests) == (False, True, [])


def test_a_yes_to_whole_documents_is_for_one_question(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.long_report(60))
    before = consent.given(agreed, SUBJECT)
    asked(agreed)
    sent = len(json.dumps(results(claude)))
    list(answer.answer(agreed, SUBJECT, QUESTION, selection=Selection()))
    assert len(json.dumps(results(claude))) < sent
    assert consent.given(agreed, SUBJECT) == before


def test_documents_that_have_grown_too_large_are_searched_and_it_is_said(
    agreed: Deps, index: Index, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    index(agreed, pdfs.report())
    monkeypatch.setattr(whole, "MOST", 300)
    first, *_, last = asked(agreed)
    assert not last.whole
    assert any("read whole" in note for note in last.notes)
    assert first.trace is not None
    assert first.trace["hits"][0]["stages"]
    assert "cache_control" not in json.dumps(claude.requests[-1].body)


def test_a_model_that_runs_here_reads_whole_documents_for_nothing(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    here = replace(deps, answerers=(FakeAnswerer(window=100_000),))
    told = offer(here, SUBJECT, Selection())
    assert told is not None
    assert (told.recipient, told.first, told.again) == (None, Decimal(0), Decimal(0))


def test_an_overload_in_mid_stream_keeps_what_was_written_and_what_it_cost(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.long_report(8))
    claude.break_stream_after(10)
    steps: list[answer.Progress] = []
    with pytest.raises(TransientProviderError, match="overloaded"):
        steps.extend(answer.answer(agreed, SUBJECT, QUESTION, selection=Selection(), whole=True))
    assert steps[-1].parts
    with as_subject(agreed.pool, SUBJECT) as connection:
        assert connection.execute("select cache_write_tokens > 1000 from usage where purpose = 'answer'").fetchall() == [(True,)]
