"""Renaming, moving, versions, collections: each asked for in a dialog, and said when it cannot be done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from db import as_subject
from db import documents as rows
from db.documents import Status
from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, open_app, press, shown, state_of

Store = Callable[..., int]


def opened(document_id: int) -> AppTest:
    return press(open_app("pages/documents.py"), f"read:{document_id}")


def names(deps: Deps, collection: str | None = None) -> list[str]:
    return sorted(d.filename for d in library.documents(deps, SUBJECT, collection=collection))


def submit(app: AppTest, form: str) -> AppTest:
    next(button for button in app.button if str(button.key).startswith(f"FormSubmitter:{form}-")).click().run()
    assert not app.exception
    return app


def test_a_document_is_renamed(deps: Deps, store: Store) -> None:
    app = opened(store())
    app.button(key="rename").click().run()
    app.text_input(key="new-name").set_value("Annual report")
    submit(app, "rename")
    assert names(deps) == ["Annual report.pdf"]
    assert "Annual report.pdf" in shown(app)
    assert state_of(app).asking is None


def test_a_name_that_is_taken_is_refused_with_its_sentence_and_can_be_typed_anew(deps: Deps, store: Store) -> None:
    store()
    app = opened(store(pdfs.blank_between(), filename="other.pdf"))
    app.button(key="rename").click().run()
    app.text_input(key="new-name").set_value("report.pdf")
    submit(app, "rename")
    assert "Another document in this collection is named report.pdf." in shown(app).replace("\\", "")
    assert names(deps) == ["other.pdf", "report.pdf"]
    app.text_input(key="new-name").set_value("third.pdf")
    submit(app, "rename")
    assert names(deps) == ["report.pdf", "third.pdf"]


def test_chosen_documents_are_moved_into_another_collection(deps: Deps, store: Store) -> None:
    store()
    other = store(pdfs.blank_between(), filename="other.pdf")
    library.create_collection(deps, SUBJECT, "Contracts")
    app = press(press(open_app("pages/documents.py"), f"tick:{other}"), "move:")
    app.selectbox(key="move-to").set_value("Contracts")
    submit(app, "move")
    assert names(deps, "Contracts") == ["other.pdf"]
    assert names(deps, "Library") == ["report.pdf"]
    assert not state_of(app).shelf.ticked


def test_a_document_that_cannot_be_moved_says_why_and_stays(deps: Deps, store: Store) -> None:
    here = store()
    library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.blank_between(), collection="Contracts")
    app = opened(here)
    app.button(key="move").click().run()
    app.selectbox(key="move-to").set_value("Contracts")
    submit(app, "move")
    assert "report.pdf was not moved: Contracts has another document of this name." in shown(app)
    assert names(deps, "Library") == ["report.pdf"]


def test_older_versions_can_be_opened_and_say_which_answers(deps: Deps, store: Store) -> None:
    first = store()
    second = store(pdfs.blank_between())
    app = opened(second)
    assert "Questions are answered from" not in shown(app)
    press(app, f"version:{first}")
    assert {"Replaced by a newer version · 3 pages · 3 kB", "Questions are answered from version 2."} <= set(shown(app).splitlines())
    press(app, f"version:{second}")
    assert state_of(app).reading == second


def test_a_new_version_that_failed_is_discarded_and_the_old_one_stays(deps: Deps, store: Store) -> None:
    first, second = store(), store(pdfs.blank_between(), index=False)
    with as_subject(deps.pool, SUBJECT) as connection:
        rows.note_failure(connection, second, "The PDF is damaged.")
    press(open_app("pages/documents.py"), f"discard:{second}")
    (left,) = library.documents(deps, SUBJECT)
    assert (left.id, left.status) == (first, Status.READY)


def test_deleting_a_document_deletes_its_versions(deps: Deps, store: Store) -> None:
    first, second = store(), store(pdfs.blank_between())
    app = opened(second)
    app.button(key="delete").click().run()
    app.button(key="delete-yes").click().run()
    assert not library.versions(deps, SUBJECT, first)
    assert "No documents yet." in shown(app)


@pytest.fixture
def collections(deps: Deps, store: Store) -> AppTest:
    """The dialog of collections, of which one holds a document."""
    store()
    app = open_app("pages/documents.py")
    return app.button(key="collections").click().run()


def ids(deps: Deps) -> dict[str, int]:
    return {collection.name: collection.id for collection in library.collections(deps, SUBJECT)}


def test_a_collection_is_created_and_renamed(deps: Deps, collections: AppTest) -> None:
    collections.text_input(key="new-collection-name").set_value("Contracts")
    submit(collections, "new-collection")
    assert set(ids(deps)) == {"Contracts", "Library"}
    made = ids(deps)["Contracts"]
    press(collections, f"rename:{made}")
    collections.text_input(key=f"collection-name-{made}").set_value("Treaties")
    submit(collections, "rename-collection")
    assert ids(deps)["Treaties"] == made


def test_a_collection_name_that_is_taken_is_refused_with_its_sentence(deps: Deps, collections: AppTest) -> None:
    collections.text_input(key="new-collection-name").set_value("Library")
    submit(collections, "new-collection")
    assert "There is a collection named Library already." in shown(collections).replace("\\", "")


@pytest.mark.parametrize(("act", "left"), [("empty", {"Library"}), ("remove", set())])
def test_a_collection_is_emptied_or_deleted_only_after_a_yes(deps: Deps, collections: AppTest, act: str, left: set[str]) -> None:
    library_id = ids(deps)["Library"]
    press(collections, f"{act}:{library_id}")
    assert "1 document in it is deleted for good." in shown(collections)
    collections.button(key="collection-no").click().run()
    assert names(deps) == ["report.pdf"]
    press(collections, f"{act}:{library_id}")
    collections.button(key="collection-yes").click().run()
    assert not collections.exception
    assert names(deps) == []
    assert set(ids(deps)) == left


def test_an_empty_collection_offers_nothing_to_empty(deps: Deps, collections: AppTest) -> None:
    made = library.create_collection(deps, SUBJECT, "Contracts")
    collections.run()
    assert f"empty:{made}" not in acts(collections)
    press(collections, f"remove:{made}")
    collections.button(key="collection-yes").click().run()
    assert set(ids(deps)) == {"Library"}
