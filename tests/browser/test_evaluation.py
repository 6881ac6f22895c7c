"""A question is typed, its passage picked, the measurement run and read, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from rag import ingest, library
from rag.deps import Deps
from tests import pdfs
from tests.browser.conftest import Visit

SUBJECT = "local"


def test_a_question_is_collected_measured_and_read(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    upload = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report())
    ingest.index(deps, SUBJECT, upload.document_id)
    window = visit(pages("quotes"))
    page = window.go("evaluation")
    page.get_by_label("A question whose answer you know").fill("Who designs barometers for mountain railways?")
    page.get_by_role("button", name="Find the passage").click()
    page.locator("button.card", has_text="designs barometers").click()
    expect(page.get_by_role("cell", name="Who designs barometers for mountain railways?")).to_be_visible()
    expect(page.get_by_text("Which passage answers it?")).to_have_count(0)
    page.get_by_role("button", name="Measure with 1 question").click()
    expect(page.get_by_role("tab", name="Results")).to_be_visible()
    page.get_by_role("tab", name="Results").click()
    expect(page.get_by_role("cell", name="Both together")).to_be_visible()
    expect(page.get_by_text("Nothing was missed.")).to_be_visible()
    page.get_by_role("tab", name="Questions").click()
    page.get_by_label("Remove").click()
    expect(page.get_by_text("No questions yet.")).to_be_visible()
    assert window.elsewhere == []
    assert window.errors == []
