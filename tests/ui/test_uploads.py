"""Many files at once: where they go, and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from db import as_subject
from db import documents as rows
from pages.parts.state import Uploaded
from pages.parts.upload_results import FEW, LISTED, counted, results_tree
from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import SUBJECT, open_app, press, shown, state_of, strings

PDF = "application/pdf"
REPORT = pdfs.report()  # the same bytes each time


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, content, PDF) for name, content in files]).run()
    assert not app.exception
    return app


def test_files_go_into_the_collection_that_was_chosen(deps: Deps) -> None:
    library.create_collection(deps, SUBJECT, "Contracts")
    app = open_app("pages/documents.py")
    app.selectbox(key="upload-collection").set_value("Contracts").run()
    drop(app, ("lease.pdf", pdfs.report()))
    assert [(d.filename, d.collection) for d in library.documents(deps, SUBJECT)] == [("lease.pdf", "Contracts")]


def test_a_folder_is_chosen_whole(deps: Deps) -> None:
    app = open_app("pages/documents.py")
    app.segmented_control(key="upload-kind").set_value("folder").run()
    (zone,) = app.get("file_uploader")
    assert zone.proto.accept_directory
    assert list(zone.proto.type) == [".pdf"]
    drop(app, ("folder/lease.pdf", pdfs.report()), ("folder/old/lease.pdf", pdfs.cash_flow()))
    assert {(d.filename, d.version) for d in library.documents(deps, SUBJECT)} == {("lease.pdf", 1), ("old/lease.pdf", 1)}


def test_a_duplicate_opens_the_document_that_is_known(store: Callable[..., int]) -> None:
    known = store(REPORT)
    app = drop(open_app("pages/documents.py"), ("again.pdf", REPORT))
    assert "again.pdf is here already, as report.pdf." in shown(app)
    press(app, f"read:{known}")
    assert state_of(app).reading == known


def test_a_duplicate_of_a_document_that_failed_says_so(deps: Deps, store: Callable[..., int]) -> None:
    known = store(REPORT, index=False)
    with as_subject(deps.pool, SUBJECT) as connection:
        rows.note_failure(connection, known, "The PDF is damaged.")
    app = drop(open_app("pages/documents.py"), ("report.pdf", REPORT))
    assert "report.pdf is here already. It could not be read; open it to see why." in shown(app)


def test_new_bytes_under_a_known_name_are_told_as_a_new_version(store: Callable[..., int]) -> None:
    store(filename="contract.pdf")
    app = drop(open_app("pages/documents.py"), ("contract.pdf", pdfs.blank_between()))
    assert "contract.pdf is stored as version 2; version 1 answers until it is ready." in shown(app)


def test_many_files_are_counted_and_only_the_notable_ones_listed(deps: Deps, store: Callable[..., int]) -> None:
    store(REPORT, filename="known.pdf")
    files = [(f"{n}.pdf", pdfs.lines(f"Number {n}.")) for n in range(FEW)]
    app = drop(open_app("pages/documents.py"), *files, ("known.pdf", REPORT), ("notes.pdf", b"hello"))
    said = shown(app).splitlines()
    assert f"{FEW} files stored · 1 here already · 1 refused" in said
    assert "known.pdf is here already." in said
    assert "0.pdf is stored and being read." not in said


def test_a_flood_of_refusals_is_cut_short() -> None:
    refused = [Uploaded(filename=f"{n}.txt", sentence=f"{n}.txt is not a PDF.", kind="refused") for n in range(LISTED + 5)]
    said = list(strings(results_tree(refused)))
    assert counted(refused) == f"{LISTED + 5} refused"
    assert len([s for s in said if "is not a PDF" in s]) == LISTED
    assert said[-1] == "and 5 more"


def test_files_that_were_taken_before_a_click_ran_the_page_anew_are_not_taken_again(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = library.upload

    def upload(*args: Any, filename: str, **rest: Any) -> library.Upload:
        calls.append(filename)
        if calls == ["a.pdf", "b.pdf"]:
            st.rerun()  # as a click does that comes while files are stored
        return real(*args, filename=filename, **rest)

    monkeypatch.setattr(library, "upload", upload)
    app = drop(open_app("pages/documents.py"), ("a.pdf", pdfs.report()), ("b.pdf", pdfs.blank_between()))
    assert calls == ["a.pdf", "b.pdf", "b.pdf"]
    assert {"a.pdf is stored and being read.", "b.pdf is stored and being read."} <= set(shown(app).splitlines())
