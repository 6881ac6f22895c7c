"""Question -> search -> answer -> citations that stand in the stored text."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from db import as_subject
from db.conversations import Message, State
from db.documents import Selection
from rag import answer, consent, conversation, library
from rag.deps import Deps
from rag.errors import PermanentProviderError, QuestionError
from rag.providers import BlockEnd, Cite, Text
from rag.providers.extract import Extract
from rag.providers.fake import FakeAnswerer
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index
from tests.standin import AnthropicServer

QUESTION = "Who leads the board of Meridian Instruments?"


def finished(deps: Deps, message: Message, *, seconds: float = 20) -> Message:
    """The message once its producer is done."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        latest, _ = conversation.follow(deps, SUBJECT, message.id)
        assert latest is not None
        if latest.finished:
            return latest
        time.sleep(0.05)
    pytest.fail("the answer did not end")


def test_sources_come_before_the_answer(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    steps = list(answer.answer(deps, SUBJECT, QUESTION, selection=Selection()))
    assert steps[0].parts == ()
    assert steps[0].trace is not None
    assert steps[0].trace["hits"]
    assert steps[-1].finished
    assert steps[-1].citations


def test_every_citation_stands_in_the_stored_text_with_its_boxes(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    chunks = {chunk.ord: chunk for chunk in library.chunks(deps, SUBJECT, document.id)}
    *_, last = answer.answer(deps, SUBJECT, QUESTION, selection=Selection())
    for citation in last.citations:
        chunk = chunks[citation.ord]
        assert citation.quote in chunk.text
        boxes = {box for sentence in chunk.sentences for box in sentence.boxes}
        assert citation.boxes
        assert set(citation.boxes) <= boxes
        assert citation.page == citation.boxes[0][0]


def test_neighbouring_hits_are_one_passage_whose_sentences_keep_their_own_chunk(
    agreed: Deps, index: Index, claude: AnthropicServer
) -> None:
    document = index(agreed, pdfs.long_report(6))
    chunks = {chunk.ord: chunk for chunk in library.chunks(agreed, SUBJECT, document.id)}
    assert len(chunks) > 2

    first, *_, last = answer.answer(agreed, SUBJECT, "Which observation was made at station 23?", selection=Selection())

    assert first.trace is not None
    passages = first.trace["passages"]
    assert len(passages) < len(first.trace["hits"])
    assert sorted(rank for ranks in passages for rank in ranks) == [hit["rank"] for hit in first.trace["hits"]]
    results = [block for block in claude.requests[-1].body["messages"][-1]["content"] if block["type"] == "search_result"]
    by_rank = {hit["rank"]: chunks[hit["ord"]] for hit in first.trace["hits"]}
    assert [[block["text"] for block in result["content"]] for result in results] == [
        [chunk.quote(i, i + 1) for chunk in map(by_rank.__getitem__, ranks) for i in range(len(chunk.sentences))] for ranks in passages
    ]
    assert last.dropped == 0
    assert last.citations
    for citation in last.citations:
        chunk = chunks[citation.ord]
        (sentence,) = [i for i in range(len(chunk.sentences)) if chunk.sentences[i].boxes == citation.boxes]
        assert citation.quote == chunk.quote(sentence, sentence + 1)


def test_an_answer_that_quotes_across_two_chunks_cites_each(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.long_report(6))
    first, second, *_ = library.chunks(deps, SUBJECT, document.id)
    at = len(first.sentences) - 1
    quote = f"{first.quote(at, at + 1)} {second.quote(0, 1)}"
    script = (Text(text=quote), Cite(passage=0, first=at, last=at + 2, quote=quote), BlockEnd())
    whole = replace(deps, answerers=(FakeAnswerer(script=script),))

    *_, last = answer.answer(whole, SUBJECT, first.text, selection=Selection())

    assert [(c.ord, c.quote, c.boxes) for c in last.citations] == [
        (first.ord, first.quote(at, at + 1), first.sentences[at].boxes),
        (second.ord, second.quote(0, 1), second.sentences[0].boxes),
    ]
    assert [(part.text.strip(), part.citations) for part in last.parts] == [(c.quote, (c.number,)) for c in last.citations]


def test_claude_is_asked_only_after_consent(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    index(with_claude, pdfs.report())
    *_, without = answer.answer(with_claude, SUBJECT, QUESTION, selection=Selection())
    assert without.is_extract
    assert claude.requests == []
    assert {request.recipient for request in consent.outstanding(with_claude, SUBJECT)} == {"Anthropic"}
    library.allow(with_claude, SUBJECT, "Anthropic")
    assert consent.outstanding(with_claude, SUBJECT) == []
    *_, after = answer.answer(with_claude, SUBJECT, QUESTION, selection=Selection())
    assert not after.is_extract
    assert after.citations
    assert after.usage is not None
    assert after.usage.output_tokens > 0
    consent.withdraw(with_claude, SUBJECT, "Anthropic", with_claude.answerers[0].name)
    sent = len(claude.requests)
    *_, later = answer.answer(with_claude, SUBJECT, QUESTION, selection=Selection())
    assert later.is_extract
    assert len(claude.requests) == sent


def test_claudes_citations_are_checked_against_the_stored_sentences(agreed: Deps, index: Index) -> None:
    index(agreed, pdfs.report())
    *_, last = answer.answer(agreed, SUBJECT, QUESTION, selection=Selection())
    assert last.dropped == 0
    numbers = [n for part in last.parts for n in part.citations]
    assert sorted(set(numbers)) == [c.number for c in last.citations]
    assert any(not part.citations for part in last.parts), "a sentence without a citation stays one"


@pytest.mark.parametrize("lie", ["quote", "range", "index"])
def test_a_citation_that_does_not_stand_there_is_dropped_and_counted(agreed: Deps, index: Index, claude: AnthropicServer, lie: str) -> None:
    index(agreed, pdfs.report())
    claude.lie_about_citations(lie)
    *_, last = answer.answer(agreed, SUBJECT, QUESTION, selection=Selection())
    assert last.dropped > 0
    assert last.citations == ()
    assert last.abstained


def test_a_wrong_key_is_a_sentence(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.report())
    claude.fail_next(401)
    message = finished(agreed, conversation.ask(agreed, SUBJECT, QUESTION))
    assert message.state is State.FAILED
    assert "key" in message.error
    claude.fail_next(401)
    with pytest.raises(PermanentProviderError, match="key"):
        list(answer.answer(agreed, SUBJECT, QUESTION, selection=Selection()))


def test_what_was_written_before_an_overload_in_mid_stream_is_kept(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.report())
    claude.break_stream_after(8)
    message = finished(agreed, conversation.ask(agreed, SUBJECT, QUESTION))
    assert message.state is State.FAILED
    assert message.parts
    assert message.error


def test_an_answer_is_followed_by_its_number_from_anywhere(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    asked = conversation.ask(deps, SUBJECT, QUESTION)
    message = finished(deps, asked)
    assert message.state is State.DONE
    _, citations = conversation.follow(deps, SUBJECT, asked.id)
    assert citations
    trace = conversation.trace(deps, SUBJECT, asked.id)
    assert trace is not None
    assert {"dense", "bm25", "fused"} <= set(trace["stages"])
    assert conversation.follow(deps, "someone else", asked.id) == (None, [])


def test_an_answer_whose_producer_fell_silent_counts_as_interrupted(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    message = finished(deps, conversation.ask(deps, SUBJECT, QUESTION))
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update messages set state = 'answering', beat_at = now() - interval '1 minute' where id = %s", [message.id])
    latest, _ = conversation.follow(deps, SUBJECT, message.id)
    assert latest is not None
    assert latest.state is State.INTERRUPTED
    assert latest.parts == message.parts


def test_a_stopped_answer_keeps_what_was_written(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.report())
    claude.event_delay = 0.2
    message = conversation.ask(agreed, SUBJECT, QUESTION)
    until = time.monotonic() + 20
    while not (latest := conversation.follow(agreed, SUBJECT, message.id)[0]) or not latest.parts:
        assert time.monotonic() < until
        time.sleep(0.05)
    conversation.stop(agreed, SUBJECT, message.id)
    time.sleep(1)
    stopped, _ = conversation.follow(agreed, SUBJECT, message.id)
    assert stopped is not None
    assert stopped.state is State.STOPPED
    assert stopped.parts
    with as_subject(agreed.pool, SUBJECT) as connection:
        billed = connection.execute("select purpose, input_tokens > 0 from usage where message_id = %s", [message.id]).fetchall()
    assert billed == [("answer", True)]


@pytest.mark.parametrize(("question", "told"), [("", "empty"), (" \n?!", "empty"), ("x" * 5000, "limit")])
def test_a_question_that_cannot_be_searched_for_is_refused(deps: Deps, question: str, told: str) -> None:
    with pytest.raises(QuestionError, match=told):
        conversation.ask(deps, SUBJECT, question)
    assert conversation.conversations(deps, SUBJECT) == []


def test_a_question_to_an_empty_library_is_answered_with_what_to_do(deps: Deps) -> None:
    message = finished(deps, conversation.ask(deps, SUBJECT, QUESTION))
    assert message.state is State.FAILED
    assert "Upload a PDF" in message.error


def test_an_old_answer_keeps_its_quotes_when_the_document_is_deleted(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    message = finished(deps, conversation.ask(deps, SUBJECT, QUESTION))
    _, before = conversation.follow(deps, SUBJECT, message.id)
    library.delete(deps, SUBJECT, document.id)
    _, after = conversation.follow(deps, SUBJECT, message.id)
    assert [c.quote for c in after] == [c.quote for c in before]
    assert {c.document_id for c in after} == {None}
    assert {c.filename for c in after} == {"report.pdf"}


def test_without_a_model_nothing_is_quoted_for_a_question_that_the_documents_do_not_answer(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    quoting = replace(deps, answerers=(Extract(deps.embedder),))
    first, *_, last = answer.answer(quoting, SUBJECT, "How many penguins live on Heard Island?", selection=Selection())
    assert last.abstained
    assert last.parts == ()
    assert first.trace is not None
    assert first.trace["hits"]  # the nearest passages stay

    *_, last = answer.answer(quoting, SUBJECT, QUESTION, selection=Selection())
    assert not last.abstained
    assert last.citations
