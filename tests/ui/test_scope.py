from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from db.documents import Selection
from rag import conversation, library, preferences, process, suggestions, whole
from rag.deps import Deps
from rag.providers import BlockEnd, Text
from rag.providers.fake import FakeAnswerer
from tests import pdfs
from tests.ui.conftest import SUBJECT, acts, finish, open_app, press, shown, state_of

QUESTION = "How many people does Meridian Instruments employ?"


@pytest.fixture
def shelf(deps: Deps, store: Callable[..., int]) -> dict[str, int]:
    """Two ready documents in one collection, one in another, by name."""
    held = {
        "report.pdf": store(),
        "recipes.pdf": store(pdfs.lines("The soup needs leeks. No railway serves the kitchen."), filename="recipes.pdf"),
        "songs.pdf": store(pdfs.lines("The song has four verses about the sea."), filename="songs.pdf"),
    }
    library.move(deps, SUBJECT, [held["songs.pdf"]], "Music")
    return held


def label(app: AppTest) -> str:
    return app.button(key="scope").label.replace("\\", "")


def choose(app: AppTest, *ticks: str) -> AppTest:
    app.button(key="scope").click().run()
    for act in ticks:
        press(app, act)
    return app.button(key="scope-done").click().run()


def sources(app: AppTest) -> set[str]:
    (read,) = list(state_of(app).settled.values())[-1:]
    return {source.best.filename for source in read.sources}


def test_only_chosen_documents_are_asked_and_the_conversation_keeps_them(deps: Deps, shelf: dict[str, int]) -> None:
    app = open_app("pages/chat.py")
    assert label(app) == "All documents"
    choose(app, f"document:{shelf['recipes.pdf']}")
    assert label(app) == "recipes.pdf"
    finish(app.chat_input[0].set_value(QUESTION).run())
    assert sources(app) == {"recipes.pdf"}
    current = state_of(app).conversation_id
    assert current is not None
    assert conversation.selection(deps, SUBJECT, current) == Selection(documents=(shelf["recipes.pdf"],))
    assert label(open_app("pages/chat.py", c=str(current))) == "recipes.pdf"
    app.button(key="new-conversation").click().run()
    assert label(app) == "All documents"


def test_what_a_conversation_is_about_can_be_changed_in_its_middle(deps: Deps, shelf: dict[str, int]) -> None:
    app = open_app("pages/chat.py")
    finish(app.chat_input[0].set_value(QUESTION).run())
    choose(app, f"document:{shelf['recipes.pdf']}", f"document:{shelf['songs.pdf']}")
    assert label(app) == "2 documents"
    finish(app.chat_input[0].set_value("Who sings of the sea?").run())
    assert sources(app) <= {"recipes.pdf", "songs.pdf"}
    app.button(key="scope").click().run()
    app.button(key="scope-all").click().run()
    assert label(app) == "All documents"


def test_what_was_chosen_for_the_next_conversation_outlasts_a_follow_up_in_another(shelf: dict[str, int]) -> None:
    app = open_app("pages/chat.py")
    finish(app.chat_input[0].set_value(QUESTION).run())
    held = state_of(app).conversation_id
    app.button(key="new-conversation").click().run()
    choose(app, f"document:{shelf['recipes.pdf']}")
    app.button(key=f"conversation-{held}").click().run()
    finish(app.chat_input[0].set_value("Who sings of the sea?").run())
    app.button(key="new-conversation").click().run()
    assert label(app) == "recipes.pdf"


def test_a_collection_is_chosen_whole_and_also_without_one_of_its_documents(deps: Deps, shelf: dict[str, int]) -> None:
    ids = {collection.name: collection.id for collection in library.collections(deps, SUBJECT)}
    app = choose(open_app("pages/chat.py"), f"collection:{ids['Music']}")
    assert label(app) == "Music"
    assert state_of(app).scope == Selection(collections=(ids["Music"],))
    choose(app, f"collection:{ids['Library']}", f"document:{shelf['report.pdf']}")
    assert state_of(app).scope == Selection(documents=tuple(sorted([shelf["recipes.pdf"], shelf["songs.pdf"]])))


def test_a_choice_that_is_dismissed_changes_nothing(shelf: dict[str, int]) -> None:
    app = open_app("pages/chat.py")
    app.button(key="scope").click().run()
    press(app, f"document:{shelf['recipes.pdf']}")
    state_of(app).ticks = None  # as its dialog does when it is dismissed
    app.run()
    assert label(app) == "All documents"


def test_documents_that_are_not_ready_are_told_of(deps: Deps, shelf: dict[str, int], store: Callable[..., int]) -> None:
    waiting = store(pdfs.lines("This one waits."), filename="waiting.pdf", index=False)
    app = open_app("pages/chat.py")
    assert "3 of 4 documents ready, asking those." in shown(app).replace("\\", "")
    choose(app, f"document:{waiting}")
    assert "None of these documents is ready yet." in shown(app).replace("\\", "")
    finish(app.chat_input[0].set_value(QUESTION).run())
    library.delete(deps, SUBJECT, waiting)
    app.run()
    assert "The documents of this conversation have been deleted." in shown(app).replace("\\", "")


def test_a_single_document_leaves_nothing_to_choose(store: Callable[..., int]) -> None:
    store()
    assert "scope" not in {b.key for b in open_app("pages/chat.py").button}


def test_a_suggested_question_is_asked_with_a_click(deps: Deps, shelf: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[Selection] = []

    def suggest(_deps: Deps, _subject: str, selection: Selection, **_: object) -> list[suggestions.Suggestion]:
        worked_out.append(selection)
        return [
            suggestions.Suggestion(shown="What is said about “Risks”?", document="", question="What is said about “Risks”?"),
            suggestions.Suggestion(shown="How much is it?", document="The price list", question=QUESTION),
        ]

    monkeypatch.setattr(suggestions, "suggestions", suggest)
    app = open_app("pages/chat.py")
    app.run()
    assert worked_out == [Selection()]  # once for each scope
    assert "The price list" in shown(app)
    assert QUESTION not in shown(app)
    finish(press(app, "suggested:1"))
    assert QUESTION in shown(app)
    assert "cite:1" in acts(app)
    assert "suggested:0" not in acts(app)


def test_reading_whole_documents_is_offered_with_its_price_and_only_done_when_chosen(
    deps: Deps, shelf: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = whole.Offer(
        documents=3, tokens=9000, recipient="Anthropic", model=deps.answerers[0].name, first=Decimal("0.12"), again=Decimal("0.02")
    )
    monkeypatch.setattr(whole, "offer", lambda *_: offer)
    app = open_app("pages/chat.py")
    assert "Read 3 documents whole (about $0.12, then $0.020 a question)" in app.toggle(key="whole").label.replace("\\", "")
    asked: list[bool] = []
    ask = conversation.ask
    monkeypatch.setattr(conversation, "ask", lambda *args, whole, **named: (asked.append(whole), ask(*args, whole=whole, **named))[1])
    finish(app.chat_input[0].set_value(QUESTION).run())
    app.toggle(key="whole").set_value(True)
    finish(app.chat_input[0].set_value(QUESTION).run())
    assert asked == [False, True]


def test_the_offer_is_that_of_the_model_which_serves_now(deps: Deps, shelf: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def offer(deps: Deps, *_: object) -> whole.Offer | None:
        local = deps.answerers[0]
        free = whole.Offer(documents=3, tokens=9000, recipient=None, model=local.name, first=Decimal(0), again=Decimal(0))
        return free if local.window else None

    monkeypatch.setattr(whole, "offer", offer)
    app = open_app("pages/chat.py")
    assert not app.toggle
    process.provide(replace(deps, answerers=(FakeAnswerer(name="reads-whole", window=50_000),)))
    app.run()
    assert app.toggle(key="whole").label == "Read 3 documents whole"
    app.toggle(key="whole").set_value(True).run()
    assert app.run().toggle(key="whole").value
    process.provide(replace(deps, answerers=(FakeAnswerer(name="another", window=50_000),)))
    assert not app.run().toggle(key="whole").value  # the yes was to the other's offer


def test_a_model_that_was_chosen_meanwhile_is_not_sent_whole_documents(
    deps: Deps, shelf: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def offer(_deps: Deps, *_: object) -> whole.Offer:
        return whole.Offer(documents=3, tokens=9000, recipient=None, model="reads-whole", first=Decimal(0), again=Decimal(0))

    monkeypatch.setattr(whole, "offer", offer)
    reading, other = (FakeAnswerer(name=name, window=50_000) for name in ("reads-whole", "another"))
    process.provide(replace(deps, answerers=(reading,), other_answerers=(other,)))
    app = open_app("pages/chat.py")
    app.toggle(key="whole").set_value(True).run()
    preferences.prefer(deps, SUBJECT, answerer="another")  # in another tab
    app.chat_input[0].set_value(QUESTION).run()
    assert "Another model answers by now" in shown(app)
    assert not conversation.conversations(deps, SUBJECT)
    assert not app.toggle(key="whole").value


def test_a_question_without_an_answer_can_be_asked_of_all_documents(
    deps: Deps, shelf: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    uncited = FakeAnswerer(script=(Text(text="They say nothing of it."), BlockEnd()))
    process.provide(replace(deps, answerers=(uncited,)))
    app = choose(open_app("pages/chat.py"), f"document:{shelf['recipes.pdf']}")
    finish(app.chat_input[0].set_value(QUESTION).run())
    assert "passages of 1 document." in shown(app) or "1 passage of 1 document." in shown(app)
    finish(press(app, "widen"))
    assert label(app) == "All documents"
    assert "of 3 documents." in shown(app)
    assert "widen" not in acts(app)


def test_nothing_is_offered_where_no_model_takes_documents_whole(shelf: dict[str, int]) -> None:
    assert not open_app("pages/chat.py").toggle
