"""What a running process tells its operator: lines on a terminal, elsewhere one JSON object a record, for whoever collects them.

A record says which request, question, document, job and task it is about, wherever in the code it was made: what is begun in another thread
takes that along (`inherited`). No record holds a secret (rag.redaction), whichever library made it.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, TextIO, TypeVar

from procrastinate.exceptions import ConnectorException

from rag import tracing
from rag.redaction import blotted, blotted_all

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

FIELDS = (
    "request",
    "conversation",
    "message_id",
    "document",
    "task",
    "job",
    "stage",
    "seconds",
    "pages",
    "chunks",
    "stages",
    "route",
    "status",
)

_about: ContextVar[dict[str, Any]] = ContextVar("about", default={})  # noqa: B039 - never changed, only replaced


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Name what the records made in this block are about."""
    token = _about.set(_about.get() | fields)
    try:
        yield
    finally:
        _about.reset(token)


def inherited(call: Callable[P, T]) -> Callable[P, T]:
    """The call, to be made in another thread, about the same and within the same span."""
    return partial(copy_context().run, call)


class Lines(logging.Formatter):
    """For a person at a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        told = ", ".join(f"{name} {round(value, 2) if isinstance(value, float) else value}" for name, value in _fields(record).items())
        return super().formatMessage(record) + (f" ({told})" if told else "")


class Objects(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            told["trace"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def prepare(stream: TextIO = sys.stderr, *, lasting: bool) -> None:
    """Let records be heard: all of ours from a process that lasts, warnings from one command and from libraries."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Objects() if lasting and not stream.isatty() else Lines())
    logging.setLogRecordFactory(_without_secrets)  # rather than a filter: libraries have handlers of their own
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.captureWarnings(capture=True)
    sys.excepthook = _ended
    threading.excepthook = _thread_ended
    for ours in ("rag", "db", "pages"):
        logging.getLogger(ours).setLevel(logging.INFO if lasting else logging.WARNING)
    # What they report we say ourselves, in a sentence: how a job ended (rag.jobs), and that the database is away, once.
    for chatty in ("procrastinate", "psycopg.pool"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").addFilter(_is_no_connector_error)


def _without_secrets(*given: Any, **named: Any) -> logging.LogRecord:
    """A record whose message and traceback are written out, and clean."""
    record = logging.LogRecord(*given, **named)
    try:
        told = record.getMessage()
    except Exception:  # noqa: BLE001 - logging would write the arguments out as they are, to say that they do not fit
        told = f"{record.msg} (its arguments do not fit)"
    record.msg, record.args = blotted(told), ()
    if record.exc_info and any(record.exc_info):
        record.exc_text = blotted(logging.Formatter().formatException(record.exc_info))
    return record


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("ended by an error", exc_info=(kind, error, trace))


def _thread_ended(end: threading.ExceptHookArgs) -> None:
    if end.exc_value is not None and not issubclass(end.exc_type, SystemExit):
        log.error("a thread was ended by an error", exc_info=(end.exc_type, end.exc_value, end.exc_traceback))


def _is_no_connector_error(record: logging.LogRecord) -> bool:
    """procrastinate leaves the failure to note how a job ended to asyncio; where it matters, rag.reclaiming finds the job."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectorException))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
    traced = {"trace_id": found} if (found := tracing.trace_id()) else {}
    fields: dict[str, Any] = blotted_all({**traced, **_about.get(), **given})
    return fields
