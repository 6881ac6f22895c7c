"""Pages are stored as they are read: whoever goes on reads the rest, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

import pytest

from db import as_subject, page_drafts
from db.documents import Document, Status
from rag import ingest, library
from rag.deps import Deps
from rag.errors import DocumentGone, UnreadableDocument
from rag.page import PageDraft
from rag.pdf import Parser
from tests import hostile, pdfs
from tests.flows.conftest import SUBJECT, Index


class Stop(Exception):
    pass


@pytest.fixture(autouse=True)
def _stored_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "STORE_EVERY", 0.0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pages that parsers have read, in their order."""
    numbers: list[int] = []
    pages = Parser.pages

    def noted(self: Parser, *, skip: Container[int] = ()) -> Iterator[PageDraft]:
        for draft in pages(self, skip=skip):
            numbers.append(draft.page.number)
            yield draft

    monkeypatch.setattr(Parser, "pages", noted)
    return numbers


def kept(deps: Deps, document_id: int) -> frozenset[int]:
    with as_subject(deps.pool, SUBJECT) as connection:
        return page_drafts.numbers(connection, document_id)


def stopping(deps: Deps, document_id: int, when: Callable[[Document], bool]) -> Callable[[], None]:
    def pulse() -> None:
        if when(library.document(deps, SUBJECT, document_id)):
            raise Stop

    return pulse


def test_a_reading_broken_off_goes_on_with_the_next_page(deps: Deps, read: list[int]) -> None:
    whole = library.upload(deps, SUBJECT, filename="whole.pdf", content=pdfs.long_report(12)).document_id
    ingest.index(deps, SUBJECT, whole)
    read.clear()
    parts = library.upload(deps, SUBJECT, filename="parts.pdf", content=pdfs.long_report(12), collection="other").document_id
    for reached in (5, 9):
        with pytest.raises(Stop):
            ingest.index(deps, SUBJECT, parts, pulse=stopping(deps, parts, lambda d: d.done == reached))  # noqa: B023 - called at once
        seen = library.document(deps, SUBJECT, parts)
        assert (seen.status, seen.stage, seen.done, seen.total) == (Status.WORKING, "reading", reached, 12)
        assert kept(deps, parts) == frozenset(range(1, reached + 1))
    ingest.index(deps, SUBJECT, parts)
    assert sorted(set(read)) == list(range(1, 13))
    assert len(read) == 12
    assert library.document(deps, SUBJECT, parts).status is Status.READY
    assert kept(deps, parts) == frozenset()
    texts = [[(c.text, c.context, c.sentences) for c in library.chunks(deps, SUBJECT, id_)] for id_ in (whole, parts)]
    assert [t[0] for t in texts[0]] == [t[0] for t in texts[1]]
    assert [t[2] for t in texts[0]] == [t[2] for t in texts[1]]
    assert library.pages(deps, SUBJECT, whole) == library.pages(deps, SUBJECT, parts)


def test_pages_all_read_before_are_only_cut(deps: Deps, read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report()).document_id
    with monkeypatch.context() as broken:
        broken.setattr(ingest, "cut", lambda *_, **__: (_ for _ in ()).throw(Stop))
        with pytest.raises(Stop):
            ingest.index(deps, SUBJECT, document_id)
    assert kept(deps, document_id) == {1, 2, 3}
    read.clear()
    ingest.index(deps, SUBJECT, document_id)
    assert read == []
    assert library.document(deps, SUBJECT, document_id).status is Status.READY


def test_a_document_deleted_while_it_is_read_leaves_nothing(deps: Deps) -> None:
    document_id = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.long_report(12)).document_id

    def pulse() -> None:
        if kept(deps, document_id):
            library.delete(deps, SUBJECT, document_id)

    with pytest.raises(DocumentGone):
        ingest.index(deps, SUBJECT, document_id, pulse=pulse)
    assert kept(deps, document_id) == frozenset()


def test_a_hostile_page_is_noted_and_the_others_answer(deps: Deps, index: Index) -> None:
    document = index(deps, hostile.huge_picture())
    assert (document.status, document.note) == (Status.READY, "Page 3 could not be read.")
    pages = library.pages(deps, SUBJECT, document.id)
    assert [page.marks for page in pages] == [(), (), ("unreadable",), (), ()]
    assert "megapixels" in pages[2].note


def test_a_document_of_which_nothing_can_be_read_fails_and_is_read_anew_when_tried_again(deps: Deps, read: list[int]) -> None:
    document_id = library.upload(deps, SUBJECT, filename="tree.pdf", content=hostile.endless_tree()).document_id
    for _ in range(2):
        with pytest.raises(UnreadableDocument, match=r"Nothing could be read on any of its 9 pages\. The page is damaged"):
            ingest.index(deps, SUBJECT, document_id)
        assert kept(deps, document_id) == frozenset()
        assert [page.marks for page in library.pages(deps, SUBJECT, document_id)] == [("unreadable",)] * 9
    assert read == [*range(1, 10)] * 2


def test_a_document_of_empty_pages_says_so(deps: Deps, index: Index) -> None:
    document = index(deps, hostile.many_pages(3))
    assert (document.status, document.error) == (
        Status.FAILED,
        "Nothing stands on any of its 3 pages. Check that this is the file you meant.",
    )


def test_a_missing_password_is_asked_for_and_another_failure_is_none(deps: Deps, index: Index) -> None:
    assert index(deps, pdfs.with_password(), "locked.pdf").needs_password
    assert not index(deps, pdfs.report()[:400], "cut.pdf").needs_password


def test_the_seconds_of_work_are_told_by_stage(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report())
    assert set(document.seconds_by_stage) == {"read", "cut", "embed", "publish"}
    assert all(seconds > 0 for seconds in document.seconds_by_stage.values())
    assert document.seconds == pytest.approx(sum(document.seconds_by_stage.values()), rel=0.01)


def test_control_characters_reach_no_row(deps: Deps, index: Index) -> None:
    document = index(deps, pdfs.report(bookmarks=True, metadata_title="Annual\x00 \x07report\u202e"))
    assert document.title == "Annual report"
    with as_subject(deps.pool, SUBJECT) as connection:
        rows = connection.execute("select heading, text, context from chunks where document_id = %s", [document.id]).fetchall()
    assert rows
    assert all(char.isprintable() for row in rows for text in row for char in text.replace("\n", ""))
