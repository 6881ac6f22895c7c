"""Asking and following: the answer is owned by a background thread of this process, not by the page that asked.

The thread writes the answer into `messages` as it grows; every page (another tab, another web process) follows it there. A click, a reload
or a dropped socket never stops it. If the process dies, what was written stays, and counts as interrupted once its beat is silent.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from db import DatabaseAway, as_subject
from db import conversations as rows
from db.conversations import Citation, Conversation, Message, Part, State
from db.documents import Selection
from rag import answer
from rag.deps import Deps
from rag.errors import QuestionError, SituateError
from rag.providers import Turn
from rag.text import readable

log = logging.getLogger(__name__)

LONGEST_QUESTION = 4000  # characters
TITLE = 80  # characters of the first question
HISTORY = 6  # earlier questions a model is told
BEAT = 5.0  # seconds, well below db.conversations.SILENCE

__all__ = ["Citation", "Conversation", "Message", "Part", "State"]


def ask(deps: Deps, subject: str, question: str, *, conversation_id: int | None = None, selection: Selection | None = None) -> Message:
    """Store the question, start its producer, and return the message to follow.

    A new conversation begins when none is named; `selection` then says which documents it is about. Raises QuestionError.
    """
    question = check_question(question)
    with as_subject(deps.pool, subject) as connection:
        if conversation_id is None:
            conversation_id = rows.start_conversation(connection, title=question[:TITLE], selection=selection or Selection())
        message_id = rows.add_message(connection, conversation_id=conversation_id, question=question)
        stored = rows.message(connection, message_id)
    assert stored is not None  # noqa: S101 - stored in the transaction above
    threading.Thread(target=_produce, args=(deps, subject, stored), name=f"answer-{message_id}", daemon=True).start()
    return stored


def check_question(question: str) -> str:
    """The question as it is searched for. Raises QuestionError when it is empty or too long."""
    question = readable(question).strip()
    if not any(c.isalnum() for c in question):
        raise QuestionError("The question is empty. Write a few words to search for.")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(f"The question has {len(question):,} characters; the limit is {LONGEST_QUESTION:,}. Shorten it.")
    return question


def conversations(deps: Deps, subject: str) -> list[Conversation]:
    """The subject's conversations, latest first."""
    with as_subject(deps.pool, subject) as connection:
        return rows.conversations(connection)


def messages(deps: Deps, subject: str, conversation_id: int) -> list[Message]:
    """A conversation's questions and answers in order."""
    with as_subject(deps.pool, subject) as connection:
        return rows.messages(connection, conversation_id)


def follow(deps: Deps, subject: str, message_id: int) -> tuple[Message | None, list[Citation]]:
    """A message as far as it has come, and its citations; None once it is deleted."""
    with as_subject(deps.pool, subject) as connection:
        return rows.message(connection, message_id), rows.citations(connection, message_id)


def trace(deps: Deps, subject: str, message_id: int) -> dict[str, Any] | None:
    """The sources and what retrieval did, as rag.trace.Trace.as_json; None until the search is done."""
    with as_subject(deps.pool, subject) as connection:
        return rows.trace(connection, message_id)


def stop(deps: Deps, subject: str, message_id: int) -> None:
    """Ask for no more of an answer; what was written stays."""
    with as_subject(deps.pool, subject) as connection:
        rows.stop(connection, message_id)


def _produce(deps: Deps, subject: str, message: Message) -> None:
    """Write one answer, step by step, until it is finished, failed, stopped or deleted."""
    latest = answer.Progress()
    silent = threading.Event()
    threading.Thread(target=_beat, args=(deps, subject, message.id, silent), name=f"beat-{message.id}", daemon=True).start()
    try:
        selection, history = _setting(deps, subject, message)
        for latest in answer.answer(deps, subject, message.question, selection=selection, history=history, message_id=message.id):
            if not _store(deps, subject, message.id, latest, state=State.DONE if latest.finished else State.ANSWERING):
                return
    except (SituateError, DatabaseAway) as error:
        _fail(deps, subject, message.id, latest, str(error))
    except Exception:
        log.exception("answer %s failed", message.id)
        _fail(deps, subject, message.id, latest, "Something went wrong inside Situate; its log says what. What was written so far is kept.")
        raise
    finally:
        silent.set()


def _beat(deps: Deps, subject: str, message_id: int, silent: threading.Event) -> None:
    """Signs of life while a model takes its time."""
    while not silent.wait(BEAT):
        try:
            with as_subject(deps.pool, subject) as connection:
                if not rows.beat(connection, message_id):
                    return
        except DatabaseAway:
            log.warning("answer %s: the database is away; trying again", message_id)


def _setting(deps: Deps, subject: str, message: Message) -> tuple[Selection, list[Turn]]:
    """What the conversation is about, and what was said before."""
    with as_subject(deps.pool, subject) as connection:
        earlier = [m for m in rows.messages(connection, message.conversation_id) if m.id < message.id and m.state is State.DONE]
        selection = rows.selection(connection, message.conversation_id)
    return selection, [Turn(question=m.question, answer="".join(p.text for p in m.parts)) for m in earlier[-HISTORY:] if m.parts]


def _store(deps: Deps, subject: str, message_id: int, progress: answer.Progress, *, state: State, error: str = "") -> bool:
    with as_subject(deps.pool, subject) as connection:
        wanted = rows.grow(
            connection,
            message_id,
            state=state,
            parts=progress.parts,
            citations=progress.citations,
            abstained=progress.abstained,
            model=progress.model,
            is_extract=progress.is_extract,
            dropped=progress.dropped,
            notes=progress.notes,
            error=error,
        )
        if wanted and progress.trace is not None:
            rows.put_trace(connection, message_id, progress.trace)
        return wanted


def _fail(deps: Deps, subject: str, message_id: int, progress: answer.Progress, error: str) -> None:
    try:
        _store(deps, subject, message_id, progress, state=State.FAILED, error=error)
    except DatabaseAway:
        # nothing can be written; the silent beat will show the answer as interrupted
        log.warning("answer %s could not be marked as failed: the database is away", message_id)
