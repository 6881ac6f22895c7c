from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from db import AWAY, DatabaseAway
from pages.parts.state import TURNS
from rag import conversation, feedback, process
from rag.deps import Deps
from rag.errors import PermanentProviderError, TransientProviderError
from rag.providers.fake import FakeAnswerer
from tests.flows.asking import asked as answered
from tests.ui.conftest import SUBJECT, acts, finish, open_app, press, shown, state_of

QUESTION = "How many people does Meridian Instruments employ?"
FOLLOW_UP = "And where was it founded?"
REWRITTEN = "Where was Meridian Instruments founded?"


def questions(deps: Deps, app: AppTest) -> list[str]:
    conversation_id = state_of(app).conversation_id
    assert conversation_id is not None
    return [message.question for message in conversation.messages(deps, SUBJECT, conversation_id)]


def latest(deps: Deps, app: AppTest) -> conversation.Message:
    conversation_id = state_of(app).conversation_id
    assert conversation_id is not None
    return conversation.messages(deps, SUBJECT, conversation_id)[-1]


def test_a_question_is_edited_in_its_place_and_the_earlier_answer_comes_back(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked(QUESTION)
    first = latest(deps, app).id
    press(app, "unfold:question")
    assert app.text_area(key=f"edit-{first}").value == QUESTION
    app.text_area(key=f"edit-{first}").set_value("Who founded the company?")
    finish(app.button(key=f"edit-{first}-send").click().run())
    assert questions(deps, app) == ["Who founded the company?"]
    finish(press(app, "back"))
    assert questions(deps, app) == [QUESTION]
    assert "cite:1" in acts(app)


def test_an_edit_that_is_put_off_or_empty_changes_nothing(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = press(asked(QUESTION), "unfold:question")
    first = latest(deps, app).id
    app.text_area(key=f"edit-{first}").set_value("  ")
    app.button(key=f"edit-{first}-send").click().run()
    assert "The question is empty" in app.toast[0].value
    app.button(key=f"edit-{first}-keep").click().run()
    assert not app.text_area
    assert questions(deps, app) == [QUESTION]


def test_an_answer_is_made_again_in_its_place(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked(QUESTION)
    first = latest(deps, app).id
    finish(press(app, "again"))
    assert questions(deps, app) == [QUESTION]
    assert latest(deps, app).id != first
    assert "back" in acts(app)


def test_what_a_follow_up_was_searched_for_is_shown_and_changed(deps: Deps, store: Callable[..., int]) -> None:
    store()
    process.provide(replace(deps, answerers=(FakeAnswerer(rewrites={FOLLOW_UP: REWRITTEN}),)))
    app = open_app("pages/chat.py")
    for question in (QUESTION, FOLLOW_UP):
        finish(app.chat_input[0].set_value(question).run())
    assert f"Searched for: {REWRITTEN}" in shown(app)
    press(app, "unfold:asked")
    second = latest(deps, app).id
    assert app.text_area(key=f"asked-{second}").value == REWRITTEN
    app.text_area(key=f"asked-{second}").set_value("Tromsdal foundation")
    finish(app.button(key=f"asked-{second}-send").click().run())
    assert "Searched for: Tromsdal foundation" in shown(app)
    assert questions(deps, app) == [QUESTION, FOLLOW_UP]


def test_a_thumb_is_kept_taken_back_and_asked_for_a_reason(deps: Deps, asked: Callable[[str], AppTest]) -> None:
    app = asked(QUESTION)
    message_id = latest(deps, app).id

    def rating() -> tuple[bool, str] | None:
        found = feedback.of(deps, SUBJECT, [message_id]).get(message_id)
        return None if found is None else (found.good, found.reason)

    press(app, "good")
    assert rating() == (True, "")
    press(app, "good")
    assert rating() is None
    press(app, "bad")
    assert rating() == (False, "")
    app.pills(key=f"why-{message_id}").set_value(["wrong", "sources"])
    app.text_input(key=f"words-{message_id}").set_value("It is 412.")
    app.button(key=f"reason-yes-{message_id}").click().run()
    assert rating() == (False, "Wrong; Wrong sources; It is 412.")
    assert not app.pills
    press(app, "bad")
    assert rating() is None
    assert not app.pills


def test_an_answer_and_its_conversation_can_be_taken_along(asked: Callable[[str], AppTest]) -> None:
    app = asked(QUESTION)
    assert not app.get("download_button")
    state_of(app).unfold(state_of(app).settled.popitem()[0], "more")
    app.run()
    assert [b.proto.label for b in app.get("download_button")] == ["This answer as Markdown", "The conversation as Markdown"]
    assert "Inspect retrieval" in [link.proto.label for link in app.get("page_link")]
    press(app, "unfold:more")
    assert not app.get("download_button")


@pytest.mark.parametrize(
    ("failure", "led_to_settings"),
    [
        (TransientProviderError("Anthropic is overloaded at the moment. Try again later."), False),
        (PermanentProviderError("Anthropic refused the API key. The page Settings says where the key is set."), True),
    ],
)
def test_what_a_failure_leaves_to_do_is_offered(
    deps: Deps,
    store: Callable[..., int],
    failure: Exception,
    led_to_settings: bool,  # noqa: FBT001 - a parameter
) -> None:
    store()
    process.provide(replace(deps, answerers=(FakeAnswerer(failure=failure),)))  # type: ignore[arg-type]  # it is one
    app = open_app("pages/chat.py")
    finish(app.chat_input[0].set_value(QUESTION).run())
    assert str(failure) in shown(app)
    assert "again" in acts(app)
    assert ("Open the settings" in [link.proto.label for link in app.get("page_link")]) is led_to_settings
    process.provide(deps)
    app.run()
    finish(press(app, "again"))
    assert str(failure) not in shown(app)
    assert "cite:1" in acts(app)


def test_a_long_conversation_is_drawn_from_its_end(deps: Deps, store: Callable[..., int]) -> None:
    store()
    conversation_id = answered(deps, QUESTION).conversation_id
    for n in range(TURNS):
        answered(deps, f"Who founded company {n}?", conversation_id)
    app = open_app("pages/chat.py", c=str(conversation_id))
    assert QUESTION not in "\n".join(t for t in shown(app).split("\n"))
    app.button(key="earlier").click().run()
    assert QUESTION in shown(app)
    assert "earlier" not in {b.key for b in app.button}


def test_what_was_typed_stays_while_the_database_is_away(asked: Callable[[str], AppTest], monkeypatch: pytest.MonkeyPatch) -> None:
    app = asked(QUESTION)
    with monkeypatch.context() as broken:

        def away(*_: object, **__: object) -> None:
            raise DatabaseAway(AWAY)

        broken.setattr(conversation, "ask", away)
        app.chat_input[0].set_value("Who founded the company?").run()
        assert "The database does not answer" in shown(app)
        assert app.chat_input[0].proto.value == "Who founded the company?"
        broken.setattr(conversation, "selection", away)
        app.run()
        assert "The database does not answer" in shown(app)
        assert len(app.chat_input) == 1
    app.run()
    assert "cite:1" in acts(app)
