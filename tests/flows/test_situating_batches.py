"""Large documents go by the batch, at half the price: nobody waits for it, and whatever dies in between, no chunk is submitted twice."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta

import pytest

from db import as_subject
from db.documents import Document, Situating
from rag import jobs, library
from rag import situate as situating
from rag.deps import Deps, build
from rag.providers.claude_situator import ClaudeBatches
from tests.flows.conftest import SUBJECT, next_round, ready
from tests.standin import AnthropicServer

LONG = 90  # passages: two windows, so that a summary is made


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def batching(agreed: Deps, claude: AnthropicServer) -> Deps:
    """Whatever has more than ten passages goes by the batch, which ends when it is told to."""
    claude.batches.held = True
    return build(agreed.settings.model_copy(update={"batch_above": 10}), pool=agreed.pool, url=agreed.url)


def begun(deps: Deps, passages: int = LONG) -> Document:
    """A document after its first round."""
    document = ready(deps, passages)
    jobs.run_worker(deps, wait=False)
    return state(deps, document)


def state(deps: Deps, document: Document) -> Document:
    return library.document(deps, SUBJECT, document.id)


def submissions(claude: AnthropicServer) -> list[list[str]]:
    """The custom_ids of each batch that was taken."""
    return [[request["custom_id"] for request in batch.requests] for batch in claude.batches._made]


def calls_kept(deps: Deps) -> Counter[bool]:
    with as_subject(deps.pool, SUBJECT) as connection:
        return Counter(dict(connection.execute("select batch, count(*) from usage where purpose = 'situate' group by batch").fetchall()))


def open_batches(deps: Deps) -> int:
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute("select count(*) from batches").fetchone()
    return row[0] if row else 0


def test_a_large_document_is_situated_by_the_batch_while_the_worker_is_free(batching: Deps, claude: AnthropicServer) -> None:
    document = begun(batching)
    assert (document.situating, document.situated, document.stage) == (Situating.BATCHED, 0, "")
    next_round(batching)
    assert state(batching, document).situating is Situating.BATCHED
    with batching.pool.connection() as connection:
        row = connection.execute("select scheduled_at - now() from procrastinate_jobs where status = 'todo'").fetchone()
    assert row is not None
    assert timedelta(seconds=50) < row[0] <= timedelta(seconds=60)
    claude.batches.finish()
    next_round(batching)
    document = state(batching, document)
    assert (document.situating, document.situated, document.unsituated) == (Situating.ENDED, 90, "")
    assert {chunk.context_by for chunk in library.chunks(batching, SUBJECT, document.id)} == {document.situator}
    assert calls_kept(batching) == {True: 90, False: 1}, "only the summary is asked for at once"
    assert open_batches(batching) == 0
    assert len(submissions(claude)) == 1
    assert set(claude.paid.values()) == {1}


def test_requests_of_a_batch_stand_window_by_window_and_share_their_beginning(batching: Deps, claude: AnthropicServer) -> None:
    begun(batching)
    (batch,) = claude.batches._made
    prefixes = [request["params"]["messages"][0]["content"][0]["text"] for request in batch.requests]
    assert len(set(prefixes)) == 2
    assert sum(one != other for one, other in itertools.pairwise(prefixes)) == 1


def test_small_documents_and_a_threshold_of_zero_are_not_batched(batching: Deps, agreed: Deps, claude: AnthropicServer) -> None:
    assert begun(batching, 9).situating is Situating.ENDED
    never = build(agreed.settings.model_copy(update={"batch_above": 0}), pool=agreed.pool, url=agreed.url)
    assert begun(never).situating is Situating.ENDED
    assert submissions(claude) == []


def test_a_document_too_large_for_one_batch_is_split(batching: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClaudeBatches, "most", 40)
    document = begun(batching)
    assert [len(batch) for batch in submissions(claude)] == [40, 40, 10]
    claude.batches.finish()
    next_round(batching)
    assert state(batching, document).situated == 90
    assert len(submissions(claude)) == 3


def test_what_a_batch_left_undone_goes_round_again(batching: Deps, claude: AnthropicServer) -> None:
    document = begun(batching)
    for kind in ("errored", "expired", "canceled"):
        claude.batches.spoil_next(kind, 3)
    claude.batches.finish()
    next_round(batching)
    assert (state(batching, document).situated, state(batching, document).situating) == (90, Situating.ENDED)
    assert calls_kept(batching) == {True: 81, False: 10}, "nine are few enough to be asked for at once"
    assert set(claude.paid.values()) == {1}


def test_a_worker_killed_between_submitting_and_noting_it_does_not_submit_again(
    batching: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = ClaudeBatches.submit

    def killed_after(self, requests):
        submit(self, requests)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(ClaudeBatches, "submit", killed_after)
        document = dies(batching)
    next_round(batching)
    assert state(batching, document).situating is Situating.BATCHED, "it may be ours: wait until it has ended"
    claude.batches.finish()
    next_round(batching)
    assert state(batching, document).situated == 90
    assert len(submissions(claude)) == 1
    assert set(claude.paid.values()) == {1}


def test_a_worker_killed_before_submitting_submits_once(batching: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(self, requests):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(ClaudeBatches, "submit", killed)
        document = dies(batching)
    assert open_batches(batching) == 1
    next_round(batching)
    claude.batches.finish()
    next_round(batching)
    assert state(batching, document).situated == 90
    assert len(submissions(claude)) == 1


def test_a_worker_killed_in_the_middle_of_results_stores_the_rest_and_counts_nothing_twice(
    batching: Deps, claude: AnthropicServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.batching.STORED", 10)
    document = begun(batching)
    claude.batches.finish()
    results = ClaudeBatches.results

    def killed_after(self, batch):
        for at, line in enumerate(results(self, batch)):
            if at == 35:
                raise Killed
            yield line

    with monkeypatch.context() as dying:
        dying.setattr(ClaudeBatches, "results", killed_after)
        with pytest.raises(Killed):
            situating.situate(batching, SUBJECT, document.id)
    assert calls_kept(batching) == {True: 30, False: 1}
    next_round(batching)
    assert state(batching, document).situated == 90
    assert calls_kept(batching) == {True: 90, False: 1}


def test_a_submission_that_was_refused_is_made_again_and_one_that_was_lost_is_looked_for(batching: Deps, claude: AnthropicServer) -> None:
    claude.fail_next(529, after=1)
    document = begun(batching)
    assert state(batching, document).situating is Situating.WAITING
    assert submissions(claude) == []
    next_round(batching)
    assert len(submissions(claude)) == 1
    claude.batches.finish()
    next_round(batching)
    assert state(batching, document).situated == 90


def test_a_batch_that_the_key_cannot_see_ends_in_a_sentence_and_is_asked_for_anew_on_demand(
    batching: Deps, claude: AnthropicServer
) -> None:
    document = begun(batching)
    lost = list(claude.batches._made)
    claude.batches._made.clear()
    next_round(batching)
    ended = state(batching, document)
    assert ended.situating is Situating.ENDED
    assert "does not know the batch" in ended.unsituated
    claude.batches._made.extend(lost)
    claude.batches.finish()
    library.situate_again(batching, SUBJECT, document.id)
    next_round(batching)
    next_round(batching)
    assert state(batching, document).situated == 90


def test_a_key_that_is_refused_for_a_while_costs_no_batch(batching: Deps, claude: AnthropicServer) -> None:
    document = begun(batching)
    claude.fail_next(401)
    next_round(batching)
    document = state(batching, document)
    assert document.situating is Situating.ENDED
    assert "key" in document.unsituated
    claude.batches.finish()
    library.situate_again(batching, SUBJECT, document.id)
    next_round(batching)
    assert state(batching, document).situated == 90
    assert len(submissions(claude)) == 1


def dies(deps: Deps) -> Document:
    """A document whose worker died in the middle of its situating; its job is there for the next one."""
    document = ready(deps, LONG)
    with pytest.raises(Killed):
        situating.situate(deps, SUBJECT, document.id)
    return document
