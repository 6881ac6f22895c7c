"""How far the work on a document has come: its stage, counts, and about how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from babel.dates import format_timedelta

from db.documents import Document, Status
from pages.parts.i18n import _, language
from pages.parts.situating import goes_on
from pages.parts.tree_component import Node, bar

EVERY = 1.0  # seconds between two looks while work is under way
EVERY_BATCH = 15.0  # the same while it goes on elsewhere, or later
FEWEST_DONE = 2  # units of a stage before its speed is worth a forecast


def under_way(document: Document) -> bool:
    """Whether it is being worked on, or waits for its turn."""
    return document.status in {Status.QUEUED, Status.WORKING} or (bool(document.stage) and document.status is Status.READY)


def every(documents: Sequence[Document]) -> float | None:
    """Seconds between two looks at these documents; None when nothing about them will change by itself."""
    if any(map(under_way, documents)):
        return EVERY
    return EVERY_BATCH if any(map(goes_on, documents)) else None


def told_progress(document: Document) -> str:
    """The stage, its counts and the time left, in a line."""
    counted = counts(document.done, document.total) if document.total else ""
    return " · ".join(filter(None, [stage_name(document.stage), counted, eta(document)]))


def progress_bar(document: Document) -> Node:
    return bar(document.done / document.total if document.total else 0.0, label=told_progress(document))


def stage_name(stage: str) -> str:
    names = {
        "reading": _("Reading the pages"),
        "cutting": _("Finding its sections and passages"),
        "embedding": _("Indexing its passages"),
        "situating": _("Situating its passages (it can be asked meanwhile)"),
        "publishing": _("Publishing"),
        "filling": _("Embedding it with another model (it can be asked meanwhile)"),
    }
    return names.get(stage, _("Working"))


def counts(done: int, total: int) -> str:
    return _("{done} of {total}").format(done=f"{done:,}", total=f"{total:,}")


def eta(document: Document) -> str:
    """About how long the stage will still take, at its speed so far; "" while that says nothing."""
    if document.done < FEWEST_DONE or document.done >= document.total:
        return ""
    return time_left(document.stage_seconds / document.done * (document.total - document.done))


def time_left(seconds: float) -> str:
    left = timedelta(seconds=max(1.0, seconds))
    return _("about {time} left").format(time=format_timedelta(left, locale=language(), threshold=1.2))
