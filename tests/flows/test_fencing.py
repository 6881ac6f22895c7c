"""Of several workers one has a document; one that slept, one that something smaller waits for, and a file that ends workers do no harm."""

from __future__ import annotations

import signal

from db import as_subject
from db.documents import Document, Status
from rag import jobs, library, reclaiming
from rag.deps import Deps
from tests import pdfs
from tests.flows.conftest import SUBJECT, Worker, until
from tests.flows.worker_process import POISON


def upload(deps: Deps, pages: int, *, filename: str = "long.pdf") -> int:
    return library.upload(deps, SUBJECT, filename=filename, content=pdfs.long_report(pages)).document_id


def is_whole(deps: Deps, document: Document) -> bool:
    """Every chunk has one vector and one length in the postings, and nothing is left over."""
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute(
            """select (select count(*) from chunks where document_id = %(id)s), (select count(*) from vectors where document_id = %(id)s),
                      (select count(distinct x >> 40) from postings, unnest(ps) x where document_id = %(id)s),
                      (select count(*) from vector_drafts where document_id = %(id)s)""",
            {"id": document.id},
        ).fetchone()
    return row == (document.n_chunks, document.n_chunks, document.n_chunks, 0)


def holder(deps: Deps, document_id: int) -> int | None:
    """The id of the job that has the document."""
    with deps.pool.connection() as connection:
        row = connection.execute(
            "select id from procrastinate_jobs where status = 'doing' and (args ->> 'document_id')::bigint = %s", [document_id]
        ).fetchone()
    return row[0] if row else None


def test_a_worker_that_slept_writes_nothing_once_another_has_its_document(deps: Deps, worker: Worker) -> None:
    document_id = upload(deps, 240)
    sleeper = worker()
    until(deps, document_id, lambda d: d.stage == "embedding" and d.done > 0)
    first = holder(deps, document_id)
    sleeper.send_signal(signal.SIGSTOP)
    worker()
    until(deps, document_id, lambda _: holder(deps, document_id) not in {first, None})
    with deps.pool.connection() as connection:  # from here on each draft that is written is noted
        connection.execute("create table written (ord int)")
        connection.execute(
            """create function note_written() returns trigger language plpgsql as $$ begin
                   insert into written values (new.ord); return new; end $$"""
        )
        connection.execute("create trigger note after insert or update on vector_drafts for each row execute function note_written()")
    second = holder(deps, document_id)
    sleeper.send_signal(signal.SIGCONT)
    document = until(deps, document_id, lambda d: d.status is Status.READY or holder(deps, document_id) != second)
    assert document.status is Status.READY, "the one who slept did not end the other's job"
    with deps.pool.connection() as connection:
        twice = connection.execute("select ord from written group by ord having count(*) > 1").fetchall()
    assert twice == []
    assert is_whole(deps, document)
    other = upload(deps, 12, filename="next.pdf")
    until(deps, other, lambda d: d.status is Status.READY)
    assert sleeper.poll() is None, "it goes on with other documents"


def test_a_file_that_ends_workers_is_given_up_and_the_others_end_ready(deps: Deps, worker: Worker) -> None:
    poison = library.upload(deps, SUBJECT, filename="poison.pdf", content=pdfs.lines(f"{POISON} is found here.")).document_id
    innocent = upload(deps, 60)
    for _ in range(3):
        ended = worker()
        assert ended.wait(timeout=60) == -signal.SIGKILL
    worker()
    failed = until(deps, poison, lambda d: d.status is Status.FAILED)
    assert "ended the worker three times" in failed.error
    until(deps, innocent, lambda d: d.status is Status.READY)
    until(deps, innocent, lambda _: library.busy(deps, SUBJECT) == set())  # a job ends just after its document is ready


def test_a_document_is_never_with_two_workers(deps: Deps, worker: Worker) -> None:
    documents = [upload(deps, 6 + n, filename=f"{n}.pdf") for n in range(8)]
    for _ in range(2):
        worker()
    ended = [until(deps, document_id, lambda d: d.status is Status.READY) for document_id in documents]
    assert all(is_whole(deps, document) for document in ended)


def test_a_long_document_gives_way_to_a_smaller_one(deps: Deps, worker: Worker) -> None:
    long = upload(deps, 400)
    with deps.pool.connection() as connection:  # as if it had many pictures
        connection.execute("update procrastinate_jobs set priority = -5")
    worker("--lanes", "1", "--slice", "0.5")
    until(deps, long, lambda d: d.stage == "embedding" and d.done > 0)
    small = upload(deps, 2, filename="small.pdf")
    until(deps, small, lambda d: d.status is Status.READY)
    assert library.document(deps, SUBJECT, long).status in {Status.QUEUED, Status.WORKING}, "it has not ended before"
    until(deps, long, lambda d: d.status is Status.READY)


def test_smaller_files_come_first(deps: Deps) -> None:
    sizes = [1, 300 << 10, 1 << 20, 3 << 20, 100 << 20]
    with as_subject(deps.pool, SUBJECT) as connection:
        for document_id, size in enumerate(sizes):
            jobs.defer_index(connection, subject=SUBJECT, document_id=document_id, size=size)
        rows = connection.execute("select priority from procrastinate_jobs order by (args ->> 'document_id')::int").fetchall()
    priorities = [priority for (priority,) in rows]
    assert priorities == sorted(set(priorities), reverse=True)
    assert jobs.SITUATE < priorities[-1] <= priorities[0] == 0


def test_a_process_holds_nothing_against_documents_of_its_own(deps: Deps) -> None:
    document_id = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report()).document_id
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute("update procrastinate_jobs set status = 'doing' returning id").fetchone()  # of no worker that is known
    assert row
    assert reclaiming.reclaim(deps, 30, mine=frozenset({row[0]})) == 0
    reclaiming.release(deps, {row[0]})
    assert library.document(deps, SUBJECT, document_id).attempts == 0
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update procrastinate_jobs set status = 'doing'")
    assert reclaiming.reclaim(deps, 30) == 1
    assert library.document(deps, SUBJECT, document_id).attempts == 1
