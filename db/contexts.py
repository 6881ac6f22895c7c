"""What a model wrote for a document: the context of each chunk as it arrives, or why there is none, and the summary of the whole.

All of it is kept under the situator's name (model and prompt version), so what was paid for once is never asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from db import Connection


@dataclass(frozen=True, kw_only=True)
class Context:
    """How far one chunk has come."""

    ord: int
    text: str = ""  # empty where there is an error instead
    error: str = ""
    final: bool = False  # the error stays: asking again will not help
    attempts: int = 0  # calls that were answered, and paid, without a usable text


@dataclass(frozen=True, kw_only=True)
class Summary:
    """How far a long document's summary has come."""

    text: str = ""  # empty while there is none
    attempts: int = 0  # as above


def contexts(connection: Connection, *, document_id: int, situator: str) -> dict[int, Context]:
    """The chunks that a model has written for, or failed to, by ord."""
    with connection.cursor(row_factory=class_row(Context)) as cursor:
        rows = cursor.execute(
            "select ord, text, error, final, attempts from contexts where document_id = %s and situator = %s", [document_id, situator]
        ).fetchall()
    return {row.ord: row for row in rows}


def put_context(connection: Connection, *, document_id: int, situator: str, context: Context) -> None:
    """Keep what a model wrote for a chunk, or why it did not; a stored text is never overwritten by an error."""
    connection.execute(
        """insert into contexts (collection_id, document_id, situator, ord, text, error, final, attempts)
           select collection_id, id, %s, %s, %s, %s, %s, %s from documents where id = %s
           on conflict (document_id, situator, ord) do update
           set text = excluded.text, error = excluded.error, final = excluded.final, attempts = excluded.attempts where contexts.text = ''""",
        [situator, context.ord, context.text, context.error, context.final, context.attempts, document_id],
    )


def forget_errors(connection: Connection, *, document_id: int) -> None:
    """Let every chunk without a context, and a summary that failed, be tried afresh."""
    connection.execute("delete from contexts where document_id = %s and text = ''", [document_id])
    connection.execute("delete from summaries where document_id = %s and text = ''", [document_id])


def summary(connection: Connection, *, document_id: int, situator: str) -> Summary:
    with connection.cursor(row_factory=class_row(Summary)) as cursor:
        row = cursor.execute(
            "select text, attempts from summaries where document_id = %s and situator = %s", [document_id, situator]
        ).fetchone()
    return row or Summary()


def put_summary(connection: Connection, *, document_id: int, situator: str, summary: Summary) -> None:
    """Keep the summary of a document, or, with an empty text, how often asking for it was in vain."""
    connection.execute(
        """insert into summaries (collection_id, document_id, situator, text, attempts)
           select collection_id, id, %s, %s, %s from documents where id = %s
           on conflict (document_id, situator) do update set text = excluded.text, attempts = excluded.attempts""",
        [situator, summary.text, summary.attempts, document_id],
    )
