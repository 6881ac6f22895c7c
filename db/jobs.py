"""A look into the queue's own tables (procrastinate makes and fills them)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class QueueState:
    waiting: int
    working: int
    workers: int  # whose heart beat within the last half minute


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
        "delete from procrastinate_jobs where task_name = %s and status = 'todo' and (args ->> 'document_id')::bigint = %s",
        [task, document_id],
    )


def drop_all_waiting(connection: Connection, document_ids: Sequence[int]) -> None:
    """Take all waiting jobs of these documents out of the queue; one that runs is left alone, and notices."""
    connection.execute(
        "delete from procrastinate_jobs where status = 'todo' and (args ->> 'document_id')::bigint = any (%s)", [list(document_ids)]
    )


def queue_state(connection: Connection) -> QueueState:
    with connection.cursor(row_factory=class_row(QueueState)) as cursor:
        state = cursor.execute(
            """select count(*) filter (where status = 'todo')::int as waiting, count(*) filter (where status = 'doing')::int as working,
                      (select count(*)::int from procrastinate_workers where last_heartbeat > now() - interval '30 seconds') as workers
               from procrastinate_jobs where queue_name = 'documents' and task_name <> 'retry_stalled'"""
        ).fetchone()
    assert state is not None  # noqa: S101 - an aggregate gives one row
    return state
