"""How far situating has come, what is missing and why, and the button that asks again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from db import as_subject
from db import documents as rows
from db.documents import Situating
from pages.parts import i18n
from rag import jobs, library, process
from rag.deps import Deps
from rag.providers.fake import FakeSituator
from tests.ui.conftest import SUBJECT, nodes, open_app, press, shown, strings, trees

LIMIT = "Anthropic's rate limit for this key is reached. Try again later."


@pytest.fixture
def situating(deps: Deps) -> Deps:
    """Deps with a model that situates here."""
    with_model = replace(deps, situators=(FakeSituator(name="model-b/situate-1", model="model-b"),))
    process.provide(with_model)
    return with_model


@pytest.fixture
def noted(situating: Deps, store: Callable[..., int]) -> Callable[..., int]:
    """A ready document of 418 passages about which this is noted."""

    def note(state: Situating, situated: int, reason: str = "", *, by: str = "model-b/situate-1") -> int:
        document_id = store()
        with as_subject(situating.pool, SUBJECT) as connection:
            connection.execute("update documents set n_chunks = 418 where id = %s", [document_id])
            rows.note_situating(connection, document_id, state, situator=by, situated=situated, unsituated=reason)
        return document_id

    return note


def buttons(app) -> list[str]:
    return [next(strings(node)) for tree in trees(app) for node in nodes(tree) if node[1].get("act", "").startswith("situate:")]


def text(app) -> str:
    return shown(app).replace("\\", "")


def test_what_waits_is_counted_with_its_reason(noted: Callable[..., int]) -> None:
    noted(Situating.WAITING, 412, LIMIT)
    app = open_app("pages/documents.py")
    assert f"412 of 418 situated; 6 waiting: {LIMIT}" in text(app)
    assert buttons(app) == []


def test_what_waits_for_a_yes_to_its_price_offers_nothing_else(noted: Callable[..., int]) -> None:
    noted(Situating.HELD, 0, LIMIT)
    app = open_app("pages/documents.py")
    assert f"0 of 418 situated; 418 waiting: {LIMIT}" in text(app)
    assert buttons(app) == []


def test_a_batch_says_how_long_it_takes(noted: Callable[..., int]) -> None:
    noted(Situating.BATCHED, 0)
    assert "0 of 418 situated; 418 in a batch, mostly within an hour" in text(open_app("pages/documents.py"))


def test_what_failed_for_good_says_why_and_can_be_asked_for_again(situating: Deps, noted: Callable[..., int]) -> None:
    document_id = noted(Situating.ENDED, 412, LIMIT)
    app = open_app("pages/documents.py")
    assert f"412 of 418 situated; 6 not: {LIMIT}" in text(app)
    assert buttons(app) == ["Situate again"]
    press(app, f"situate:{document_id}")
    assert document_id in library.busy(situating, SUBJECT)
    jobs.run_worker(situating, wait=False)
    document = library.document(situating, SUBJECT, document_id)
    assert (document.situating, document.situated, document.unsituated) == (Situating.ENDED, document.n_chunks, "")


@pytest.mark.parametrize(
    ("by", "told"), [("model-a/situate-1", "Situated by model-a."), ("model-b/situate-0", "Situated with an earlier prompt.")]
)
def test_another_model_or_prompt_than_the_present_one_is_offered_again(noted: Callable[..., int], by: str, told: str) -> None:
    noted(Situating.ENDED, 418, by=by)
    app = open_app("pages/documents.py")
    assert told in text(app)
    assert buttons(app) == ["Situate again"]


def test_a_document_situated_whole_says_nothing_more(noted: Callable[..., int]) -> None:
    noted(Situating.ENDED, 418)
    app = open_app("pages/documents.py")
    assert buttons(app) == []
    assert "situated" not in text(app)


def test_a_document_that_no_model_was_asked_about_is_offered_to_one(situating: Deps, store: Callable[..., int]) -> None:
    store()
    assert buttons(open_app("pages/documents.py")) == ["Situate"]


@pytest.mark.usefixtures("deps")
def test_without_a_model_nothing_is_offered(store: Callable[..., int]) -> None:
    store()
    assert buttons(open_app("pages/documents.py")) == []


def test_a_chinese_reader_sees_reason_and_counts_in_chinese(noted: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    noted(Situating.WAITING, 412, LIMIT)
    monkeypatch.setattr(i18n, "language", lambda: "zh")
    assert "已为 412 / 418 个段落撰写上下文，6 个等待中：此密钥已达到 Anthropic 的速率上限，请稍后再试。" in text(
        open_app("pages/documents.py")
    )
