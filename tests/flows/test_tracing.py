"""Spans as a collector gets them: whole traces, from upload to the worker's last stage, without a text in any of them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rag import jobs, library, logs, tracing
from rag.deps import Deps
from rag.errors import SettingsError
from tests import pdfs
from tests.flows.asking import asked, produced
from tests.flows.conftest import SUBJECT
from tests.standin import AnthropicServer
from tests.standin.server import Refusal, Reply, Request, Server

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="needs the extra: situate[traces]")


class Collector(Server):
    """Takes spans as an OTLP collector does."""

    def __init__(self) -> None:
        super().__init__()
        self.spans: list[Any] = []
        self.services: set[str] = set()

    def answer(self, request: Request, request_id: str) -> Reply:
        assert request.path == "/v1/traces"
        sent = trace_service.ExportTraceServiceRequest.FromString(request.body)
        for resource in sent.resource_spans:
            self.services |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return Reply(body={})

    def error(self, refusal: Refusal, request_id: str) -> Any:
        return {"message": refusal.message}

    def headers(self, request_id: str) -> dict[str, str]:
        return {}

    def named(self, name: str) -> Any:
        return next(span for span in self.spans if span.name == name)

    def children(self, parent: Any) -> set[str]:
        return {span.name for span in self.spans if span.parent_span_id == parent.span_id}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


def tracing_to(deps: Deps, collector: Collector) -> Deps:
    return replace(deps, settings=deps.settings.model_copy(update={"traces": collector.url}))


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_an_upload_and_its_job_and_its_stages_are_one_trace(deps: Deps, collector: Collector) -> None:
    traced = tracing_to(deps, collector)
    with tracing.exported(traced.settings):
        taken = library.upload(traced, SUBJECT, filename="a-private-name.pdf", content=pdfs.report())
        jobs.run_worker(traced, wait=False)
    upload, job = collector.named("upload"), collector.named("index document")
    assert job.parent_span_id == upload.span_id
    assert collector.children(job) == {"read", "cut", "embed", "publish"}
    assert len({span.trace_id for span in collector.spans}) == 1
    assert attributes(job)["situate.document"] == taken.document_id
    assert not any(b"private" in span.SerializeToString() for span in collector.spans)


def test_a_question_is_one_trace_with_its_stages_and_the_models_call(agreed: Deps, collector: Collector, claude: AnthropicServer) -> None:
    traced = tracing_to(agreed, collector)
    library.upload(traced, SUBJECT, filename="report.pdf", content=pdfs.report())
    while library.busy(traced, SUBJECT):
        jobs.run_worker(traced, wait=False)
    with tracing.exported(traced.settings):
        message = asked(traced, "Who founded Meridian Instruments?")
        produced(message)
    question = collector.named("question")
    assert {"embed", "dense", "bm25", "fuse", "fetch", "rerank", "chat claude-sonnet-5-5"} <= collector.children(question)
    assert attributes(question)["situate.message_id"] == message.id
    assert (attributes(question)["situate.outcome"], message.abstained) == ("answered", False)
    told = attributes(collector.named("chat claude-sonnet-5-5"))
    assert told["gen_ai.provider.name"] == "anthropic"
    assert told["gen_ai.request.model"] == "claude-sonnet-5-5"
    assert told["gen_ai.usage.input_tokens"] > 0
    assert told["gen_ai.usage.output_tokens"] > 0
    assert not any(word in span.SerializeToString() for span in collector.spans for word in (b"founded", claude.key.encode()))


def test_an_error_is_told_by_its_kind_not_by_its_sentence(deps: Deps, collector: Collector) -> None:
    with tracing.exported(tracing_to(deps, collector).settings), pytest.raises(ValueError), tracing.span("a stage"):
        raise ValueError("a sentence of a document")
    span = collector.named("a stage")
    assert attributes(span)["error.type"] == "ValueError"
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert b"sentence" not in span.SerializeToString()


def test_records_name_their_trace(deps: Deps, collector: Collector) -> None:
    record = logging.LogRecord("rag", logging.INFO, __file__, 1, "done", (), None)
    with tracing.exported(tracing_to(deps, collector).settings), tracing.span("a stage"):
        told = json.loads(logs.Objects().format(record))
    assert told["trace_id"] == collector.named("a stage").trace_id.hex()
    assert "trace_id" not in json.loads(logs.Objects().format(record))


def test_opentelemetrys_own_variables_count(deps: Deps, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=ours")
    with tracing.exported(tracing_to(deps, collector).settings), tracing.span("a stage"):
        pass
    assert collector.services == {"situate"}
    assert collector.requests[-1].headers["x-tenant"] == "ours"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "situate-worker")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with tracing.exported(tracing_to(deps, collector).settings), tracing.span("a stage"):
        pass
    assert len(collector.spans) == 1
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    with tracing.exported(tracing_to(deps, collector).settings), tracing.span("a stage"):
        pass
    assert "situate-worker" in collector.services


def test_without_the_setting_nothing_is_sent_whatever_the_environment_says(
    deps: Deps, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    with tracing.exported(deps.settings), tracing.span("a stage"):
        assert tracing.carried() == {}
        assert tracing.trace_id() == ""
    assert not collector.requests


def test_without_the_extra_the_setting_is_refused_with_what_to_do(
    deps: Deps, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with (
        pytest.raises(SettingsError, match=r"pip install 'situate\[traces\]'"),
        tracing.exported(tracing_to(deps, collector).settings),
    ):
        pass
