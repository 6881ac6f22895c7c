"""A real Chromium before a real server: `situate serve` as a process of its own, or the pages over a test's own database."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.folders import open_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
PATIENCE = 30_000  # ms; nothing here takes that long on an idle machine
NO_BROWSER = "no Chromium or Chrome was found (tests/install_browser.sh installs one where it may)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium. Without one the tests skip, with the reason; in CI that is an error.

    Closed with its module: while Playwright is open, its event loop is the main thread's running one, and a worker can start none there.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    found = next((path for path in map(shutil.which, BROWSERS) if path and _runs(path)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_BROWSER)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-background-networking"])
        yield launched
        launched.close()


def _runs(path: str) -> bool:
    return subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0


class Visit:
    """A browser window at a server, which notes every request that goes elsewhere and every error of the page's scripts."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.elsewhere: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self._note(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:", self.address.replace("http", "ws"))):
            self.elsewhere.append(url)

    def go(self, path: str = "") -> Page:
        self.page.goto(f"{self.address}/{path}")
        return self.page

    def upload(self, *files: tuple[str, bytes]) -> None:
        payload: Any = [{"name": name, "mimeType": "application/pdf", "buffer": content} for name, content in files]
        self.page.locator('[data-testid="stFileUploader"] input[type="file"]').set_input_files(payload)

    def ask(self, question: str) -> None:
        box = self.page.locator('[data-testid="stChatInput"] textarea')
        box.fill(question)
        box.press("Enter")

    def cited_box(self) -> tuple[int, int, int, int]:
        """Where on its page the source pane boxes what was cited: left, top, right and bottom, each as a thousandth of the page."""
        self.page.locator(".sheet img[data-loaded]").wait_for()
        page = self.page.locator(".sheet").bounding_box()
        boxes = [box.bounding_box() for box in self.page.locator(".box.cited").all()]
        assert page
        assert boxes
        edges = [(b["x"], b["y"], b["x"] + b["width"], b["y"] + b["height"]) for b in boxes if b]
        left, top, right, bottom = (edge(side) for edge, side in zip((min, min, max, max), zip(*edges, strict=True), strict=True))
        across, down = (
            (lambda x: round(1000 * (x - page["x"]) / page["width"])),
            (lambda y: round(1000 * (y - page["y"]) / page["height"])),
        )
        return across(left), down(top), across(right), down(bottom)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open a window at an address; options are Playwright's for a context."""
    contexts = []

    def open_window(address: str, **options: Any) -> Visit:
        context = browser.new_context(**{"viewport": {"width": 1380, "height": 900}, "locale": "en-GB", **options})
        contexts.append(context)
        return Visit(context.new_page(), address)

    yield open_window
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def situate() -> Iterator[str]:
    """The address of a `situate serve` in a fresh home, with the embedder and the extract that everyone starts with."""
    with open_folder() as folder:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "COHERE_", "CO_", "DATABASE_URL"))
        }
        with subprocess.Popen(
            [sys.executable, "-m", "rag.cli", "serve", "--port", "0"],
            cwd=ROOT,
            env={**environment, "SITUATE_HOME": str(folder / "home")},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as running:
            assert running.stdout is not None
            found = re.search(r"http://\S+", running.stdout.readline())
            assert found
            yield found[0]
            running.terminate()
            running.wait(60)


class Pages:
    """Called with the name of an answerer in pages_process.py, serves the pages over a database; gives the address."""

    def __init__(self, database_url: str, ending: ExitStack) -> None:
        self._database_url = database_url
        self._ending = ending
        self._server: subprocess.Popen[str] | None = None

    def __call__(self, scenario: str) -> str:
        command = [sys.executable, "-m", "tests.browser.pages_process", self._database_url, scenario]
        self._server = self._ending.enter_context(
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        )
        self._ending.callback(self._server.kill)
        assert self._server.stdout is not None
        return self._server.stdout.readline().strip()

    def release(self) -> None:
        """Let the answer that is held back grow."""
        assert self._server is not None
        assert self._server.stdin is not None
        self._server.stdin.write("\n")
        self._server.stdin.flush()


@pytest.fixture
def pages(database_url: str) -> Iterator[Pages]:
    with ExitStack() as ending:
        yield Pages(database_url, ending)
