from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rag import consent, process
from rag.consent import Purpose
from rag.deps import Deps
from rag.providers.fake import FakeAnswerer
from tests.ui.conftest import SUBJECT, open_app, shown


@pytest.fixture
def remote(deps: Deps) -> Iterator[Deps]:
    """Deps whose first answerer sends text to someone."""
    changed = replace(deps, answerers=(FakeAnswerer(recipient="Faraway Inc."), *deps.answerers))
    process.provide(changed)
    yield changed
    process.provide(deps)


@pytest.mark.parametrize("page", ["pages/chat.py", "pages/documents.py"])
def test_a_recipient_is_named_with_what_it_would_get(remote: Deps, page: str) -> None:
    said = shown(open_app(page)).replace("\\", "")
    assert "May Situate send text to Faraway Inc., for fake-answerer?" in said
    assert "your questions and the passages found for them, to write answers" in said
    assert "whole documents" not in said
    assert "a key alone is no consent" in said


def test_allowing_is_kept(remote: Deps) -> None:
    app = open_app("pages/documents.py")
    app.button(key="allow-Faraway Inc.-fake-answerer").click().run()
    assert consent.first_allowed(remote.answerers, consent.granted(remote, SUBJECT), Purpose.ANSWER) is remote.answerers[0]
    assert "Faraway" not in shown(open_app("pages/documents.py"))


def test_not_now_holds_for_this_session_only_and_grants_nothing(remote: Deps) -> None:
    app = open_app("pages/documents.py")
    app.button(key="not-now-Faraway Inc.-fake-answerer").click().run()
    assert "Faraway" not in shown(app)
    assert not consent.given(remote, SUBJECT)
    assert "Faraway" in shown(open_app("pages/documents.py"))


def test_nothing_is_asked_where_nothing_would_be_sent(deps: Deps) -> None:
    assert "May Situate send" not in shown(open_app("pages/documents.py"))
