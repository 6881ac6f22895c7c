"""Nothing is sent before someone agreed to the model, for what it is used for."""

from __future__ import annotations

from dataclasses import replace

from pydantic import SecretStr

from db import as_subject
from db.documents import Selection
from rag import answer, consent, library
from rag.consent import Purpose
from rag.deps import Deps, build
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index, work_off
from tests.standin import AnthropicServer

QUESTION = "Who chairs the board?"


def models(deps: Deps) -> dict[str, tuple[Purpose, ...]]:
    return {request.model: request.purposes for request in consent.outstanding(deps, SUBJECT)}


def test_each_model_is_asked_for_with_what_it_would_be_used_for(with_claude: Deps) -> None:
    assert models(with_claude) == {"claude-haiku-5-5": (Purpose.SITUATE,), "claude-sonnet-5-5": (Purpose.ANSWER,)}


def test_a_key_alone_sends_nothing(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    index(with_claude, pdfs.report())
    list(answer.answer(with_claude, SUBJECT, QUESTION, selection=Selection()))
    assert claude.requests == []


def test_a_yes_to_one_model_is_none_to_another(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    index(with_claude, pdfs.report())
    library.allow(with_claude, SUBJECT, "Anthropic", "claude-sonnet-5-5")
    work_off(with_claude)
    list(answer.answer(with_claude, SUBJECT, QUESTION, selection=Selection()))
    assert {request.body["model"] for request in claude.requests} == {"claude-sonnet-5-5"}
    assert models(with_claude) == {"claude-haiku-5-5": (Purpose.SITUATE,)}


def test_another_model_of_a_recipient_that_was_allowed_is_asked_for(with_claude: Deps) -> None:
    library.allow(with_claude, SUBJECT, "Anthropic")
    assert models(with_claude) == {}
    settings = with_claude.settings.model_copy(update={"answerer": "anthropic:claude-opus-5-5"})
    assert models(build(settings, pool=with_claude.pool, url=with_claude.url)) == {"claude-opus-5-5": (Purpose.ANSWER,)}


def test_leave_to_answer_is_none_to_read_whole_documents(with_claude: Deps) -> None:
    library.allow(with_claude, SUBJECT, "Anthropic")
    settings = with_claude.settings.model_copy(update={"situator": "anthropic:claude-sonnet-5-5"})
    assert models(build(settings, pool=with_claude.pool, url=with_claude.url)) == {"claude-sonnet-5-5": (Purpose.SITUATE,)}


def test_the_version_of_a_prompt_is_no_new_model(agreed: Deps) -> None:
    (situator,) = agreed.situators
    assert situator.name != consent.model_name(situator) == "claude-haiku-5-5"


def test_the_operator_agrees_for_a_recipient_or_for_one_of_its_models(with_claude: Deps) -> None:
    def with_consent(said: str) -> Deps:
        return replace(with_claude, settings=with_claude.settings.model_copy(update={"consent": said}))

    assert models(with_consent("anthropic")) == {}
    assert set(models(with_consent("Anthropic/Claude-Haiku-5-5"))) == {"claude-sonnet-5-5"}
    assert len(models(with_consent("Cohere"))) == 2


def test_what_is_withdrawn_is_sent_nothing_more(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    consent.withdraw(agreed, SUBJECT, "Anthropic", "claude-haiku-5-5")
    index(agreed, pdfs.report())
    assert claude.requests == []
    assert [given.model for given in consent.given(agreed, SUBJECT)] == ["claude-sonnet-5-5"]


def test_a_consent_holds_for_who_gave_it(agreed: Deps) -> None:
    assert consent.given(agreed, "somebody else") == []
    assert len(consent.outstanding(agreed, "somebody else")) == 2


def test_a_reranker_is_asked_for_beside_the_rest(with_claude: Deps) -> None:
    settings = with_claude.settings.model_copy(update={"reranker": "auto", "cohere_api_key": SecretStr("k")})
    asked = models(build(settings, pool=with_claude.pool, url=with_claude.url))
    assert asked["rerank-v4.0-pro"] == (Purpose.RERANK,)


def test_consents_are_rows_of_their_subject(agreed: Deps) -> None:
    with as_subject(agreed.pool, SUBJECT) as connection:
        rows = connection.execute("select recipient, model, purpose from consents order by model").fetchall()
    assert rows == [("Anthropic", "claude-haiku-5-5", "situate"), ("Anthropic", "claude-sonnet-5-5", "answer")]
