"""What people thought of answers: thumbs with a reason, kept beside the answer's trace, and offered once as questions to measure with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Rating:
    message_id: int
    good: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rated:
    """A rated answer that was neither taken as a question for the evaluation nor put aside."""

    message_id: int
    question: str  # as it stands alone
    good: bool
    reason: str


def rate(connection: Connection, message_id: int, *, good: bool, reason: str) -> bool:
    """Keep a rating in the place of an earlier one; False when there is no such answer."""
    return (
        connection.execute(
            """insert into feedback (message_id, good, reason) select id, %s, %s from messages where id = %s
               on conflict (message_id) do update
               set good = excluded.good, reason = excluded.reason, created_at = now(), settled = false""",
            [good, reason, message_id],
        ).rowcount
        == 1
    )


def unrate(connection: Connection, message_id: int) -> None:
    connection.execute("delete from feedback where message_id = %s", [message_id])


def ratings(connection: Connection, message_ids: Sequence[int]) -> list[Rating]:
    with connection.cursor(row_factory=class_row(Rating)) as cursor:
        return cursor.execute("select message_id, good, reason from feedback where message_id = any (%s)", [list(message_ids)]).fetchall()


def unsettled(connection: Connection, *, limit: int) -> list[Rated]:
    """The latest first; none of deleted conversations."""
    with connection.cursor(row_factory=class_row(Rated)) as cursor:
        return cursor.execute(
            """select f.message_id, case when m.asked = '' then m.question else m.asked end as question, f.good, f.reason
               from feedback f join messages m on m.id = f.message_id
               join conversations c on c.id = m.conversation_id and c.deleted_at is null
               where not f.settled order by f.created_at desc, f.message_id desc limit %s""",
            [limit],
        ).fetchall()


def settle(connection: Connection, message_id: int) -> None:
    """It was taken as a question, or put aside."""
    connection.execute("update feedback set settled = true where message_id = %s", [message_id])
