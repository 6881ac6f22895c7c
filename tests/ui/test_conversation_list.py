from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from db.documents import Selection
from pages.parts.conversation_groups import grouped
from rag import conversation
from rag.conversation import Conversation
from rag.deps import Deps
from tests.flows.asking import asked
from tests.ui.conftest import SUBJECT, open_app, press, shown, state_of

QUESTION = "How many people does Meridian Instruments employ?"


def titles(app: AppTest) -> list[str]:
    return [b.label.replace("\\", "") for b in app.button if b.key and b.key.startswith("conversation-")]


def begin(deps: Deps, title: str) -> int:
    """A conversation of that name."""
    held = asked(deps, QUESTION).conversation_id
    conversation.rename(deps, SUBJECT, held, title)
    return held


def choose(app: AppTest, conversation_id: int, act: str) -> AppTest:
    return app.menu_button(key=f"menu-{conversation_id}").click(act).run()


def test_conversations_are_listed_with_the_latest_first_and_renamed_in_their_place(deps: Deps, store: Callable[..., int]) -> None:
    store()
    first, _ = begin(deps, "The first"), begin(deps, "The second")
    app = open_app("pages/chat.py")
    assert titles(app) == ["The second", "The first"]
    choose(app, first, "rename")
    assert titles(app) == ["The second"]
    app.text_input(key=f"name-{first}").set_value("Staff")
    app.button(key=f"rename-yes-{first}").click().run()
    assert titles(app) == ["The second", "Staff"]


def test_a_name_that_will_not_do_is_refused_with_its_sentence(deps: Deps, store: Callable[..., int]) -> None:
    store()
    held = begin(deps, "Staff")
    app = choose(open_app("pages/chat.py"), held, "rename")
    app.text_input(key=f"name-{held}").set_value(" ")
    app.button(key=f"rename-yes-{held}").click().run()
    assert "A conversation's name has 1 to 200 characters." in app.toast[0].value.replace("\\", "")
    app.button(key=f"rename-no-{held}").click().run()
    assert titles(app) == ["Staff"]


def test_a_deleted_conversation_can_be_brought_back_until_something_else_is_done(deps: Deps, store: Callable[..., int]) -> None:
    store()
    held, other = begin(deps, "Staff"), begin(deps, "Barometers")
    app = open_app("pages/chat.py", c=str(held))
    choose(app, held, "delete")
    assert titles(app) == ["Barometers"]
    assert "What would you like to know?" in shown(app)  # the one that was open is gone
    assert "Deleted: Staff" in shown(app)
    app.button(key="undelete").click().run()
    assert titles(app) == ["Barometers", "Staff"]
    choose(app, held, "delete")
    app.button(key=f"conversation-{other}").click().run()
    assert "undelete" not in {b.key for b in app.button}
    assert titles(app) == ["Barometers"]


def test_the_browsers_way_back_takes_nothing_along_from_the_other_conversation(deps: Deps, store: Callable[..., int]) -> None:
    store()
    held, other = begin(deps, "Staff"), begin(deps, "Barometers")
    app = press(open_app("pages/chat.py", c=str(held)), "cite:1")
    assert state_of(app).opened is not None
    app.query_params["c"] = str(other)
    app.run()
    assert state_of(app).opened is None
    assert [read.message.conversation_id for read in state_of(app).settled.values()] == [other]


def test_many_conversations_are_searched_by_their_words(deps: Deps, store: Callable[..., int]) -> None:
    store()
    asked(deps, "Who founded the company?")
    others = [begin(deps, f"Number {n}") for n in range(8)]
    app = open_app("pages/chat.py")
    app.text_input(key="find-conversation").set_value("founded").run()
    assert titles(app) == ["Who founded the company?"]
    app.text_input(key="find-conversation").set_value("submarine").run()
    assert "No conversation holds these words." in shown(app)
    for held in others:
        conversation.delete(deps, SUBJECT, held)
    assert not open_app("pages/chat.py").text_input


def test_a_long_list_is_drawn_a_piece_at_a_time(deps: Deps, store: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    store()
    now = dt.datetime.now(dt.UTC)
    many = [Conversation(id=n, title=f"Number {n}", updated_at=now, selection=Selection()) for n in range(1, 61)]
    monkeypatch.setattr(conversation, "conversations", lambda *_, **__: many)
    app = open_app("pages/chat.py")
    assert len(titles(app)) == 25
    app.button(key="more-conversations").click().run()
    app.button(key="more-conversations").click().run()
    assert len(titles(app)) == 60
    assert "more-conversations" not in {b.key for b in app.button}


def test_conversations_are_grouped_by_the_readers_own_days() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = dt.datetime(2031, 5, 10, 0, 30, tzinfo=berlin)

    def at(*when: int) -> Conversation:
        return Conversation(id=1, title="", updated_at=dt.datetime(*when, tzinfo=dt.UTC), selection=Selection())  # type: ignore[arg-type]  # numbers

    today, yesterday = at(2031, 5, 9, 22, 10), at(2031, 5, 9, 21, 50)  # 00:10 and 23:50 in Berlin
    week, older = at(2031, 5, 4, 12), at(2031, 5, 3, 12)
    assert grouped([today, yesterday, week, older], now=now) == {
        "today": [today],
        "yesterday": [yesterday],
        "week": [week],
        "older": [older],
    }
    assert grouped([older], now=now) == {"older": [older]}


def test_a_title_is_text_whatever_it_holds(deps: Deps, store: Callable[..., int]) -> None:
    store()
    begin(deps, "**bold** ![x](http://127.0.0.1:9/x.png)")
    app = open_app("pages/chat.py")
    (button,) = [b for b in app.button if b.key and b.key.startswith("conversation-")]
    assert "**bold" not in button.label
    assert "![x]" not in button.label
