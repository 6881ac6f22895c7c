"""Situating is complete or says so: what fails waits, is tried again, and ends in a sentence; nothing is paid for twice meanwhile."""

from __future__ import annotations

from collections import Counter

import pytest

from db import as_subject
from db import chunks as chunk_rows
from db import contexts as context_rows
from db.documents import Document, Selection, Situating, Status
from rag import calls, consent, jobs, library
from rag.deps import Deps, build
from rag.search import search
from tests.flows.conftest import SUBJECT, next_round, ready
from tests.standin import AnthropicServer

LONG = 90  # passages: two windows


def state(deps: Deps, document: Document) -> Document:
    return library.document(deps, SUBJECT, document.id)


def begun(deps: Deps, passages: int) -> Document:
    """A document after its first round."""
    document = ready(deps, passages)
    jobs.run_worker(deps, wait=False)
    return state(deps, document)


def ended(deps: Deps, passages: int) -> Document:
    """A document after all rounds."""
    document = ready(deps, passages)
    while state(deps, document).situating is not Situating.ENDED:
        next_round(deps)
    return state(deps, document)


def by(deps: Deps, document: Document) -> Counter[str]:
    return Counter(chunk.context_by for chunk in library.chunks(deps, SUBJECT, document.id))


def calls_kept(deps: Deps) -> int:
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute("select count(*) from usage where purpose = 'situate'").fetchone()
    return row[0] if row else 0


def chunks_asked(claude: AnthropicServer) -> Counter[str]:
    return Counter({text: n for text, n in claude.paid.items() if "<chunk>" in text})


def test_a_long_document_is_situated_by_windows_with_one_summary(agreed: Deps, claude: AnthropicServer) -> None:
    document = ended(agreed, LONG)
    assert document.situated == document.n_chunks == 90
    assert sum(claude.paid.values()) == calls_kept(agreed) == 91
    assert set(claude.paid.values()) == {1}
    usages = [request.body["messages"][0]["content"] for request in claude.requests]
    prefixes = {content[0]["text"] for content in usages if len(content) == 2}
    assert len(prefixes) == 2
    assert all(prefix.startswith("<summary>") and len(prefix) < 40_000 for prefix in prefixes)
    with as_subject(agreed.pool, SUBJECT) as connection:
        row = connection.execute("select count(*) filter (where cache_write_tokens > 0), sum(cache_read_tokens) from usage").fetchone()
    assert row is not None
    assert row[0] == 2, "each window's prefix is written once, and read by all its other calls"
    assert row[1] > 88 * 4_000


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_storm_of_refusals_ends_with_every_chunk_situated_and_paid_once(agreed: Deps, claude: AnthropicServer, share: float) -> None:
    claude.storm(share, retry_after=0.01)
    document = ended(agreed, LONG)
    assert (document.situated, document.unsituated) == (document.n_chunks, "")
    assert set(claude.paid.values()) == {1}
    assert sum(claude.paid.values()) == document.n_chunks + 1
    assert len(claude.requests) > 1.2 * len(claude.paid), "there was a storm"


def limited_after(claude: AnthropicServer, answers: int) -> None:
    """So many calls are answered; the others are refused with a wait that is for the queue."""
    claude.fail_next(429, times=100, headers={"retry-after": "45"}, after=answers)


def test_what_failed_keeps_its_structural_context_and_waits_in_sight(agreed: Deps, claude: AnthropicServer) -> None:
    limited_after(claude, 61)
    document = begun(agreed, LONG)
    assert (document.status, document.stage, document.situating) == (Status.READY, "", Situating.WAITING)
    assert document.situated == 60
    assert document.unsituated == "Anthropic's rate limit for this key is reached. Try again later."
    (situator,) = agreed.situators
    assert by(agreed, document) == {situator.name: 60, chunk_rows.STRUCTURAL: 30}
    assert search(agreed, SUBJECT, "station", selection=Selection()).hits
    assert document.id in library.busy(agreed, SUBJECT)


def test_the_next_round_pays_for_what_is_missing_and_embeds_no_more(
    agreed: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited_after(claude, 85)
    document = begun(agreed, LONG)
    assert document.situated == 84
    claude.mend()
    embedded: list[str] = []
    embed = type(agreed.embedder).embed_documents
    monkeypatch.setattr(
        type(agreed.embedder), "embed_documents", lambda self, texts, *rest: embedded.extend(texts) or embed(self, texts, *rest)
    )
    next_round(agreed)
    document = state(agreed, document)
    assert (document.situated, document.situating, document.unsituated) == (90, Situating.ENDED, "")
    assert len(embedded) == 6
    assert sum(claude.paid.values()) == calls_kept(agreed) == 91
    with as_subject(agreed.pool, SUBJECT) as connection:
        row = connection.execute("select (select count(*) from vectors), (select count(*) from vector_drafts)").fetchone()
    assert row == (90, 0)


def test_waits_grow_until_rounds_that_bring_nothing_end_in_a_sentence(
    agreed: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ATTEMPTS_WHEN_AWAY", 4)
    claude.fail_next(529, times=1_000, headers={"retry-after": "45"})
    document = begun(agreed, 3)
    waits = []
    while state(agreed, document).situating is Situating.WAITING:
        with agreed.pool.connection() as connection:
            row = connection.execute("select extract(epoch from scheduled_at - now()) from procrastinate_jobs").fetchone()
        waits.append(round(row[0]))
        next_round(agreed)
    assert all(40 <= wait <= 45 for wait in waits), "no sooner than the provider asked for"
    assert len(waits) == 3
    document = state(agreed, document)
    assert (document.situating, document.situated) == (Situating.ENDED, 0)
    assert "overloaded" in document.unsituated
    assert not library.busy(agreed, SUBJECT)


@pytest.mark.parametrize(("failure", "told"), [(500, "internal error"), (0, "could not be reached")])
def test_a_server_in_trouble_and_a_dropped_connection_are_waited_out(
    agreed: Deps, claude: AnthropicServer, failure: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PATIENCE", 0.01)
    claude.fail_next(failure, times=4, headers={}, after=3)
    document = ended(agreed, 20)
    assert (document.situated, document.unsituated) == (20, ""), told
    assert set(claude.paid.values()) == {1}


def test_an_answer_that_cannot_be_used_is_paid_tried_again_and_in_the_end_left(agreed: Deps, claude: AnthropicServer) -> None:
    answer = claude._spans

    def refusing(body):
        spans, reason = answer(body)
        return spans, "refusal" if "Observation 7.1 " in str(body["messages"][-1]["content"][-1]) else reason

    claude._spans = refusing
    document = begun(agreed, 20)
    assert (document.situating, document.situated) == (Situating.WAITING, 19)
    next_round(agreed)
    next_round(agreed)
    document = state(agreed, document)
    assert (document.situating, document.situated) == (Situating.ENDED, 19)
    assert document.unsituated == "Claude declined to write about this."
    assert sorted(chunks_asked(claude).values()) == [1] * 19 + [3]
    assert calls_kept(agreed) == 22
    claude._spans = answer
    library.situate_again(agreed, SUBJECT, document.id)
    next_round(agreed)
    document = state(agreed, document)
    assert (document.situated, document.unsituated) == (20, "")
    assert sum(claude.paid.values()) == 23


def test_one_rejected_chunk_does_not_keep_the_others_from_being_situated(agreed: Deps, claude: AnthropicServer) -> None:
    claude.fail_next(400, after=5)
    document = ended(agreed, 20)
    assert (document.situating, document.situated) == (Situating.ENDED, 19)
    assert "rejected the request" in document.unsituated


def test_a_document_whose_summary_is_refused_goes_without_one(agreed: Deps, claude: AnthropicServer) -> None:
    for _ in range(3):
        claude.stop_next("refusal")
    document = ended(agreed, LONG)
    assert document.situated == 90
    assert calls_kept(agreed) == 93
    assert not any("<summary>\n" in str(request.body["messages"][0]["content"][0]) for request in claude.requests[3:])


def test_a_summary_is_made_once_though_a_round_breaks_off(agreed: Deps, claude: AnthropicServer) -> None:
    limited_after(claude, 1)
    document = begun(agreed, LONG)
    assert document.situated == 0
    claude.mend()
    next_round(agreed)
    assert state(agreed, document).situated == 90
    assert sum(claude.paid.values()) == 91


def test_another_model_takes_over_chunk_by_chunk_and_is_not_paid_again_when_it_comes_back(agreed: Deps, claude: AnthropicServer) -> None:
    document = ended(agreed, 20)
    (first,) = agreed.situators
    other = jobs_with(agreed, "anthropic:claude-sonnet-5-5")
    library.allow(other, SUBJECT, "Anthropic")
    (second,) = other.situators
    assert library.situator(other, SUBJECT) == second.name != document.situator == first.name
    claude.fail_next(429, times=100, headers={"retry-after": "45"}, after=12)
    library.situate_again(other, SUBJECT, document.id)
    next_round(other)
    assert by(other, document) == {second.name: 12, first.name: 8}
    claude.mend()
    next_round(other)
    assert by(other, document) == {second.name: 20}
    paid = sum(claude.paid.values())
    library.situate_again(agreed, SUBJECT, document.id)
    next_round(agreed)
    assert by(agreed, document) == {first.name: 20}
    assert sum(claude.paid.values()) == paid == 40


def jobs_with(deps: Deps, situator: str) -> Deps:
    return build(deps.settings.model_copy(update={"situator": situator}), pool=deps.pool, url=deps.url)


def test_withdrawn_consent_ends_what_waits(agreed: Deps, claude: AnthropicServer) -> None:
    limited_after(claude, 5)
    document = begun(agreed, 20)
    (situator,) = agreed.situators
    consent.withdraw(agreed, SUBJECT, "Anthropic", situator.model)
    asked = len(claude.requests)
    next_round(agreed)
    document = state(agreed, document)
    assert (document.situating, document.situated, len(claude.requests)) == (Situating.ENDED, 5, asked)
    assert document.unsituated == "No model may read it at present."


def test_two_waiting_rounds_of_a_document_become_one(agreed: Deps, claude: AnthropicServer) -> None:
    limited_after(claude, 5)
    document = begun(agreed, 20)
    for _ in range(3):
        library.situate_again(agreed, SUBJECT, document.id)
    jobs.run_worker(agreed, wait=False)
    with agreed.pool.connection() as connection:
        row = connection.execute("select count(*) from procrastinate_jobs where status = 'todo'").fetchone()
    assert row == (1,)


def test_the_stored_errors_tell_what_waits_and_what_is_left(agreed: Deps, claude: AnthropicServer) -> None:
    claude.fail_next(400, after=5)
    limited_after(claude, 5)
    document = begun(agreed, 20)
    (situator,) = agreed.situators
    with as_subject(agreed.pool, SUBJECT) as connection:
        rows = context_rows.contexts(connection, document_id=document.id, situator=situator.name).values()
    assert sum(bool(row.text) for row in rows) == 10
    assert [row.final for row in rows if "rejected" in row.error] == [True]
    assert {row.final for row in rows if "rate limit" in row.error} == {False}
