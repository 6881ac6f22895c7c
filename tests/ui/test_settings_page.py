"""The settings page: what serves and where text goes, choosing, trying a connection, and never a key."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest

from db import as_subject
from db import usage as rows
from pages.parts import money
from rag import consent, library, process
from rag.consent import Purpose
from rag.deps import Deps, build
from rag.preferences import NONE, Preferences, prefer, preferences
from tests import standin
from tests.standin import AnthropicServer
from tests.ui.conftest import SUBJECT, open_app, shown

PAGE = "pages/settings.py"
SONNET, HAIKU, OPUS = "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5"
SECRET = "sk-ant-a-key-that-nobody-may-see"


@pytest.fixture
def claude() -> Iterator[AnthropicServer]:
    with standin.anthropic() as server:
        yield server


@pytest.fixture
def with_claude(deps: Deps, claude: AnthropicServer) -> Iterator[Deps]:
    """As with a key and nothing else set."""
    update = {
        "situator": "auto", "answerer": "auto", "reranker": "auto",
        "anthropic_api_key": SecretStr(claude.key), "anthropic_base_url": claude.url,
    }  # fmt: skip
    changed = build(deps.settings.model_copy(update=update), pool=deps.pool, url=deps.url)
    process.provide(changed)
    yield changed
    process.provide(deps)


def said(app: AppTest) -> str:
    return shown(app).replace("\\", "")


def options(app: AppTest, purpose: Purpose) -> list[str]:
    return list(app.selectbox(key=f"choose-{purpose}").options)


def test_without_a_key_everything_runs_here_and_the_page_says_how_to_add_one(deps: Deps) -> None:
    bare = build(
        deps.settings.model_copy(update={"answerer": "auto", "reranker": "auto", "situator": "auto"}), pool=deps.pool, url=deps.url
    )
    process.provide(bare)
    app = open_app(PAGE)
    told = said(app)
    assert "Serving: Extract, in the documents' own words. It runs on this machine: nothing is sent, and nothing costs money." in told
    assert "No model writes contexts" in told
    assert "No text leaves this machine." in told
    assert [expander.label for expander in app.expander] == ["Anthropic: no key", "Cohere: no key", "Voyage: no key"]
    assert [code.value for code in app.code] == ["ANTHROPIC_API_KEY=your-key", "COHERE_API_KEY=your-key", "VOYAGE_API_KEY=your-key"]
    assert "start it again with `make run`" in told
    assert not app.text_input, "no key is taken"


def test_the_models_of_a_key_can_be_chosen_among_with_what_they_receive_and_cost(with_claude: Deps) -> None:
    library.allow(with_claude, SUBJECT, "Anthropic")
    app = open_app(PAGE)
    assert options(app, Purpose.ANSWER) == [
        f"{SONNET} · Anthropic · default",
        "Extract, in the documents' own words",
        f"{HAIKU} · Anthropic",
        f"{OPUS} · Anthropic",
    ]
    assert options(app, Purpose.SITUATE) == [f"{HAIKU} · Anthropic · default", "None"]
    told = said(app)
    assert f"Serving: {SONNET} at Anthropic, which receives your questions and the passages found for them. About $" in told
    assert f"Serving: {HAIKU} at Anthropic, which receives whole documents. $0.10 for a million tokens read, $0.50 for a million" in told


def test_a_chosen_model_is_asked_for_and_serves_once_it_is_allowed(with_claude: Deps) -> None:
    library.allow(with_claude, SUBJECT, "Anthropic")
    app = open_app(PAGE)
    app.selectbox(key="choose-answer").set_value(OPUS).run()
    assert preferences(with_claude, SUBJECT).answerer == OPUS
    assert f"{OPUS} serves as soon as you allow it, above." in said(app)
    assert f"Serving: {SONNET} at Anthropic" in said(app)
    app.button(key=f"allow-Anthropic-{OPUS}").click().run()
    assert f"Serving: {OPUS} at Anthropic" in said(app)
    assert consent.serving(with_claude, SUBJECT, Purpose.ANSWER).name == OPUS
    app.selectbox(key="choose-answer").set_value(SONNET).run()
    assert preferences(with_claude, SUBJECT) == Preferences(), "what the settings say is no choice of its own"


def test_choosing_a_situator_again_takes_up_what_is_missing(with_claude: Deps, store: Callable[..., int]) -> None:
    library.allow(with_claude, SUBJECT, "Anthropic")
    app = open_app(PAGE)
    app.selectbox(key="choose-situate").set_value(NONE).run()
    document_id = store()
    assert "No model writes contexts" in said(app)
    app.selectbox(key="choose-situate").set_value(HAIKU).run()
    assert document_id in library.busy(with_claude, SUBJECT)


def test_what_the_operator_set_is_shown_as_such_and_narrows_the_choice(with_claude: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    named = type(with_claude.settings)(
        answerer=f"anthropic:{OPUS}", reranker="none", situator="none", embedder="fake:embedder",
        home=with_claude.settings.home, ANTHROPIC_API_KEY=SecretStr("k"), consent="Anthropic",
    )  # fmt: skip
    process.provide(build(named, pool=with_claude.pool, url=with_claude.url))
    app = open_app(PAGE)
    assert f"Set by the operator: SITUATE_ANSWERER=anthropic:{OPUS}." in said(app)
    assert options(app, Purpose.ANSWER) == [f"{OPUS} · Anthropic · default", "Extract, in the documents' own words"]
    assert "Allowed by the operator." in said(app)


def test_a_choice_that_is_configured_no_more_is_told(deps: Deps) -> None:
    prefer(deps, SUBJECT, answerer=OPUS)
    assert f"{OPUS}, which you chose, is not configured any more." in said(open_app(PAGE))


def test_a_consent_is_listed_and_withdrawn(deps: Deps) -> None:
    with as_subject(deps.pool, SUBJECT) as connection:
        rows.grant(connection, recipient="Faraway Inc.", model="far-1", purpose=Purpose.ANSWER)
    app = open_app(PAGE)
    today = money.day(dt.datetime.now(tz=dt.UTC).date())
    assert f"**far-1** writes answers. It receives your questions and the passages found for them. Allowed on {today}." in said(app)
    app.button(key="withdraw-Faraway Inc.-far-1-answer").click().run()
    assert consent.given(deps, SUBJECT) == []
    assert "far-1" not in said(app)


def tried(app: AppTest) -> str:
    """The page once the connection has been tried."""
    app.button(key="try-Anthropic").click().run()
    until = time.monotonic() + 30
    while app.button(key="try-Anthropic").disabled and time.monotonic() < until:
        time.sleep(0.05)
        app.run()
    return said(app)


def test_a_connection_that_works_says_how_fast_and_sends_no_text(with_claude: Deps, claude: AnthropicServer) -> None:
    told = tried(open_app(PAGE))
    for model in (SONNET, HAIKU, OPUS):
        assert f"{model} answers, in 0." in told
    assert {(request.method, request.body) for request in claude.requests} == {("GET", None)}


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (401, "Anthropic refused the API key."),
        (404, f"Anthropic has no model named {SONNET}."),
        (529, "Anthropic is overloaded at the moment."),
    ],
)
def test_a_connection_that_does_not_work_says_why(with_claude: Deps, claude: AnthropicServer, status: int, sentence: str) -> None:
    claude.fail_next(status, times=99)
    assert sentence in tried(open_app(PAGE))


def test_a_provider_that_cannot_be_reached_is_told(with_claude: Deps, claude: AnthropicServer) -> None:
    claude.close()
    told = tried(open_app(PAGE))
    assert told.count("Anthropic could not be reached.") == 1


@pytest.mark.parametrize("page", [PAGE, "pages/chat.py", "pages/documents.py", "pages/usage.py"])
def test_a_key_stands_in_no_page_no_row_and_no_log(
    deps: Deps, page: str, caplog: pytest.LogCaptureFixture, claude: AnthropicServer
) -> None:
    caplog.set_level("DEBUG")
    update = {"situator": "auto", "answerer": "auto", "anthropic_base_url": claude.url} | dict.fromkeys(
        ("anthropic_api_key", "cohere_api_key", "voyage_api_key"), SecretStr(SECRET)
    )
    process.provide(build(deps.settings.model_copy(update=update), pool=deps.pool, url=deps.url))
    app = open_app(page)
    if page == PAGE:
        assert "Anthropic refused the API key." in tried(app)
        assert "Anthropic: the key is set" in [expander.label for expander in app.expander]
    assert SECRET not in str(app._tree)
    assert SECRET not in caplog.text
    with deps.pool.connection() as connection:
        tables = connection.execute("select table_name from information_schema.tables where table_schema = 'public'").fetchall()
    with as_subject(deps.pool, SUBJECT) as connection:
        for (table,) in tables:
            assert SECRET not in str(connection.execute(f'select * from "{table}"').fetchall())  # type: ignore[arg-type] # noqa: S608 - names of ours


def test_a_chosen_language_is_spoken_at_once_and_in_other_windows(deps: Deps) -> None:
    app = open_app(PAGE)
    app.segmented_control(key="choose-language").set_value("zh").run()
    assert "设置" in [title.value for title in app.title]
    assert "设置" in [title.value for title in open_app(PAGE).title]
    app.segmented_control(key="choose-language").set_value("").run()
    assert "Settings" in [title.value for title in app.title]
