"""The queue: procrastinate in the same Postgres, so that storing a file and queueing the work on it are one transaction.

A new document's job comes the earlier the smaller its file is; situating and filling in come after every new document (rag.holding tells how
work gives way, rag.reclaiming what becomes of a dead worker's).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import procrastinate
from procrastinate import JobContext, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, JobAborted

from db import Connection, DatabaseAway, as_subject
from db import documents as document_rows
from db import jobs as job_rows
from db import vectors as vector_rows
from db.documents import Status
from db.holding import NotHeld
from rag import consent, embedding, filling, holding, ingest, instruments, logs, publication, tracing, worker
from rag import situate as situating
from rag.consent import Purpose
from rag.errors import DocumentGone, PermanentProviderError, SituateError, TransientProviderError, UnreadableDocument
from rag.holding import GaveWay, Hold

if TYPE_CHECKING:
    from procrastinate.jobs import Job

    from rag.deps import Deps

log = logging.getLogger(__name__)

ATTEMPTS_WHEN_AWAY = 12  # with the waits below: about half an hour of a provider that does not answer
ATTEMPTS_OTHERWISE = 3
SMALLEST = 256 << 10  # bytes of a file that nothing overtakes; twice as large, one step later
SITUATE, FILL = -10, -20  # priorities: below those of new documents, 0 to -9


class Retries(procrastinate.BaseRetryStrategy):
    """Again at once when the work was given back; with growing waits when something did not answer; a few times for the unexpected."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, (JobAborted, GaveWay)):
            return RetryDecision(retry_in={"seconds": exception.wait if isinstance(exception, GaveWay) else 0})
        if isinstance(exception, PermanentProviderError):
            return None
        if not isinstance(exception, DatabaseAway):
            away = isinstance(exception, TransientProviderError)
            if job.attempts >= (ATTEMPTS_WHEN_AWAY if away else ATTEMPTS_OTHERWISE) - 1:
                return None
        wished = exception.retry_after if isinstance(exception, TransientProviderError) else None
        return RetryDecision(retry_in={"seconds": int(max(wished or 0, min(2 ** min(job.attempts, 9), 300)))})


app = procrastinate.App(connector=procrastinate.PsycopgConnector())
_deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())  # the worker's own connector is asynchronous


@app.task(name="index", queue="documents", retry=Retries(), pass_context=True)
def index(context: JobContext, *, subject: str, document_id: int, trace: str = "") -> None:
    """Bring one document to `ready`, or to `failed` with its sentence; then queue what is to be done with a ready one.

    `trace`: as with each of these jobs, the trace of whoever queued it, where traces are sent.
    """

    def work(held: Hold) -> None:
        if held.status is Status.WORKING:
            ingest.index(held.deps, subject, document_id, pulse=held.pulse)
            ready = publication.load(held.deps, subject, document_id)
            instruments.document_ended("ready", ready.seconds_by_stage)
            log.info("ready", extra={"pages": ready.page_count, "chunks": ready.n_chunks, "stages": ready.seconds_by_stage})
        elif held.status is not Status.READY:  # a worker may have ended between the last two steps
            return
        defer_fills(held.deps, subject)
        if consent.serving(held.deps, subject, Purpose.SITUATE) is not None:
            with as_subject(held.deps.pool, subject) as connection:
                defer_situate(connection, subject=subject, document_id=document_id)

    def give_up(connection: Connection, told: str) -> None:
        document_rows.note_failure(connection, document_id, f"{told} Retry, or report it.")

    _run(context, subject, document_id, work, give_up, trace)


@app.task(name="situate", queue="documents", retry=Retries(), pass_context=True)
def situate(context: JobContext, *, subject: str, document_id: int, attempt: int = 0, trace: str = "") -> None:
    """One round of situating a ready document, which keeps answering meanwhile; another is queued while something is left to do.

    `attempt` counts the rounds before it that brought nothing.
    """

    def work(held: Hold) -> None:
        began = time.monotonic()
        outcome = situating.situate(held.deps, subject, document_id, pulse=held.pulse)
        instruments.situated(time.monotonic() - began)
        _queue_next(held.deps, subject, document_id, outcome, attempt)
        defer_fills(held.deps, subject)

    def give_up(connection: Connection, told: str) -> None:  # what is published stays, and keeps answering
        document_rows.end_situating(connection, document_id, told)

    _run(context, subject, document_id, work, give_up, trace)


def _queue_next(deps: Deps, subject: str, document_id: int, outcome: situating.Outcome, attempt: int) -> None:
    """Another round after a growing wait, until so many in a row brought nothing."""
    if outcome.again is None:
        return
    attempt = 0 if outcome.progressed else attempt + 1
    with as_subject(deps.pool, subject) as connection:
        if attempt < ATTEMPTS_WHEN_AWAY:
            wait = int(max(outcome.again, min(2**attempt, 300)))
            defer_situate(connection, subject=subject, document_id=document_id, attempt=attempt, wait=wait)
        else:
            log.warning("document %s is not situated whole after %d rounds that brought nothing", document_id, attempt)
            document_rows.end_situating(connection, document_id)


@app.task(name="fill", queue="documents", retry=Retries(), pass_context=True)
def fill(context: JobContext, *, subject: str, document_id: int, trace: str = "") -> None:
    """Give one ready document the vectors of the embedder that is to serve; it keeps answering with those it has."""

    def work(held: Hold) -> None:
        filling.fill(held.deps, subject, document_id, pulse=held.pulse)

    def give_up(connection: Connection, told: str) -> None:
        """The model keeps the reason; the next start of a worker, or the next upload, tries again."""

    _run(context, subject, document_id, work, give_up, trace)


def _run(
    context: JobContext,
    subject: str,
    document_id: int,
    work: Callable[[Hold], None],
    give_up: Callable[[Connection, str], None],
    trace: str,
) -> None:
    """Take a document up, work on it, and put it down whatever happens. What is raised, the queue tries again or lets go (Retries)."""
    began = time.monotonic()
    task, job = context.job.task_name or "", context.job.id or 0
    with (
        logs.about(document=document_id, task=task, job=job),
        tracing.resumed(trace),
        tracing.span(f"{task} document", document=document_id, job=job),
    ):
        held = holding.hold(context, subject, document_id)
        try:
            held.take()
            log.info("begun")
            work(held)
        except NotHeld:
            log.info("left: the work was stopped, or another worker has it", extra={"seconds": time.monotonic() - began})
        except DocumentGone:
            log.info("left: the document was deleted")
        except UnreadableDocument as error:  # noted on the document
            instruments.document_ended("unreadable")
            log.info("cannot be read: %s", error, extra={"seconds": time.monotonic() - began})
        except (JobAborted, GaveWay) as error:
            log.info(
                "given back: %s", error if isinstance(error, GaveWay) else "the worker stops", extra={"seconds": time.monotonic() - began}
            )
            _put_down(held)
            raise
        except DatabaseAway as error:
            log.warning("interrupted: %s", error)
            raise
        except Exception as error:
            _failed(held, error, give_up)
            raise
        else:
            log.info("done", extra={"seconds": time.monotonic() - began})
        finally:
            held.close()


def _put_down(held: Hold) -> None:
    """For a later job; where that cannot be noted, the document waits for want of a heartbeat."""
    with suppress(NotHeld, DatabaseAway):
        held.put_down()


def _failed(held: Hold, error: Exception, give_up: Callable[[Connection, str], None]) -> None:
    """Note the reason where no further attempt follows, as far as the document is still ours and the database can be told so."""
    if Retries().get_retry_decision(exception=error, job=held.context.job) is not None:
        log.warning("tried again later: %s", error, exc_info=None if isinstance(error, SituateError) else error)
        return
    if held.context.job.task_name == "index":
        instruments.document_ended("failed")
    log.error("failed: %s", error, exc_info=None if isinstance(error, SituateError) else error)
    with suppress(NotHeld, DatabaseAway), as_subject(held.deps.pool, held.subject) as connection:
        give_up(connection, _told(error))


def defer_index(connection: Connection, *, subject: str, document_id: int, size: int | None = None) -> None:
    """Queue the indexing of a document, whose file has `size` bytes, in the caller's transaction: the smaller, the earlier."""
    size = job_rows.size(connection, document_id) if size is None else size
    _defer(connection, "index", priority=-min((size // SMALLEST).bit_length(), 9), subject=subject, document_id=document_id)


def defer_situate(connection: Connection, *, subject: str, document_id: int, attempt: int = 0, wait: int = 0) -> None:
    """Queue a round of situating a ready document, in so many seconds, in the caller's transaction.

    It takes the place of a round that waits: one would do what the other does, and a later job never overtakes an earlier one.
    """
    job_rows.drop_waiting(connection, "situate", document_id)
    _defer(connection, "situate", priority=SITUATE, wait=wait, subject=subject, document_id=document_id, attempt=attempt)


def defer_fills(deps: Deps, subject: str) -> None:
    """Queue, each once, the filling in of the subject's documents that lack vectors of the embedder that is to serve, or of the local one."""
    models = {embedding.wanted(deps, subject).name, deps.embedder.name}
    with as_subject(deps.pool, subject) as connection:
        for document_id in sorted({document for model in models for document in vector_rows.lacking(connection, model)}):
            with suppress(AlreadyEnqueued), connection.transaction():  # which the refusal of a second one would otherwise end
                _defer(connection, "fill", priority=FILL, queueing_lock=f"fill-{document_id}", subject=subject, document_id=document_id)


def defer_everyones_fills(deps: Deps) -> None:
    """The same for every subject, since the settings may name another embedder than at the last start."""
    with as_subject(deps.pool, deps.settings.subject) as connection:
        subjects = vector_rows.subjects(connection)
    for subject in subjects:
        defer_fills(deps, subject)


def _defer(
    connection: Connection,
    task: str,
    *,
    priority: int,
    wait: int = 0,
    queueing_lock: str | None = None,
    document_id: int,
    **arguments: str | int,
) -> None:
    """One job at a time for a document: jobs with the same lock wait for one another."""
    _deferring.configure_task(
        task,
        queue="documents",
        lock=f"document-{document_id}",
        queueing_lock=queueing_lock,
        priority=priority,
        schedule_in={"seconds": wait} if wait else None,
        connection=connection,
    ).defer(document_id=document_id, **arguments, **tracing.carried())


def run_worker(deps: Deps, *, wait: bool = True, until: Callable[[], bool] | None = None) -> None:
    """Work until stopped by SIGINT or SIGTERM; with wait=False until nothing is left that could begin now, with `until` until that says so."""
    worker.run(app, deps, wait=wait, until=until)


def _told(error: Exception) -> str:
    """The sentence a person reads."""
    return str(error) if isinstance(error, SituateError) else f"An unexpected error ({type(error).__name__}); the log says more."
