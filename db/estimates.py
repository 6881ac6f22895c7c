"""What situating a document is expected to be billed for, and who waits for a yes to that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """A ready document that a model is still to situate, and about what all of it is billed for."""

    document_id: int
    filename: str
    page_count: int
    n_chunks: int
    waiting: int  # chunks without a context by this situator
    calls: int
    input_tokens: int
    output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    held: bool  # un-sent, until a person agrees to its price
    agreed: bool  # to its price


def unestimated(connection: Connection, situator: str) -> list[int]:
    """Ready documents for which there is no estimate yet."""
    return [
        int(document_id)
        for (document_id,) in connection.execute(
            """select d.id from documents d
               where d.status = 'ready'
                 and not exists (select from estimates e where e.document_id = d.id and e.situator = %s) order by d.id""",
            [situator],
        )
    ]


def put_estimate(
    connection: Connection,
    *,
    collection_id: int,
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
           select %s, id, %s, %s, %s, %s, %s, %s from documents where id = %s on conflict do nothing""",
        [collection_id, situator, calls, input_tokens, output_tokens, cache_write_tokens, cache_read_tokens, document_id],
    )


def waiting(connection: Connection, situator: str) -> list[Estimated]:
    """Ready documents that are not wholly situated by this situator."""
    with connection.cursor(row_factory=class_row(Estimated)) as cursor:
        return cursor.execute(
            """select * from (
                   select d.id as document_id, d.filename, d.page_count, d.n_chunks,
                          d.n_chunks - (select count(*)::int from contexts c
                                        where c.document_id = d.id and c.situator = e.situator and c.error = '') as waiting,
                          e.calls, e.input_tokens, e.output_tokens, e.cache_write_tokens, e.cache_read_tokens,
                          e.held_at is not null as held, e.agreed_at is not null as agreed
                   from documents d join estimates e on e.document_id = d.id
                   where d.status = 'ready' and e.situator = %s) as e
               where waiting > 0 order by document_id""",
            [situator],
        ).fetchall()


def hold(connection: Connection, situator: str, document_ids: Collection[int]) -> None:
    """These documents wait, un-sent, for a person's yes to their price."""
    connection.execute(
        "update estimates set held_at = coalesce(held_at, now()) where situator = %s and document_id = any(%s)",
        [situator, list(document_ids)],
    )


def agree(connection: Connection, situator: str, document_ids: Collection[int]) -> None:
    """A person agreed to the price of these documents."""
    connection.execute(
        "update estimates set agreed_at = now(), held_at = null where situator = %s and document_id = any(%s)",
        [situator, list(document_ids)],
    )
