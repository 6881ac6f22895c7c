"""The queue: procrastinate in the same Postgres, so that storing a file and queueing the work on it are one transaction."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import procrastinate
from procrastinate import JobContext, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, JobAborted

from db import Connection, DatabaseAway, as_subject
from db import documents as document_rows
from db import jobs as job_rows
from db import vectors as vector_rows
from rag import consent, embedding, filling, ingest, publication
from rag import situate as situating
from rag.consent import Purpose
from rag.errors import DocumentGone, PermanentProviderError, SituateError, TransientProviderError, UnreadableDocument

if TYPE_CHECKING:
    from procrastinate.jobs import Job

    from rag.deps import Deps

log = logging.getLogger(__name__)

ATTEMPTS_WHEN_AWAY = 12  # with the waits below: about half an hour of a database or provider that does not answer
ATTEMPTS_OTHERWISE = 3
STALLED = 30  # seconds without a heartbeat after which a worker counts as dead
GRACE = 0.5  # seconds a stopping worker waits before it asks its job to give the work back


class Retries(procrastinate.BaseRetryStrategy):
    """Again at once when a worker was asked to stop; with growing waits when something did not answer; a few times for the unexpected."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, JobAborted):
            return RetryDecision(retry_in={"seconds": 0})
        if isinstance(exception, PermanentProviderError):
            return None
        away = isinstance(exception, (DatabaseAway, TransientProviderError))
        if job.attempts >= (ATTEMPTS_WHEN_AWAY if away else ATTEMPTS_OTHERWISE) - 1:
            return None
        wished = exception.retry_after if isinstance(exception, TransientProviderError) else None
        return RetryDecision(retry_in={"seconds": int(max(wished or 0, min(2**job.attempts, 300)))})


app = procrastinate.App(connector=procrastinate.PsycopgConnector())
_deferring = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())  # the worker's own connector is asynchronous


@app.task(name="index", queue="documents", retry=Retries(), pass_context=True)
def index(context: JobContext, *, subject: str, document_id: int) -> None:
    """Bring one document to `ready`, or to `failed` with its sentence."""
    deps: Deps = context.additional_context["deps"]
    try:
        ingest.index(deps, subject, document_id, pulse=_pulse(context))
    except DocumentGone:
        log.info("document %s is gone; nothing to do", document_id)
        return
    except UnreadableDocument as error:
        log.info("document %s cannot be read: %s", document_id, error)
        return
    except Exception as error:
        if _is_last(error, context):
            log.exception("document %s failed", document_id)
            with as_subject(deps.pool, subject) as connection:
                document_rows.note_failure(connection, document_id, f"{_told(error)} Retry, or report it.")
        raise
    defer_fills(deps, subject)
    if consent.first_allowed(deps.situators, consent.granted(deps, subject), Purpose.SITUATE) is not None:
        with as_subject(deps.pool, subject) as connection:
            defer_situate(connection, subject=subject, document_id=document_id)


@app.task(name="situate", queue="documents", retry=Retries(), pass_context=True)
def situate(context: JobContext, *, subject: str, document_id: int, attempt: int = 0) -> None:
    """One round of situating a ready document, which keeps answering meanwhile; another is queued while something is left to do.

    `attempt` counts the rounds before it that brought nothing.
    """
    deps: Deps = context.additional_context["deps"]
    try:
        outcome = situating.situate(deps, subject, document_id, pulse=_pulse(context))
        _queue_next(deps, subject, document_id, outcome, attempt)
        defer_fills(deps, subject)
    except DocumentGone:
        log.info("document %s is gone; nothing to situate", document_id)
    except Exception as error:
        if _is_last(error, context):  # what is published stays, and keeps answering
            log.exception("document %s is not situated", document_id)
            with as_subject(deps.pool, subject) as connection:
                document_rows.end_situating(connection, document_id, _told(error))
        raise


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
def fill(context: JobContext, *, subject: str, document_id: int) -> None:
    """Give one ready document the vectors of the embedder that is to serve; it keeps answering with those it has."""
    deps: Deps = context.additional_context["deps"]
    try:
        filling.fill(deps, subject, document_id, pulse=_pulse(context))
    except DocumentGone:
        log.info("document %s is gone; nothing to fill in", document_id)
    except Exception as error:
        if _is_last(error, context):  # the model keeps the reason; the next start of a worker, or the next upload, tries again
            log.exception("document %s is not filled in", document_id)
        raise


@app.periodic(cron="* * * * * */10")
@app.task(name="retry_stalled", queue="documents", priority=100, queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - periodic tasks are given their time
    """Give the jobs of dead workers to living ones."""
    for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED):
        log.warning("job %s of a dead worker is taken up again", job.id)
        await context.app.job_manager.retry_job(job)


def defer_index(connection: Connection, *, subject: str, document_id: int) -> None:
    """Queue the indexing of a document in the caller's transaction."""
    _defer(connection, "index", priority=0, subject=subject, document_id=document_id)


def defer_situate(connection: Connection, *, subject: str, document_id: int, attempt: int = 0, wait: int = 0) -> None:
    """Queue a round of situating a ready document, in so many seconds, in the caller's transaction.

    It takes the place of a round that waits: one would do what the other does, and a later job never overtakes an earlier one.
    """
    job_rows.drop_waiting(connection, "situate", document_id)
    _defer(connection, "situate", priority=-10, wait=wait, subject=subject, document_id=document_id, attempt=attempt)


def defer_fills(deps: Deps, subject: str) -> None:
    """Queue, each once, the filling in of the subject's documents that lack vectors of the embedder that is to serve, or of the local one."""
    models = {embedding.wanted(deps, subject).name, deps.embedder.name}
    with as_subject(deps.pool, subject) as connection:
        for document_id in sorted({document for model in models for document in vector_rows.lacking(connection, model)}):
            with suppress(AlreadyEnqueued), connection.transaction():  # which the refusal of a second one would otherwise end
                _defer(connection, "fill", priority=-20, queueing_lock=f"fill-{document_id}", subject=subject, document_id=document_id)


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
    ).defer(document_id=document_id, **arguments)


def run_worker(deps: Deps, *, wait: bool = True) -> None:
    """Work until stopped by SIGINT or SIGTERM; with wait=False, until the queue is empty."""
    connector = procrastinate.PsycopgConnector(conninfo=deps.url, kwargs={"options": "-c timezone=UTC"})
    with app.replace_connector(connector) as working:
        working.run_worker(
            queues=["documents"],
            wait=wait,
            concurrency=1,
            shutdown_graceful_timeout=GRACE,
            update_heartbeat_interval=STALLED / 3,
            stalled_worker_timeout=STALLED,
            delete_jobs="successful",
            install_signal_handlers=wait,
            additional_context={"deps": deps},
        )


def _pulse(context: JobContext) -> publication.Pulse:
    """Between two steps: give the work back when the worker is asked to stop."""

    def pulse() -> None:
        if context.should_abort():
            raise JobAborted

    return pulse


def _is_last(error: Exception, context: JobContext) -> bool:
    """Whether no further attempt follows, and the database can be told so."""
    return not isinstance(error, DatabaseAway) and Retries().get_retry_decision(exception=error, job=context.job) is None


def _told(error: Exception) -> str:
    """The sentence a person reads."""
    return str(error) if isinstance(error, SituateError) else f"An unexpected error ({type(error).__name__}); the log says more."
