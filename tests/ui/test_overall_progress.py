"""The work on all documents: told in a line, stopped, resumed, tried again."""

from __future__ import annotations

from collections.abc import Callable

from db import as_subject
from db import documents as rows
from db.documents import Status
from pages.parts.overall_progress import overall_told, overall_tree
from rag import library
from rag.deps import Deps
from rag.progress import Overall
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, open_app, press, shown

QUIET = Overall(
    total=31,
    ready=30,
    failed=1,
    waiting=0,
    working=0,
    paused=0,
    settled_pages=0,
    pages_done=0,
    pages_total=0,
    seconds_left=None,
    oldest_wait=0.0,
)


def statuses(deps: Deps) -> list[str]:
    return sorted(str(d.status) for d in library.documents(deps, SUBJECT))


def test_nothing_is_said_while_no_work_is_left() -> None:
    assert overall_tree(QUIET) == []


def test_documents_pages_time_and_failures_are_told_in_a_line() -> None:
    busy = Overall(
        total=31,
        ready=11,
        failed=1,
        waiting=15,
        working=2,
        paused=2,
        settled_pages=0,
        pages_done=340,
        pages_total=2010,
        seconds_left=240.0,
        oldest_wait=9.0,
    )
    assert overall_told(busy) == "12 of 31 documents · 340 of 2,010 pages · about 4 minutes left · 2 paused · 1 failed"


def test_all_are_paused_resumed_and_cancelled(deps: Deps, store: Callable[..., int]) -> None:
    store(filename="ready.pdf")
    for name in ("a.pdf", "b.pdf"):
        store(pdfs.lines(name), filename=name, index=False)
    app = open_app("pages/documents.py")
    assert "1 of 3 documents" in shown(app)
    press(app, "pause:all")
    assert statuses(deps) == ["paused", "paused", "ready"]
    assert "pause:all" not in acts(app)
    press(app, "resume:all")
    assert statuses(deps) == ["queued", "queued", "ready"]
    press(app, "cancel:all")
    assert statuses(deps) == ["failed", "failed", "ready"]
    assert "You cancelled this." in shown(app)


def test_one_document_is_paused_and_resumed_alone(deps: Deps, store: Callable[..., int]) -> None:
    first, second = (store(pdfs.lines(name), filename=name, index=False) for name in ("a.pdf", "b.pdf"))
    app = press(open_app("pages/documents.py"), f"pause:{first}")
    assert library.document(deps, SUBJECT, first).status is Status.PAUSED
    assert library.document(deps, SUBJECT, second).status is Status.QUEUED
    press(app, f"resume:{first}")
    assert statuses(deps) == ["queued", "queued"]
    press(app, f"cancel:{second}")
    assert library.document(deps, SUBJECT, second).status is Status.FAILED


def test_all_that_failed_are_tried_again(deps: Deps, store: Callable[..., int]) -> None:
    failed = [store(pdfs.lines(name), filename=name, index=False) for name in ("a.pdf", "b.pdf")]
    store(filename="waits.pdf", index=False)
    with as_subject(deps.pool, SUBJECT) as connection:
        for document_id in failed:
            rows.note_failure(connection, document_id, "Something passed.")
    press(open_app("pages/documents.py"), "retry:all")
    assert statuses(deps) == ["queued"] * 3


def test_chosen_documents_are_offered_only_what_applies_to_one_of_them(store: Callable[..., int]) -> None:
    ready, waits = store(), store(pdfs.lines("x"), filename="x.pdf", index=False)
    app = press(open_app("pages/documents.py"), f"tick:{ready}")
    assert [act for act in acts(app) if act in {"move:", "pause:", "retry:", "delete:"}] == ["move:", "delete:"]
    press(app, f"tick:{waits}")
    assert {"pause:", "cancel:"} <= set(acts(app))
