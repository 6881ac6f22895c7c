"""Work that nobody does: what a crash, or a hand in the database, may leave behind; and counters for whoever watches an installation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from psycopg.rows import dict_row

from db import Connection
from db import jobs as job_rows


def without_job(connection: Connection) -> list[tuple[int, str]]:
    """The subject's documents, and their names, that are to be read and have no job that does."""
    return connection.execute(
        """select id, filename from documents d
           where status in ('queued', 'working') and uploaded_by = current_subject() and not exists (
               select from procrastinate_jobs where status in ('todo', 'doing') and task_name = 'index'
                 and (args ->> 'document_id')::bigint = d.id)
           order by id"""
    ).fetchall()


def unsituated_without_job(connection: Connection) -> list[tuple[int, str]]:
    """Those that a model was to situate further and have no job that does."""
    return connection.execute(
        """select id, filename from documents d
           where status = 'ready' and situating in ('working', 'waiting', 'batched') and uploaded_by = current_subject() and not exists (
               select from procrastinate_jobs where status in ('todo', 'doing') and task_name = 'situate'
                 and (args ->> 'document_id')::bigint = d.id)
           order by id"""
    ).fetchall()


def late_batches(connection: Connection, hours: int) -> list[tuple[int, str]]:
    """Those with a batch that the provider was given so long ago and whose results are not here."""
    return connection.execute(
        """select distinct d.id, d.filename from batches b join documents d on d.id = b.document_id
           where b.noted_at < now() - make_interval(hours => %s) order by 1""",
        [hours],
    ).fetchall()


def idle_drafts(connection: Connection) -> list[int]:
    """Published, or replaced, documents with pages or vectors that were to be published and that no job is about to."""
    rows = connection.execute(
        """select id from documents d
           where status in ('ready', 'superseded')
             and (exists (select from page_drafts where document_id = d.id) or exists (select from vector_drafts where document_id = d.id))
             and not exists (select from procrastinate_jobs where status in ('todo', 'doing') and (args ->> 'document_id')::bigint = d.id)"""
    )
    return [document_id for (document_id,) in rows]


def drop_drafts(connection: Connection, document_ids: list[int]) -> None:
    connection.execute("delete from page_drafts where document_id = any (%s)", [document_ids])
    connection.execute("delete from vector_drafts where document_id = any (%s)", [document_ids])


def jobs_without_document(connection: Connection) -> list[int]:
    """The subject's jobs whose document is gone."""
    rows = connection.execute(
        """select id from procrastinate_jobs j
           where status = 'todo' and queue_name = 'documents' and args ->> 'subject' = current_subject()
             and not exists (select from documents where id = (j.args ->> 'document_id')::bigint)"""
    )
    return [job_id for (job_id,) in rows]


def counters(connection: Connection, silence: float) -> dict[str, Any]:
    """Of the subject's documents, and of everybody's queue (see db.jobs.queue_state)."""
    with connection.cursor(row_factory=dict_row) as cursor:
        states = cursor.execute("select status, count(*)::int as documents from documents group by status").fetchall()
        stages = cursor.execute(
            """select key as stage, round(sum(value::numeric), 3)::float8 as seconds
               from documents, jsonb_each_text(seconds_by_stage) group by key"""
        ).fetchall()
        size = cursor.execute(
            """select coalesce(sum(page_count) filter (where status = 'ready'), 0)::int as pages, coalesce(sum(n_chunks), 0)::int as passages,
                      coalesce(sum(size), 0)::bigint as bytes from documents"""
        ).fetchone()
    return {
        "documents": {row["status"]: row["documents"] for row in states},
        **(size or {}),
        "seconds_by_stage": {row["stage"]: row["seconds"] for row in stages},
        "queue": asdict(job_rows.queue_state(connection, silence)),
    }
