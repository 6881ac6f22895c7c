"""A worker may die or be stopped at any moment: its document is taken up again, ends ready, and nothing is there twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db import as_subject
from db.documents import Document, Status
from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.flows.conftest import SUBJECT

ROOT = Path(__file__).parents[2]


@pytest.fixture
def worker(deps: Deps) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "tests.flows.worker_process", deps.url], cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(deps: Deps, document_id: int, condition: Callable[[Document], bool], *, seconds: float = 60) -> Document:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        document = library.document(deps, SUBJECT, document_id)
        if condition(document):
            return document
        time.sleep(0.05)
    pytest.fail(f"still {document.status} in {document.stage} at {document.done}/{document.total}")


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_another_worker_goes_on_where_the_first_one_ended(
    deps: Deps, worker: Callable[[], subprocess.Popen[bytes]], ending: signal.Signals
) -> None:
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
