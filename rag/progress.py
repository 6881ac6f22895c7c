"""The work on all of a person's documents: how far it has come, how long it will take, and pausing, resuming, cancelling and retrying it.

Whatever stops a document's work does so in one transaction with its job: a worker that has it finds out at its next step at the latest, keeps
what it did, and writes nothing more (rag.holding).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from db import Connection, as_subject
from db import documents as document_rows
from db import holding as holding_rows
from db import progress as rows
from db.documents import Status
from db.progress import Counts, Pace, Unsettled
from rag import jobs
from rag.deps import Deps

UNDER_WAY = (Status.QUEUED, Status.WORKING)
CANCELLED = "You cancelled this. What was done of it is kept: retry to go on, or delete it."
READING = 0.3  # share of the work before embedding, until this machine's own is known
BYTES_PER_PAGE = 50_000.0  # the same


@dataclass(frozen=True, kw_only=True)
class Overall(Counts):
    """All documents of a subject, by state, and the work on those that have not ended."""

    pages_done: int  # of the documents that have not ended, and of those that came with them and have
    pages_total: int  # estimated from its size for a document that was not opened yet
    seconds_left: float | None  # None while nothing is known to tell it from; what is paused is not counted


def overall(deps: Deps, subject: str) -> Overall:
    """How far the work on the subject's documents has come. Raises DatabaseAway."""
    with as_subject(deps.pool, subject) as connection:
        counts, unsettled, pace = rows.counts(connection), rows.unsettled(connection), rows.pace(connection)
    bytes_per_page = pace.bytes_per_page if pace else BYTES_PER_PAGE
    reading = READING if pace is None or pace.reading is None else pace.reading
    pages = {d.id: float(d.page_count or (d.total if d.stage == "reading" else 0) or max(1.0, d.size / bytes_per_page)) for d in unsettled}
    done = {d.id: pages[d.id] * _share_done(d, reading) for d in unsettled}
    speed = _seconds_per_page(unsettled, pages, pace, reading)
    left = [(pages[d.id] - done[d.id]) * speed for d in unsettled if d.status != Status.PAUSED] if speed is not None else []
    return Overall(
        **asdict(counts),
        pages_done=counts.settled_pages + int(sum(done.values())),
        pages_total=counts.settled_pages + round(sum(pages.values())),
        # the seconds that a document took were measured beside others: as many are worked off at a time
        seconds_left=None if speed is None else max([sum(left) / max(1, counts.working), *left], default=0.0),
    )


def _share_done(document: Unsettled, reading: float) -> float:
    within = document.done / document.total if document.total else 0.0
    match document.stage:
        case "reading":
            return reading * within
        case "embedding":
            return reading + (1 - reading) * within
        case "":
            return 0.0
    return reading


def _seconds_per_page(unsettled: Sequence[Unsettled], pages: dict[int, float], pace: Pace | None, reading: float) -> float | None:
    """As the latest documents took; before any has ended, as far as those under way have come."""
    if pace is not None:
        return pace.seconds_per_page
    share = {"reading": reading, "embedding": 1 - reading}
    begun = [d for d in unsettled if d.status == Status.WORKING and d.done and d.stage in share]
    covered = sum(pages[d.id] * share[d.stage] * d.done / d.total for d in begun)
    return sum(d.stage_seconds for d in begun) / covered if covered else None


def pause(deps: Deps, subject: str, ids: Sequence[int] | None = None) -> int:
    """Stop the work on documents that are not published yet, on all of them where none are named; how many. What was done is kept."""
    return _stop(deps, subject, UNDER_WAY, ids, rows.pause)


def cancel(deps: Deps, subject: str, ids: Sequence[int] | None = None) -> int:
    """The same for good: they end `failed`, and can be retried."""
    return _stop(deps, subject, (*UNDER_WAY, Status.PAUSED), ids, lambda connection, chosen: rows.cancel(connection, chosen, CANCELLED))


def resume(deps: Deps, subject: str, ids: Sequence[int] | None = None) -> int:
    """Let paused documents wait for a worker again, each where it was left; how many."""
    with as_subject(deps.pool, subject) as connection:
        resumed = rows.resume(connection, rows.chosen(connection, [Status.PAUSED], ids))
        for document_id in resumed:
            jobs.defer_index(connection, subject=subject, document_id=document_id)
    return len(resumed)


def retry_failed(deps: Deps, subject: str) -> int:
    """Let every failed document wait for a worker again, but those that lack their password; how many."""
    with as_subject(deps.pool, subject) as connection:
        failed = document_rows.documents(connection, ids=rows.chosen(connection, [Status.FAILED], None))
        retried = [d for d in failed if not d.needs_password and document_rows.requeue(connection, d.id)]
        for document in retried:
            jobs.defer_index(connection, subject=subject, document_id=document.id, size=document.size)
    return len(retried)


def _stop(
    deps: Deps,
    subject: str,
    statuses: Sequence[Status],
    ids: Sequence[int] | None,
    change: Callable[[Connection, Sequence[int]], list[int]],
) -> int:
    with as_subject(deps.pool, subject) as connection:
        chosen = rows.chosen(connection, statuses, ids)
        holding_rows.withdraw(connection, chosen, tasks=["index"])
        changed = change(connection, chosen)
        for document_id in set(chosen) - set(changed):  # published meanwhile: what was to be queued then is queued by another job
            jobs.defer_index(connection, subject=subject, document_id=document_id)
    return len(changed)
