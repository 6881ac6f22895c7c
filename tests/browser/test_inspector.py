"""The inspector in a browser: the picture and the table lead to the page, and a document's text stays text."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

from rag import ingest, library
from rag.deps import Deps
from tests import pdfs
from tests.browser import papers
from tests.browser.conftest import Visit

SUBJECT = "local"
QUESTION = "What was the operating profit in 2031?"
HOSTILE = "<img src=x onerror=window.hostile=1>![x](http:127.0.0.1:9):red[x].pdf"


def store(deps: Deps, filename: str, content: bytes) -> None:
    upload = library.upload(deps, SUBJECT, filename=filename, content=content)
    ingest.index(deps, SUBJECT, upload.document_id)


def first_dot(page: Page) -> Locator:
    """Of the passage that ended first, in the first list that has it."""
    return page.locator('[data-testid="stVegaLiteChart"] g.mark-symbol path').first


def test_the_table_and_the_picture_open_the_boxed_page(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    store(deps, "lighthouse.pdf", papers.report())
    window = visit(pages("quotes"))
    page = window.go(f"inspector?{urlencode({'q': QUESTION})}")
    image = page.locator(".sheet img")

    row = page.locator("table.stages button").first
    row.focus()
    page.keyboard.press("Enter")
    expect(image).to_be_visible()
    expect(page.locator("table.stages tr.on")).to_have_count(1)

    page.get_by_role("button", name="All ranks").click()
    first_dot(page).click(force=True)  # its number lies over it
    expect(image).to_be_visible()
    assert window.errors == []


def test_the_link_below_an_answer_opens_its_trace(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    store(deps, "lighthouse.pdf", papers.report())
    window = visit(pages("quotes"))
    page = window.go("chat")
    window.ask(QUESTION)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("link", name="Inspect retrieval").click()
    expect(page.get_by_text("As it was when the answer was written.")).to_be_visible()
    expect(page.get_by_label("Query")).to_have_value(QUESTION)
    expect(page.locator("table.stages button").first).to_be_visible()
    page.reload()
    expect(page.locator("table.stages button").first).to_be_visible()


def test_on_a_phone_a_passage_opens_in_a_dialog(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    store(deps, "lighthouse.pdf", papers.report())
    window = visit(pages("quotes"), viewport={"width": 390, "height": 800})
    page = window.go(f"inspector?{urlencode({'q': QUESTION})}")
    page.locator("table.stages button").first.click()
    expect(page.get_by_role("dialog").locator(".sheet img")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_hostile_document_is_text_in_the_table_the_picture_and_the_pane(
    deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]
) -> None:
    line = "The profit ![p](http://127.0.0.1:9/t.png) <script>window.hostile=2</script> [l](javascript:1) was high."
    store(deps, HOSTILE, pdfs.lines(line))
    window = visit(pages("quotes"))
    page = window.go(f"inspector?{urlencode({'q': 'profit'})}")
    expect(page.locator("table.stages button").first).to_contain_text("<img src=")
    first_dot(page).hover(force=True)
    expect(page.locator("#vg-tooltip-element")).to_contain_text("<img src=")
    page.locator("table.stages button").first.click()
    expect(page.locator(".sheet img")).to_be_visible()
    expect(page.get_by_text("<script>window.hostile=2</script>").first).to_be_visible()
    page.wait_for_timeout(500)
    assert window.elsewhere == []
    assert page.evaluate("window.hostile") is None
