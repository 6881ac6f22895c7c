"""The page-quality report: counts, sentences, small pictures of the pages that are worth a look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from db import as_subject
from db import documents as rows
from db.documents import Page
from pages.parts.page_quality import doubtful, kind_of, kinds_told, page_told
from pages.parts.state import THUMBNAILS
from rag.deps import Deps
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, nodes, open_app, press, shown, state_of, trees

TEXT = Page(number=1, label="", width=595, height=842, source="text", note="")
SCAN = replace(TEXT, number=2, source="ocr", confidence=0.874, marks=("rotated",), turned=90)
POOR = replace(SCAN, number=3, marks=("doubtful",), confidence=0.41, turned=0)
GARBLED = replace(SCAN, number=4, marks=("garbled",), turned=0)
EMPTY = replace(TEXT, number=5, source="none", marks=("empty",), note="Nothing stands on the page.")
LOST = replace(EMPTY, number=6, marks=("unreadable",), note="The page is damaged and could not be read.")
ALL = [TEXT, SCAN, POOR, GARBLED, EMPTY, LOST]


def pictures(app) -> list[str]:
    return [node[1]["src"] for tree in trees(app) for node in nodes(tree) if node[0] == "img" and node[1].get("c") == "picture"]


@pytest.fixture
def read(deps: Deps, store: Callable[..., int]) -> Callable[..., int]:
    """A document whose pages were found to be these."""

    def put(*pages: Page) -> int:
        document_id = store(pdfs.long_report(len(pages)))
        with as_subject(deps.pool, SUBJECT) as connection:
            rows.put_pages(connection, document_id=document_id, pages=pages)
        return document_id

    return put


def test_each_kind_of_page_is_counted() -> None:
    assert kinds_told(ALL) == ["1 with text", "3 recognised", "1 hard to read", "1 garbled", "1 turned", "1 empty", "1 unreadable"]


def test_pages_worth_a_look_are_those_that_may_mislead_or_miss() -> None:
    assert [page.number for page in doubtful(ALL)] == [3, 4, 6, 5]


@pytest.mark.parametrize(
    ("page", "kind", "sentences"),
    [
        (TEXT, "", []),
        (SCAN, "recognised", ["Read by text recognition, confidence 0.87.", "It was turned by 90° to be read."]),
        (POOR, "hard to read", ["Read by text recognition, confidence 0.41.", "Some of it may be misread: compare it with the picture."]),
        (GARBLED, "garbled",
         ["Read by text recognition, confidence 0.87.", "The file's own text made no sense here, so its picture was read."]),
        (EMPTY, "empty", ["Nothing stands on the page."]),
        (LOST, "unreadable", ["The page is damaged and could not be read.", "Questions cannot find what stands on it."]),
        (replace(TEXT, source="none"), "no text", ["This page has no text.", "Questions cannot find what stands on it."]),
    ],
)  # fmt: skip
def test_a_page_says_what_is_worth_knowing(page: Page, kind: str, sentences: list[str]) -> None:
    assert kind_of(page) == kind
    assert page_told(page) == sentences


def test_a_document_of_plain_text_has_no_report(read: Callable[..., int]) -> None:
    document_id = read(TEXT)
    app = press(open_app("pages/documents.py"), f"read:{document_id}")
    assert "with text" not in shown(app)
    assert pictures(app) == []


def test_doubtful_pages_are_pictured_and_a_click_opens_them(read: Callable[..., int]) -> None:
    document_id = read(*ALL)
    app = press(open_app("pages/documents.py"), f"read:{document_id}")
    assert {"3 recognised", "1 unreadable"} <= set(shown(app).splitlines())
    assert len(pictures(app)) == 4
    press(app, "turn:6")
    assert state_of(app).page == 6
    assert "The page is damaged and could not be read. Questions cannot find what stands on it." in shown(app).replace("\\", "")


def test_many_doubtful_pages_are_pictured_a_few_at_a_time(read: Callable[..., int]) -> None:
    document_id = read(*(replace(EMPTY, number=n + 1) for n in range(THUMBNAILS + 2)))
    app = press(open_app("pages/documents.py"), f"read:{document_id}")
    assert len(pictures(app)) == THUMBNAILS
    press(app, "more:")
    assert len(pictures(app)) == THUMBNAILS + 2
    assert "more:" not in acts(app)
