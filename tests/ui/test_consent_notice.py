from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from pages.parts import money
from rag import consent, estimates, jobs, library, process
from rag.consent import Purpose
from rag.deps import Deps
from rag.providers.fake import FakeAnswerer, FakeSituator
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
    assert consent.serving(remote, SUBJECT, Purpose.ANSWER) is remote.answerers[0]
    assert "Faraway" not in shown(open_app("pages/documents.py"))


def test_not_now_holds_for_this_session_only_and_grants_nothing(remote: Deps) -> None:
    app = open_app("pages/documents.py")
    app.button(key="not-now-Faraway Inc.-fake-answerer").click().run()
    assert "Faraway" not in shown(app)
    assert not consent.given(remote, SUBJECT)
    assert "Faraway" in shown(open_app("pages/documents.py"))


def test_nothing_is_asked_where_nothing_would_be_sent(deps: Deps) -> None:
    assert "May Situate send" not in shown(open_app("pages/documents.py"))


@pytest.fixture
def paid(deps: Deps) -> Iterator[Deps]:
    """Deps whose situator and answerer are somebody's, at known prices."""
    changed = replace(
        deps,
        situators=(FakeSituator(recipient="Faraway Inc.", name="claude-haiku-5-5/situate-1", model="claude-haiku-5-5"),),
        answerers=(FakeAnswerer(recipient="Faraway Inc.", name="claude-sonnet-5-5"), *deps.answerers),
    )
    process.provide(changed)
    yield changed
    process.provide(deps)


def limited(deps: Deps, dollars: str) -> Deps:
    changed = replace(deps, settings=deps.settings.model_copy(update={"ask_above_usd": Decimal(dollars)}))
    process.provide(changed)
    return changed


def test_what_would_be_sent_is_told_with_its_price(paid: Deps, store: Callable[..., int]) -> None:
    store()
    (situator,) = paid.situators
    quoted = estimates.situating(paid, SUBJECT, situator)
    assert quoted.price
    said = shown(open_app("pages/documents.py")).replace("\\", "")
    assert f"Now: 1 document · 3 pages · about {quoted.calls} calls · about {money.tokens(quoted.sent + quoted.written)} tokens" in said
    assert f"about {money.dollars(quoted.price)}." in said
    assert "up to $1.00 a day; beyond that you are asked again" in said
    assert "About $0.02" in said
    assert "a question." in said


def test_a_model_without_a_price_is_asked_for_with_its_tokens(paid: Deps, store: Callable[..., int]) -> None:
    store()
    unpriced = replace(paid, prices=replace(paid.prices, models={}))
    process.provide(unpriced)
    said = shown(open_app("pages/documents.py")).replace("\\", "")
    assert "tokens · price not known." in said
    assert f"add the model to {paid.prices.own}" in said
    assert "tokens a question; its price is not known." in said


def test_allowing_clears_the_documents_whose_price_was_told(paid: Deps, store: Callable[..., int]) -> None:
    document_id = store()
    strict = limited(paid, "0")
    app = open_app("pages/documents.py")
    app.button(key="allow-Faraway Inc.-claude-haiku-5-5").click().run()
    jobs.run_worker(strict, wait=False)
    document = library.document(strict, SUBJECT, document_id)
    assert document.situated == document.n_chunks


def test_a_document_past_the_limit_is_asked_for_with_its_price(paid: Deps, store: Callable[..., int]) -> None:
    strict = limited(paid, "0")
    library.allow(strict, SUBJECT, "Faraway Inc.")
    document_id = store()
    library.situate_again(strict, SUBJECT, document_id)
    jobs.run_worker(strict, wait=False)
    app = open_app("pages/documents.py")
    said = shown(app).replace("\\", "")
    assert "Situate 1 document, at a price?" in said
    assert "claude-haiku-5-5 at Faraway Inc.: 1 document · 3 pages" in said
    assert "More than $0.00 a day is not spent without asking." in said
    app.button(key="agree-price").click().run()
    jobs.run_worker(strict, wait=False)
    document = library.document(strict, SUBJECT, document_id)
    assert document.situated == document.n_chunks
    assert "at a price?" not in shown(open_app("pages/documents.py"))


def test_not_now_leaves_a_document_past_the_limit_unsent(paid: Deps, store: Callable[..., int]) -> None:
    strict = limited(paid, "0")
    library.allow(strict, SUBJECT, "Faraway Inc.")
    library.situate_again(strict, SUBJECT, store())
    jobs.run_worker(strict, wait=False)
    app = open_app("pages/documents.py")
    app.button(key="not-now-price").click().run()
    assert "at a price?" not in shown(app)
    assert estimates.held(strict, SUBJECT)
