"""Batches of calls that a provider works on by itself: which chunks are in them, and under what name they are found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Batch:
    id: int
    token: str  # begins the custom_id of each of its requests
    remote: str  # the provider's id; empty while it is not known whether the provider took it
    requests: int
    ords: tuple[int, ...]  # chunks whose results are not stored yet
    noted_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "ords", tuple(self.ords))


def batches(connection: Connection, *, document_id: int, situator: str) -> list[Batch]:
    """A document's batches whose results are not all stored, the oldest first."""
    with connection.cursor(row_factory=class_row(Batch)) as cursor:
        return cursor.execute(
            "select id, token, remote, requests, ords, noted_at from batches where document_id = %s and situator = %s order by id",
            [document_id, situator],
        ).fetchall()


def add_batch(connection: Connection, *, document_id: int, situator: str, token: str, ords: Sequence[int]) -> Batch | None:
    """Note a batch that is about to be submitted; None when the document is gone, or superseded."""
    with connection.cursor(row_factory=class_row(Batch)) as cursor:
        return cursor.execute(
            """insert into batches (collection_id, document_id, situator, token, requests, ords)
               select collection_id, id, %s, %s, %s, %s from documents where id = %s and status <> 'superseded' for update
               returning id, token, remote, requests, ords, noted_at""",
            [situator, token, len(ords), list(ords), document_id],
        ).fetchone()


def name_batch(connection: Connection, batch_id: int, remote: str) -> None:
    """The provider has taken the batch, under this id."""
    connection.execute("update batches set remote = %s where id = %s", [remote, batch_id])


def settle(connection: Connection, batch_id: int, ords: Sequence[int]) -> None:
    """The results of these chunks are stored, in the same transaction."""
    connection.execute(
        "update batches set ords = array(select o from unnest(ords) o where o <> all (%s::int[])) where id = %s", [list(ords), batch_id]
    )


def drop_batch(connection: Connection, batch_id: int) -> None:
    """Nothing more is to come of it."""
    connection.execute("delete from batches where id = %s", [batch_id])
