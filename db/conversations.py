"""Conversations: questions, answers as they grow, their citations and traces. What took another's place is in db.branches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from db import Connection
from db.documents import Selection

SILENCE = 20  # seconds without a sign of life after which an unfinished answer counts as interrupted
LISTED = 200  # conversations
KEPT = 30  # days that a deleted conversation can be brought back


class State(StrEnum):
    SEARCHING = "searching"
    ANSWERING = "answering"  # sources are known, the answer grows
    DONE = "done"
    FAILED = "failed"  # `error` says why; what was written stays
    STOPPED = "stopped"  # by the person
    INTERRUPTED = "interrupted"  # its producer is gone; what was written stays. Never stored: seen from a silent beat


@dataclass(frozen=True, kw_only=True)
class Part:
    """A span of an answer that shares its citations."""

    text: str  # markdown
    citations: tuple[int, ...]  # numbers


@dataclass(frozen=True, kw_only=True)
class Citation:
    number: int  # from 1, in order of appearance in its answer
    document_id: int | None  # None once the document is deleted
    filename: str
    ord: int
    page: int  # where the quote begins
    quote: str  # verbatim from the stored text
    boxes: tuple[tuple[int, float, float, float, float], ...]  # (page, x0, y0, x1, y1): PDF points from the page's bottom left
    superseded: bool = False  # a newer version answers by now; the document that was cited still opens


@dataclass(frozen=True, kw_only=True)
class Message:
    """A question and its answer, as far as it has come."""

    id: int
    conversation_id: int
    question: str
    state: State
    parts: tuple[Part, ...]
    abstained: bool
    model: str
    is_extract: bool
    dropped: int  # citations that did not stand in the stored text
    notes: tuple[str, ...]
    error: str
    created_at: datetime
    asked: str = ""  # what is searched for, where that is other words than the question's
    whole: bool = False  # the model reads the selected documents whole
    left_out: int = 0  # earlier questions of the conversation that the model was not told
    replaces: bool = False  # it took the place of other messages, which can be brought back

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        object.__setattr__(self, "parts", tuple(p if isinstance(p, Part) else Part(text=p[0], citations=tuple(p[1])) for p in self.parts))
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def finished(self) -> bool:
        return self.state not in {State.SEARCHING, State.ANSWERING}


@dataclass(frozen=True, kw_only=True)
class Conversation:
    id: int
    title: str
    updated_at: datetime
    selection: Selection  # as it stands now: without what was deleted, and each document by the version that answers

    def __post_init__(self) -> None:
        if not isinstance(self.selection, Selection):
            stored: dict[str, list[int] | None] = self.selection
            named = {name: tuple(ids) for name, ids in stored.items() if ids is not None}
            object.__setattr__(self, "selection", Selection(**named))


def start_conversation(connection: Connection, *, title: str, selection: Selection) -> int:
    row = connection.execute(
        "insert into conversations (title, selection) values (%s, %s) returning id", [title, Jsonb(selection.parameters)]
    ).fetchone()
    assert row is not None  # noqa: S101 - `returning` gives a row
    return int(row[0])


def conversations(connection: Connection, *, words: Sequence[str] = ()) -> list[Conversation]:
    """The subject's conversations, latest first; those that hold each of the words in their title, a question or an answer."""
    return _read_conversations(connection, words=words)


def conversation(connection: Connection, conversation_id: int) -> Conversation | None:
    """None when it is deleted: no document may be taken to be meant then, least of all every one."""
    return next(iter(_read_conversations(connection, conversation_id=conversation_id)), None)


def _read_conversations(connection: Connection, *, conversation_id: int | None = None, words: Sequence[str] = ()) -> list[Conversation]:
    with connection.cursor(row_factory=class_row(Conversation)) as cursor:
        return cursor.execute(
            """select c.id, c.title, c.updated_at, jsonb_build_object(
                   'collections', case when jsonb_typeof(c.selection -> 'collections') = 'array' then (
                       select coalesce(jsonb_agg(k.id order by k.id), '[]') from collections k
                       where k.id in (select chosen::bigint from jsonb_array_elements_text(c.selection -> 'collections') chosen)) end,
                   'documents', case when jsonb_typeof(c.selection -> 'documents') = 'array' then (
                       select coalesce(jsonb_agg(distinct coalesce(p.id, d.id)), '[]')
                       from documents d left join documents p on p.lineage = d.lineage and p.status = 'ready'
                       where d.id in (select chosen::bigint from jsonb_array_elements_text(c.selection -> 'documents') chosen)) end) as selection
               from conversations c
               where c.deleted_at is null and (%(id)s::bigint is null or c.id = %(id)s::bigint) and not exists (
                   select from unnest(%(patterns)s::text[]) pattern where c.title not ilike pattern and not exists (
                       select from messages m where m.conversation_id = c.id and m.replaced_by is null and (m.question ilike pattern
                           or (select string_agg(part ->> 0, '') from jsonb_array_elements(m.parts) part) ilike pattern)))
               order by c.updated_at desc, c.id desc limit %(limit)s""",
            {"id": conversation_id, "patterns": [_anywhere(word) for word in words], "limit": LISTED},
        ).fetchall()


def _anywhere(word: str) -> str:
    """A pattern of `ilike` for a text that holds the word as it stands."""
    literal = re.sub(r"[%_\\]", r"\\\g<0>", word)
    return f"%{literal}%"


def hold(connection: Connection, conversation_id: int) -> bool:
    """Let nobody else add to the conversation until the end of the transaction; False when it is deleted."""
    row = connection.execute("select from conversations where id = %s and deleted_at is null for no key update", [conversation_id])
    return row.fetchone() is not None


def rename(connection: Connection, conversation_id: int, title: str) -> bool:
    renamed = connection.execute("update conversations set title = %s where id = %s and deleted_at is null", [title, conversation_id])
    return renamed.rowcount == 1


def restrict(connection: Connection, conversation_id: int, selection: Selection) -> bool:
    restricted = connection.execute(
        "update conversations set selection = %s where id = %s and deleted_at is null", [Jsonb(selection.parameters), conversation_id]
    )
    return restricted.rowcount == 1


def delete(connection: Connection, conversation_id: int) -> None:
    """Put a conversation out of sight; what is being written in it is stopped. Those that were deleted long ago go for good."""
    connection.execute("update conversations set deleted_at = now() where id = %s and deleted_at is null", [conversation_id])
    connection.execute(
        """update messages set state = 'stopped' where conversation_id = %s and state in ('searching', 'answering')
           and beat_at >= clock_timestamp() - make_interval(secs => %s)""",
        [conversation_id, SILENCE],
    )
    connection.execute("delete from conversations where deleted_at < now() - make_interval(days => %s)", [KEPT])


def undelete(connection: Connection, conversation_id: int) -> bool:
    """False when it is gone for good."""
    return connection.execute("update conversations set deleted_at = null where id = %s", [conversation_id]).rowcount == 1


def add_message(connection: Connection, *, conversation_id: int, question: str, asked: str = "", whole: bool = False) -> int:
    row = connection.execute(
        "insert into messages (conversation_id, question, asked, whole) values (%s, %s, %s, %s) returning id",
        [conversation_id, question, asked, whole],
    ).fetchone()
    assert row is not None  # noqa: S101 - `returning` gives a row
    connection.execute("update conversations set updated_at = now() where id = %s", [conversation_id])
    return int(row[0])


def messages(connection: Connection, conversation_id: int) -> list[Message]:
    """What a conversation consists of, in order; nothing once it is deleted."""
    return _read(connection, conversation_id=conversation_id)


def message(connection: Connection, message_id: int) -> Message | None:
    """Any message, also one whose place another took."""
    return next(iter(_read(connection, message_id=message_id)), None)


def _read(connection: Connection, *, conversation_id: int | None = None, message_id: int | None = None) -> list[Message]:
    with connection.cursor(row_factory=class_row(Message)) as cursor:
        return cursor.execute(
            """select id, conversation_id, question,
                      case when state in ('searching', 'answering') and beat_at < clock_timestamp() - make_interval(secs => %(silence)s)
                           then 'interrupted' else state end as state,
                      parts, abstained, model, is_extract, dropped, notes, error, created_at, asked, whole, left_out,
                      exists (select from messages r where r.replaced_by = m.id) as replaces
               from messages m
               where id = %(message)s::bigint or (conversation_id = %(conversation)s::bigint and replaced_by is null
                     and exists (select from conversations c where c.id = m.conversation_id and c.deleted_at is null))
               order by id""",
            {"conversation": conversation_id, "message": message_id, "silence": SILENCE},
        ).fetchall()


def grow(
    connection: Connection,
    message_id: int,
    *,
    state: State,
    parts: Sequence[Part],
    citations: Sequence[Citation],
    abstained: bool = False,
    model: str = "",
    is_extract: bool = False,
    asked: str = "",
    left_out: int = 0,
    whole: bool = False,
    dropped: int = 0,
    notes: Sequence[str] = (),
    error: str = "",
) -> bool:
    """Store an answer as far as it has come; False when it was stopped, set aside or deleted meanwhile, and nothing more is wanted."""
    updated = connection.execute(
        """update messages set state = %s, parts = %s, abstained = %s, model = %s, is_extract = %s, asked = coalesce(nullif(%s, ''), asked),
                  left_out = %s, whole = %s, dropped = %s, notes = %s, error = %s, beat_at = clock_timestamp()
           where id = %s and state in ('searching', 'answering') and replaced_by is null""",
        [
            state.value,
            Jsonb([[p.text, list(p.citations)] for p in parts]),
            abstained,
            model,
            is_extract,
            asked,
            left_out,
            whole,
            dropped,
            Jsonb(list(notes)),
            error,
            message_id,
        ],
    ).rowcount
    if updated != 1:
        return False
    with connection.cursor() as cursor:
        # the document may have been deleted while the answer was made: the quote stays, the link does not
        cursor.executemany(
            """insert into citations (message_id, number, document_id, filename, ord, page, quote, boxes)
               values (%s, %s, (select id from documents where id = %s), %s, %s, %s, %s, %s) on conflict do nothing""",
            [
                (message_id, c.number, c.document_id, c.filename, c.ord, c.page, c.quote, Jsonb([list(b) for b in c.boxes]))
                for c in citations
            ],
        )
    return True


def fail(connection: Connection, message_id: int, error: str) -> None:
    """Nothing more can be stored of an answer; what was stays."""
    connection.execute(
        "update messages set state = 'failed', error = %s where id = %s and state in ('searching', 'answering')", [error, message_id]
    )


def stop(connection: Connection, message_id: int) -> bool:
    """The person wants no more of this answer; its producer notices at its next step. One that was cut off before stays interrupted."""
    return (
        connection.execute(
            """update messages set state = 'stopped' where id = %s and state in ('searching', 'answering')
               and beat_at >= clock_timestamp() - make_interval(secs => %s)""",
            [message_id, SILENCE],
        ).rowcount
        == 1
    )


def beat(connection: Connection, message_id: int) -> bool:
    """A sign of life; False when the answer is no longer wanted."""
    return (
        connection.execute(
            "update messages set beat_at = clock_timestamp() where id = %s and state in ('searching', 'answering') and replaced_by is null",
            [message_id],
        ).rowcount
        == 1
    )


def citations(connection: Connection, message_id: int) -> list[Citation]:
    """A message's citations by number."""
    return citations_of(connection, [message_id]).get(message_id, [])


def citations_of(connection: Connection, message_ids: Sequence[int]) -> dict[int, list[Citation]]:
    """The citations of each message that has some, by number."""
    rows = connection.execute(
        """select c.message_id, c.number, c.document_id, c.filename, c.ord, c.page, c.quote, c.boxes,
                  coalesce(d.status = 'superseded', false)
           from citations c left join documents d on d.id = c.document_id where c.message_id = any (%s) order by c.number""",
        [list(message_ids)],
    )
    found: dict[int, list[Citation]] = {}
    for message_id, n, d, f, o, p, q, boxes, superseded in rows:
        found.setdefault(message_id, []).append(
            Citation(
                number=n,
                document_id=d,
                filename=f,
                ord=o,
                page=p,
                quote=q,
                boxes=tuple((int(b[0]), b[1], b[2], b[3], b[4]) for b in boxes),
                superseded=superseded,
            )
        )
    return found


def put_trace(connection: Connection, message_id: int, trace: dict[str, Any]) -> None:
    connection.execute(
        "insert into traces (message_id, trace) values (%s, %s) on conflict (message_id) do update set trace = excluded.trace",
        [message_id, Jsonb(trace)],
    )


def trace(connection: Connection, message_id: int) -> dict[str, Any] | None:
    """What retrieval did for a message: see rag.trace.Trace.as_json."""
    return traces(connection, [message_id]).get(message_id)


def traces(connection: Connection, message_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The same for each message that has one."""
    rows = connection.execute("select message_id, trace from traces where message_id = any (%s)", [list(message_ids)])
    return {message_id: dict(trace) for message_id, trace in rows}
