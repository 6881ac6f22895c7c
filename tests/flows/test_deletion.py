"""Deleting a document: whenever it happens, no row that came from it is left, and quotes in conversations stay."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import pytest

from db import as_subject
from db import conversations as conversation_rows
from db.conversations import State
from db.documents import Selection
from rag import answer, conversation, ingest, library, situate
from rag.deps import Deps
from rag.errors import DocumentGone, NothingToSearch
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, ready, work_off
from tests.flows.moments import meanwhile
from tests.flows.rows import all_rows_of

_numbers = itertools.count()


def put(deps: Deps) -> int:
    """A file that is in no library yet."""
    number = next(_numbers)
    content = pdfs.lines(f"Note {number}: the harbour closes at dusk.", "Boats must be in by then.")
    return library.upload(deps, SUBJECT, filename=f"note-{number}.pdf", content=content).document_id


def deletions(deps: Deps, make: Callable[[], int], work: Callable[[int], object]) -> int:
    """Delete a document at each moment of the work on one such; how many moments there were."""
    for at in itertools.count(1):
        document_id = make()
        reached = meanwhile(
            deps.url, partial(work, document_id), at, partial(library.delete, deps, SUBJECT, document_id), suffering=DocumentGone
        )
        if not reached:
            return at - 1
        assert all_rows_of(deps, document_id) == set(), f"at statement {at}"
    raise AssertionError


def test_deleting_at_any_moment_of_ingest_leaves_nothing(deps: Deps) -> None:
    assert deletions(deps, partial(put, deps), partial(ingest.index, deps, SUBJECT)) > 30


def test_deleting_at_any_moment_of_situating_leaves_nothing(agreed: Deps) -> None:
    def make() -> int:
        for document in library.documents(agreed, SUBJECT):  # one with the same text was situated
            library.delete(agreed, SUBJECT, document.id)
        return ready(agreed, 3).id

    assert deletions(agreed, make, partial(situate.situate, agreed, SUBJECT)) > 30


def test_a_file_that_is_deleted_while_it_waits_takes_its_job_along(deps: Deps) -> None:
    document_id = put(deps)
    assert library.delete(deps, SUBJECT, document_id)
    assert all_rows_of(deps, document_id) == set()
    assert library.busy(deps, SUBJECT) == set()
    assert not library.delete(deps, SUBJECT, document_id)


def test_all_versions_go_with_a_document(deps: Deps) -> None:
    first = library.upload(deps, SUBJECT, filename="note.pdf", content=pdfs.lines("The harbour closes at dusk."))
    work_off(deps)
    second = library.upload(deps, SUBJECT, filename="note.pdf", content=pdfs.lines("The harbour closes at eight."))
    work_off(deps)
    waiting = library.upload(deps, SUBJECT, filename="note.pdf", content=pdfs.lines("The harbour does not close."))
    library.delete(deps, SUBJECT, second.document_id)
    for version in (first, second, waiting):
        assert all_rows_of(deps, version.document_id) == set()
    with pytest.raises(NothingToSearch):
        search(deps, SUBJECT, "harbour", selection=Selection())


def test_quotes_of_a_deleted_document_stay_in_conversations(deps: Deps) -> None:
    document_id = put(deps)
    work_off(deps)
    with as_subject(deps.pool, SUBJECT) as connection:
        place = conversation_rows.start_conversation(connection, title="When?", selection=Selection())
        message_id = conversation_rows.add_message(connection, conversation_id=place, question="When does the harbour close?")
    *_, last = answer.answer(deps, SUBJECT, "When does the harbour close?", selection=Selection())
    library.delete(deps, SUBJECT, document_id)  # after it was found, before its citation is stored
    with as_subject(deps.pool, SUBJECT) as connection:
        conversation_rows.grow(connection, message_id, state=State.DONE, parts=last.parts, citations=last.citations)
    _message, cited = conversation.follow(deps, SUBJECT, message_id)
    assert cited
    assert all(c.document_id is None and c.quote and c.filename.startswith("note-") for c in cited)


def test_a_collection_is_emptied_whatever_is_worked_on_in_it(deps: Deps) -> None:
    published = put(deps)
    work_off(deps)
    (collection,) = library.collections(deps, SUBJECT)

    for at in itertools.count(1, 4):
        document_id = put(deps)
        emptied = partial(library.empty_collection, deps, SUBJECT, collection.id)
        if not meanwhile(deps.url, partial(ingest.index, deps, SUBJECT, document_id), at, emptied, suffering=DocumentGone):
            break
        assert library.documents(deps, SUBJECT) == []
        assert all_rows_of(deps, document_id) == all_rows_of(deps, published) == set()
