"""The pane beside an answer: its page looked at, turned, drawn larger, copied from and closed, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from rag import ingest, library
from rag.deps import Deps
from tests import pdfs
from tests.browser import papers
from tests.browser.conftest import Visit

SUBJECT = "local"
QUESTION = "What was the operating profit in 2031?"


def store(deps: Deps, filename: str, content: bytes) -> int:
    upload = library.upload(deps, SUBJECT, filename=filename, content=content)
    ingest.index(deps, SUBJECT, upload.document_id)
    return upload.document_id


def focused(locator: Locator) -> bool:
    return bool(locator.evaluate("element => element.getRootNode().activeElement === element"))


def in_view(page: Page) -> bool:
    """The middle of what is cited can be seen in the part of the page that is shown."""
    box, view = page.locator(".box.cited").first.bounding_box(), page.locator(".view").bounding_box()
    assert box
    assert view
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    return view["x"] <= x <= view["x"] + view["width"] and view["y"] <= y <= view["y"] + view["height"]


def test_a_citation_is_looked_at_beside_the_others_of_its_page(
    deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]
) -> None:
    document_id = store(deps, "lighthouse.pdf", papers.report())
    window = visit(pages("several"), viewport={"width": 1280, "height": 560}, permissions=["clipboard-read", "clipboard-write"])
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.locator("button.cite")).to_have_count(6)
    expect(page.locator("button.card.cited")).to_have_count(1)
    number = page.locator("button.cite[data-n='6']")
    number.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".sheet img[data-loaded]")).to_be_visible()
    assert in_view(page)  # low on a page that is taller than the pane
    assert focused(number)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0

    width = "image => image.naturalWidth"
    assert page.locator(".sheet img").evaluate(width) == library.WIDTH
    page.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="Larger").click()
    expect(page.get_by_text("200%")).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('.sheet img')?.naturalWidth === 2000)"
    )
    assert in_view(page)

    page.get_by_role("button", name="Copy quote").click()
    expect(page.locator(".said:visible")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("“")
    assert copied.endswith("” (lighthouse.pdf, page 1)")
    original = page.get_by_role("link", name="Open PDF")
    assert original.get_attribute("href") == f"/original/{document_id}.pdf#page=1"
    assert original.get_attribute("rel") == "noopener"

    other = page.get_by_role("button", name="Citation 1: ")
    page.get_by_role("button", name="Larger").hover()  # from there, as a hand moves
    other.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("“")
    page.locator(".box.other").first.click()
    expect(page.locator("button.cite[aria-pressed=true]")).to_have_count(1)
    expect(number).to_have_attribute("aria-pressed", "false")
    expect(page.locator(".box.cited").first).to_be_visible()

    page.get_by_label("Next page").focus()
    page.evaluate(
        "button => { for (let n = 0; n < 2; n++) button.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true, composed: true})) }",
        page.get_by_label("Next page").element_handle(),
    )  # quicker than any answer
    expect(page.get_by_text("Page 3 of 4")).to_be_visible()
    assert focused(page.get_by_label("Next page"))
    page.keyboard.press("Escape")
    expect(page.locator("button.card").first).to_be_visible()
    assert focused(number)
    assert window.errors == []


def test_a_sentence_over_two_pages_is_boxed_on_both(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    store(deps, "across.pdf", pdfs.across_pages())
    window = visit(pages("quotes"), color_scheme="dark")
    page = window.go("chat")
    window.ask("Who counted the ships before the storm?")
    page.locator("button.cite").first.click()
    expect(page.locator(".box.cited")).to_have_count(1)
    assert in_view(page)
    page.get_by_role("button", name="Continues on page 2").click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    expect(page.locator(".box.cited")).to_have_count(1)
    assert in_view(page)
    page.get_by_role("button", name="Begins on page 1").click()
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()


def test_text_is_copied_where_the_browser_has_no_clipboard(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    store(deps, "across.pdf", pdfs.across_pages())
    window = visit(pages("quotes"), permissions=["clipboard-read"])
    page = window.page
    page.add_init_script("delete Navigator.prototype.clipboard")  # as over plain http from another machine
    window.go("chat")
    window.ask("Who counted the ships before the storm?")
    page.locator("button.cite").first.click()
    page.get_by_role("button", name="Copy quote").click()
    expect(page.locator(".said:visible")).to_have_text("Copied")
    box = page.locator('[data-testid="stChatInput"] textarea')
    box.focus()
    page.keyboard.press("ControlOrMeta+V")
    expect(box).to_have_value(
        "“The lighthouse keeper counted the ships that passed before the storm closed the strait.” (across.pdf, page 1)"
    )
    assert window.errors == []
