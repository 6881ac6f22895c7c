"""A person chooses among the configured models; web and worker heed it, and nothing is sent that was not agreed to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.documents import Selection
from rag import answer, consent, embedding, evaluate, jobs, library, scratch
from rag.consent import Purpose
from rag.deps import Deps, build
from rag.preferences import NONE, Preferences, prefer, preferences
from rag.providers.fake import FakeEmbedder, FakeReranker
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index, work_off
from tests.standin import AnthropicServer

QUESTION = "Who chairs the board?"
SONNET, HAIKU, OPUS = "claude-sonnet-5-5", "claude-haiku-5-5", "claude-opus-5-5"


def answering(deps: Deps, subject: str = SUBJECT) -> str:
    return consent.serving(deps, subject, Purpose.ANSWER).name


def asked_for(deps: Deps) -> set[tuple[str, Purpose]]:
    return {(request.model, purpose) for request in consent.outstanding(deps, SUBJECT) for purpose in request.purposes}


def test_choices_are_kept_one_by_one_and_for_who_made_them(deps: Deps) -> None:
    prefer(deps, SUBJECT, language="zh", reranker=NONE)
    prefer(deps, SUBJECT, reranker="", answerer=OPUS)
    assert preferences(deps, SUBJECT) == Preferences(language="zh", answerer=OPUS)
    assert preferences(deps, "somebody else") == Preferences()


def test_a_choice_that_nobody_knows_is_a_mistake_and_kept_nowhere(deps: Deps) -> None:
    with pytest.raises(TypeError, match="colour"):
        prefer(deps, SUBJECT, colour="red")
    assert preferences(deps, SUBJECT) == Preferences()


def test_the_chosen_model_answers_once_it_was_agreed_to(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.report())
    prefer(agreed, SUBJECT, answerer=OPUS)
    assert answering(agreed) == SONNET, "the one that was agreed to, until then"
    assert asked_for(agreed) == {(OPUS, Purpose.ANSWER)}
    library.allow(agreed, SUBJECT, "Anthropic", OPUS)
    claude.requests.clear()
    list(answer.answer(agreed, SUBJECT, QUESTION, selection=Selection()))
    assert {request.body["model"] for request in claude.requests} == {OPUS}
    assert answering(agreed, "somebody else") == "extract"


def test_leave_for_a_model_chooses_it_for_nothing_else(with_claude: Deps) -> None:
    operator = replace(with_claude, settings=with_claude.settings.model_copy(update={"consent": f"Anthropic/{HAIKU}"}))
    assert answering(operator) == "extract", "Haiku may be sent everything, but serves as an answerer whoever chose it only"
    prefer(operator, SUBJECT, answerer=HAIKU)
    assert answering(operator) == HAIKU


def test_the_extract_can_be_chosen_and_nothing_is_asked_for_then(with_claude: Deps) -> None:
    prefer(with_claude, SUBJECT, answerer="extract")
    assert answering(with_claude) == "extract"
    assert asked_for(with_claude) == {(HAIKU, Purpose.SITUATE)}


def test_a_choice_that_is_configured_no_more_leaves_it_to_the_settings(agreed: Deps) -> None:
    prefer(agreed, SUBJECT, answerer="claude-of-old", reranker="rerank-of-old", situator="claude-of-old", embedder="voyage-of-old")
    assert answering(agreed) == SONNET
    assert consent.serving(agreed, SUBJECT, Purpose.SITUATE) is agreed.situators[0]
    assert embedding.wanted(agreed, SUBJECT) is agreed.embedder


def test_an_answerer_that_the_settings_name_leaves_only_what_runs_here_beside_it(with_claude: Deps) -> None:
    settings = with_claude.settings.model_copy(update={"answerer": f"anthropic:{OPUS}"})
    named = build(settings, pool=with_claude.pool, url=with_claude.url)
    assert [model.name for model in consent.configured(named, Purpose.ANSWER)] == [OPUS, "extract"]
    assert [m.name for m in consent.configured(with_claude, Purpose.ANSWER)] == [SONNET, "extract", HAIKU, OPUS]


def test_a_worker_situates_nothing_for_whoever_chose_that(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    prefer(agreed, SUBJECT, situator=NONE)
    document = index(agreed, pdfs.report())
    assert claude.requests == []
    assert document.situated == 0
    library.situate_again(agreed, SUBJECT, document.id)  # as an earlier job would be
    work_off(agreed)
    assert claude.requests == []


def test_reranking_can_be_done_by_another_model_or_left_out(deps: Deps) -> None:
    two = replace(deps, rerankers=(FakeReranker(name="first"), FakeReranker(name="second")))
    for choice, served in (("", "first"), ("second", "second"), (NONE, None)):
        prefer(two, SUBJECT, reranker=choice)
        found = consent.serving(two, SUBJECT, Purpose.RERANK)
        assert (found and found.name) == served


class Other(FakeEmbedder):
    name = "another-embedder"


def test_a_chosen_embedder_is_filled_in_by_the_worker_and_serves_then(deps: Deps, index: Index) -> None:
    both = replace(deps, other_embedders=(Other(),))
    index(both, pdfs.report())
    assert embedding.question(both, SUBJECT, QUESTION, Selection()).embedder == deps.embedder.name
    prefer(both, SUBJECT, embedder=Other.name)
    jobs.defer_fills(both, SUBJECT)
    work_off(both)
    assert embedding.question(both, SUBJECT, QUESTION, Selection()).embedder == Other.name
    prefer(both, SUBJECT, embedder=deps.embedder.name)
    assert embedding.question(both, SUBJECT, QUESTION, Selection()).embedder == deps.embedder.name


def test_an_evaluation_measures_with_its_owners_choices_and_leaves_none_behind(deps: Deps) -> None:
    two = replace(deps, rerankers=(FakeReranker(name="first"), FakeReranker(name="second")))
    prefer(two, SUBJECT, reranker="second")
    run = evaluate.begin(two, SUBJECT, "set")
    scratch.admit(two, run.scratch, owner=SUBJECT)
    found = consent.serving(two, run.scratch, Purpose.RERANK)
    assert found is not None
    assert found.name == "second"
    scratch.drop(two, run.scratch, owner=SUBJECT)
    assert preferences(two, run.scratch) == Preferences()
    assert preferences(two, SUBJECT) == Preferences(reranker="second")
