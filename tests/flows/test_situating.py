"""With a key and consent, Claude situates every chunk of a published document; one later transaction puts its contexts in place."""

from __future__ import annotations

import pytest

from db import as_subject
from db import chunks as chunk_rows
from db.documents import Selection, Situating, Status
from rag import jobs, library
from rag.deps import Deps
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index
from tests.standin import AnthropicServer


def test_without_consent_every_chunk_has_its_structural_context(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    document = index(with_claude, pdfs.report())
    chunks = library.chunks(with_claude, SUBJECT, document.id)
    assert {chunk.context_by for chunk in chunks} == {chunk_rows.STRUCTURAL}
    assert all(chunk.context for chunk in chunks)
    assert claude.requests == []


def test_with_consent_every_chunk_is_situated_embedded_and_indexed_with_its_context(
    agreed: Deps, index: Index, claude: AnthropicServer
) -> None:
    document = index(agreed, pdfs.report())
    assert document.status is Status.READY
    chunks = library.chunks(agreed, SUBJECT, document.id)
    (situator,) = agreed.situators
    assert {chunk.context_by for chunk in chunks} == {situator.name}
    assert all(chunk.context and chunk.context != chunk.structural for chunk in chunks)
    word = next(w for w in chunks[0].context.split() if w.isalpha() and len(w) > 5 and w not in chunks[0].structural + chunks[0].text)
    assert any(hit.chunk.ord == chunks[0].ord for hit in search(agreed, SUBJECT, word, selection=Selection()).hits)
    assert len(claude.requests) >= len(chunks)


def test_a_stored_context_is_not_paid_for_again(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    document = index(agreed, pdfs.report())
    paid = len(claude.requests)
    with as_subject(agreed.pool, SUBJECT) as connection:
        jobs.defer_situate(connection, subject=SUBJECT, document_id=document.id)
    while library.busy(agreed, SUBJECT):
        jobs.run_worker(agreed, wait=False)
    assert len(claude.requests) == paid


def test_a_refused_key_leaves_the_document_ready_with_structural_contexts_and_a_note(
    agreed: Deps, index: Index, claude: AnthropicServer
) -> None:
    claude.fail_next(401, times=99)
    document = index(agreed, pdfs.report())
    assert (document.status, document.stage, document.situating, document.situated) == (Status.READY, "", Situating.ENDED, 0)
    assert "key" in document.unsituated
    assert {c.context_by for c in library.chunks(agreed, SUBJECT, document.id)} == {chunk_rows.STRUCTURAL}
    assert search(agreed, SUBJECT, "board", selection=Selection()).hits


def test_documents_that_were_ready_before_consent_are_situated_after_it(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    document = index(with_claude, pdfs.report())
    assert claude.requests == []
    library.allow(with_claude, SUBJECT, "Anthropic")
    while library.busy(with_claude, SUBJECT):
        jobs.run_worker(with_claude, wait=False)
    (situator,) = with_claude.situators
    assert {c.context_by for c in library.chunks(with_claude, SUBJECT, document.id)} == {situator.name}


def test_an_unexpected_end_of_situating_leaves_the_document_ready_and_says_so(
    agreed: Deps, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(type(agreed.situators[0]), "write", broken)
    monkeypatch.setattr(jobs, "ATTEMPTS_OTHERWISE", 1)
    document = index(agreed, pdfs.report())
    assert (document.status, document.stage) == (Status.READY, "")
    assert document.situating is Situating.ENDED
    assert "RuntimeError" in document.unsituated
    assert search(agreed, SUBJECT, "board", selection=Selection()).hits
