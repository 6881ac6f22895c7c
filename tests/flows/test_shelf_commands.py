"""The commands that put documents in order say what they did, or why they did not."""

from __future__ import annotations

import io
import sys

import pytest

from rag import library
from rag.deps import Deps
from tests import pdfs
from tests.flows.conftest import SUBJECT, Run, work_off


def put(deps: Deps, name: str, collection: str = "Library") -> int:
    return library.upload(deps, SUBJECT, filename=name, content=pdfs.lines(f"{name} in {collection}"), collection=collection).document_id


def names(deps: Deps) -> list[str]:
    return sorted(f"{d.collection}/{d.filename}" for d in library.documents(deps, SUBJECT))


def test_a_document_is_renamed_and_moved(deps: Deps, situate: Run) -> None:
    put(deps, "log.pdf")
    assert situate("rename", "log.pdf", "Logbook") == (0, {"document": "Logbook.pdf"}, "")
    assert situate("move", "Logbook.pdf", "--to", "Ships") == (0, {"moved": 1, "refused": []}, "")
    assert names(deps) == ["Ships/Logbook.pdf"]


def test_what_cannot_be_done_is_a_sentence_and_an_exit_code(deps: Deps, situate: Run) -> None:
    put(deps, "log.pdf")
    put(deps, "log.pdf", "Ships")
    put(deps, "chart.pdf")
    for arguments, sentence in [
        (("rename", "log.pdf", "chart.pdf"), "log.pdf is in Library, Ships. Say which is meant with --collection."),
        (("rename", "log.pdf", "chart.pdf", "--collection", "Library"), "Another document in this collection is named chart.pdf."),
        (("versions", "tides.pdf"), "There is no document named tides.pdf."),
        (("collections", "--empty", "Nowhere"), "There is no collection named Nowhere."),
        (("collections", "--delete", "Ships"), "Ships still holds documents."),
        (("move", "log.pdf", "--to", "Ships"), "log.pdf was not moved: Ships has another document of this name."),
    ]:
        code, _, told = situate(*arguments)
        assert code == 1
        assert sentence in told
    assert names(deps) == ["Library/chart.pdf", "Library/log.pdf", "Ships/log.pdf"]


def test_versions_are_listed_the_newest_first_and_go_together(deps: Deps, situate: Run) -> None:
    put(deps, "log.pdf")
    work_off(deps)
    library.upload(deps, SUBJECT, filename="log.pdf", content=pdfs.report()[:400])
    work_off(deps)
    code, listed, _ = situate("versions", "log.pdf")
    assert code == 0
    assert [(v["version"], v["status"], bool(v["error"])) for v in listed] == [(2, "failed", True), (1, "ready", False)]
    assert situate("delete", "log.pdf")[1] == {"deleted": 1}
    assert names(deps) == []


def test_collections_are_listed_after_what_was_done_to_one(deps: Deps, situate: Run) -> None:
    put(deps, "log.pdf")
    assert situate("collections", "--create", "Ships")[1] == [
        {"collection": "Library", "documents": 1},
        {"collection": "Ships", "documents": 0},
    ]
    assert situate("collections", "--rename", "Ships", "Boats")[1][0]["collection"] == "Boats"
    assert situate("collections", "--delete", "Library", "--with-documents")[1] == [{"collection": "Boats", "documents": 0}]
    put(deps, "chart.pdf", "Boats")
    assert situate("collections", "--empty", "Boats")[1] == [{"collection": "Boats", "documents": 0}]


def test_a_password_is_read_from_standard_input(deps: Deps, situate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    library.upload(deps, SUBJECT, filename="locked.pdf", content=pdfs.with_password())
    work_off(deps)
    monkeypatch.setattr(sys, "stdin", io.StringIO("guessed\n"))
    code, _, told = situate("unlock", "locked.pdf")
    assert (code, "password does not open" in told) == (1, True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("secret\n"))
    assert situate("unlock", "locked.pdf")[:2] == (0, {"unlocked": "locked.pdf"})
    work_off(deps)
    assert [d.status.value for d in library.documents(deps, SUBJECT)] == ["ready"]
