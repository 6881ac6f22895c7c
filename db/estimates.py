"""What situating documents is expected to be billed for, and which of them may be sent at that price."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """A ready document, and about what a model is billed for to situate all of it."""

    document_id: int
    page_count: int
    n_chunks: int
    left: int  # chunks that the model is still to situate
    calls: int
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    held: bool  # un-sent, until a person agrees to its price
    cleared: bool  # may be sent
    unasked: bool  # cleared within a day, by the limit alone


def unestimated(connection: Connection, situator: str) -> list[tuple[int, int, int]]:
    """(id, pages, chunks) of ready documents for which there is no estimate yet."""
    return connection.execute(
        """select d.id, d.page_count, d.n_chunks from documents d
           where d.status = 'ready' and not exists (select from estimates e where e.document_id = d.id and e.situator = %s)
           order by d.id""",
        [situator],
    ).fetchall()


def put_estimate(
    connection: Connection,
    *,
    document_id: int,
    situator: str,
    calls: int,
    input_tokens: int,
    output_tokens: int,
    cache_write_tokens: int,
    cache_read_tokens: int,
) -> None:
    """Keep an estimate; one that is there already stays."""
    connection.execute(
        """insert into estimates (collection_id, document_id, situator, calls, input_tokens, output_tokens, cache_write_tokens,
                                  cache_read_tokens)
           select collection_id, id, %s, %s, %s, %s, %s, %s from documents where id = %s on conflict do nothing""",
        [situator, calls, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens, document_id],
    )


def estimates(connection: Connection, situator: str) -> list[Estimated]:
    """Of all ready documents, by id."""
    with connection.cursor(row_factory=class_row(Estimated)) as cursor:
        return cursor.execute(
            """select d.id as document_id, d.page_count, d.n_chunks,
                      d.n_chunks - (select count(*)::int from contexts c
                                    where c.document_id = d.id and c.situator = e.situator and (c.text <> '' or c.final)) as left,
                      e.calls, e.input_tokens, e.output_tokens, e.cache_write_tokens, e.cache_read_tokens,
                      e.held_at is not null as held, e.cleared_at is not null as cleared,
                      not e.agreed and coalesce(e.cleared_at > now() - interval '1 day', false) as unasked
               from documents d join estimates e on e.document_id = d.id
               where d.status = 'ready' and e.situator = %s order by d.id""",
            [situator],
        ).fetchall()


def one_at_a_time(connection: Connection) -> None:
    """Until the end of the transaction nobody else decides what may be sent."""
    connection.execute("select pg_advisory_xact_lock(hashtext('situate.estimates'))")


def hold(connection: Connection, situator: str, document_ids: Collection[int]) -> None:
    """These documents wait, un-sent, for a person's yes to their price."""
    connection.execute(
        """update estimates set held_at = coalesce(held_at, now()) where situator = %(situator)s and document_id in (
               select document_id from estimates where situator = %(situator)s and document_id = any (%(documents)s)
               order by document_id for update)""",
        {"situator": situator, "documents": list(document_ids)},
    )


def clear(connection: Connection, situator: str, document_ids: Collection[int], *, agreed: bool) -> None:
    """These documents may be sent: a person agreed to their price, or it is within the limit."""
    connection.execute(
        """update estimates set held_at = null, cleared_at = now(), agreed = %(agreed)s
           where situator = %(situator)s and (cleared_at is null or %(agreed)s) and document_id in (
               select document_id from estimates where situator = %(situator)s and document_id = any (%(documents)s)
               order by document_id for update)""",
        {"agreed": agreed, "situator": situator, "documents": list(document_ids)},
    )
