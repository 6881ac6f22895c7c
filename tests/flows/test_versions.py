"""A file of the same name and other bytes is a new version: the old one answers until the new one is published, and then only opens."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import replace
from functools import partial

import pytest

from db import as_subject
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import documents as document_rows
from db import vectors as vector_rows
from db.chunks import Draft
from db.documents import Selection, Status
from rag import conversation, filling, ingest, library, own_questions, publication, situate
from rag.deps import Deps
from rag.errors import DocumentGone, NothingToSearch
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, work_off
from tests.flows.moments import meanwhile
from tests.flows.rows import all_rows_of, rows_of

OLD = "The ferry to the island leaves at nine in the morning."
NEW = "The ferry to the island leaves at noon, and at five."


def put(deps: Deps, *lines: str, name: str = "ferry.pdf") -> library.Upload:
    return library.upload(deps, SUBJECT, filename=name, content=pdfs.lines(*lines))


def found(deps: Deps, selection: Selection | None = None) -> list[tuple[int, str]]:
    hits = search(deps, SUBJECT, "When does the ferry leave?", selection=selection or Selection()).hits
    return [(hit.chunk.document_id, hit.chunk.text) for hit in hits]


@pytest.fixture
def old(deps: Deps) -> library.Upload:
    """A first version that answers."""
    taken = put(deps, OLD)
    work_off(deps)
    return taken


def states(deps: Deps, document_id: int) -> list[tuple[int, Status]]:
    return [(d.version, d.status) for d in library.versions(deps, SUBJECT, document_id)]


def test_other_bytes_under_the_same_name_are_a_new_version(deps: Deps, old: library.Upload) -> None:
    new = put(deps, NEW)
    assert (new.duplicate, new.version, new.replaces) == (False, 2, "ferry.pdf")
    assert (old.version, old.replaces) == (1, None)
    assert states(deps, old.document_id) == states(deps, new.document_id) == [(2, Status.QUEUED), (1, Status.READY)]


def test_the_old_version_answers_until_the_new_one_is_published(deps: Deps, old: library.Upload) -> None:
    new = put(deps, NEW)
    assert found(deps) == [(old.document_id, OLD)]
    work_off(deps)
    assert found(deps) == [(new.document_id, NEW)]
    assert [d.id for d in library.documents(deps, SUBJECT)] == [new.document_id]
    assert states(deps, new.document_id) == [(2, Status.READY), (1, Status.SUPERSEDED)]


def test_a_superseded_version_keeps_what_opens_it_and_nothing_that_finds_it(deps: Deps, old: library.Upload) -> None:
    put(deps, NEW)
    work_off(deps)
    assert all_rows_of(deps, old.document_id) == {"files", "pages", "chunks"}
    former = library.document(deps, SUBJECT, old.document_id)
    assert (former.status, former.n_chunks) == (Status.SUPERSEDED, 0)
    assert library.page_image(deps, SUBJECT, old.document_id, 1).startswith(b"\x89PNG")
    assert library.passages(deps, SUBJECT, [(old.document_id, 0)])[old.document_id, 0].text == OLD


def test_a_new_version_that_fails_leaves_the_old_one_answering(deps: Deps, old: library.Upload) -> None:
    new = library.upload(deps, SUBJECT, filename="ferry.pdf", content=pdfs.report()[:400])
    work_off(deps)
    assert states(deps, new.document_id) == [(2, Status.FAILED), (1, Status.READY)]
    assert found(deps) == [(old.document_id, OLD)]


def test_a_failed_version_can_be_discarded_without_the_one_that_answers(deps: Deps, old: library.Upload) -> None:
    new = library.upload(deps, SUBJECT, filename="ferry.pdf", content=pdfs.report()[:400])
    work_off(deps)
    assert library.discard(deps, SUBJECT, new.document_id)
    assert all_rows_of(deps, new.document_id) == set()
    assert not library.discard(deps, SUBJECT, old.document_id)
    assert found(deps) == [(old.document_id, OLD)]
    assert put(deps, NEW).version == 2


def test_going_back_to_an_earlier_file_is_a_new_version(deps: Deps, old: library.Upload) -> None:
    put(deps, NEW)
    work_off(deps)
    again = library.upload(deps, SUBJECT, filename="ferry.pdf", content=library.original(deps, SUBJECT, old.document_id))
    assert (again.duplicate, again.version) == (False, 3)
    work_off(deps)
    assert found(deps) == [(again.document_id, OLD)]
    assert [status for _, status in states(deps, again.document_id)] == [Status.READY, Status.SUPERSEDED, Status.SUPERSEDED]


def test_what_was_selected_is_found_in_its_new_version(deps: Deps, old: library.Upload) -> None:
    put(deps, "Timetables of the railway.", name="railway.pdf")
    new = put(deps, NEW)
    selection = Selection(documents=(old.document_id,))
    assert found(deps, selection) == [(old.document_id, OLD)]
    work_off(deps)
    assert found(deps, selection) == [(new.document_id, NEW)]
    library.delete(deps, SUBJECT, new.document_id)
    with pytest.raises(NothingToSearch):
        found(deps, selection)


@pytest.mark.parametrize("selected", [True, False])
def test_a_question_meets_the_old_version_or_the_new_one_whenever_that_is_published(
    deps: Deps, old: library.Upload, *, selected: bool
) -> None:
    selection = Selection(documents=(old.document_id,)) if selected else None
    before, texts = OLD, []
    for at in itertools.count(1):
        after = f"The ferry to the island leaves at {at}."
        publish = partial(publish_at_once, deps, after)
        if not meanwhile(
            deps.url, lambda: texts.extend(text for _, text in found(deps, selection)), at, publish, suffering=NothingToSearch
        ):
            break
        assert len(texts) == at, "both, or neither"
        assert texts[-1] in {before, after}
        assert [text for _, text in found(deps)] == [after]
        before = after
    assert len(texts) > 10


def test_a_version_that_is_overtaken_at_any_moment_of_its_ingest_is_superseded_and_no_more(deps: Deps) -> None:
    put(deps, OLD)
    work_off(deps)
    for at in itertools.count(1, 2):
        overtaken = put(deps, f"The ferry leaves at {at}.").document_id
        overtake = partial(publish_at_once, deps, f"The ferry leaves at half past {at}.")
        if not meanwhile(deps.url, partial(ingest.index, deps, SUBJECT, overtaken), at, overtake, suffering=DocumentGone):
            break
        assert library.document(deps, SUBJECT, overtaken).status is Status.SUPERSEDED, f"at statement {at}"
        assert all_rows_of(deps, overtaken) <= {"files", "pages", "chunks"}, f"at statement {at}"
        assert overtaken not in {d.id for d in library.documents(deps, SUBJECT)}
    assert at > 30


def test_a_version_that_waits_behind_a_newer_one_is_not_read_any_more(deps: Deps, old: library.Upload) -> None:
    waiting = put(deps, NEW)
    publish_at_once(deps, "The ferry does not sail.")
    assert library.busy(deps, SUBJECT) == set()
    assert states(deps, old.document_id) == [(3, Status.READY), (2, Status.SUPERSEDED), (1, Status.SUPERSEDED)]
    with pytest.raises(DocumentGone):
        ingest.index(deps, SUBJECT, waiting.document_id)


def test_work_on_a_superseded_version_stores_nothing(deps: Deps, old: library.Upload) -> None:
    put(deps, NEW)
    work_off(deps)
    before = rows_of(deps, old.document_id)
    assert situate.situate(deps, SUBJECT, old.document_id) == situate.Outcome()
    filling.fill(deps, SUBJECT, old.document_id)
    library.retry(deps, SUBJECT, old.document_id)
    library.situate_again(deps, SUBJECT, old.document_id)
    work_off(deps)
    assert rows_of(deps, old.document_id) == before
    with as_subject(deps.pool, SUBJECT) as connection:
        assert not document_rows.enter_stage(connection, old.document_id, "reading", 0)
        assert not document_rows.report_progress(connection, old.document_id, 1)
        assert not document_rows.report_situated(connection, old.document_id, 1)
        assert not vector_rows.add(connection, document_id=old.document_id, model=deps.embedder.name, chunks=1)
        document_rows.note_failure(connection, old.document_id, "It failed.")
        document_rows.leave_stages(connection, old.document_id, seconds=0)
    assert library.document(deps, SUBJECT, old.document_id).status is Status.SUPERSEDED


def test_an_old_answer_cites_the_version_that_it_was_given_from_and_says_so(deps: Deps, old: library.Upload) -> None:
    message = conversation.ask(deps, SUBJECT, "When does the ferry leave?")
    for thread in threading.enumerate():
        if thread.name == f"answer-{message.id}":
            thread.join()
    (before,) = conversation.follow(deps, SUBJECT, message.id)[1]
    assert (before.document_id, before.superseded) == (old.document_id, False)
    put(deps, NEW)
    work_off(deps)
    (after,) = conversation.follow(deps, SUBJECT, message.id)[1]
    assert after == replace(before, superseded=True)


def test_a_persons_own_question_goes_on_to_the_new_version(deps: Deps, old: library.Upload) -> None:
    own_questions.add(deps, SUBJECT, question="When does the ferry leave?", document_id=old.document_id, ord_=0, quote=OLD)
    new = put(deps, OLD, "It takes an hour.")
    work_off(deps)
    (question,) = own_questions.collected(deps, SUBJECT)
    assert question.document_id == new.document_id
    (asked,) = own_questions.question_set(deps, SUBJECT, name="mine").questions
    assert [gold.document for gold in asked.gold] == [str(new.document_id)]


def publish_at_once(deps: Deps, text: str) -> int:
    """A newer version, stored and published in one transaction without a worker."""
    vectors = deps.embedder.embed_documents([text])
    with as_subject(deps.pool, SUBJECT) as connection:
        document_id = document_rows.add_document(
            connection,
            collection_id=collection_rows.add_collection(connection, "Library"),
            filename="ferry.pdf",
            sha256=hashlib.sha256(text.encode()).digest(),
            content=b"%PDF-1.7",
        )
        assert document_id is not None
        draft = Draft(ord=0, heading="", text=text, context="", first_page=1, last_page=1, sentences=())
        chunk_rows.put_chunks(connection, document_id=document_id, chunks=[draft], words=[publication.words(text)])
        model = vector_rows.model_id(connection, deps.embedder.name, deps.embedder.dimensions)
        vector_rows.put_drafts(connection, document_id=document_id, model=model, rows=[(0, b"key", vectors[0])])
        lengths, postings = publication.postings(chunk_rows.chunks(connection, document_id))
        models = [deps.embedder.name]
        assert chunk_rows.publish(connection, document_id=document_id, models=models, lengths=lengths, postings=postings)
        document_rows.leave_stages(connection, document_id, seconds=0)
    return document_id
