"""The settings in a browser: language, colours, trying a connection; on a telephone too."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from rag import choices, library
from rag.consent import Purpose
from rag.deps import Deps
from tests import standin
from tests.browser.conftest import Visit
from tests.standin import AnthropicServer

PHOTOS = os.environ.get("PHOTOS")  # a folder; for whoever wants to look at the pages
DARK = "rgb(23, 25, 28)"
LIGHT = "rgb(253, 253, 252)"


@pytest.fixture
def claude(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnthropicServer]:
    """A key in the environment of the server, and who answers to it."""
    with standin.anthropic() as server:
        monkeypatch.setenv("ANTHROPIC_API_KEY", server.key)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        yield server


def photo(page: Page, name: str) -> None:
    if PHOTOS:
        size = page.viewport_size
        page.set_viewport_size({"width": size["width"] if size else 1380, "height": 2200})
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(PHOTOS) / f"settings-{name}.png")
        if size:
            page.set_viewport_size(size)


def ground(page: Page) -> str:
    return str(page.locator(".stApp").evaluate("app => getComputedStyle(app).backgroundColor"))


@pytest.mark.usefixtures("deps")
def test_chinese_and_back(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("quotes"))
    page = window.go("settings")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.get_by_role("radio", name="简体中文").click()
    expect(page.get_by_role("heading", name="设置")).to_be_visible()
    photo(page, "zh")
    page.get_by_role("link", name="文档").click()
    expect(page.get_by_text("还没有文档。")).to_be_visible()
    elsewhere = visit(window.address).go("settings")
    expect(elsewhere.get_by_role("heading", name="设置")).to_be_visible()
    elsewhere.get_by_role("radio", name="跟随浏览器").click()
    expect(elsewhere.get_by_role("heading", name="Settings")).to_be_visible()
    assert window.errors == []


@pytest.mark.usefixtures("deps")
def test_dark_is_kept_for_every_page_and_undone(pages: Callable[[str], str], visit: Callable[..., Visit]) -> None:
    window = visit(pages("quotes"))
    page = window.go("settings")
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark", pressed=True)).to_be_visible()
    expect(page.locator(".stApp")).to_have_css("background-color", DARK)
    photo(page, "dark")
    for path in ("", "documents", "usage"):
        window.go(path)
        expect(page.locator(".stApp")).to_have_css("background-color", DARK)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="As the system says").click()
    expect(page.locator(".stApp")).to_have_css("background-color", LIGHT)
    assert window.errors == []


def test_a_connection_is_tried_and_a_model_chosen(
    deps: Deps, claude: AnthropicServer, pages: Callable[[str], str], visit: Callable[..., Visit]
) -> None:
    window = visit(pages("configured"))
    page = window.go("settings")
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text(re.compile(r"claude-sonnet-5-5 answers, in \d+\.\d s\."))).to_be_visible()
    claude.fail_next(401, times=9)
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text("Anthropic refused the API key.")).to_be_visible()
    photo(page, "key-refused")
    box = page.get_by_role("combobox", name="Answers")
    page.get_by_role("heading", name="Which models serve").scroll_into_view_if_needed()  # its list closes when the page scrolls
    box.click()
    box.press_sequentially("opus")
    page.get_by_role("option", name=re.compile("opus")).click()
    expect(page.get_by_text("claude-opus-5-5 serves as soon as you allow it, above.")).to_be_visible()
    page.get_by_role("button", name="Allow").last.click()
    expect(page.get_by_text("Serving: claude-opus-5-5 at Anthropic")).to_be_visible()
    photo(page, "configured")
    assert {role.serving for role in choices.roles(deps, "local") if role.purpose is Purpose.ANSWER}
    assert all(request.path.startswith("/v1/models/") for request in claude.requests), "no text was sent"
    assert claude.key not in page.content()
    assert window.errors == []
    assert window.elsewhere == []


def test_nothing_is_wider_than_a_telephone(
    deps: Deps, claude: AnthropicServer, pages: Callable[[str], str], visit: Callable[..., Visit]
) -> None:
    window = visit(pages("configured"), viewport={"width": 390, "height": 844}, has_touch=True)
    page = window.go("settings")
    expect(page.get_by_role("button", name="Test the connection")).to_be_visible()
    photo(page, "390")
    assert page.evaluate("document.querySelector('.stMain').scrollWidth <= 390")
    assert library.documents(deps, "local") == []
