"""A file of the same name and other bytes is a new version: the old one answers until the new one is published, and then only opens."""

from __future__ import annotations

import pytest

from db.documents import Selection, Status
from rag import library
from rag.deps import Deps
from rag.search import search
from tests import pdfs
from tests.flows.conftest import SUBJECT, work_off

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
