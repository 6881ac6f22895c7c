"""Spans of what is done, sent to the operator's own collector where SITUATE_TRACES names one, and nowhere otherwise.

A span holds ids, counts, models and outcomes: never a text, a question, or the name of a file. Which headers are sent along, what share of
traces is kept and what the service is called say OpenTelemetry's own variables (OTEL_...).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rag.errors import SettingsError
from rag.settings import Settings

Attribute = str | int | float | bool

_tracer: Tracer = NoOpTracer()
_carrier = TraceContextTextMapPropagator()


@contextmanager
def exported(settings: Settings) -> Iterator[None]:
    """Send what the block does to the collector that the settings name, if any. Raises SettingsError where what sends it is not installed."""
    global _tracer  # noqa: PLW0603 - one process, one collector
    if settings.traces is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "SITUATE_TRACES is set, but what sends traces is not installed. Run: pip install 'situate[traces]'. Or unset it."
        ) from error
    resource = (
        Resource.create().merge(Resource({"service.name": "situate"})).merge(OTELResourceDetector().detect())
    )  # its variables come first
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{settings.traces.rstrip('/')}/v1/traces")))
    _tracer = provider.get_tracer("situate")
    try:
        yield
    finally:
        _tracer = NoOpTracer()
        provider.shutdown()  # after what waits has been sent


@contextmanager
def span(name: str, **attributes: Attribute) -> Iterator[Span]:
    """A span while the block runs, within the one that surrounds it. An error is noted by its kind: its sentence may quote a document."""
    with _tracer.start_as_current_span(name, attributes=_named(attributes), record_exception=False, set_status_on_exception=False) as made:
        try:
            yield made
        except Exception as error:
            failed(made, error)
            raise


def begun(name: str, **attributes: Attribute) -> Span:
    """A span that the caller ends, and that nothing is within: for what a generator does between two yields."""
    return _tracer.start_span(name, kind=SpanKind.CLIENT, attributes=_named(attributes))


def failed(made: Span, error: BaseException) -> None:
    made.set_status(Status(StatusCode.ERROR))
    made.set_attribute("error.type", type(error).__name__)


def carried() -> dict[str, str]:
    """The current trace, for a job in the queue; nothing where there is none."""
    told: dict[str, str] = {}
    _carrier.inject(told)
    return {"trace": told["traceparent"]} if "traceparent" in told else {}


@contextmanager
def resumed(told: str) -> Iterator[None]:
    """Let spans of the block belong to the trace that a job carries."""
    token = context.attach(_carrier.extract({"traceparent": told}))
    try:
        yield
    finally:
        context.detach(token)


def trace_id() -> str:
    """Of the current span; "" where there is none."""
    current = trace.get_current_span().get_span_context()
    return trace.format_trace_id(current.trace_id) if current.is_valid else ""


def _named(attributes: dict[str, Attribute]) -> dict[str, Attribute]:
    """Ours stand apart from OpenTelemetry's, which have dots."""
    return {name if "." in name else f"situate.{name}": value for name, value in attributes.items()}
