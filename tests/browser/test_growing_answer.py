"""An answer that takes its time: it grows under the reader's eyes, whatever they do meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from rag import ingest, library
from rag.deps import Deps
from tests.browser import papers
from tests.browser.conftest import Pages, Visit

SUBJECT = "local"
QUESTION = "What was the operating profit in 2031?"


@pytest.fixture
def _report(deps: Deps) -> None:
    """One indexed report in the test's database."""
    upload = library.upload(deps, SUBJECT, filename="lighthouse.pdf", content=papers.report())
    ingest.index(deps, SUBJECT, upload.document_id)


@pytest.mark.usefixtures("_report")
def test_sources_come_before_the_answer_and_can_be_read_while_it_grows(pages: Pages, visit: Callable[..., Visit]) -> None:
    window = visit(pages("held"))
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.locator("button.card").first).to_be_visible()
    expect(page.get_by_text("Paragraph 0")).to_have_count(0)
    page.locator("button.card").first.click()
    expect(page.locator(".sheet img")).to_be_visible()
    pages.release()
    expect(page.get_by_text("Paragraph 0")).to_be_visible()
    expect(page.locator(".sheet img")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped. What was written so far is kept.")).to_be_visible()
    expect(page.get_by_text("Paragraph 0")).to_be_visible()
    expect(page.get_by_text("And that is the end.")).to_have_count(0)


@pytest.mark.usefixtures("_report")
def test_a_reload_and_a_second_tab_follow_the_same_answer(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("slow"))
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.get_by_text("Paragraph 1 says")).to_be_visible()
    page.reload()
    second = visit(window.address)
    second.page.goto(page.url)
    for each in (page, second.page):
        expect(each.get_by_text("Paragraph 11 says")).to_be_visible()
        expect(each.get_by_text("And that is the end.")).to_have_count(1)
        expect(each.locator("button.cite")).to_have_count(1)
        expect(each.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
        expect(each.locator(".waiting")).to_have_count(0)


@pytest.mark.usefixtures("_report")
def test_the_focus_stays_while_the_answer_grows_and_polling_ends_with_it(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("slow"))
    page = window.page
    sent: list[int] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(1)))
    window.go("chat")
    window.ask(QUESTION)
    number = page.locator("button.cite").first
    number.focus()
    expect(page.get_by_text("And that is the end.")).to_be_visible()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    assert number.evaluate("button => button.getRootNode().activeElement === button")
    page.wait_for_timeout(1000)
    polled = len(sent)
    assert polled > 5
    page.wait_for_timeout(1500)  # five times the interval
    assert len(sent) == polled


@pytest.mark.usefixtures("_report")
def test_a_follow_up_question_is_brought_to_the_top_of_the_window(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("written"))
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.get_by_text("And that is the end.")).to_have_count(1)
    window.ask("And what about the repairs?")
    expect(page.get_by_text("And that is the end.")).to_have_count(2)
    expect(page.get_by_text("And what about the repairs?").first).to_be_in_viewport()
    expect(page.locator('[data-testid="stChatInput"]')).to_be_in_viewport()


@pytest.mark.usefixtures("_report")
def test_uncited_text_is_marked_and_explained(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("written"))
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.get_by_text("is not from your documents.")).to_be_visible()
    expect(page.locator(".uncited", has_text="Paragraph 3 says")).to_be_visible()
    expect(page.locator("strong", has_text="7.4 million crowns")).to_be_visible()


@pytest.mark.usefixtures("_report")
def test_a_provider_that_fails_leaves_what_it_wrote_and_can_be_asked_again(
    pages: Callable[[str], str], visit: Callable[..., Visit]
) -> None:
    window = visit(pages("failing"))
    page = window.go("chat")
    window.ask(QUESTION)
    expect(page.get_by_text("Anthropic is overloaded at the moment.")).to_be_visible()
    expect(page.locator("strong", has_text="7.4 million crowns")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Earlier answer")).to_be_visible()


@pytest.mark.parametrize("scenario", ["quotes", "hostile"])
def test_hostile_text_loads_nothing_and_runs_nothing(
    deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit], scenario: str
) -> None:
    name = '<img src=x onerror="window.hostile=4">![x](http:127.0.0.1:9):red[x].pdf'
    upload = library.upload(deps, SUBJECT, filename=name, content=papers.hostile())
    ingest.index(deps, SUBJECT, upload.document_id)
    window = visit(pages(scenario))
    page = window.go("chat")
    window.ask("What is the harbour password? <img src='http://127.0.0.1:9/q.png' onerror='window.hostile=6'>")
    expect(page.locator("button.cite").first).to_be_visible()
    page.locator("button.cite").first.hover()
    page.locator("button.cite").first.click()
    expect(page.locator("mark")).to_be_visible()
    expect(page.get_by_text("<img src='http://127.0.0.1:9/").first).to_be_visible()  # as text
    window.go("documents")
    page.locator("button.title").first.click()
    expect(page.locator(".sheet img")).to_be_visible()
    assert page.evaluate("window.hostile") is None
    assert window.elsewhere == []
    assert page.locator("a[href^=javascript]").count() == 0
