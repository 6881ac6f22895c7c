from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from db import as_subject
from db import documents as rows
from db import vectors as vector_rows
from pages.parts.paper_routes import page_path
from rag import library, process
from rag.deps import Deps
from rag.providers.fake import FakeEmbedder
from tests import pdfs
from tests.ui.conftest import SUBJECT, nodes, open_app, pictures, press, shown, state_of, trees

PDF = "application/pdf"


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, content, PDF) for name, content in files]).run()
    assert not app.exception
    return app


def test_each_dropped_file_gets_its_sentence(deps: Deps) -> None:
    report = pdfs.report()
    app = drop(open_app("pages/documents.py"), ("report.pdf", report), ("again.pdf", report), ("notes.pdf", b"hello"), ("empty.pdf", b""))
    said = shown(app)
    assert "report.pdf is stored and being read." in said
    assert "again.pdf is here already, as report.pdf." in said
    assert "notes.pdf is not a PDF." in said
    assert "empty.pdf is empty" in said
    assert [d.filename for d in library.documents(deps, SUBJECT)] == ["report.pdf"]


def test_the_drop_zone_is_empty_again_after_each_round(deps: Deps) -> None:
    app = drop(open_app("pages/documents.py"), ("report.pdf", pdfs.report()))
    assert not app.file_uploader[0].value


def test_a_file_that_waits_says_so(deps: Deps, store: Callable[..., int]) -> None:
    store(index=False)
    assert "Waiting for its turn" in shown(open_app("pages/documents.py"))


def test_progress_shows_stage_counts_and_time_left(deps: Deps, store: Callable[..., int]) -> None:
    document_id = store(index=False)
    with as_subject(deps.pool, SUBJECT) as connection:
        rows.enter_stage(connection, document_id, "embedding", 40)
        rows.report_progress(connection, document_id, 10)
    app = open_app("pages/documents.py")
    (filled,) = [node[1]["bar"] for tree in trees(app) for node in nodes(tree) if "bar" in node[1]]
    assert filled == 0.25
    assert "Indexing its passages · 10 of 40 · about" in shown(app)


def test_a_ready_document_shows_its_pages_and_passages(store: Callable[..., int]) -> None:
    store()
    said = shown(open_app("pages/documents.py"))
    assert "Ready · 3 pages" in said
    assert "Waiting" not in said


def test_a_failed_document_says_why_and_can_be_retried(deps: Deps, store: Callable[..., int]) -> None:
    document_id = store(index=False)
    with as_subject(deps.pool, SUBJECT) as connection:
        rows.note_failure(connection, document_id, "The PDF is encrypted and needs a password. Save a copy.")
    app = open_app("pages/documents.py")
    assert "The PDF is encrypted and needs a password" in shown(app).replace("\\", "")
    press(app, f"retry:{document_id}")
    assert library.document(deps, SUBJECT, document_id).status == "queued"


def test_a_document_is_deleted_only_after_a_yes(deps: Deps, store: Callable[..., int]) -> None:
    document_id = store(index=False)
    with as_subject(deps.pool, SUBJECT) as connection:
        rows.note_failure(connection, document_id, "The PDF is damaged.")
    app = open_app("pages/documents.py")
    press(app, f"delete:{document_id}")
    assert "Delete 1 document for good?" in shown(app)
    app.button(key="delete-no").click().run()
    assert library.documents(deps, SUBJECT)
    assert "Delete 1 document for good?" not in shown(app)
    press(app, f"delete:{document_id}")
    app.button(key="delete-yes").click().run()
    assert not library.documents(deps, SUBJECT)
    assert "No documents yet." in shown(app)


def test_a_document_is_read_page_by_page_and_pages_without_text_are_marked(store: Callable[..., int]) -> None:
    document_id = store(pdfs.blank_between())
    app = open_app("pages/documents.py")
    assert "Page 2 has no text." in shown(app).replace("\\", "")
    press(app, f"read:{document_id}")
    assert "Page 1 of 3" in shown(app)
    assert page_path(document_id, 1, width=library.WIDTH) in pictures(app)
    assert "Page 2 of 3 · no text" in app.selectbox[0].options
    app.selectbox[0].set_value(2).run()
    assert "Questions cannot find what stands on it." in shown(app).replace("\\", "")
    assert page_path(document_id, 2, width=library.WIDTH) in pictures(app)
    assert "Page 3 of 3" in shown(press(app, "turn:next"))
    app.button(key="close-reader").click().run()
    assert "Ready, with notes · 3 pages" in shown(app)


def test_a_document_that_was_deleted_elsewhere_says_so(deps: Deps, store: Callable[..., int]) -> None:
    document_id = store()
    app = open_app("pages/documents.py")
    library.delete(deps, SUBJECT, document_id)
    state_of(app).reading = document_id
    app.run()
    assert not app.exception
    assert "This document has been deleted." in shown(app).replace("\\", "")
    assert "No documents yet." in shown(app)


@pytest.mark.parametrize("name", ["![x](http://127.0.0.1:9/x.png).pdf", "<img src=x onerror=alert(1)>.pdf", ":red[x] **b** $a$.pdf"])
def test_a_file_name_is_shown_as_text(deps: Deps, name: str) -> None:
    app = drop(open_app("pages/documents.py"), (name, pdfs.report()), ("other" + name, b"x"))
    assert library.clean_name(name) in shown(app)
    markdown = [element.value for kind in ("markdown", "caption", "warning", "info", "error", "success") for element in app.get(kind)]
    assert not [text for text in markdown if "127.0.0.1" in text or "<img" in text]


def test_a_switch_of_the_embedding_model_tells_how_far_it_has_come_and_what_holds_it_up(deps: Deps, store: Callable[..., int]) -> None:
    store()
    assert "Embedding with" not in shown(open_app("pages/documents.py"))
    process.provide(replace(deps, preferred=(FakeEmbedder(dimensions=64),)))
    with as_subject(deps.pool, SUBJECT) as connection:
        vector_rows.note_error(connection, "fake-embedder-64", "Acme is overloaded.")
    said = shown(open_app("pages/documents.py")).replace("\\", "")  # names are escaped for markdown
    assert "Embedding with fake-embedder-64: 0 of 1 documents; until then fake-embedder-384 serves. Acme is overloaded." in said
