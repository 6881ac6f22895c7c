"""Work that is stuck: what `situate doctor` finds of it, and what it does about it with --mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from db import as_subject
from db import holding as holding_rows
from db import stuck as rows
from rag import jobs, reclaiming, worker
from rag.deps import Deps
from rag.output import count

BATCH_HOURS = 25  # a provider promises an answer within 24
NAMED = 3  # documents told by name


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that does not go on by itself, or not soon."""

    told: str
    mend: Callable[[], None] | None  # None: a person must see to it, as told


def findings(deps: Deps, subject: str) -> Iterator[Finding]:
    """What is stuck of the subject's documents, and in the queue. Raises DatabaseAway."""
    with as_subject(deps.pool, subject) as connection:
        silent = holding_rows.stalled(connection, worker.STALLED)
        unread = rows.without_job(connection)
        unsituated = rows.unsituated_without_job(connection)
        late = rows.late_batches(connection, BATCH_HOURS)
        drafts = rows.idle_drafts(connection)
        orphans = rows.jobs_without_document(connection)
    if silent:
        told = f"{count(len(silent), 'job')} of a worker that shows no sign of life; a living worker takes them up"
        yield Finding(told=told, mend=lambda: _reclaim(deps))
    if unread:
        yield Finding(told=f"{_documents(unread)} without a job that reads {_them(unread)}", mend=lambda: _queue(deps, subject, unread))
    if unsituated:
        told = f"{_documents(unsituated)} without a job that situates {_them(unsituated)} further"
        yield Finding(told=told, mend=lambda: _queue_situating(deps, subject, unsituated))
    if drafts:
        told = f"pages or vectors of {count(len(drafts), 'document')} that nobody will publish; they only take space"
        yield Finding(told=told, mend=lambda: _drop_drafts(deps, subject))
    if orphans:
        yield Finding(told=f"{count(len(orphans), 'job')} whose document is gone", mend=lambda: _drop_jobs(deps, subject, orphans))
    if late:
        told = f"{_documents(late)} with a batch that has not come back in {BATCH_HOURS} hours. Look at the provider's console; to ask anew: situate situate NAME"
        yield Finding(told=told, mend=None)


def _documents(found: list[tuple[int, str]]) -> str:
    names = ", ".join(name for _, name in found[:NAMED])
    return f"{count(len(found), 'document')} ({names}{', ...' if len(found) > NAMED else ''})"


def _them(found: list[tuple[int, str]]) -> str:
    return "it" if len(found) == 1 else "them"


def _reclaim(deps: Deps) -> None:
    reclaiming.reclaim(deps, worker.STALLED)


def _queue(deps: Deps, subject: str, found: list[tuple[int, str]]) -> None:
    with as_subject(deps.pool, subject) as connection:
        for document_id, _ in found:
            holding_rows.let_wait(connection, document_id)
            jobs.defer_index(connection, subject=subject, document_id=document_id)


def _queue_situating(deps: Deps, subject: str, found: list[tuple[int, str]]) -> None:
    with as_subject(deps.pool, subject) as connection:
        for document_id, _ in found:
            jobs.defer_situate(connection, subject=subject, document_id=document_id)


def _drop_drafts(deps: Deps, subject: str) -> None:
    with as_subject(deps.pool, subject) as connection:
        rows.drop_drafts(connection, rows.idle_drafts(connection))  # looked up anew: a job may have come for some


def _drop_jobs(deps: Deps, subject: str, orphans: list[int]) -> None:
    with as_subject(deps.pool, subject) as connection:
        for job_id in orphans:
            holding_rows.drop(connection, job_id)
