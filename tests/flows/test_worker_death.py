"""A worker may die or be stopped at any moment: its document is taken up again, ends ready, and nothing is there twice."""

from __future__ import annotations

import signal

import pytest

from db import as_subject
from db.documents import Status
from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.flows.conftest import SUBJECT, Worker, until


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_another_worker_goes_on_where_the_first_one_ended(deps: Deps, worker: Worker, ending: signal.Signals) -> None:
    taken = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(90))
    first = worker()
    half_way = until(deps, taken.document_id, lambda d: d.stage == "embedding" and d.done > 0)
    assert half_way.done < half_way.total
    first.send_signal(ending)
    first.wait(timeout=10)
    left = library.document(deps, SUBJECT, taken.document_id)
    assert left.status is Status.WORKING
    worker()
    document = until(deps, taken.document_id, lambda d: d.status is Status.READY)
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute(
            """select (select count(*) from chunks), (select count(*) from vectors), (select count(*) from vector_drafts),
                      (select count(distinct x >> 40) from postings, unnest(ps) x), (select sum(n) - count(*) from
                      (select term, count(*) n from postings group by term, document_id) t)"""
        ).fetchone()
    assert row == (document.n_chunks, document.n_chunks, 0, document.n_chunks, 0)
