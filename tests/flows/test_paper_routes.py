"""Pages as pictures and the PDF itself, as the browser asks for them beside the pages."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from db import AWAY, DatabaseAway
from db.documents import Document
from pages.parts.paper_routes import original_path, page_path, paper_routes
from rag import library, process
from rag.deps import Deps
from rag.page_images import Pictures
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index

REPORT = pdfs.report()  # the same bytes each time


@pytest.fixture
def browser(deps: Deps) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=paper_routes())) as client:
        yield client


@pytest.fixture
def report(deps: Deps, index: Index) -> Document:
    return index(deps, REPORT, filename="年报 2031.pdf")


def test_a_page_is_as_wide_as_asked_and_kept_until_it_changes(browser: TestClient, report: Document) -> None:
    for width in (1000, 2000):
        answer = browser.get(page_path(report.id, 2, width=width))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert abs(Image.open(io.BytesIO(answer.content)).width - width) <= 1
    assert answer.headers["cache-control"] == "private, no-cache"
    again = browser.get(page_path(report.id, 2, width=2000), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_no_width_is_drawn_but_those_that_zooms_need(browser: TestClient, report: Document) -> None:
    answer = browser.get(f"/page/{report.id}/1.png?width=39000")
    assert abs(Image.open(io.BytesIO(answer.content)).width - library.WIDTH) <= 1


@pytest.mark.parametrize("digits", [18, 19, 4301])
def test_a_number_that_no_document_has_is_not_found_however_long(browser: TestClient, digits: int) -> None:
    number = "9" * digits
    for path in (f"/page/{number}/1.png", f"/page/1/{number}.png", f"/original/{number}.pdf"):
        assert browser.get(path).status_code == 404


def test_the_original_comes_whole_under_its_name_and_by_itself(browser: TestClient, report: Document) -> None:
    shown = browser.get(original_path(report.id, page=2))
    assert shown.content == REPORT
    assert shown.headers["content-length"] == str(len(REPORT))
    assert shown.headers["content-type"] == "application/pdf"
    assert shown.headers["content-disposition"] == "inline; filename*=UTF-8''%E5%B9%B4%E6%8A%A5%202031.pdf"
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert browser.get(original_path(report.id, save=True)).headers["content-disposition"].startswith("attachment; ")


def test_what_is_gone_or_somebody_elses_is_told_in_the_readers_language(browser: TestClient, report: Document, deps: Deps) -> None:
    for path in (page_path(report.id, 99, width=1000), page_path(10**40, 1, width=1000), original_path(10**40)):
        assert browser.get(path).status_code == 404
    process.provide(replace(deps, settings=deps.settings.model_copy(update={"subject": "someone else"})))
    for path in (page_path(report.id, 1, width=1000), original_path(report.id)):
        answer = browser.get(path, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
        assert (answer.status_code, answer.text) == (404, "此文档已被删除。\n")


def test_a_number_that_no_row_can_have_is_not_there(browser: TestClient, report: Document) -> None:
    for number in ("0", "2147483648", "9223372036854775808", "9" * 40):
        for path in (f"/page/{number}/1.png", f"/page/{report.id}/{number}.png", f"/original/{number}.pdf"):
            assert browser.get(path).status_code == 404


def test_a_page_that_was_drawn_for_one_is_checked_for_each(browser: TestClient, report: Document, deps: Deps) -> None:
    assert browser.get(page_path(report.id, 1, width=1000)).status_code == 200
    library.delete(deps, SUBJECT, report.id)
    assert browser.get(page_path(report.id, 1, width=1000)).status_code == 404


def test_a_database_that_is_away_is_told(browser: TestClient, report: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> bytes:
        raise DatabaseAway(AWAY)

    monkeypatch.setattr(library, "page_image", away)
    answer = browser.get(page_path(report.id, 1, width=1000))
    assert (answer.status_code, answer.text) == (503, AWAY + "\n")


def drawing(sizes: dict[str, int], log: list[str]) -> Callable[[Pictures, str], bytes]:
    def get(pictures: Pictures, name: str) -> bytes:
        def draw() -> bytes:
            log.append(name)
            return b"x" * sizes[name]

        return pictures.get(name, draw)

    return get


def test_pictures_are_kept_within_a_bound_the_latest_used_longest() -> None:
    log: list[str] = []
    get, pictures = drawing({"a": 40, "b": 40, "c": 40, "huge": 200}, log), Pictures(100)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert len(get(pictures, name)) == 40
    assert log == ["a", "b", "c", "b"]
    assert len(get(pictures, "huge")) == 200  # never kept
    assert len(get(pictures, "huge")) == 200
    assert log[4:] == ["huge", "huge"]


def test_several_who_want_the_same_picture_wait_for_one_drawing() -> None:
    pictures, log, may_end = Pictures(100), [], Event()

    def draw() -> bytes:
        log.append("drawn")
        assert may_end.wait(20)
        return b"png"

    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(pictures.get, "page", draw) for _ in range(4)]
        may_end.set()
        assert {future.result(20) for future in waiting} == {b"png"}
    assert log == ["drawn"]


def test_a_drawing_that_fails_is_tried_again_by_whoever_asks_next() -> None:
    pictures = Pictures(100)

    def fail() -> bytes:
        raise ValueError

    with pytest.raises(ValueError):
        pictures.get("page", fail)
    assert pictures.get("page", lambda: b"png") == b"png"
