"""Pages run by Streamlit's AppTest on a database of the test's own, with fakes for models."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.testing.v1 import AppTest

from pages.parts.state import KEY, PageState
from rag import ingest, library
from rag.deps import Deps
from tests import pdfs

ROOT = Path(__file__).parents[2]
SUBJECT = "local"
_clicks = itertools.count(1)


def open_app(page: str | None = None, **query: str) -> AppTest:
    """A new browser session at a page, or at the entry."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in query.items():
        app.query_params[name] = value
    if page is not None:
        app.switch_page(page)
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def state_of(app: AppTest) -> PageState:
    held = app.session_state[KEY]
    assert isinstance(held, PageState)
    return held


def trees(app: AppTest) -> list[Any]:
    """The trees that a page draws through its component."""
    drawn = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [data["tree"] for data in drawn if "tree" in data]  # the other component chooses colours


def strings(node: Any) -> Iterator[str]:
    """Every text in a tree."""
    if isinstance(node, str):
        yield node
    else:
        for child in node[2:]:
            yield from strings(child)


def nodes(node: Any) -> Iterator[list[Any]]:
    """Every element in a tree."""
    if isinstance(node, list):
        yield node
        for child in node[2:]:
            yield from nodes(child)


def pictures(app: AppTest) -> list[str]:
    """Where the browser finds the pages that are drawn, large or small."""
    return [node[1]["src"] for tree in trees(app) for node in nodes(tree) if node[0] == "img"]


def shown(app: AppTest) -> str:
    """All text that the page shows, in one string."""
    drawn = [text for tree in trees(app) for text in strings(tree)]
    for kind in ("title", "markdown", "caption", "text", "info", "warning", "error", "success"):
        drawn += [str(element.value) for element in app.get(kind) if element.value is not None]
    return "\n".join(drawn)


def _acts(tree: Any) -> list[str]:
    return [node[1][name] for node in nodes(tree) for name in ("act", "broken") if name in node[1]]


def acts(app: AppTest) -> list[str]:
    """What can be clicked in the trees."""
    return [act for tree in trees(app) for act in _acts(tree)]


def press(app: AppTest, act: str) -> AppTest:
    """Click what means this act, as the browser reports it."""
    drawn = next(element for element in app.get("bidi_component") if act in _acts(json.loads(element.proto.json)["tree"]))
    states = app._tree.get_widget_states()
    clicked = [{"event": "click", "value": {"clicks": [[next(_clicks), act]], "width": 1280}}]
    states.widgets.add(id=_make_trigger_id(drawn.proto.id, "events"), json_trigger_value=json.dumps(clicked))
    app._run(states)
    assert not app.exception, [e.value for e in app.exception]
    return app


@pytest.fixture
def store(deps: Deps) -> Callable[..., int]:
    """Put a PDF into the library, indexed unless told otherwise."""

    def put(content: bytes = b"", *, filename: str = "report.pdf", index: bool = True) -> int:
        upload = library.upload(deps, SUBJECT, filename=filename, content=content or pdfs.report())
        if index:
            ingest.index(deps, SUBJECT, upload.document_id)
        return upload.document_id

    return put


@pytest.fixture
def asked(deps: Deps, store: Callable[..., int]) -> Callable[[str], AppTest]:
    """A session in which a question has been asked and answered."""

    def ask(question: str) -> AppTest:
        app = open_app("pages/chat.py")
        app.chat_input[0].set_value(question).run()
        return finish(app)

    store()
    return ask


def finish(app: AppTest, *, seconds: float = 20) -> AppTest:
    """Run the page until the answer it follows has ended."""
    until = time.monotonic() + seconds
    while any(button.key == "stop" for button in app.button) and time.monotonic() < until:
        time.sleep(0.1)
        app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app
