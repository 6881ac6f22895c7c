"""Measurements of retrieval: the questions a person collected, the runs, and the copies of documents that a run works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db import Connection

SILENCE = 30  # seconds without a beat after which a run counts as interrupted


class State(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # `error` says why
    STOPPED = "stopped"  # by a person, or because its process ended


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A run, without its figures."""

    id: int
    set: str
    scratch: str  # the subject that its copies belong to
    state: State
    step: str
    done: int
    total: int
    error: str
    created_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))


@dataclass(frozen=True, kw_only=True)
class OwnQuestion:
    """A question that a person collected, and a passage that answers it."""

    id: int
    question: str
    document_id: int
    filename: str
    ord: int  # of the chunk it was picked from
    page: int  # where that begins; 0 when the document was cut anew, or has a new version, and has no such chunk
    quote: str


def add_question(connection: Connection, *, question: str, document_id: int, ord_: int, quote: str) -> bool:
    """Keep a question with the passage that answers it; False when it is there already."""
    return (
        connection.execute(
            """insert into evaluation_questions (question, document_id, ord, quote)
               select %(question)s, %(document)s, %(ord)s, %(quote)s
               where not exists (select from evaluation_questions
                                 where question = %(question)s and document_id = %(document)s and ord = %(ord)s)""",
            {"question": question, "document": document_id, "ord": ord_, "quote": quote},
        ).rowcount
        == 1
    )


def questions(connection: Connection) -> list[OwnQuestion]:
    """The subject's questions in the order they were added, each about the version of its document that answers now."""
    with connection.cursor(row_factory=class_row(OwnQuestion)) as cursor:
        return cursor.execute(
            """select q.id, q.question, d.id as document_id, d.filename, q.ord, coalesce(c.first_page, 0) as page, q.quote
               from evaluation_questions q join documents p on p.id = q.document_id
               join documents d on d.lineage = p.lineage and d.status = 'ready'
               left join chunks c on c.document_id = q.document_id and c.ord = q.ord and q.document_id = d.id
               order by q.id"""
        ).fetchall()


def remove_question(connection: Connection, question_id: int) -> None:
    connection.execute("delete from evaluation_questions where id = %s", [question_id])


def situated(connection: Connection, document_ids: Sequence[int]) -> bool:
    """Whether any of the documents has contexts that a model wrote."""
    row = connection.execute(
        "select exists (select from chunks where document_id = any (%s) and context_by <> 'structural')", [list(document_ids)]
    ).fetchone()
    return row is not None and bool(row[0])


def start(connection: Connection, set_name: str) -> Evaluation:
    """A run that begins now."""
    with connection.cursor(row_factory=class_row(Evaluation)) as cursor:
        row = cursor.execute(
            "insert into evaluations (set) values (%s) returning id, set, scratch, state, step, done, total, error, created_at", [set_name]
        ).fetchone()
    assert row is not None  # noqa: S101 - `returning` after an insert always gives a row
    return row


def evaluations(connection: Connection) -> list[Evaluation]:
    """The subject's runs, latest first; one whose process ended counts as stopped."""
    with connection.cursor(row_factory=class_row(Evaluation)) as cursor:
        return cursor.execute(
            """select id, set, scratch,
                      case when state = 'running' and beat_at < now() - make_interval(secs => %s) then 'stopped' else state end as state,
                      step, done, total, error, created_at
               from evaluations order by id desc""",
            [SILENCE],
        ).fetchall()


def report(connection: Connection, evaluation_id: int, *, step: str, done: int, total: int) -> None:
    """Note how far a run has come."""
    connection.execute("update evaluations set step = %s, done = %s, total = %s where id = %s", [step, done, total, evaluation_id])


def beat(connection: Connection, evaluation_id: int) -> bool:
    """A sign of life; False when the run is no longer wanted."""
    row = connection.execute("update evaluations set beat_at = now() where id = %s returning state", [evaluation_id]).fetchone()
    return row is not None and row[0] == State.RUNNING


def finish(connection: Connection, evaluation_id: int, *, state: State, result: dict[str, Any] | None = None, error: str = "") -> None:
    """A run has ended; one that a person stopped stays stopped."""
    connection.execute(
        "update evaluations set state = %s, result = %s, error = %s where id = %s and state = 'running'",
        [state.value, None if result is None else Jsonb(result), error, evaluation_id],
    )


def stop(connection: Connection, evaluation_id: int) -> None:
    """Ask a run to end; it looks between two steps."""
    connection.execute("update evaluations set state = 'stopped' where id = %s and state = 'running'", [evaluation_id])


def note_cleared(connection: Connection, evaluation_id: int) -> None:
    connection.execute("update evaluations set cleared = true where id = %s", [evaluation_id])


def abandoned(connection: Connection) -> list[Evaluation]:
    """Runs whose process has ended before it could drop its copies."""
    with connection.cursor(row_factory=class_row(Evaluation)) as cursor:
        return cursor.execute(
            """select id, set, scratch, state, step, done, total, error, created_at from evaluations
               where not cleared and beat_at < now() - make_interval(secs => %s) order by id""",
            [SILENCE],
        ).fetchall()


def result(connection: Connection, evaluation_id: int) -> dict[str, Any] | None:
    """A run's figures, as rag.ladder.Ladder.as_stored; None until it is done."""
    row = connection.execute("select result from evaluations where id = %s", [evaluation_id]).fetchone()
    return None if row is None else row[0]


def delete(connection: Connection, evaluation_id: int) -> None:
    """Forget a run that has ended and left nothing behind."""
    connection.execute("delete from evaluations where id = %s and cleared", [evaluation_id])


def clear(connection: Connection, *, owner: str) -> None:
    """Drop all that belongs to the subject of this transaction: a run's copies of documents, and what it was allowed and had chosen.

    What it was billed for is the owner's from then on.
    """
    connection.execute("delete from collections where owner = current_subject()")
    connection.execute("delete from consents")
    connection.execute("delete from preferences")
    connection.execute("create temp table billed on commit drop as select * from usage")
    connection.execute("delete from usage")
    connection.execute("select set_config('situate.subject', %s, true)", [owner])
    connection.execute("update billed set subject = %s", [owner])
    connection.execute("insert into usage overriding system value select * from billed")
