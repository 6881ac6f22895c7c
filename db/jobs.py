"""A look into the queue's own tables (procrastinate makes and fills them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """Everybody's jobs on documents."""

    waiting: int  # that could begin now
    scheduled: int  # for a later time
    working: int
    oldest_seconds: float  # that the oldest of those that could begin has waited
    workers: int  # alive


def busy_documents(connection: Connection) -> set[int]:
    """The documents for which a job waits or runs."""
    rows = connection.execute(
        """select distinct (args ->> 'document_id')::bigint from procrastinate_jobs
           where status in ('todo', 'doing') and queue_name = 'documents' and args ? 'document_id'"""
    )
    return {document_id for (document_id,) in rows}


def drop_waiting(connection: Connection, task: str, document_id: int) -> None:
    """Take a document's waiting jobs of a task out of the queue; one that runs is left alone."""
    connection.execute(
        """delete from procrastinate_jobs where id in (
               select id from procrastinate_jobs
               where task_name = %s and status = 'todo' and (args ->> 'document_id')::bigint = %s for update skip locked)""",
        [task, document_id],
    )


def drop_all_waiting(connection: Connection, document_ids: Sequence[int]) -> None:
    """Take all waiting jobs of these documents out of the queue; one that runs is left alone, and notices.

    One that is begun just now is not waited for: it would wait for the documents' rows, which the caller has.
    """
    connection.execute(
        """delete from procrastinate_jobs where id in (
               select id from procrastinate_jobs
               where status = 'todo' and (args ->> 'document_id')::bigint = any (%s) for update skip locked)""",
        [list(document_ids)],
    )


def excuse(connection: Connection, job_id: int) -> None:
    """Let an attempt of a job not count: it gave its work back when it was asked to."""
    connection.execute("update procrastinate_jobs set attempts = attempts - 1 where id = %s", [job_id])


def more_urgent(connection: Connection, priority: int) -> bool:
    """Whether a job of higher priority could begin now, and nobody is free to take it."""
    row = connection.execute(
        """select exists (
               select from procrastinate_jobs job
               where queue_name = 'documents' and status = 'todo' and priority > %s and (scheduled_at is null or scheduled_at <= now())
                 and not exists (
                     select from procrastinate_jobs other
                     where other.lock = job.lock
                       and (other.status = 'doing' or other.status = 'todo' and (other.priority, -other.id) > (job.priority, -job.id))))""",
        [priority],
    ).fetchone()
    return bool(row and row[0])


def is_idle(connection: Connection, worker_id: int) -> bool:
    """Whether this worker does nothing, and nothing waits that could begin now."""
    row = connection.execute(
        """select not exists (
               select from procrastinate_jobs job
               where queue_name = 'documents' and (status = 'doing' and worker_id = %s or status = 'todo'
                 and (scheduled_at is null or scheduled_at <= now())
                 and not exists (
                     select from procrastinate_jobs other
                     where other.lock = job.lock
                       and (other.status = 'doing' or other.status = 'todo' and (other.priority, -other.id) > (job.priority, -job.id)))))""",
        [worker_id],
    ).fetchone()
    return bool(row and row[0])


def sweep(connection: Connection) -> None:
    """Delete the jobs that have ended; the documents themselves say how."""
    connection.execute("delete from procrastinate_jobs where queue_name = 'documents' and status not in ('todo', 'doing')")


def size(connection: Connection, document_id: int) -> int:
    """Of a document's file, in bytes; 0 when it is gone."""
    row = connection.execute("select size from documents where id = %s", [document_id]).fetchone()
    return row[0] if row else 0


def queue_state(connection: Connection, silence: float) -> QueueState:
    """`silence`: seconds without a heartbeat after which a worker counts as dead."""
    with connection.cursor(row_factory=class_row(QueueState)) as cursor:
        state = cursor.execute(
            """select count(*) filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now()))::int as waiting,
                      count(*) filter (where status = 'todo' and scheduled_at > now())::int as scheduled,
                      count(*) filter (where status = 'doing')::int as working,
                      coalesce(max(extract(epoch from now() - e.at)) filter (
                          where status = 'todo' and (scheduled_at is null or scheduled_at <= now())), 0)::float8 as oldest_seconds,
                      (select count(*)::int from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %s)) as workers
               from procrastinate_jobs j
               left join lateral (select min(at) as at from procrastinate_events where job_id = j.id) e on true
               where queue_name = 'documents'""",
            [silence],
        ).fetchone()
    assert state is not None  # noqa: S101 - an aggregate gives one row
    return state
