"""What situating is expected to cost, beside what the stand-in then bills; and documents that wait for a yes to their price."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from db.chunks import STRUCTURAL
from db.documents import Document, Situating, Status
from rag import estimates, library, usage
from rag.deps import Deps
from rag.providers import Situator
from rag.providers.fake import FakeSituator
from rag.usage import By
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index, work_off
from tests.standin import AnthropicServer

NOTE = "This passage is from the annual report of Meridian Instruments for the year 2031, and stands in its outlook. " * 3


def limited(deps: Deps, dollars: Decimal) -> Deps:
    return replace(deps, settings=deps.settings.model_copy(update={"ask_above_usd": dollars}))


def upload(deps: Deps, *names: str) -> list[Document]:
    """Different documents of about one price, all stored before a worker looks."""
    taken = [library.upload(deps, SUBJECT, filename=name, content=pdfs.report() + f"\n%{name}".encode()) for name in names]
    work_off(deps)
    return [library.document(deps, SUBJECT, upload.document_id) for upload in taken]


def claude_of(deps: Deps) -> Situator:
    (situator,) = deps.situators
    return situator


def price_of_one(deps: Deps) -> Decimal:
    """What one of them is expected to cost, found without sending it."""
    library.upload(deps, "another subject", filename="one.pdf", content=pdfs.report())
    work_off(deps, "another subject")
    price = estimates.situating(deps, "another subject", claude_of(deps)).price
    assert price
    return price


def test_the_price_told_before_is_about_what_is_billed_after(with_claude: Deps, index: Index, claude: AnthropicServer) -> None:
    index(with_claude, pdfs.report())
    quoted = estimates.situating(with_claude, SUBJECT, claude_of(with_claude))
    assert claude.requests == []
    for _ in range(quoted.calls):
        claude.say_next(NOTE)
    library.allow(with_claude, SUBJECT, "Anthropic", documents=quoted.document_ids)
    work_off(with_claude)
    assert quoted.calls == len(claude.requests)
    (spent,) = usage.spending(with_claude, SUBJECT, By.DOCUMENT)
    assert quoted.price is not None
    assert abs(quoted.price / spent.price - 1) < Decimal("0.25")
    assert abs(quoted.sent / (spent.input_tokens + spent.cache_write_tokens + spent.cache_read_tokens) - 1) < 0.25
    assert estimates.situating(with_claude, SUBJECT, claude_of(with_claude)).document_ids == ()


def test_many_documents_are_taken_to_be_like_those_that_were_estimated(with_claude: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    one = price_of_one(with_claude)
    documents = upload(with_claude, "a.pdf", "b.pdf", "c.pdf")
    monkeypatch.setattr(estimates, "AT_ONCE", 1)
    quoted = estimates.situating(with_claude, SUBJECT, claude_of(with_claude))
    assert quoted.document_ids == tuple(d.id for d in documents)
    assert quoted.pages == sum(d.page_count for d in documents)
    assert quoted.price is not None
    assert abs(quoted.price / one - 3) < Decimal("0.05")


def test_a_batch_is_told_with_a_cache_that_serves_half_of_its_calls(with_claude: Deps, index: Index) -> None:
    index(with_claude, pdfs.report())
    in_batches = replace(with_claude, settings=with_claude.settings.model_copy(update={"batch_above": 1}))
    plain, batched = (estimates.situating(deps, SUBJECT, claude_of(deps)).price for deps in (with_claude, in_batches))
    assert plain
    assert batched
    assert plain / 2 < batched < plain * 2


def test_a_document_past_the_limit_waits_unsent_and_goes_on_after_a_yes(agreed: Deps, claude: AnthropicServer) -> None:
    deps = limited(agreed, price_of_one(agreed) / 2)
    (document,) = upload(deps, "dear.pdf")
    assert claude.requests == []
    assert (document.status, document.situating) == (Status.READY, Situating.HELD)
    assert "your yes to its price" in document.unsituated
    assert {c.context_by for c in library.chunks(deps, SUBJECT, document.id)} == {STRUCTURAL}
    waiting = estimates.held(deps, SUBJECT)
    assert waiting
    assert waiting[1].document_ids == (document.id,)
    library.agree_to_price(deps, SUBJECT, [document.id])
    work_off(deps)
    assert {c.context_by for c in library.chunks(deps, SUBJECT, document.id)} == {claude_of(deps).name}
    assert estimates.held(deps, SUBJECT) is None


def test_documents_within_the_limit_are_sent_without_asking(agreed: Deps, claude: AnthropicServer) -> None:
    upload(agreed, "a.pdf", "b.pdf")
    assert claude.requests
    assert estimates.held(agreed, SUBJECT) is None


def test_documents_that_wait_together_are_added_up(with_claude: Deps, claude: AnthropicServer) -> None:
    deps = limited(with_claude, price_of_one(with_claude) * 2)
    documents = upload(deps, "a.pdf", "b.pdf", "c.pdf")
    library.allow(deps, SUBJECT, "Anthropic")
    work_off(deps)
    assert claude.requests == []
    waiting = estimates.held(deps, SUBJECT)
    assert waiting
    assert waiting[1].document_ids == tuple(d.id for d in documents)


def test_what_was_sent_today_without_asking_counts_and_what_was_agreed_to_does_not(agreed: Deps, claude: AnthropicServer) -> None:
    deps = limited(agreed, price_of_one(agreed) * 3 / 2)
    upload(deps, "a.pdf")
    sent = len(claude.requests)
    assert sent
    (second,) = upload(deps, "b.pdf")
    assert len(claude.requests) == sent
    library.agree_to_price(deps, SUBJECT, [second.id])
    work_off(deps)
    assert len(claude.requests) == 2 * sent
    (third,) = upload(deps, "c.pdf")
    waiting = estimates.held(deps, SUBJECT)
    assert waiting
    assert waiting[1].document_ids == (third.id,)


def test_a_dear_document_that_waits_keeps_no_other_back(agreed: Deps, claude: AnthropicServer) -> None:
    one = price_of_one(agreed)
    upload(limited(agreed, one / 2), "dear.pdf")
    assert claude.requests == []
    (other,) = upload(limited(agreed, one * 3 / 2), "other.pdf")
    assert other.situated == other.n_chunks


def test_with_a_higher_limit_a_waiting_document_may_be_asked_for_again(agreed: Deps, claude: AnthropicServer) -> None:
    (document,) = upload(limited(agreed, Decimal(0)), "dear.pdf")
    assert claude.requests == []
    library.situate_again(agreed, SUBJECT, document.id)
    work_off(agreed)
    assert claude.requests


def test_the_operators_consent_lifts_no_limit(with_claude: Deps, claude: AnthropicServer) -> None:
    settings = with_claude.settings.model_copy(update={"consent": "Anthropic", "ask_above_usd": Decimal(0)})
    upload(replace(with_claude, settings=settings), "dear.pdf")
    assert claude.requests == []


def test_a_model_without_a_known_price_has_no_limit(agreed: Deps, claude: AnthropicServer) -> None:
    unpriced = replace(agreed, prices=replace(agreed.prices, models={}))
    upload(limited(unpriced, Decimal(0)), "any.pdf")
    assert claude.requests
    (spent,) = usage.spending(unpriced, SUBJECT, By.DOCUMENT)
    assert (spent.unpriced, spent.price) == (spent.calls, 0)
    assert spent.output_tokens


def test_a_model_that_runs_here_has_no_price(deps: Deps) -> None:
    here = limited(replace(deps, situators=(FakeSituator(),)), Decimal(0))
    (document,) = upload(here, "any.pdf")
    assert document.situated == document.n_chunks
    assert estimates.held(here, SUBJECT) is None


def test_a_new_price_list_changes_what_is_expected_and_not_what_was_spent(agreed: Deps) -> None:
    upload(agreed, "a.pdf")
    (before,) = usage.spending(agreed, SUBJECT, By.DOCUMENT)
    dearer = {name: replace(model, input=Decimal(1000), cache_write_5m=Decimal(1000)) for name, model in agreed.prices.models.items()}
    later = replace(agreed, prices=replace(agreed.prices, models=dearer))
    (after,) = usage.spending(later, SUBJECT, By.DOCUMENT)
    assert after.price == before.price > 0
    (document,) = upload(later, "b.pdf")
    assert document.situated == 0


def test_the_price_of_a_question_is_told_for_the_models_that_serve_it(with_claude: Deps) -> None:
    asked = estimates.question(with_claude, with_claude.answerers[0])
    assert asked.price is not None
    assert Decimal("0.01") < asked.price < Decimal("0.05")
