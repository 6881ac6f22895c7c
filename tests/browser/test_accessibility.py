"""Every page under axe-core, in light and dark, wide and at phone width: nothing serious is wrong, Streamlit's own parts included.

axe is given to the page by Playwright, so the Content-Security-Policy stays as it is. It looks into shadow roots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from rag import ingest, library
from rag.deps import Deps
from tests.browser import papers
from tests.browser.conftest import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
QUESTION = "What was the operating profit in 2031?"
GROUNDS: dict[Literal["light", "dark"], str] = {"light": "rgb(253, 253, 252)", "dark": "rgb(23, 25, 28)"}  # .streamlit/config.toml
SHAPES = {"wide": {"width": 1380, "height": 900}, "phone": {"width": 390, "height": 844}}


@dataclass(frozen=True, kw_only=True)
class Violation:
    rule: str
    impact: str
    target: str
    markup: str
    why: str

    def __str__(self) -> str:
        return f"{self.rule} ({self.impact}) at {self.target}: {self.markup}\n  {self.why}"


def violations(page: Page) -> Iterator[Violation]:
    """What is wrong with the page as it stands, once nothing moves any more."""
    expect(page.locator("[data-testid=stStatusWidget]")).to_have_count(0)
    expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
    found: dict[str, Any] = Axe().run(page).response
    for violation in found["violations"]:
        for node in violation["nodes"]:
            yield Violation(
                rule=violation["id"], impact=node["impact"] or violation["impact"], target=str(node["target"]), markup=node["html"][:300],
                why=str(node["failureSummary"]).replace("\n", " ")[:300],
            )  # fmt: skip


def serious(page: Page) -> list[str]:
    return [str(found) for found in violations(page) if found.impact in SERIOUS]


@pytest.fixture
def library_of_two(deps: Deps) -> None:
    for name, content in (("lighthouse.pdf", papers.report()), ("灯塔.pdf", papers.chinese_report())):
        upload = library.upload(deps, "local", filename=name, content=content)
        ingest.index(deps, "local", upload.document_id)


def walk(window: Visit, subtests: pytest.Subtests, *, narrow: bool) -> None:
    """Through all pages, looking at each state that differs, by day and by night."""
    page = window.page

    def look(state: str) -> None:
        for scheme, ground in GROUNDS.items():
            with subtests.test(state, scheme=scheme):
                page.emulate_media(color_scheme=scheme)
                expect(page.locator("[data-testid=stApp]")).to_have_css("background-color", ground)
                found = serious(page)
                assert found == [], "\n".join(found)

    window.go("chat")
    expect(page.get_by_text("What would you like to know?")).to_be_visible()
    look("a new conversation")
    window.ask(QUESTION)
    expect(page.locator("button.cite").first).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)
    look("an answer with its sources")
    page.locator("button.cite").first.click()
    expect((page.get_by_role("dialog") if narrow else page).locator("mark")).to_be_visible()
    look("an opened source")
    window.go("documents")
    expect(page.locator("button.title").first).to_be_visible()
    look("the documents")
    page.locator("button.tick").nth(1).click()
    expect(page.locator("button.tick[aria-checked=true]").first).to_be_visible()
    look("chosen documents")
    page.locator("button.title").first.click()
    page.locator(".sheet img[data-loaded]").first.wait_for()
    look("a document's pages")
    window.go("inspector?q=operating+profit")
    expect(page.locator("table.stages")).to_be_visible()
    look("an inspected query")
    window.go("evaluation")
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible()
    look("the evaluation")
    window.go("usage")
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible()
    look("the usage")
    window.go("settings")
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible()
    look("the settings")


@pytest.mark.usefixtures("library_of_two")
@pytest.mark.parametrize("shape", SHAPES)
def test_no_page_keeps_anyone_out(pages: Callable[[str], str], visit: Callable[..., Visit], subtests: pytest.Subtests, shape: str) -> None:
    walk(visit(pages("written"), viewport=SHAPES[shape]), subtests, narrow=shape == "phone")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_welcome_keeps_nobody_out(deps: Deps, pages: Callable[[str], str], visit: Callable[..., Visit], scheme: str) -> None:
    window = visit(pages("quotes"), color_scheme=scheme)
    expect(window.go().get_by_text("Ask your documents")).to_be_visible()
    found = serious(window.page)
    assert found == [], "\n".join(found)
