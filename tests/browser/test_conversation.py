"""A conversation as people have it: follow-ups, second thoughts, other documents, and the list beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from rag import ingest, library
from rag.deps import Deps
from tests.browser import papers
from tests.browser.conftest import Visit
from tests.browser.pages_process import FOLLOW_UP, REWRITTEN

SUBJECT = "local"
QUESTION = "What was the operating profit in 2031?"


@pytest.fixture
def _report(deps: Deps) -> None:
    """One indexed report in the test's database."""
    upload = library.upload(deps, SUBJECT, filename="lighthouse.pdf", content=papers.report())
    ingest.index(deps, SUBJECT, upload.document_id)


@pytest.mark.usefixtures("_report")
@pytest.mark.parametrize("size", [{"width": 1380, "height": 900}, {"width": 390, "height": 844}], ids=["wide", "phone"])
def test_a_follow_up_is_searched_for_in_other_words_edited_and_brought_back(
    pages: Callable[[str], str], visit: Callable[..., Visit], size: dict[str, int]
) -> None:
    window = visit(pages("rewriting"), viewport=size)
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.get_by_role("button", name="Answer again")).to_have_count(1)
    window.ask(FOLLOW_UP)
    expect(page.get_by_text(f"Searched for: {REWRITTEN}")).to_be_visible()
    expect(page.get_by_text(FOLLOW_UP, exact=True)).to_be_in_viewport()

    page.get_by_role("button", name="Change what is searched for").click()
    field = page.get_by_role("textbox", name="Change what is searched for")
    expect(field).to_have_value(REWRITTEN)
    field.fill("repairs at Skerry")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("Searched for: repairs at Skerry")).to_be_visible()
    page.get_by_role("button", name="Earlier answer").click()
    expect(page.get_by_text(f"Searched for: {REWRITTEN}")).to_be_visible()
    expect(page.get_by_text("Searched for: repairs at Skerry")).to_have_count(0)

    page.locator(".question", has_text=FOLLOW_UP).hover()
    page.get_by_role("button", name="Edit the question").last.click()
    page.get_by_role("textbox", name="Edit the question").fill("How many keepers are there?")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".question", has_text="How many keepers are there?")).to_be_visible()
    expect(page.get_by_text(FOLLOW_UP, exact=True)).to_have_count(0)
    expect(page.locator(".question", has_text=QUESTION)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert window.errors == []


@pytest.mark.usefixtures("_report")
def test_an_answer_is_rated_copied_and_taken_along(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("quotes"))
    page = window.go("chat")
    window.ask(QUESTION)
    down = page.get_by_role("button", name="Bad answer")
    down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Incomplete").click()
    page.get_by_role("button", name="Keep this").click()
    expect(page.get_by_text("What was wrong with it?")).to_have_count(0)
    page.reload()
    expect(down).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Copy with footnotes").click()
    expect(page.get_by_role("status").get_by_text("Copied")).to_be_visible()
    page.get_by_role("button", name="More", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="This answer as Markdown").click()
    assert "[1] lighthouse.pdf, page 1" in download.value.path().read_text("utf-8")


@pytest.mark.usefixtures("_report")
def test_a_conversation_is_renamed_deleted_and_brought_back(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("quotes"))
    page = window.go("chat")
    window.ask(QUESTION)
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Rename or delete").click()
    page.get_by_role("menuitem", name="Rename").click()
    name = sidebar.get_by_label("Name")
    name.fill("Profit")
    name.press("Enter")
    expect(sidebar.get_by_role("button", name="Profit", exact=True)).to_be_visible()
    sidebar.get_by_role("button", name="Rename or delete").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    expect(sidebar.get_by_text("Deleted: Profit")).to_be_visible()
    sidebar.get_by_role("button", name="Undo").click()
    sidebar.get_by_role("button", name="Profit", exact=True).click()
    expect(page.locator("button.cite").first).to_be_visible()
    assert window.errors == []
