"""From an empty library to a boxed sentence, through everything that `situate serve` starts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests import pdfs
from tests.browser import papers
from tests.browser.conftest import Visit


def test_upload_progress_question_citation_boxed_page(situate: str, visit: Callable[..., Visit]) -> None:
    window = visit(situate)
    page = window.go()
    expect(page.get_by_text("Drop in your PDFs, ask a question")).to_be_visible()

    window.upload(("lighthouse.pdf", papers.report()), ("meridian.pdf", pdfs.report()))
    expect(page.get_by_text(re.compile("Just a moment|What would you like to know"))).to_be_visible()
    expect(page.get_by_text("2 documents can be asked.")).to_be_visible()

    window.ask("What was the operating profit in 2031?")
    expect(page.locator("button.card").first).to_contain_text("lighthouse.pdf")
    quote = page.locator(".quote", has_text="Operating profit reached 7.4 million crowns in 2031")
    expect(quote).to_be_visible()
    expect(page).to_have_url(re.compile(r"/chat\?c=\d+"))

    number = quote.locator("button.cite").first
    number.hover()
    expect(page.locator(".tip:visible")).to_contain_text("lighthouse.pdf, page 2")
    number.click()
    expect(page.get_by_text("Page 2 of 4")).to_be_visible()
    expect(page.locator("mark")).to_contain_text("7.4 million")
    left, top, right, bottom = window.cited_box()
    assert 105 <= left <= 120  # the paragraph begins at the left margin (50 of 420 points) ...
    assert 110 <= top <= 160  # ... below the section's heading at the top
    assert right - left > 500
    assert bottom - top < 100

    page.get_by_label("Next page").click()
    expect(page.get_by_text("Page 3 of 4")).to_be_visible()
    page.get_by_role("button", name="Back to the passage").click()
    expect(page.get_by_text("Page 2 of 4")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "lighthouse.pdf"
    assert download.value.path().read_bytes() == papers.report()

    assert window.elsewhere == []
    assert window.errors == []


def test_a_number_is_reached_and_opened_with_the_keyboard(situate: str, visit: Callable[..., Visit]) -> None:
    window = visit(situate)
    page = window.go("documents")
    window.upload(("lighthouse.pdf", papers.report()))  # there already, or stored now
    page.get_by_text(re.compile("is here already|is stored")).wait_for()
    window.go("chat")
    window.ask("How many keepers did the company employ?")
    expect(page.locator("button.cite").first).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)
    page.locator(".tree").first.click()  # somewhere in the answer, from where Tab goes on
    for _ in range(30):
        page.keyboard.press("Tab")
        if (
            page.evaluate(
                "() => { let e = document.activeElement; while (e?.shadowRoot) e = e.shadowRoot.activeElement; return e?.className }"
            )
            == "cite"
        ):
            break
    expect(page.locator(".tip:visible")).to_contain_text("page")
    page.keyboard.press("Enter")
    expect(page.locator(".sheet img")).to_be_visible()
    expect(page.locator("button.cite[aria-pressed=true]")).to_have_count(1)
    assert page.locator("button.cite[aria-pressed=true]").evaluate("b => b.getRootNode().activeElement === b")  # the focus stays


def test_a_chinese_browser_sees_chinese_and_is_answered_in_it(situate: str, visit: Callable[..., Visit]) -> None:
    window = visit(situate, locale="zh-CN")
    page = window.go("documents")
    expect(page.get_by_role("heading", name="文档")).to_be_visible()
    window.upload(("灯塔.pdf", papers.chinese_report()))
    expect(page.get_by_text("灯塔.pdf 已保存，正在读取。")).to_be_visible()
    expect(page.locator(".tree", has_text="灯塔.pdf").get_by_text(re.compile("就绪 · 3 页"))).to_be_visible()
    window.go("chat")
    window.ask("公司共有多少名守塔人？")
    quote = page.locator(".quote", has_text="二百一十二名守塔人")
    expect(quote).to_be_visible()
    quote.locator("button.cite").first.click()
    expect(page.get_by_text("第 2 页，共 3 页")).to_be_visible()
    assert window.cited_box()


def test_on_a_phone_a_source_opens_over_the_page_and_closes_again(situate: str, visit: Callable[..., Visit]) -> None:
    window = visit(situate, viewport={"width": 390, "height": 844})
    page = window.go("documents")
    window.upload(("lighthouse.pdf", papers.report()))
    page.get_by_text(re.compile("is here already|is stored")).wait_for()
    window.go("chat")
    window.ask("What was the operating profit in 2031?")
    page.locator("button.cite").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".sheet img")).to_be_visible()
    before = dialog.get_by_text(re.compile(r"Page \d of \d")).inner_text()
    dialog.get_by_label(re.compile("Next page|Previous page")).first.click()
    expect(dialog.get_by_text(re.compile(r"Page \d of \d"))).not_to_have_text(before)
    expect(page.locator("[data-stale=true]")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
