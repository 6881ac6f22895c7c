"""What is counted of questions, documents, providers and the queue."""

from __future__ import annotations

import logging
import re
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY, generate_latest

from db import open_pool
from rag import conversation, instruments, library
from rag.errors import TransientProviderError
from rag.prices import Cost
from rag.providers import Text, Usage
from rag.providers.fake import FakeAnswerer
from tests import pdfs
from tests.flows.asking import asked, eventually, produced
from tests.flows.conftest import ROOT, SUBJECT, Index, work_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.deps import Deps
    from tests.standin import AnthropicServer

SONNET = "claude-sonnet-5-5"


class Endless(FakeAnswerer):
    """Writes until nobody wants more of it."""

    def stream(self, *_: object, **__: object) -> Iterator[Text]:
        while True:
            yield Text(text="And more. ")
            time.sleep(0.01)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"situate_{name}", labels) or 0.0


def test_a_question_is_counted_by_its_outcome_and_timed_by_stage(deps: Deps, index: Index, caplog: pytest.LogCaptureFixture) -> None:
    index(deps, pdfs.report())
    stages = ("sources", "first_words", "embed", "dense", "bm25", "fuse", "rerank")
    before = {stage: value("question_stage_seconds_count", stage=stage) for stage in stages}
    answered = value("questions_total", outcome="answered")
    with caplog.at_level(logging.INFO, "rag"):
        produced(asked(deps, "How many people does the company employ?"))
    assert value("questions_total", outcome="answered") == answered + 1
    assert {stage: value("question_stage_seconds_count", stage=stage) for stage in stages} == {s: n + 1 for s, n in before.items()}
    assert "question answered" in caplog.messages
    assert not any("employ" in message for message in caplog.messages)


def test_one_that_fails_and_one_that_is_stopped_are_told_apart(deps: Deps, index: Index) -> None:
    failed, stopped = value("questions_total", outcome="failed"), value("questions_total", outcome="stopped")
    produced(asked(deps, "What is in an empty library?"))
    assert value("questions_total", outcome="failed") == failed + 1
    index(deps, pdfs.report())
    endless = replace(deps, answerers=(Endless(),))
    message = conversation.ask(endless, SUBJECT, "How many people does the company employ?")
    eventually(endless, message.id, lambda m: bool(m.parts))
    conversation.stop(endless, SUBJECT, message.id)
    produced(message)
    assert value("questions_total", outcome="stopped") == stopped + 1


def test_a_document_is_counted_by_its_end_and_timed_by_stage(deps: Deps, index: Index) -> None:
    before = {s: value("document_stage_seconds_count", stage=s) for s in ("read", "cut", "embed", "publish")}
    ready, unreadable = value("documents_total", state="ready"), value("documents_total", state="unreadable")
    index(deps, pdfs.report())
    index(deps, pdfs.with_password(), "locked.pdf")
    assert value("documents_total", state="ready") == ready + 1
    assert value("documents_total", state="unreadable") == unreadable + 1
    assert {s: value("document_stage_seconds_count", stage=s) for s in before} == {s: n + 1 for s, n in before.items()}


def test_a_providers_calls_tokens_and_dollars_are_counted(agreed: Deps, index: Index, claude: AnthropicServer) -> None:
    index(agreed, pdfs.report())
    answer = {"provider": "Anthropic", "model": SONNET, "purpose": "answer"}
    ok, transient = value("provider_calls_total", **answer, outcome="ok"), value("provider_calls_total", **answer, outcome="transient")
    before = {kind: value("provider_tokens_total", model=SONNET, purpose="answer", kind=kind) for kind in ("input", "output")}
    dollars = value("provider_cost_usd_total", model=SONNET, purpose="answer")
    produced(asked(agreed, "How many people does the company employ?"))
    assert value("provider_calls_total", **answer, outcome="ok") == ok + 1
    assert value("provider_call_seconds_count", **answer) >= 1
    assert all(value("provider_tokens_total", model=SONNET, purpose="answer", kind=kind) > before[kind] for kind in before)
    assert value("provider_cost_usd_total", model=SONNET, purpose="answer") > dollars
    assert value("provider_calls_total", provider="Anthropic", model="claude-haiku-5-5", purpose="situate", outcome="ok")
    assert value("document_stage_seconds_count", stage="situate")
    claude.fail_next(529, times=3)
    produced(asked(agreed, "How many people does the company employ?"))
    assert value("provider_calls_total", **answer, outcome="transient") == transient + 1


def test_a_call_of_a_model_that_runs_here_is_none() -> None:
    with instruments.call(None, "local", "embed") as call:
        call.billed(Usage(model="local"))
    assert "local" not in {sample.labels.get("model") for family in REGISTRY.collect() for sample in family.samples}


def test_a_call_that_fails_is_raised_again() -> None:
    with pytest.raises(TransientProviderError), instruments.call("Anthropic", "m", "answer"):
        raise TransientProviderError("away")
    assert value("provider_calls_total", provider="Anthropic", model="m", purpose="answer", outcome="transient") == 1
    cost = Cost(price=Decimal("0.25"), saved_by_cache=Decimal(0), saved_by_batch=Decimal(0))
    instruments.billed(Usage(model="m", cache_read_tokens=7), cost, "answer")
    assert value("provider_tokens_total", model="m", purpose="answer", kind="cache_read") == 7
    assert value("provider_cost_usd_total", model="m", purpose="answer") == 0.25


def told(deps: Deps) -> dict[str, float]:
    families = instruments.Queue(deps, patience=5, silence=30).collect()
    return {f"{s.name}{''.join(s.labels.values())}": s.value for family in families for s in family.samples}


def test_the_queue_is_read_when_it_is_asked_for(deps: Deps) -> None:
    library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report())
    waiting = told(deps)
    assert (waiting["situate_database_up"], waiting["situate_queue_jobswaiting"], waiting["situate_workers_alive"]) == (1, 1, 0)
    assert waiting["situate_queue_oldest_seconds"] >= 0
    work_off(deps)
    assert told(deps)["situate_queue_jobswaiting"] == 0


def test_a_database_that_is_away_is_told_as_such_and_nothing_is_made_up(deps: Deps) -> None:
    with open_pool("postgresql://nobody@127.0.0.1:1/none", patience=0.2) as dead:
        assert told(replace(deps, pool=dead)) == {"situate_database_up": 0}


def test_no_label_names_a_document_or_a_question(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report(), "quite-a-name.pdf")
    produced(asked(deps, "How many people does the company employ?"))
    text = generate_latest().decode()
    assert not [word for word in ("quite-a-name", "employ", SUBJECT + '"') if word in text]


def test_the_metrics_that_the_docs_and_the_alerts_name_are_there(deps: Deps) -> None:
    families = [*REGISTRY.collect(), *instruments.Queue(deps, patience=5, silence=30).collect()]
    ours = {f.name + ("_total" if f.type == "counter" else "") for f in families if f.name.startswith("situate_")}
    told = re.findall(r"`(situate_\w+)`", (ROOT / "docs/operators/observing.md").read_text("utf-8"))
    assert set(told) == ours
    assert set(re.findall(r"situate_\w+", (ROOT / "docs/operators/alerts.yaml").read_text("utf-8"))) <= ours
