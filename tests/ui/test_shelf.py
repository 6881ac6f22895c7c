"""Many documents: groups, finding, choosing, acting on the chosen ones, a few rows at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from psycopg import sql

from db import as_subject
from db import collections as collection_rows
from db import documents as rows
from db.documents import Status
from pages.parts.entries import Entry, entries
from pages.parts.state import SHOWN
from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, nodes, open_app, press, shown, state_of, strings, trees

Fill = Callable[..., list[int]]


@pytest.fixture
def fill(deps: Deps) -> Fill:
    """Put rows into the library that nothing was read of."""

    def put(*names: str, collection: str = "Library", status: str = "ready", error: str = "", note: str = "") -> list[int]:
        made = []
        with as_subject(deps.pool, SUBJECT) as connection:
            collection_id = collection_rows.add_collection(connection, collection)
            for name in names:
                digest = hashlib.sha256(f"{collection}/{name}".encode()).digest()
                made.append(rows.add_document(connection, collection_id=collection_id, filename=name, sha256=digest, content=b"%PDF-1.4"))
            connection.execute("update documents set status = %s, error = %s, note = %s where id = any (%s)", [status, error, note, made])
        return [document_id for document_id in made if document_id]

    return put


def listed(app) -> list[str]:
    """The names in the list, from the top."""
    return [next(strings(node)) for tree in trees(app) for node in nodes(tree) if node[1].get("act", "").startswith("read:")]


def test_a_large_library_is_listed_a_few_rows_at_a_time(fill: Fill) -> None:
    fill(*(f"{n:03}.pdf" for n in range(SHOWN + 5)))
    app = open_app("pages/documents.py")
    assert len(listed(app)) == SHOWN
    assert "Show more (5 left)" in shown(app)
    press(app, "more:")
    assert len(listed(app)) == SHOWN + 5
    assert "more:" not in acts(app)


def test_a_row_costs_no_elements_of_its_own(fill: Fill) -> None:
    fill("a.pdf", "b.pdf")
    few = len(list(open_app("pages/documents.py")._tree))
    fill(*(f"{n:03}.pdf" for n in range(5)))
    assert len(list(open_app("pages/documents.py")._tree)) == few


def test_groups_tell_their_sizes_and_narrow_the_list(fill: Fill) -> None:
    fill("good.pdf")
    fill("scan.pdf", note="No text on page 2.")
    fill("broken.pdf", status="failed", error="The PDF is damaged.")
    app = open_app("pages/documents.py")
    assert [act for act in acts(app) if act.startswith("group:")] == ["group:", "group:ready", "group:noted", "group:failed"]
    assert listed(press(app, "group:failed")) == ["broken.pdf"]
    assert listed(press(app, "group:noted")) == ["scan.pdf"]
    assert len(listed(press(app, "group:"))) == 3


def test_a_state_is_told_by_its_own_sign_and_sentence(fill: Fill) -> None:
    fill("good.pdf")
    fill("scan.pdf", note="No text on page 2.")
    fill("broken.pdf", status="failed", error="The PDF is damaged.")
    fill("later.pdf", status="paused")
    app = open_app("pages/documents.py")
    signs = {node[1]["c"]: " ".join(strings(node)) for tree in trees(app) for node in nodes(tree) if "signed" in node[1].get("c", "")}
    assert {sign: text.split(" · ")[0] for sign, text in signs.items()} == {
        "signed ready": "Ready", "signed noted": "Ready, with notes", "signed failed": "Failed", "signed paused": "Paused"
    }  # fmt: skip
    assert "The PDF is damaged." in shown(app)


def test_a_name_is_found_by_its_words_in_any_order(fill: Fill) -> None:
    fill("Annual report 2031.pdf", *(f"{n}.pdf" for n in range(9)))
    app = open_app("pages/documents.py")
    app.text_input(key="find").set_value("2031 annual").run()
    assert listed(app) == ["Annual report 2031.pdf"]
    app.text_input(key="find").set_value("nothing like it").run()
    assert listed(app) == []
    assert "No document matches." in shown(app)


def test_a_collection_narrows_the_list(fill: Fill) -> None:
    fill("a.pdf")
    fill("b.pdf", collection="Contracts")
    app = open_app("pages/documents.py")
    assert {"Library", "Contracts"} <= set(shown(app).splitlines())
    app.selectbox(key="collection").set_value("Contracts").run()
    assert listed(app) == ["b.pdf"]


def test_chosen_documents_are_retried_together(deps: Deps, fill: Fill) -> None:
    first, second = fill("a.pdf", "b.pdf", status="failed", error="Something passed.")
    (good,) = fill("c.pdf")
    app = open_app("pages/documents.py")
    press(press(app, f"tick:{first}"), f"tick:{good}")
    assert "2 chosen" in shown(app)
    press(app, "retry:")
    assert library.document(deps, SUBJECT, first).status is Status.QUEUED
    assert library.document(deps, SUBJECT, second).status is Status.FAILED
    assert library.document(deps, SUBJECT, good).status is Status.READY
    assert not state_of(app).shelf.ticked


def test_all_that_match_are_chosen_and_deleted_only_after_a_yes(deps: Deps, fill: Fill) -> None:
    fill(*(f"{n}.pdf" for n in range(SHOWN + 2)), status="failed", error="Something passed.")
    (good,) = fill("good.pdf")
    app = press(open_app("pages/documents.py"), "group:failed")
    press(app, "all:")
    press(app, "delete:")
    assert f"Delete {SHOWN + 2} documents for good?" in shown(app)
    assert len(library.documents(deps, SUBJECT)) == SHOWN + 3
    app.button(key="delete-yes").click().run()
    assert [d.id for d in library.documents(deps, SUBJECT)] == [good]
    assert "good.pdf" in listed(app)


def test_choosing_all_twice_chooses_none(fill: Fill) -> None:
    fill("a.pdf", "b.pdf")
    app = press(open_app("pages/documents.py"), "all:")
    assert len(state_of(app).shelf.ticked) == 2
    assert not state_of(press(app, "all:")).shelf.ticked


@pytest.fixture
def second_version(deps: Deps, store: Callable[..., int]) -> Callable[..., tuple[int, int]]:
    """A document that is ready, and a new version of it in another state."""

    def put(status: str, **columns: str) -> tuple[int, int]:
        first = store(filename="contract.pdf")
        second = store(pdfs.lines("The contract is void."), filename="contract.pdf", index=False)
        with as_subject(deps.pool, SUBJECT) as connection:
            for column, value in {"status": status, **columns}.items():
                connection.execute(sql.SQL("update documents set {} = %s where id = %s").format(sql.Identifier(column)), [value, second])
        return first, second

    return put


def test_versions_of_a_document_are_one_entry_that_says_which_answers(deps: Deps, second_version: Callable[..., tuple[int, int]]) -> None:
    first, second = second_version("working", stage="reading")
    (entry,) = entries(library.documents(deps, SUBJECT))
    assert (entry.latest.id, entry.answering and entry.answering.id) == (second, first)
    app = open_app("pages/documents.py")
    assert listed(app) == ["contract.pdf"]
    assert {"version 2", "Version 1 answers meanwhile."} <= set(shown(app).splitlines())
    press(app, f"older:{second}")
    assert state_of(app).reading == first


def test_a_failed_new_version_says_that_the_old_one_still_answers(second_version: Callable[..., tuple[int, int]]) -> None:
    second_version("failed", error="The PDF is damaged.")
    said = shown(open_app("pages/documents.py"))
    assert "The PDF is damaged." in said
    assert "Version 1 still answers." in said


def test_a_lone_document_is_an_entry_without_another_that_answers(deps: Deps, fill: Fill) -> None:
    fill("a.pdf")
    (document,) = library.documents(deps, SUBJECT)
    assert entries([document]) == [Entry(latest=document)]
