"""Who works on a document: a job of the queue has it as long as its row stands there, under way and not withdrawn.

The row is a fence. A worker that was only slow, or asleep, may wake up after its job was given to another: the job then has another id, and
every transaction of the one who slept ends with NotHeld before it has written anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection, Pool
from db.documents import Status


class NotHeld(Exception):
    """The job has its document no more: another worker took it up, or a person stopped the work."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A document as a job finds it."""

    status: Status
    deaths: int  # workers that ended over it since something of it was stored


@dataclass(frozen=True, kw_only=True)
class Stalled:
    """A job under way whose worker shows no sign of life."""

    id: int
    task: str
    subject: str
    document_id: int


@dataclass(frozen=True)
class HeldPool:
    """Connections whose every transaction first makes sure that the job still has its document, and keeps it so until the transaction ends."""

    pool: Pool
    job_id: int

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Raises NotHeld."""
        with self.pool.connection() as connection:
            held = connection.execute(
                "select from procrastinate_jobs where id = %s and status = 'doing' and not abort_requested for share", [self.job_id]
            )
            if held.fetchone() is None:
                raise NotHeld
            yield connection


def take(connection: Connection, document_id: int) -> Taken | None:
    """Note that a waiting document is worked on from now; None when it is gone."""
    row = connection.execute(
        """update documents set status = case when status = 'queued' then 'working' else status end, updated_at = now()
           where id = %s returning status, attempts""",
        [document_id],
    ).fetchone()
    return None if row is None else Taken(status=Status(row[0]), deaths=row[1])


def deaths(connection: Connection, document_id: int) -> int:
    """How many workers ended over a document since something of it was stored."""
    row = connection.execute("select attempts from documents where id = %s", [document_id]).fetchone()
    return row[0] if row else 0


def let_wait(connection: Connection, document_id: int) -> None:
    """Note that nobody works on a document just now; what was done of it is kept."""
    connection.execute("update documents set status = 'queued', updated_at = now() where id = %s and status = 'working'", [document_id])


def count_death(connection: Connection, document_id: int) -> int:
    """Note that a worker ended over a document, which waits again; how many did since something of it was stored. 0 when it is gone."""
    row = connection.execute("update documents set attempts = attempts + 1 where id = %s returning attempts", [document_id]).fetchone()
    let_wait(connection, document_id)
    return row[0] if row else 0


def stalled(connection: Connection, seconds: float, *, mine: Sequence[int] = ()) -> list[Stalled]:
    """Jobs of workers whose heart has not beaten for so long, or that are gone. One in the middle of a transaction is left to its end.

    `mine` are jobs of the process that asks. While the server was away no heart could beat: as long after its start a worker counts as
    living whose heart beat not too long before.
    """
    with connection.cursor(row_factory=class_row(Stalled)) as cursor:
        return cursor.execute(
            """select id, task_name as task, args ->> 'subject' as subject, (args ->> 'document_id')::bigint as document_id
               from procrastinate_jobs job
               where status = 'doing' and queue_name = 'documents' and args ? 'document_id' and id <> all (%(mine)s) and not exists (
                   select from procrastinate_workers w, make_interval(secs => %(seconds)s) patience
                   where w.id = job.worker_id and (w.last_heartbeat > now() - patience
                      or pg_postmaster_start_time() > now() - patience and w.last_heartbeat > pg_postmaster_start_time() - 10 * patience))
               for update skip locked""",
            {"seconds": seconds, "mine": list(mine)},
        ).fetchall()


def abandoned(connection: Connection, job_ids: list[int]) -> list[Stalled]:
    """Those of these jobs that are still under way."""
    with connection.cursor(row_factory=class_row(Stalled)) as cursor:
        return cursor.execute(
            """select id, task_name as task, args ->> 'subject' as subject, (args ->> 'document_id')::bigint as document_id
               from procrastinate_jobs where status = 'doing' and id = any (%s) for update skip locked""",
            [job_ids],
        ).fetchall()


def put_back(connection: Connection, job_id: int) -> bool:
    """Let a job wait again, under another id, unless it was withdrawn or one like it waits already; False when somebody else did so before."""
    return (
        connection.execute(
            """with old as (
                   delete from procrastinate_jobs where id = (
                       select id from procrastinate_jobs where id = %s and status = 'doing' for update skip locked)
                   returning *),
               new as (
                   insert into procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts)
                   select queue_name, task_name, priority, lock, queueing_lock, args, attempts from old where not abort_requested
                   on conflict (queueing_lock) where status = 'todo' do nothing)
               select from old""",
            [job_id],
        ).fetchone()
        is not None
    )


def drop(connection: Connection, job_id: int) -> bool:
    """Take a job out of the queue, also one under way; False when it is gone, or in the middle of a transaction."""
    return (
        connection.execute(
            "delete from procrastinate_jobs where id = (select id from procrastinate_jobs where id = %s for update skip locked)", [job_id]
        ).rowcount
        == 1
    )


def withdraw(connection: Connection, document_ids: list[int], *, tasks: list[str] | None = None) -> None:
    """Take the documents' waiting jobs out of the queue, and ask those under way to end.

    To be called before the documents' rows are changed: a job under way keeps its own row first and the document's next, and two
    transactions must not wait for one another.
    """
    which = {"documents": document_ids, "tasks": tasks}
    # the waiting ones first: a worker that fetches one meanwhile has it under way by the second statement
    connection.execute(
        """delete from procrastinate_jobs
           where status = 'todo' and queue_name = 'documents' and (args ->> 'document_id')::bigint = any (%(documents)s)
             and (%(tasks)s::text[] is null or task_name = any (%(tasks)s))""",
        which,
    )
    connection.execute(
        """update procrastinate_jobs set abort_requested = true
           where status = 'doing' and queue_name = 'documents' and (args ->> 'document_id')::bigint = any (%(documents)s)
             and (%(tasks)s::text[] is null or task_name = any (%(tasks)s))""",
        which,
    )
