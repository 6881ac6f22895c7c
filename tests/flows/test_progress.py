"""The work on many documents: what it tells of itself, and stopping, resuming and trying it again at any moment."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

import db.progress
from db import as_subject
from db.documents import Status
from rag import ingest, library, progress, publication
from rag.deps import Deps, build
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index, Worker, until, work_off


def drafted(deps: Deps, document_id: int) -> int:
    with as_subject(deps.pool, SUBJECT) as connection:
        row = connection.execute("select count(*) from vector_drafts where document_id = %s", [document_id]).fetchone()
    return row[0] if row else 0


def test_documents_that_wait_are_counted_with_their_pages_and_the_time_they_will_take(deps: Deps, index: Index) -> None:
    assert progress.overall(deps, SUBJECT).total == 0
    library.upload(deps, SUBJECT, filename="first.pdf", content=pdfs.report())
    before = progress.overall(deps, SUBJECT)
    assert (before.total, before.waiting, before.seconds_left) == (1, 1, None)
    index(deps, pdfs.chinese(), "second.pdf")
    library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(60))
    told = progress.overall(deps, SUBJECT)
    assert (told.total, told.ready, told.waiting, told.working) == (3, 2, 1, 0)
    assert 0 <= told.pages_done < told.pages_total
    assert told.seconds_left is not None
    assert told.seconds_left > 0
    work_off(deps)
    after = progress.overall(deps, SUBJECT)
    assert (after.ready, after.waiting, after.seconds_left, after.oldest_wait) == (3, 0, 0.0, 0.0)


def test_a_document_and_its_new_version_are_one(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.cash_flow())
    told = progress.overall(deps, SUBJECT)
    assert (told.total, told.ready, told.waiting) == (1, 0, 1)


def test_a_document_in_work_counts_as_far_as_it_has_come(deps: Deps) -> None:
    taken = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(60))
    shares: list[float] = []

    def pulse() -> None:
        told = progress.overall(deps, SUBJECT)
        assert told.working == 1
        shares.append(told.pages_done / told.pages_total)

    ingest.index(deps, SUBJECT, taken.document_id, pulse=pulse)
    assert shares == sorted(shares)
    assert shares[0] < shares[-1] <= 1


def test_what_is_paused_before_it_began_waits_until_it_is_resumed(deps: Deps) -> None:
    one, other = (
        library.upload(deps, SUBJECT, filename=name, content=content).document_id
        for name, content in (("report.pdf", pdfs.report()), ("chinese.pdf", pdfs.chinese()))
    )
    assert progress.pause(deps, SUBJECT, [one]) == 1
    work_off(deps)
    assert library.document(deps, SUBJECT, one).status is Status.PAUSED
    assert library.document(deps, SUBJECT, other).status is Status.READY
    assert progress.pause(deps, SUBJECT) == 0, "neither what is paused nor what is ready can be"
    assert progress.resume(deps, SUBJECT) == 1
    assert progress.resume(deps, SUBJECT) == 0
    work_off(deps)
    assert library.document(deps, SUBJECT, one).status is Status.READY


def test_a_worker_leaves_a_paused_document_and_keeps_what_it_did(deps: Deps, worker: Worker) -> None:
    document_id = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(240)).document_id
    small = pdfs.report()
    worker()
    until(deps, document_id, lambda d: d.stage == "embedding" and d.done > 0)
    assert progress.pause(deps, SUBJECT) == 1
    until(deps, document_id, lambda d: d.id not in library.busy(deps, SUBJECT))
    kept = drafted(deps, document_id)
    other = library.upload(deps, SUBJECT, filename="small.pdf", content=small).document_id
    until(deps, other, lambda d: d.status is Status.READY)
    left = library.document(deps, SUBJECT, document_id)
    assert (left.status, left.stage, drafted(deps, document_id)) == (Status.PAUSED, "embedding", kept)
    assert kept > 0
    progress.resume(deps, SUBJECT)
    document = until(deps, document_id, lambda d: d.status is Status.READY)
    assert document.n_chunks > kept


def test_a_pause_outlives_the_worker_that_it_was_meant_for(deps: Deps, worker: Worker) -> None:
    document_id = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(240)).document_id
    first = worker()
    until(deps, document_id, lambda d: d.stage == "embedding" and d.done > 0)
    first.send_signal(signal.SIGSTOP)
    progress.pause(deps, SUBJECT)
    first.kill()
    first.wait()
    worker()
    until(deps, document_id, lambda d: d.id not in library.busy(deps, SUBJECT))
    assert library.document(deps, SUBJECT, document_id).status is Status.PAUSED
    progress.resume(deps, SUBJECT)
    until(deps, document_id, lambda d: d.status is Status.READY)


def test_what_is_cancelled_fails_with_a_sentence_and_goes_on_where_it_was_left(deps: Deps, worker: Worker) -> None:
    document_id = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(240)).document_id
    worker()
    until(deps, document_id, lambda d: d.stage == "embedding" and d.done > 0)
    assert progress.cancel(deps, SUBJECT, [document_id]) == 1
    until(deps, document_id, lambda d: d.id not in library.busy(deps, SUBJECT))
    left = library.document(deps, SUBJECT, document_id)
    assert left.status is Status.FAILED
    assert "cancelled" in left.error
    kept = drafted(deps, document_id)
    assert kept > 0
    assert progress.retry_failed(deps, SUBJECT) == 1
    going_on = until(deps, document_id, lambda d: d.status is Status.WORKING)
    assert going_on.stage == "embedding"
    until(deps, document_id, lambda d: d.status is Status.READY)


@pytest.mark.parametrize("stop", [progress.pause, progress.cancel])
def test_stopping_while_a_document_is_published_leaves_one_truth(
    deps: Deps, monkeypatch: pytest.MonkeyPatch, stop: Callable[..., int]
) -> None:
    """The publication was first: the document is ready, and everything that follows from that still happens."""
    document_id = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report()).document_id
    publish, chosen = publication.publish, db.progress.chosen
    stopped: list[int] = []

    def publish_and_be_stopped(*arguments: object, **named: object) -> None:
        publish(*arguments, **named)  # type: ignore[arg-type]
        if not stopped:
            monkeypatch.setattr("db.progress.chosen", lambda *_: [document_id])  # before the publication could be seen
            stopped.append(stop(deps, SUBJECT))
            monkeypatch.setattr("db.progress.chosen", chosen)

    monkeypatch.setattr(publication, "publish", publish_and_be_stopped)
    situating = build(deps.settings.model_copy(update={"situator": "fake:situator"}), pool=deps.pool, url=deps.url)
    work_off(situating)
    document = library.document(deps, SUBJECT, document_id)
    assert (stopped, document.status) == ([0], Status.READY)
    assert document.situated == document.n_chunks > 0


def test_nobody_stops_what_is_somebody_elses(deps: Deps) -> None:
    document_id = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report()).document_id
    for act in (progress.pause, progress.cancel, progress.resume):
        assert act(deps, "someone else", [document_id]) == 0
    work_off(deps)
    assert library.document(deps, SUBJECT, document_id).status is Status.READY


def test_all_that_failed_is_tried_again_but_for_want_of_a_password(deps: Deps) -> None:
    one, locked = (
        library.upload(deps, SUBJECT, filename=name, content=content).document_id
        for name, content in (("one.pdf", pdfs.report()), ("locked.pdf", pdfs.with_password()))
    )
    progress.cancel(deps, SUBJECT)
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update documents set needs_password = true where id = %s", [locked])
    assert progress.retry_failed(deps, SUBJECT) == 1
    work_off(deps)
    assert library.document(deps, SUBJECT, one).status is Status.READY
    assert library.document(deps, SUBJECT, locked).status is Status.FAILED
