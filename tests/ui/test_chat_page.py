from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict

import pytest
from streamlit.testing.v1 import AppTest

from db import AWAY, Connection, DatabaseAway
from pages.parts import source_pane
from pages.parts.state import Source
from rag import conversation, library
from rag.deps import Deps
from rag.errors import UnreadableDocument
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, finish, nodes, open_app, press, shown, state_of, trees


def test_an_empty_library_is_greeted_with_a_place_to_drop_files(deps: Deps) -> None:
    app = open_app()
    assert "Ask your documents" in shown(app)
    assert len(app.file_uploader) == 1
    assert not app.chat_input


def test_a_pdf_dropped_on_the_welcome_page_is_stored_and_leads_to_the_chat(deps: Deps) -> None:
    app = open_app()
    app.file_uploader[0].set_value([("report.pdf", pdfs.report(), "application/pdf")]).run()
    assert [d.filename for d in library.documents(deps, SUBJECT)] == ["report.pdf"]
    assert "Just a moment" in shown(app)
    assert "report.pdf" in shown(app)
    assert not app.chat_input  # nothing can be asked yet


def test_a_long_conversation_is_opened_with_as_few_looks_at_the_database_as_a_short_one(
    deps: Deps, store: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    store()
    looks: list[int] = []
    sources: list[list[tuple[Source, ...]]] = []
    asked = conversation.ask(deps, SUBJECT, "How many people does Meridian Instruments employ?")
    connection = deps.pool.connection

    def counted() -> AbstractContextManager[Connection]:
        looks[-1] += 1
        return connection()

    for turns in (2, 6):
        while len(held := conversation.messages(deps, SUBJECT, asked.conversation_id)) < turns or not held[-1].finished:
            if held[-1].finished:
                conversation.ask(deps, SUBJECT, f"And {len(held)} years before?", conversation_id=asked.conversation_id)
        looks.append(0)
        with monkeypatch.context() as patched:
            patched.setattr(deps.pool, "connection", counted)
            app = open_app("pages/chat.py", c=str(asked.conversation_id))
        settled = state_of(app).settled
        sources.append([settled[message.id].sources for message in held])
        for message in held:  # read one by one, they are the same
            assert settled[message.id].citations == tuple(conversation.follow(deps, SUBJECT, message.id)[1])
            trace = conversation.trace(deps, SUBJECT, message.id)
            assert trace is not None
            assert settled[message.id].sources == Source.all_of(trace)
    assert all(sources[1])
    assert looks[0] == looks[1]


def test_a_library_leads_to_the_chat(store: Callable[..., int]) -> None:
    store()
    app = open_app()
    assert "What would you like to know?" in shown(app)
    assert len(app.chat_input) == 1


def test_a_question_is_answered_beside_its_sources(asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    assert "How many people does Meridian Instruments employ?" in shown(app)
    assert "Extract: the best matching sentences, quoted. No model wrote this." in shown(app)
    assert "cite:1" in acts(app)
    assert "card:1" in acts(app)
    assert "by its words:" in shown(app)


def test_the_address_names_the_conversation_and_a_second_tab_follows_it(asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    conversation = app.query_params["c"]
    second = finish(open_app("pages/chat.py", c=conversation[0] if isinstance(conversation, list) else conversation))
    assert "How many people does Meridian Instruments employ?" in shown(second)
    assert "cite:1" in acts(second)


def test_a_new_conversation_begins_empty_and_the_old_one_can_be_opened_again(asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    app.button(key="new-conversation").click().run()
    assert "What would you like to know?" in shown(app)
    old = next(b for b in app.button if b.key and b.key.startswith("conversation-"))
    old.click().run()
    assert "cite:1" in acts(app)


def test_a_clicked_citation_opens_its_page_with_the_quote_emphasised(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    state = state_of(app)
    read = next(iter(state.settled.values()))
    opened = source_pane.opened_citation(read, 1)
    assert opened is not None
    state.opened = opened
    app.run()
    assert opened.quote in shown(app)
    assert f"Page {opened.page} of 3" in shown(app)
    assert any(
        node[1].get("src", "").startswith(f"/page/{opened.document_id}/{opened.page}.png") for tree in trees(app) for node in nodes(tree)
    )
    assert "Structural context, used for retrieval only" in shown(app)


def test_neighbouring_hits_are_one_card_that_opens_their_whole_text(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?").run()
    state = state_of(app)
    (read,) = state.settled.values()
    (source,) = read.sources
    chunks = library.chunks(deps, SUBJECT, source.best.document_id)
    assert source.ords == tuple(chunk.ord for chunk in chunks)
    assert len(source.ords) > 1
    assert [act for act in acts(app) if act.startswith("card:")] == ["card:1"]
    state.opened = source_pane.opened_card(read, 1)
    app.run()
    assert all(chunk.text in shown(app) for chunk in chunks)


def test_the_cards_of_an_answer_from_before_neighbours_were_joined_still_open(asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    (read,) = state_of(app).settled.values()
    hits = [asdict(found) | {"document": found.filename} for found in read.sources[0].found]
    assert [source.ords for source in Source.all_of({"hits": hits})] == [(hit["ord"],) for hit in hits]


def test_a_citation_of_a_deleted_document_still_shows_its_quote(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    opened = source_pane.opened_citation(next(iter(state_of(app).settled.values())), 1)
    assert opened is not None
    library.delete(deps, SUBJECT, opened.document_id or 0)
    state_of(app).opened = opened
    app.run()
    assert opened.quote in shown(app)
    assert "This document has been deleted. The quote is kept." in shown(app)


@pytest.mark.parametrize("question", ["???", "x" * 5000])
def test_an_unusable_question_gets_its_sentence_and_no_conversation(store: Callable[..., int], question: str) -> None:
    store()
    app = open_app("pages/chat.py")
    app.chat_input[0].set_value(question).run()
    assert "The question" in shown(app)
    assert app.chat_input[0].proto.value == question  # put back, to be mended
    assert "What would you like to know?" in shown(app)


def test_a_conversation_that_is_gone_says_so(store: Callable[..., int]) -> None:
    store()
    assert "This conversation does not exist any more." in shown(open_app("pages/chat.py", c="4711"))


@pytest.mark.parametrize("address", ["x", "-1", "１２", "9" * 40])
def test_an_address_that_names_no_conversation_begins_a_new_one(store: Callable[..., int], address: str) -> None:
    store()
    assert "What would you like to know?" in shown(open_app("pages/chat.py", c=address))


def test_a_database_that_is_away_is_said_and_the_page_recovers(store: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    store()
    app = open_app("pages/chat.py")
    with monkeypatch.context() as broken:

        def away(*_: object) -> None:
            raise DatabaseAway(AWAY)

        broken.setattr(library, "documents", away)
        app.run()
        assert not app.exception
        assert "The database does not answer" in shown(app)
    app.button(key="again-chat").click().run()
    assert "What would you like to know?" in shown(app)


def test_the_settled_answer_is_read_once(deps: Deps, asked: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    (message_id,) = state_of(app).settled
    calls: list[int] = []
    monkeypatch.setattr(conversation, "follow", lambda *_: calls.append(message_id))
    app.run()
    assert not app.exception
    assert calls == []


def test_a_database_that_goes_away_under_an_answer_is_said_and_the_answer_comes_back(
    deps: Deps, asked: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    with monkeypatch.context() as broken:

        def away(*_: object) -> None:
            raise DatabaseAway(AWAY)

        broken.setattr(conversation, "messages", away)
        app.run()
        assert not app.exception
        assert "The database does not answer" in shown(app)
    app.run()
    assert "cite:1" in acts(app)


def test_a_click_that_cannot_be_followed_says_why(deps: Deps, store: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    document_id = store()
    app = open_app("pages/documents.py")
    press(app, f"read:{document_id}").button(key="delete").click().run()

    def away(*_: object) -> None:
        raise DatabaseAway(AWAY)

    monkeypatch.setattr(library, "delete", away)
    app.button(key="delete-yes").click().run()
    assert not app.exception
    assert "The database does not answer" in app.toast[0].value
    assert library.documents(deps, SUBJECT)


def test_a_page_that_cannot_be_shown_says_so_and_leaves_the_passage(
    asked: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = asked("How many people does Meridian Instruments employ?")
    opened = source_pane.opened_citation(next(iter(state_of(app).settled.values())), 1)
    assert opened is not None

    def damaged(*_: object, **__: object) -> bytes:
        raise UnreadableDocument("Page 1 is damaged and cannot be shown.")

    monkeypatch.setattr(library, "page_image", damaged)
    state_of(app).opened = opened
    press(app.run(), f"unseen:{opened.page}")  # as the browser says it of a picture that does not come
    assert "Page 1 is damaged and cannot be shown" in shown(app)
    assert opened.quote in shown(app)
