"""The database goes away under open pages, and comes back: each page says so meanwhile and recovers by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from db import embedded, migrate, open_pool
from rag.deps import build
from rag.preferences import prefer
from rag.settings import Settings
from tests.browser.conftest import ROOT, Visit
from tests.conftest import FAKES
from tests.folders import open_folder

BACK = 60_000  # ms; the pool looks for its server in growing intervals
PAGES = {"documents": "Documents", "usage": "Usage", "settings": "Settings", "evaluation": "Evaluation"}


@pytest.fixture
def home() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder / "home"


def test_every_page_says_so_and_recovers_without_a_click(home: Path, visit: Callable[..., Visit]) -> None:
    with ExitStack() as ending:
        server = embedded.start(home, settings={"fsync": "off"})
        ending.callback(lambda: server.leave())  # noqa: PLW0108 - by then it is another
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            prefer(build(Settings(home=home, **FAKES), pool=pool, url=server.url), "local", language="en")
        command = [sys.executable, "-m", "tests.browser.pages_process", server.url, "quotes"]
        process = ending.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        ending.callback(process.kill)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        windows = {path: visit(address, locale="zh-CN") for path in PAGES}
        for path, window in windows.items():
            expect(window.go(path).get_by_role("heading", name=PAGES[path], exact=True)).to_be_visible()
        server.leave()
        for window in windows.values():
            window.page.reload(wait_until="commit")
        for window in windows.values():
            expect(window.page.get_by_text("数据库没有响应").first).to_be_visible(timeout=BACK)
        server = embedded.start(home, settings={"fsync": "off"})
        for path, window in windows.items():
            expect(window.page.get_by_role("heading", name=PAGES[path], exact=True)).to_be_visible(timeout=BACK)
            expect(window.page.get_by_text("数据库没有响应")).to_have_count(0, timeout=BACK)
            assert window.errors == []
