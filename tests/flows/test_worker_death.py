"""A worker may die or be stopped at any moment: its document is taken up again, ends ready, and nothing is there twice."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from db import as_subject
from db.documents import Selection, Status
from rag import embedding, jobs, library
from rag.deps import Deps
from rag.providers.fake import FakeEmbedder
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index, Worker, until


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_another_worker_goes_on_where_the_first_one_ended(deps: Deps, worker: Worker, ending: signal.Signals) -> None:
    taken = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(240))
    first = worker()
    half_way = until(deps, taken.document_id, lambda d: d.stage == "embedding" and d.done > 0)
    assert half_way.done < half_way.total
    first.send_signal(ending)
    first.wait(timeout=10)
    left = library.document(deps, SUBJECT, taken.document_id)
    assert left.status is (Status.QUEUED if ending is signal.SIGTERM else Status.WORKING), "what was given back waits"
    worker()
    document = until(deps, taken.document_id, lambda d: d.status is Status.READY)
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute(
            """select (select count(*) from chunks), (select count(*) from vectors), (select count(*) from vector_drafts),
                      (select count(distinct x >> 40) from postings, unnest(ps) x), (select sum(n) - count(*) from
                      (select term, count(*) n from postings group by term, document_id) t)"""
        ).fetchone()
    assert row == (document.n_chunks, document.n_chunks, 0, document.n_chunks, 0)


def test_a_switch_of_the_embedder_goes_on_where_a_killed_worker_ended(deps: Deps, index: Index, worker: Worker) -> None:
    document = index(deps, pdfs.long_report(160))
    other = FakeEmbedder(dimensions=64)
    switching = replace(deps, preferred=(other,))
    jobs.defer_fills(switching, SUBJECT)
    first = worker("--fill", "64")
    half_way = until(deps, document.id, lambda d: d.stage == "filling" and d.done > 0)
    assert half_way.status is Status.READY
    assert half_way.done < half_way.total
    first.kill()
    first.wait(timeout=10)
    assert search(switching, SUBJECT, "calm weather", selection=Selection()).trace.embedder == FakeEmbedder().name
    with as_subject(deps.pool, SUBJECT) as connection:
        drafted = connection.execute("select count(*) from vector_drafts").fetchone()
    assert drafted is not None
    assert 0 < drafted[0] < document.n_chunks
    worker("--fill", "64")
    until(deps, document.id, lambda _: embedding.switch(switching, SUBJECT) is None)
    assert search(switching, SUBJECT, "calm weather", selection=Selection()).trace.embedder == other.name
    with as_subject(deps.pool, SUBJECT) as connection:
        rows = connection.execute("select model_id, count(*), count(distinct ord) from vectors group by 1 order by 1").fetchall()
    assert [row[1:] for row in rows] == [(document.n_chunks, document.n_chunks)] * 2
