"""Upload -> queue -> read, chunk, embed, publish."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from db import as_subject
from db import chunks as chunk_rows
from db.documents import Selection, Status
from rag import ingest, jobs, library, publication
from rag.deps import Deps
from rag.errors import DocumentGone, NothingToSearch, UnreadableDocument, UploadError
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index


def rows_of(deps: Deps, document_id: int) -> dict[str, int]:
    """How many rows each table holds of a document."""
    tables = ("files", "page_drafts", "pages", "chunks", "contexts", "vector_drafts", "vectors", "postings")
    with as_subject(deps.pool, SUBJECT) as connection:
        counts = {}
        for table in tables:
            statement = psycopg.sql.SQL("select count(*) from {} where document_id = %s").format(psycopg.sql.Identifier(table))
            row = connection.execute(statement, [document_id]).fetchone()
            counts[table] = row[0] if row else 0
    return counts


@pytest.mark.parametrize(
    ("make", "question", "expected"),
    [
        (pdfs.report, "Who is the chair of the board?", "board"),
        (pdfs.chinese, "营业收入是多少", "营业收入"),
        (pdfs.two_columns, "mills", "mill"),
        (pdfs.cash_flow, "net cash from operating activities", "|"),
        (pdfs.rotated, "page turned rotated text", ""),
    ],
)
def test_a_born_digital_pdf_becomes_ready_and_is_found(
    deps: Deps, index: Index, make: Callable[[], bytes], question: str, expected: str
) -> None:
    document = index(deps, make())
    assert document.status is Status.READY, document.error
    assert document.page_count >= 1
    hits = search(deps, SUBJECT, question, selection=Selection()).hits
    assert hits
    assert any(expected in hit.chunk.text for hit in hits)
    assert all(sentence.boxes for hit in hits for sentence in hit.chunk.sentences)
    assert rows_of(deps, document.id)["vector_drafts"] == 0
    assert document.n_chunks == rows_of(deps, document.id)["vectors"] == rows_of(deps, document.id)["chunks"]


def test_every_sentence_lies_in_its_chunk_and_on_its_pages(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    for chunk in library.chunks(deps, SUBJECT, document.id):
        for before, after in itertools.pairwise(chunk.sentences):
            assert before.end <= after.start
        for sentence in chunk.sentences:
            assert chunk.text[sentence.start : sentence.end].strip()
            assert all(chunk.first_page <= box[0] <= chunk.last_page for box in sentence.boxes)


def test_the_same_bytes_twice_are_said_and_stored_once(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    again = library.upload(deps, SUBJECT, filename="copy.pdf", content=library.original(deps, SUBJECT, document.id))
    assert again.duplicate
    assert again.document_id == document.id
    assert len(library.documents(deps, SUBJECT)) == 1


def test_a_large_file_is_kept_whole_in_parts(deps: Deps) -> None:
    content = b"%PDF-1.7\n" + bytes(range(256)) * 12_000
    taken = library.upload(deps, SUBJECT, filename="large.pdf", content=content)
    assert rows_of(deps, taken.document_id)["files"] == 3
    assert library.original(deps, SUBJECT, taken.document_id) == content


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "empty"), (b"PK\x03\x04 a zip archive", "not a PDF"), (b"%PDF-1.7" + b"0" * (3 << 20), "limit is 2 MB")],
    ids=["empty", "not a PDF", "too large"],
)
def test_a_file_that_cannot_be_taken_is_refused_with_a_sentence(deps: Deps, content: bytes, told: str) -> None:
    small = replace(deps, settings=deps.settings.model_copy(update={"max_file_mb": 2}))
    with pytest.raises(UploadError, match=told):
        library.upload(small, SUBJECT, filename="odd.pdf", content=content)
    assert library.documents(deps, SUBJECT) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (pdfs.with_password(), "password"),
        (pdfs.report()[:400], "damaged|truncated|cannot"),
        (pdfs.without_text(), "scan"),
    ],
    ids=["password", "truncated", "no text"],
)
def test_a_file_that_cannot_be_read_ends_failed_with_a_sentence_and_keeps_its_bytes(
    deps: Deps, index: Index, content: bytes, told: str
) -> None:
    document = index(deps, content, "odd.pdf")
    assert document.status is Status.FAILED
    assert re.search(told, document.error, re.IGNORECASE), document.error
    assert library.original(deps, SUBJECT, document.id) == content
    with pytest.raises(NothingToSearch):
        search(deps, SUBJECT, "anything", selection=Selection())


def test_pages_without_text_are_recorded_as_such(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.blank_between())
    assert document.status is Status.READY
    assert [page.source for page in library.pages(deps, SUBJECT, document.id)] == ["text", "none", "text"]
    assert document.note == "Page 2 has no text."


def test_a_deleted_document_leaves_no_row_and_no_longer_answers(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    assert library.delete(deps, SUBJECT, document.id)
    assert set(rows_of(deps, document.id).values()) == {0}
    with pytest.raises(NothingToSearch):
        search(deps, SUBJECT, "board", selection=Selection())


def test_a_document_deleted_while_it_waits_is_let_go_quietly(deps: Deps) -> None:
    taken = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report())
    library.delete(deps, SUBJECT, taken.document_id)
    jobs.run_worker(deps, wait=False)
    assert library.documents(deps, SUBJECT) == []


def test_a_document_deleted_while_it_is_embedded_leaves_nothing(deps: Deps) -> None:
    taken = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.long_report(40))
    beats = itertools.count()

    def pulse() -> None:
        if next(beats) == 1:
            library.delete(deps, SUBJECT, taken.document_id)

    with pytest.raises(DocumentGone):
        ingest.index(deps, SUBJECT, taken.document_id, pulse=pulse)
    assert set(rows_of(deps, taken.document_id).values()) == {0}


def test_nothing_is_searchable_before_it_is_published(deps: Deps) -> None:
    taken = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.long_report(40))

    class Stop(Exception):
        pass

    def pulse() -> None:
        if rows_of(deps, taken.document_id)["vector_drafts"]:
            raise Stop

    with pytest.raises(Stop):
        ingest.index(deps, SUBJECT, taken.document_id, pulse=pulse)
    with pytest.raises(NothingToSearch):
        search(deps, SUBJECT, "chapter", selection=Selection())


def test_work_given_back_goes_on_where_it_stopped(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.long_report(40))

    class Stop(Exception):
        pass

    def pulse() -> None:
        if rows_of(deps, taken.document_id)["vector_drafts"] >= publication.BATCH:
            raise Stop

    with pytest.raises(Stop):
        ingest.index(deps, SUBJECT, taken.document_id, pulse=pulse)
    drafted = rows_of(deps, taken.document_id)["vector_drafts"]
    embedded: list[int] = []
    embed = type(deps.embedder).embed_documents
    monkeypatch.setattr(
        type(deps.embedder), "embed_documents", lambda self, texts, _meter: embedded.append(len(texts)) or embed(self, texts)
    )
    monkeypatch.setattr("rag.ingest.Parser", lambda *_, **__: pytest.fail("the file was read already"))
    ingest.index(deps, SUBJECT, taken.document_id)
    document = library.document(deps, SUBJECT, taken.document_id)
    assert document.status is Status.READY
    assert sum(embedded) == document.n_chunks - drafted


def test_a_failed_document_can_be_tried_again(deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("rag.ingest.Parser", lambda *_, **__: (_ for _ in ()).throw(UnreadableDocument("The parser stopped.")))
        document = index(deps, pdfs.report())
    assert (document.status, document.error) == (Status.FAILED, "The parser stopped.")
    library.retry(deps, SUBJECT, document.id)
    jobs.run_worker(deps, wait=False)
    assert library.document(deps, SUBJECT, document.id).status is Status.READY


def test_indexing_again_publishes_nothing_twice(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    before = rows_of(deps, document.id)
    ingest.index(deps, SUBJECT, document.id)
    assert rows_of(deps, document.id) == before
    with as_subject(deps.pool, SUBJECT) as connection:
        assert len(chunk_rows.chunks(connection, document.id)) == document.n_chunks


def test_a_file_name_keeps_folders_but_neither_steps_upwards_nor_control_characters(deps: Deps) -> None:
    taken = library.upload(deps, SUBJECT, filename="C:\\..\\..\\etc/pass\x00wd.pdf\n", content=b"%PDF-1.7")
    assert library.document(deps, SUBJECT, taken.document_id).filename == "etc/passwd.pdf"
    assert library.clean_name("../ /.") == "document.pdf"


def test_files_of_one_name_in_two_folders_are_two_documents(deps: Deps) -> None:
    for folder, content in (("2030", pdfs.report()), ("2031", pdfs.cash_flow())):
        assert library.upload(deps, SUBJECT, filename=f"{folder}/report.pdf", content=content).version == 1
    assert {d.filename for d in library.documents(deps, SUBJECT)} == {"2030/report.pdf", "2031/report.pdf"}


def test_a_page_is_rendered_as_an_image(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    image = library.page_image(deps, SUBJECT, document.id, 1)
    assert image.startswith(b"\x89PNG")
    with pytest.raises(DocumentGone):
        library.page_image(deps, "someone else", document.id, 1)


def test_white_space_of_any_kind_in_a_name_is_a_space() -> None:
    assert library.clean_name("年度\u3000报告\u00a02023\n.pdf") == "年度 报告 2023 .pdf"


@pytest.mark.parametrize("name", ["", " \n", "x" * 201])
def test_a_collection_without_a_proper_name_is_refused(deps: Deps, name: str) -> None:
    with pytest.raises(UploadError, match="name"):
        library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report(), collection=name)
    assert library.documents(deps, SUBJECT) == []


def test_a_scan_says_how_many_pages_were_looked_at(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.without_text())
    assert document.page_count == 1
    assert "its only page" in document.error
    assert [page.source for page in library.pages(deps, SUBJECT, document.id)] == ["none"]
