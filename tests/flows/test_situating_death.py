"""A worker that dies in mid-situating costs at most the calls it had in flight; a batch that it left goes on without it."""

from __future__ import annotations

import signal

import pytest

from db import as_subject
from db.documents import Situating
from rag import library
from rag.calls import MOST
from rag.deps import Deps
from tests.flows.conftest import SUBJECT, Worker, ready, until
from tests.standin import AnthropicServer


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_worker_pays_only_for_what_was_not_stored(
    deps: Deps, worker: Worker, claude: AnthropicServer, ending: signal.Signals
) -> None:
    claude.delay = 0.2
    document = ready(deps, 90)
    first = worker("--claude", claude.url)
    half_way = until(deps, document.id, lambda d: d.stage == "situating" and d.situated >= 30)
    assert half_way.situated < half_way.n_chunks
    first.send_signal(ending)
    first.wait(timeout=30)
    left = library.document(deps, SUBJECT, document.id).situated
    paid = sum(claude.paid.values())
    claude.delay = 0.0
    worker("--claude", claude.url)
    document = until(deps, document.id, lambda d: d.situating is Situating.ENDED)
    assert document.situated == document.n_chunks == 90
    windows, summaries = 2, 1
    lost = paid - summaries - left
    assert lost == 0 if ending is signal.SIGTERM else 0 <= lost <= MOST
    assert sum(claude.paid.values()) == document.n_chunks + summaries + lost <= document.n_chunks + windows + summaries + MOST
    assert max(claude.paid.values()) <= 2
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute("select count(*), count(distinct document_id) from usage where purpose = 'situate'").fetchone()
    assert row == (91, 1), "what was stored is metered, once"


def test_a_batch_goes_on_when_its_worker_is_killed(deps: Deps, worker: Worker, claude: AnthropicServer) -> None:
    claude.batches.held = True
    document = ready(deps, 90)
    first = worker("--claude", claude.url, "--batch-above", "10")
    until(deps, document.id, lambda d: d.situating is Situating.BATCHED)
    first.kill()
    first.wait()
    claude.batches.finish()
    worker("--claude", claude.url, "--batch-above", "10")
    document = until(deps, document.id, lambda d: d.situating is Situating.ENDED)
    assert document.situated == 90
    assert sum(claude.paid.values()) == 91
    assert sum(request.method == "POST" and request.path.endswith("/batches") for request in claude.requests) == 1
