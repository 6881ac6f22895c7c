"""What a process counts and times, for Prometheus (rag.listening) and as spans (rag.tracing). Each is hooked in at one place.

Labels are of few values: routes, stages, models, outcomes. Never a document, a subject or a question. Whatever is observed is this
process's own; the queue, which all share, is read from the database when somebody asks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Self

from opentelemetry.trace import Span
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from db import DatabaseAway, as_subject
from db import jobs as job_rows
from db.jobs import QueueState
from rag import tracing
from rag.deadline import within
from rag.deps import Deps
from rag.errors import PermanentProviderError, ProviderError, RejectedRequest, TransientProviderError
from rag.prices import Cost
from rag.providers import Meter, Usage

# Seconds that a person waits, and that a document takes.
BRIEF = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
LONG = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)

requests = Counter("situate_http_requests", "Requests by route and status; a page's connection counts once it ends", ["route", "status"])
request_seconds = Histogram("situate_http_request_seconds", "Seconds until a response was sent", ["route"], buckets=BRIEF)
open_pages = Gauge("situate_open_pages", "Pages that a browser has open")
_questions = Counter("situate_questions", "Questions by outcome: answered, abstained, failed, stopped", ["outcome"])
_question_seconds = Histogram(
    "situate_question_stage_seconds",
    "Seconds of a question's stages; sources and first_words count from its beginning",
    ["stage"],
    buckets=BRIEF,
)
_documents = Counter("situate_documents", "Documents by end state: ready, unreadable, failed", ["state"])
_document_seconds = Histogram(
    "situate_document_stage_seconds",
    "Seconds that a stage took of a document that became ready; of situating, a round",
    ["stage"],
    buckets=LONG,
)
_calls = Counter(
    "situate_provider_calls",
    "Calls of providers by outcome: ok, transient, rejected, permanent, abandoned",
    ["provider", "model", "purpose", "outcome"],
)
_call_seconds = Histogram("situate_provider_call_seconds", "Seconds of a provider's call", ["provider", "model", "purpose"], buckets=BRIEF)
_tokens = Counter("situate_provider_tokens", "Tokens billed, by kind: input, output, cache_read, cache_write", ["model", "purpose", "kind"])
_dollars = Counter("situate_provider_cost_usd", "US dollars billed, by the price list", ["model", "purpose"])

PROBES = threading.BoundedSemaphore(4)  # looks at the database for whoever watches, which wait for no provider

_OPERATIONS = {"embed": "embeddings", "rerank": "rerank"}  # what OpenTelemetry calls them; the others are chats


# --- questions ----------------------------------------------------------------------------------------------------------------


class Question:
    """A question on its way to an answer."""

    def __init__(self, span: Span) -> None:
        self.outcome = "failed"
        self._span = span
        self._began = time.monotonic()
        self._seen: set[str] = set()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def grew(self, *, words: bool) -> None:
        """Its sources are there, and perhaps first words."""
        for stage in ("sources", "first_words") if words else ("sources",):
            if stage not in self._seen:
                self._seen.add(stage)
                _question_seconds.labels(stage).observe(self.seconds)
                self._span.add_event(stage)


@contextmanager
def question(**ids: int) -> Iterator[Question]:
    """Watch a question; the block says its outcome."""
    with tracing.span("question", **ids) as span:
        watched = Question(span)
        try:
            yield watched
        finally:
            _questions.labels(watched.outcome).inc()
            span.set_attribute("situate.outcome", watched.outcome)


@contextmanager
def stage(name: str, **fields: tracing.Attribute) -> Iterator[None]:
    """A stage of a question."""
    with tracing.span(name, **fields), _question_seconds.labels(name).time():
        yield


class Stages:
    """Stages of a question that follow one another, and their seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._open = ExitStack()

    def enter(self, name: str) -> None:
        """The next one begins, and with it the one before has ended."""
        self.end()
        self._open.enter_context(self._timed(name))

    def end(self) -> None:
        self._open.close()

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        with stage(name):
            yield
        self.seconds[name] = time.perf_counter() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)


# --- documents ----------------------------------------------------------------------------------------------------------------


def document_ended(state: str, seconds_by_stage: Mapping[str, float] | None = None) -> None:
    """A document is ready, unreadable or failed."""
    _documents.labels(state).inc()
    for name, seconds in (seconds_by_stage or {}).items():
        _document_seconds.labels(name).observe(seconds)


def situated(seconds: float) -> None:
    """A round of situating has ended."""
    _document_seconds.labels("situate").observe(seconds)


# --- providers ----------------------------------------------------------------------------------------------------------------


class Call:
    """A call of a provider."""

    def __init__(self, span: Span | None) -> None:
        self._span = span

    def billed(self, usage: Usage) -> None:
        if self._span is not None:
            sent = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
            self._span.set_attribute("gen_ai.response.model", usage.model)
            self._span.set_attribute("gen_ai.usage.input_tokens", sent)
            self._span.set_attribute("gen_ai.usage.output_tokens", usage.output_tokens)
            self._span.set_attribute("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens)
            self._span.set_attribute("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens)

    def metering(self, meter: Meter) -> Meter:
        """The meter, heard here too."""

        def told(usage: Usage) -> None:
            self.billed(usage)
            meter(usage)

        return told


@contextmanager
def call(provider: str | None, model: str, purpose: str) -> Iterator[Call]:
    """Watch a call of a provider; one of a model that runs here (None) is part of its stage. May surround yields."""
    if provider is None:
        yield Call(None)
        return
    operation = _OPERATIONS.get(purpose, "chat")
    span = tracing.begun(
        f"{operation} {model}",
        purpose=purpose,
        **{"gen_ai.operation.name": operation, "gen_ai.provider.name": provider.lower(), "gen_ai.request.model": model},
    )
    began, outcome = time.monotonic(), "abandoned"
    try:
        yield Call(span)
        outcome = "ok"
    except ProviderError as error:
        outcome = _outcome(error)
        tracing.failed(span, error)
        raise
    finally:
        _calls.labels(provider, model, purpose, outcome).inc()
        _call_seconds.labels(provider, model, purpose).observe(time.monotonic() - began)
        span.end()


def _outcome(error: ProviderError) -> str:
    kinds = {TransientProviderError: "transient", RejectedRequest: "rejected", PermanentProviderError: "permanent"}
    return next((name for kind, name in kinds.items() if isinstance(error, kind)), "permanent")


def billed(usage: Usage, cost: Cost | None, purpose: str) -> None:
    """A call was billed (rag.usage), whoever made it; of a batch long after it was handed over."""
    kinds = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
    }
    for kind, tokens in kinds.items():
        if tokens:
            _tokens.labels(usage.model, purpose, kind).inc(tokens)
    if cost is not None:
        _dollars.labels(usage.model, purpose).inc(float(cost.price))


# --- the queue ----------------------------------------------------------------------------------------------------------------


class Queue(Collector):
    """The queue and its workers, as the database tells when it is asked; it is not waited for."""

    def __init__(self, deps: Deps, *, patience: float, silence: float) -> None:
        self._deps, self._patience, self._silence = deps, patience, silence

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        try:
            state = within(self._patience, "the database", self._state, slots=PROBES)
        except (DatabaseAway, ProviderError):
            yield GaugeMetricFamily("situate_database_up", "Whether the database answers", value=0)
            return
        yield GaugeMetricFamily("situate_database_up", "Whether the database answers", value=1)
        jobs = GaugeMetricFamily(
            "situate_queue_jobs", "Jobs on documents by state: waiting, scheduled for later, working", labels=["state"]
        )
        for name in ("waiting", "scheduled", "working"):
            jobs.add_metric([name], getattr(state, name))
        yield jobs
        yield GaugeMetricFamily(
            "situate_queue_oldest_seconds", "Seconds that the oldest waiting job has waited", value=state.oldest_seconds
        )
        yield GaugeMetricFamily("situate_workers_alive", "Workers that gave a sign of life lately", value=state.workers)

    def _state(self) -> QueueState:
        with as_subject(self._deps.pool, self._deps.settings.subject) as connection:
            return job_rows.queue_state(connection, self._silence)
