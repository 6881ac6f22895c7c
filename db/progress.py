"""How far the work on all of a subject's documents has come, and stopping, resuming and trying it again.

Rows of several documents are locked in the order of their ids, as everyone does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Documents by the state of their latest version."""

    total: int
    ready: int
    failed: int
    waiting: int
    working: int
    paused: int
    oldest_wait: float  # seconds since the oldest document that waits was uploaded; 0 when none waits
    settled_pages: int  # of documents that ended and came with, or after, the oldest that has not


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What the latest documents took."""

    bytes_per_page: float
    seconds_per_page: float
    reading: float | None  # share of the seconds before embedding, 0 to 1; None where the stages were not kept


@dataclass(frozen=True, kw_only=True)
class Unsettled:
    """A document that waits, or is worked on, or paused."""

    id: int
    size: int
    page_count: int  # 0 when it is not known yet
    status: str
    stage: str
    done: int
    total: int
    stage_seconds: float


def counts(connection: Connection) -> Counts:
    with connection.cursor(row_factory=class_row(Counts)) as cursor:
        found = cursor.execute(
            """select count(*)::int as total, count(*) filter (where status = 'ready')::int as ready,
                      count(*) filter (where status = 'failed')::int as failed, count(*) filter (where status = 'queued')::int as waiting,
                      count(*) filter (where status = 'working')::int as working, count(*) filter (where status = 'paused')::int as paused,
                      coalesce(extract(epoch from now() - min(created_at) filter (where status = 'queued')), 0)::float8 as oldest_wait,
                      coalesce(sum(page_count) filter (where status in ('ready', 'failed') and created_at >= (
                          select min(created_at) from documents where status in ('queued', 'working', 'paused'))), 0)::int as settled_pages
               from (select distinct on (lineage) * from documents where status <> 'superseded' order by lineage, version desc) latest"""
        ).fetchone()
    assert found is not None  # noqa: S101 - an aggregate gives one row
    return found


def unsettled(connection: Connection) -> list[Unsettled]:
    with connection.cursor(row_factory=class_row(Unsettled)) as cursor:
        return cursor.execute(
            """select id, size, page_count, status, stage, done, total,
                      coalesce(extract(epoch from clock_timestamp() - stage_started), 0)::float8 as stage_seconds
               from documents where status in ('queued', 'working', 'paused')"""
        ).fetchall()


def pace(connection: Connection) -> Pace | None:
    """Of the fifty documents that were published last; None when there is none."""
    with connection.cursor(row_factory=class_row(Pace)) as cursor:
        return cursor.execute(
            """select sum(size)::float8 / sum(page_count) as bytes_per_page, sum(seconds)::float8 / sum(page_count) as seconds_per_page,
                      least(1, sum((seconds_by_stage ->> 'read')::float8 + coalesce((seconds_by_stage ->> 'cut')::float8, 0))
                               / sum(seconds)::float8) as reading
               from (select size, page_count, seconds, seconds_by_stage from documents
                     where status = 'ready' and page_count > 0 and seconds > 0 order by updated_at desc limit 50) latest
               having count(*) > 0"""
        ).fetchone()


def chosen(connection: Connection, statuses: Sequence[str], ids: Sequence[int] | None) -> list[int]:
    """The documents in one of these states that the subject may change, of those named or of all."""
    rows = connection.execute(
        """select id from documents where status = any (%(statuses)s) and (%(ids)s::bigint[] is null or id = any (%(ids)s))
             and collection_id in (select m.collection_id from memberships m where m.subject = current_subject() and m.role <> 'reader')
           order by id""",
        {"statuses": list(statuses), "ids": None if ids is None else list(ids)},
    )
    return [document_id for (document_id,) in rows]


def pause(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those that had not ended meanwhile, and are paused now."""
    rows = connection.execute(
        """update documents set status = 'paused', updated_at = now() where id in (
               select id from documents where id = any (%s) and status in ('queued', 'working') order by id for update) returning id""",
        [list(ids)],
    )
    return [document_id for (document_id,) in rows]


def resume(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Those that were paused, and wait now."""
    rows = connection.execute(
        """update documents set status = 'queued', attempts = 0, updated_at = now() where id in (
               select id from documents where id = any (%s) and status = 'paused' order by id for update) returning id""",
        [list(ids)],
    )
    return [document_id for (document_id,) in rows]


def cancel(connection: Connection, ids: Sequence[int], error: str) -> list[int]:
    """Those that had not ended meanwhile, and are given up now; their stage stays, so that a retry goes on from there."""
    rows = connection.execute(
        """update documents set status = 'failed', error = %s, updated_at = now()
           where id in (
               select id from documents where id = any (%s) and status in ('queued', 'working', 'paused') order by id for update)
           returning id""",
        [error, list(ids)],
    )
    return [document_id for (document_id,) in rows]
