"""What a running process tells its operator: lines on a terminal, elsewhere one JSON object a record, for whoever collects them.

A record says which document, job and task it is about, wherever in the code it was made.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

from procrastinate.exceptions import ConnectorException

FIELDS = ("document", "task", "job", "stage", "seconds", "pages", "chunks", "stages")

_about: ContextVar[dict[str, Any]] = ContextVar("about", default={})  # noqa: B039 - never changed, only replaced


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Name what the records made in this block are about."""
    token = _about.set(_about.get() | fields)
    try:
        yield
    finally:
        _about.reset(token)


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
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False, default=str)


def prepare(stream: TextIO = sys.stderr, *, lasting: bool) -> None:
    """Let records be heard: all of ours from a process that lasts, warnings from one command and from libraries."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Objects() if lasting and not stream.isatty() else Lines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for ours in ("rag", "db", "pages"):
        logging.getLogger(ours).setLevel(logging.INFO if lasting else logging.WARNING)
    # What they report we say ourselves, in a sentence: how a job ended (rag.jobs), and that the database is away, once.
    for chatty in ("procrastinate", "psycopg.pool"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").addFilter(_is_no_connector_error)


def _is_no_connector_error(record: logging.LogRecord) -> bool:
    """procrastinate leaves the failure to note how a job ended to asyncio; where it matters, rag.reclaiming finds the job."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectorException))


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    given = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
    return {**_about.get(), **given}
