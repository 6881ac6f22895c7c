"""Collections are made, renamed, emptied and deleted; documents are renamed, and moved between collections, whatever else goes on."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from psycopg.errors import ForeignKeyViolation

from db import as_subject
from db.documents import Selection, Status
from rag import conversation, ingest, library, situate
from rag.deps import Deps
from rag.errors import DocumentGone, NothingToSearch, UploadError
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, ready, work_off
from tests.flows.moments import meanwhile
from tests.flows.rows import all_rows_of, collections_of

_numbers = itertools.count()


def put(deps: Deps, name: str, collection: str = "Library", text: str = "") -> int:
    content = pdfs.lines(text or f"Entry {next(_numbers)}: the lamp of the lighthouse was lit.")
    return library.upload(deps, SUBJECT, filename=name, content=content, collection=collection).document_id


def id_of(deps: Deps, name: str) -> int:
    return next(c.id for c in library.collections(deps, SUBJECT) if c.name == name)


def shelves(deps: Deps) -> dict[str, int]:
    return {c.name: c.documents for c in library.collections(deps, SUBJECT)}


def found(deps: Deps, collection: str) -> set[int]:
    selection = Selection(collections=(id_of(deps, collection),))
    return {hit.chunk.document_id for hit in search(deps, SUBJECT, "Was the lamp lit?", selection=selection, top=150).hits}


# --- collections ------------------------------------------------------------------------------------------------------------


def test_a_collection_is_made_renamed_and_deleted(deps: Deps) -> None:
    made = library.create_collection(deps, SUBJECT, " Light\nhouses ")
    assert shelves(deps) == {"Light houses": 0}
    assert library.rename_collection(deps, SUBJECT, made, "Beacons") == "Beacons"
    assert shelves(deps) == {"Beacons": 0}
    library.delete_collection(deps, SUBJECT, made)
    assert shelves(deps) == {}


def test_a_name_that_is_taken_or_none_is_refused_in_a_sentence(deps: Deps) -> None:
    made = library.create_collection(deps, SUBJECT, "Beacons")
    library.create_collection(deps, SUBJECT, "Buoys")
    with pytest.raises(UploadError, match="There is a collection named Buoys already"):
        library.create_collection(deps, SUBJECT, "Buoys")
    with pytest.raises(UploadError, match="There is a collection named Buoys already"):
        library.rename_collection(deps, SUBJECT, made, "Buoys")
    with pytest.raises(UploadError, match="1 to 200 characters"):
        library.rename_collection(deps, SUBJECT, made, " ")
    assert shelves(deps) == {"Beacons": 0, "Buoys": 0}


def test_a_document_counts_once_in_its_collection_whatever_its_versions(deps: Deps) -> None:
    put(deps, "log.pdf")
    work_off(deps)
    put(deps, "log.pdf")
    put(deps, "chart.pdf")
    assert shelves(deps) == {"Library": 2}


def test_a_collection_that_holds_documents_is_deleted_with_them_only_when_that_is_said(deps: Deps) -> None:
    document_id = put(deps, "log.pdf")
    with pytest.raises(UploadError, match="Library still holds documents"):
        library.delete_collection(deps, SUBJECT, id_of(deps, "Library"))
    assert shelves(deps) == {"Library": 1}
    library.delete_collection(deps, SUBJECT, id_of(deps, "Library"), with_documents=True)
    assert shelves(deps) == {}
    assert all_rows_of(deps, document_id) == set()


def test_what_is_uploaded_while_a_collection_is_deleted_is_kept(deps: Deps) -> None:
    """It lands in a collection of that name that is made anew, or the collection stays for it."""
    for _ in range(10):
        put(deps, "log.pdf")
        together = threading.Barrier(2)

        def delete(collection: int, together: threading.Barrier = together) -> None:
            together.wait()
            library.delete_collection(deps, SUBJECT, collection, with_documents=True)

        def upload(together: threading.Barrier = together) -> int:
            together.wait()
            return put(deps, "chart.pdf")

        with ThreadPoolExecutor(max_workers=2) as threads:
            deleted, uploaded = threads.submit(delete, id_of(deps, "Library")), threads.submit(upload)
            deleted.result()
            kept = {d.id for d in library.documents(deps, SUBJECT)}
            assert kept <= {uploaded.result()}
            assert set(shelves(deps)) == {d.collection for d in library.documents(deps, SUBJECT)}


def test_a_collection_is_emptied_and_stays(deps: Deps) -> None:
    documents = [put(deps, "log.pdf"), put(deps, "chart.pdf"), put(deps, "tides.pdf", collection="Other")]
    assert library.empty_collection(deps, SUBJECT, id_of(deps, "Library")) == 2
    assert shelves(deps) == {"Library": 0, "Other": 1}
    assert [bool(all_rows_of(deps, document_id)) for document_id in documents] == [False, False, True]


def test_a_collection_that_is_gone_is_told_of(deps: Deps) -> None:
    for act in (
        partial(library.empty_collection, deps, SUBJECT, 77),
        partial(library.delete_collection, deps, SUBJECT, 77),
        partial(library.rename_collection, deps, SUBJECT, 77, "Buoys"),
    ):
        with pytest.raises(UploadError, match="This collection is gone"):
            act()


# --- names of documents -----------------------------------------------------------------------------------------------------


def test_a_renamed_document_is_called_so_in_all_its_versions(deps: Deps) -> None:
    first = put(deps, "log.pdf")
    work_off(deps)
    second = put(deps, "log.pdf")
    assert library.rename(deps, SUBJECT, second, " Lighthouse\tlog ") == "Lighthouse log.pdf"
    assert [d.filename for d in library.versions(deps, SUBJECT, first)] == ["Lighthouse log.pdf"] * 2
    assert library.upload(deps, SUBJECT, filename="Lighthouse log.pdf", content=pdfs.lines("Anew.")).version == 3
    assert library.upload(deps, SUBJECT, filename="log.pdf", content=pdfs.lines("Another.")).version == 1


def test_a_document_is_not_given_a_name_that_another_has_or_none(deps: Deps) -> None:
    document_id = put(deps, "log.pdf")
    put(deps, "chart.pdf")
    put(deps, "tides.pdf", collection="Other")
    with pytest.raises(UploadError, match=r"Another document in this collection is named chart\.pdf"):
        library.rename(deps, SUBJECT, document_id, "chart.pdf")
    for name in (" ", "x" * 300):
        with pytest.raises(UploadError, match="1 to 255 characters"):
            library.rename(deps, SUBJECT, document_id, name)
    assert library.rename(deps, SUBJECT, document_id, "log.pdf") == "log.pdf"
    assert library.rename(deps, SUBJECT, document_id, "tides.pdf") == "tides.pdf"
    library.delete(deps, SUBJECT, document_id)
    with pytest.raises(DocumentGone):
        library.rename(deps, SUBJECT, document_id, "log.pdf")


def test_a_document_may_be_renamed_at_any_moment_of_its_ingest(deps: Deps) -> None:
    for at in itertools.count(1, 12):
        document_id = put(deps, f"{at}.pdf")
        rename = partial(library.rename, deps, SUBJECT, document_id, f"renamed {at}.pdf")
        reached = meanwhile(deps.url, partial(ingest.index, deps, SUBJECT, document_id), at, rename)
        document = library.document(deps, SUBJECT, document_id)
        assert document.status is Status.READY
        if not reached:
            break
        assert document.filename == f"renamed {at}.pdf"


def test_one_name_goes_to_one_of_those_who_want_it_at_the_same_instant(deps: Deps) -> None:
    sides = 4
    documents = [put(deps, f"{side}.pdf") for side in range(sides)]
    together = threading.Barrier(sides)

    def take(document_id: int) -> bool:
        together.wait()
        try:
            library.rename(deps, SUBJECT, document_id, "log.pdf")
        except UploadError:
            return False
        return True

    with ThreadPoolExecutor(max_workers=sides) as threads:
        assert sorted(threads.map(take, documents)) == [False, False, False, True]


# --- moves ------------------------------------------------------------------------------------------------------------------


def test_a_moved_document_is_found_in_its_new_place_at_once_with_all_its_versions(deps: Deps) -> None:
    first = put(deps, "log.pdf")
    work_off(deps)
    second = put(deps, "log.pdf")
    work_off(deps)
    waiting = put(deps, "log.pdf")
    put(deps, "chart.pdf", collection="Ships", text="A lamp was lit aboard.")
    work_off(deps)
    moved = library.move(deps, SUBJECT, [first], "Beacons")
    assert (moved.moved, moved.refused) == (1, ())
    assert found(deps, "Beacons") == {waiting}
    with pytest.raises(NothingToSearch):
        found(deps, "Library")
    for version in (first, second, waiting):
        assert collections_of(deps, version) == {id_of(deps, "Beacons")}
    assert shelves(deps) == {"Beacons": 1, "Library": 0, "Ships": 1}


def test_a_document_stays_where_its_name_or_its_bytes_are_there_already_and_each_is_told(deps: Deps) -> None:
    log, chart, tides = put(deps, "log.pdf"), put(deps, "chart.pdf"), put(deps, "tides.pdf")
    put(deps, "log.pdf", collection="Ships")
    library.upload(deps, SUBJECT, filename="copy.pdf", content=library.original(deps, SUBJECT, chart), collection="Ships")
    moved = library.move(deps, SUBJECT, [log, chart, tides], "Ships")
    assert moved.moved == 1
    assert moved.refused == (
        "log.pdf was not moved: Ships has another document of this name. Rename one of the two first.",
        "chart.pdf was not moved: Ships has the same file already, as copy.pdf.",
    )
    assert {d.id: d.collection for d in library.documents(deps, SUBJECT) if d.id in {log, chart, tides}} == {
        log: "Library",
        chart: "Library",
        tides: "Ships",
    }


def test_a_move_to_where_it_is_and_one_of_what_is_gone_move_nothing(deps: Deps) -> None:
    log, gone = put(deps, "log.pdf"), put(deps, "chart.pdf")
    library.delete(deps, SUBJECT, gone)
    moved = library.move(deps, SUBJECT, [log, gone], "Library")
    assert (moved.moved, moved.refused) == (0, ("A document that was to be moved has been deleted.",))


def test_a_document_may_be_moved_at_any_moment_of_its_ingest(deps: Deps) -> None:
    for at in itertools.count(1, 2):
        document_id = put(deps, f"{at}.pdf")
        move = partial(library.move, deps, SUBJECT, [document_id], "Beacons")
        reached = meanwhile(deps.url, partial(ingest.index, deps, SUBJECT, document_id), at, move)
        assert library.document(deps, SUBJECT, document_id).status is Status.READY
        if not reached:
            break
        assert collections_of(deps, document_id) == {id_of(deps, "Beacons")}, f"at statement {at}"
        assert document_id in found(deps, "Beacons")
    assert at > 30


def test_a_document_may_be_moved_at_any_moment_of_its_situating(agreed: Deps) -> None:
    for at in itertools.count(1, 4):
        for document in library.documents(agreed, SUBJECT):  # one with the same text was situated
            library.delete(agreed, SUBJECT, document.id)
        document_id = ready(agreed, 3).id
        move = partial(library.move, agreed, SUBJECT, [document_id], "Beacons")
        reached = meanwhile(agreed.url, partial(situate.situate, agreed, SUBJECT, document_id), at, move)
        assert library.document(agreed, SUBJECT, document_id).situated == 3
        if not reached:
            break
        assert collections_of(agreed, document_id) == {id_of(agreed, "Beacons")}, f"at statement {at}"


def test_documents_moved_into_each_others_place_at_the_same_instant_all_arrive_or_say_why(deps: Deps) -> None:
    here, there = [put(deps, f"{n}.pdf") for n in range(6)], [put(deps, f"{n}.pdf", collection="Other") for n in range(3, 9)]
    together = threading.Barrier(2)

    def move(documents: list[int], to: str) -> library.Moved:
        together.wait()
        return library.move(deps, SUBJECT, documents, to)

    with ThreadPoolExecutor(max_workers=2) as threads:
        moved = [threads.submit(move, here, "Other"), threads.submit(move, there, "Library")]
    ended = [one.result() for one in moved]
    assert [one.moved + len(one.refused) for one in ended] == [6, 6]
    assert sum(shelves(deps).values()) == 12
    for collection in ("Library", "Other"):
        names = [d.filename for d in library.documents(deps, SUBJECT, collection=collection)]
        assert len(names) == len(set(names))


def test_a_conversation_about_a_document_goes_on_where_that_is_now(deps: Deps) -> None:
    document_id = put(deps, "log.pdf")
    work_off(deps)
    about = Selection(documents=(document_id,))
    library.move(deps, SUBJECT, [document_id], "Beacons")
    message = conversation.ask(deps, SUBJECT, "Was the lamp lit?", selection=about)
    for thread in threading.enumerate():
        if thread.name == f"answer-{message.id}":
            thread.join()
    (cited, *_) = conversation.follow(deps, SUBJECT, message.id)[1]
    assert cited.document_id == document_id


def test_the_database_itself_refuses_a_row_in_another_collection_than_its_documents(deps: Deps) -> None:
    document_id, elsewhere = put(deps, "log.pdf"), library.create_collection(deps, SUBJECT, "Beacons")
    with pytest.raises(ForeignKeyViolation), as_subject(deps.pool, SUBJECT) as connection:
        connection.execute(
            "insert into pages (collection_id, document_id, number, width, height, source) values (%s, %s, 1, 1, 1, 'text')",
            [elsewhere, document_id],
        )
