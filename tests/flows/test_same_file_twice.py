"""The same bytes are in a collection once, and whoever brings them again is told where they are."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.documents import Status
from rag import library
from rag.deps import Deps
from rag.errors import WrongPassword
from tests import pdfs
from tests.flows.conftest import SUBJECT, work_off
from tests.flows.rows import rows_of

TIDES = pdfs.lines("High water is at six.")


def put(deps: Deps, name: str, content: bytes = TIDES, collection: str = "Library") -> library.Upload:
    return library.upload(deps, SUBJECT, filename=name, content=content, collection=collection)


@pytest.mark.parametrize("name", ["tides.pdf", "copy.pdf"])
def test_the_same_bytes_are_linked_under_whatever_name_they_come(deps: Deps, name: str) -> None:
    first = put(deps, "tides.pdf")
    again = put(deps, name)
    assert (again.duplicate, again.document_id, again.filename, again.version) == (True, first.document_id, "tides.pdf", 1)
    assert again.replaces is None
    assert rows_of(deps, first.document_id)["files"] == rows_of(deps, first.document_id)["jobs"] == 1
    assert len(library.documents(deps, SUBJECT)) == 1


def test_another_collection_holds_the_same_bytes_as_a_document_of_its_own(deps: Deps) -> None:
    first, second = put(deps, "tides.pdf"), put(deps, "tides.pdf", collection="Harbour")
    assert not second.duplicate
    assert (first.version, second.version) == (1, 1)


def test_the_same_bytes_as_a_failed_document_are_linked_and_can_be_tried_again(deps: Deps) -> None:
    damaged = TIDES[:200]
    first = put(deps, "tides.pdf", damaged)
    work_off(deps)
    again = put(deps, "tides.pdf", damaged)
    assert (again.duplicate, again.document_id, again.status) == (True, first.document_id, Status.FAILED)
    library.retry(deps, SUBJECT, again.document_id)
    assert library.busy(deps, SUBJECT) == {first.document_id}


@pytest.mark.parametrize("one_name", [True, False])
def test_the_same_bytes_from_many_sides_at_the_same_instant_are_stored_once(deps: Deps, *, one_name: bool) -> None:
    sides = 6
    contents = [pdfs.lines(f"High water of day {day}.") for day in range(5)]
    together = threading.Barrier(sides)

    def bring(side: int, round_: int) -> library.Upload:
        together.wait()
        return put(deps, f"{round_}.pdf" if one_name else f"{round_}-{side}.pdf", contents[round_])

    with ThreadPoolExecutor(max_workers=sides) as threads:
        for round_ in range(5):
            taken = list(threads.map(bring, range(sides), [round_] * sides))
            assert Counter(upload.duplicate for upload in taken) == {False: 1, True: sides - 1}
            (stored,) = {upload.document_id for upload in taken}
            assert rows_of(deps, stored)["files"] == rows_of(deps, stored)["jobs"] == 1
    assert len(library.documents(deps, SUBJECT)) == 5


def test_other_bytes_under_one_name_from_many_sides_at_the_same_instant_are_a_version_each(deps: Deps) -> None:
    sides = 6
    together = threading.Barrier(sides)

    def bring(side: int) -> library.Upload:
        together.wait()
        return put(deps, "tides.pdf", pdfs.lines(f"High water is at {side}."))

    with ThreadPoolExecutor(max_workers=sides) as threads:
        taken = list(threads.map(bring, range(sides)))
    assert sorted(upload.version for upload in taken) == [1, 2, 3, 4, 5, 6]
    assert len(library.versions(deps, SUBJECT, taken[0].document_id)) == sides
    work_off(deps)
    (left,) = library.documents(deps, SUBJECT)
    assert (left.version, left.status) == (6, Status.READY)


def test_a_file_with_a_password_is_read_once_that_is_given_and_still_known_again(deps: Deps) -> None:
    locked = pdfs.with_password()
    first = put(deps, "locked.pdf", locked)
    work_off(deps)
    assert library.document(deps, SUBJECT, first.document_id).needs_password
    with pytest.raises(WrongPassword):
        library.unlock(deps, SUBJECT, first.document_id, "guessed")
    assert library.document(deps, SUBJECT, first.document_id).status is Status.FAILED
    library.unlock(deps, SUBJECT, first.document_id, "secret")
    assert library.busy(deps, SUBJECT) == {first.document_id}
    library.unlock(deps, SUBJECT, first.document_id, "secret")  # from a second window: the work is queued once
    assert rows_of(deps, first.document_id)["jobs"] == 1
    work_off(deps)
    document = library.document(deps, SUBJECT, first.document_id)
    assert (document.status, document.needs_password) == (Status.READY, False)
    assert library.page_image(deps, SUBJECT, first.document_id, 1)
    again = put(deps, "locked.pdf", locked)
    assert (again.duplicate, again.document_id) == (True, first.document_id)
