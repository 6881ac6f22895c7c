"""Conversations: asking, asking again, following answers, and keeping it all in order.

The answer is owned by background threads of this process (rag.producer), not by the page that asked. They write it into `messages` as it
grows; every page (another tab, another web process) follows it there. A click, a reload or a dropped socket never stops it. If the process
dies, what was written stays, and counts as interrupted once its beat is silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import Connection, as_subject, branches
from db import conversations as rows
from db import usage as usage_rows
from db.conversations import Citation, Conversation, Message, Part, State
from db.documents import Selection
from db.usage import By, Spending
from rag import consent, producer
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import ConversationError, ConversationGone, QuestionError
from rag.names import one_line
from rag.text import readable

LONGEST_QUESTION = 4000  # characters
LONGEST_TITLE = 200
TITLE = 80  # characters of the first question
WORDS = 8  # of a search that are looked for
LONGEST_WORD = 100

__all__ = ["Citation", "Conversation", "Message", "Part", "State"]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What belongs to an answer that grows no more."""

    citations: tuple[Citation, ...]
    trace: dict[str, Any] | None  # as rag.trace.Trace.as_json
    spent: Spending | None  # None: nothing was billed


def ask(
    deps: Deps,
    subject: str,
    question: str,
    *,
    conversation_id: int | None = None,
    selection: Selection | None = None,
    whole: bool = False,
    offered: str = "",
) -> Message:
    """Store the question, start its producer, and return the message to follow.

    A new conversation begins when none is named; `selection` then says which documents it is about. With `whole` the model reads them whole
    rather than what a search finds; `offered` is the model whose price for that was told, and no other is asked. Raises QuestionError,
    ConversationError.
    """
    question = check_question(question)
    if whole and offered and consent.serving(deps, subject, Purpose.ANSWER).name != offered:
        raise QuestionError(OTHER_MODEL)
    with as_subject(deps.pool, subject) as connection:
        if conversation_id is None:
            conversation_id = rows.start_conversation(connection, title=_title(question), selection=selection or Selection())
        else:
            _hold(connection, conversation_id)
        message_id = rows.add_message(connection, conversation_id=conversation_id, question=question, whole=whole)
        stored = _stored(connection, message_id)
    producer.start(deps, subject, stored)
    return stored


def regenerate(deps: Deps, subject: str, message_id: int, *, whole: bool | None = None) -> Message:
    """Ask the same question again. As with each of these: the message and all later ones are set aside, and one being written is stopped.

    Raises ConversationError when that is done already, or the conversation is gone.
    """
    return _again(deps, subject, message_id, whole=whole)


def edit(deps: Deps, subject: str, message_id: int, question: str) -> Message:
    """Ask another question in a message's place. Raises QuestionError, ConversationError."""
    return _again(deps, subject, message_id, question=check_question(question), asked="")


def ask_as(deps: Deps, subject: str, message_id: int, asked: str) -> Message:
    """Ask the same question again, but search for these words. Raises QuestionError, ConversationError."""
    return _again(deps, subject, message_id, asked=check_question(asked))


def _again(
    deps: Deps, subject: str, message_id: int, *, question: str | None = None, asked: str | None = None, whole: bool | None = None
) -> Message:
    """A message's question again, changed by what is given."""
    with as_subject(deps.pool, subject) as connection:
        old = _stored(connection, message_id)
        _hold(connection, old.conversation_id)
        new = rows.add_message(
            connection,
            conversation_id=old.conversation_id,
            question=old.question if question is None else question,
            asked=old.asked if asked is None else asked,
            whole=old.whole if whole is None else whole,
        )
        if not branches.set_aside(connection, message_id, by=new):
            raise ConversationError(MEANWHILE)
        stored = _stored(connection, new)
    producer.start(deps, subject, stored)
    return stored


def bring_back(deps: Deps, subject: str, message_id: int) -> None:
    """Show again what a message took the place of; it and all later ones are set aside in turn. Raises ConversationError.

    Where a question was asked several times over, each call shows the one before, and after the oldest the latest.
    """
    with as_subject(deps.pool, subject) as connection:
        _hold(connection, _stored(connection, message_id).conversation_id)
        if not branches.bring_back(connection, message_id):
            raise ConversationError(MEANWHILE)


OTHER_MODEL = "Another model answers by now than the one that was to read the documents whole. Look at its price, and ask again."
MEANWHILE = "This question has been asked anew meanwhile, perhaps in another window. Look at the conversation as it is now."


def check_question(question: str) -> str:
    """The question as it is searched for. Raises QuestionError when it is empty or too long."""
    question = readable(question).strip()
    if not any(c.isalnum() for c in question):
        raise QuestionError("The question is empty. Write a few words to search for.")
    if len(question) > LONGEST_QUESTION:
        raise QuestionError(f"The question has {len(question):,} characters; the limit is {LONGEST_QUESTION:,}. Shorten it.")
    return question


def _title(question: str) -> str:
    """A conversation's first name: its first question, shortened at the end of a word."""
    line = one_line(question)
    if len(line) <= TITLE:
        return line
    space = line.rfind(" ", TITLE // 2, TITLE)
    return f"{line[: space if space > 0 else TITLE - 1].rstrip()}…"


def conversations(deps: Deps, subject: str, *, search: str = "") -> list[Conversation]:
    """The subject's conversations, latest first: those whose title, questions and answers hold all words of `search`."""
    words = [word[:LONGEST_WORD] for word in readable(search).split()[:WORDS]]
    with as_subject(deps.pool, subject) as connection:
        return rows.conversations(connection, words=words)


def rename(deps: Deps, subject: str, conversation_id: int, title: str) -> None:
    """Raises ConversationError when the title is empty or too long, or the conversation is gone."""
    title = one_line(title)
    if not 0 < len(title) <= LONGEST_TITLE:
        raise ConversationError(f"A conversation's name has 1 to {LONGEST_TITLE} characters. Choose another.")
    with as_subject(deps.pool, subject) as connection:
        if not rows.rename(connection, conversation_id, title):
            raise ConversationGone


def delete(deps: Deps, subject: str, conversation_id: int) -> None:
    """Put a conversation out of sight; for some weeks it can be brought back."""
    with as_subject(deps.pool, subject) as connection:
        rows.delete(connection, conversation_id)


def undelete(deps: Deps, subject: str, conversation_id: int) -> None:
    """Bring a deleted conversation back. Raises ConversationError when it is gone for good."""
    with as_subject(deps.pool, subject) as connection:
        if not rows.undelete(connection, conversation_id):
            raise ConversationGone


def restrict(deps: Deps, subject: str, conversation_id: int, selection: Selection) -> None:
    """Let further questions of a conversation be about these documents. Raises ConversationError."""
    with as_subject(deps.pool, subject) as connection:
        if not rows.restrict(connection, conversation_id, selection):
            raise ConversationGone


def selection(deps: Deps, subject: str, conversation_id: int) -> Selection:
    """Which documents a conversation is about: without those deleted since, so perhaps none. Raises ConversationError."""
    with as_subject(deps.pool, subject) as connection:
        found = rows.conversation(connection, conversation_id)
    if found is None:
        raise ConversationGone
    return found.selection


def _hold(connection: Connection, conversation_id: int) -> None:
    if not rows.hold(connection, conversation_id):
        raise ConversationGone


def _stored(connection: Connection, message_id: int) -> Message:
    found = rows.message(connection, message_id)
    if found is None:
        raise ConversationGone
    return found


def messages(deps: Deps, subject: str, conversation_id: int) -> list[Message]:
    """A conversation's questions and answers in order, without those that were set aside; nothing once it is deleted."""
    with as_subject(deps.pool, subject) as connection:
        return rows.messages(connection, conversation_id)


def follow(deps: Deps, subject: str, message_id: int) -> tuple[Message | None, list[Citation]]:
    """A message as far as it has come, and its citations; None once it is deleted."""
    with as_subject(deps.pool, subject) as connection:
        return rows.message(connection, message_id), rows.citations(connection, message_id)


def ended(deps: Deps, subject: str, message_ids: Sequence[int]) -> dict[int, Ended]:
    """What belongs to each of these messages, whose answers grow no more."""
    with as_subject(deps.pool, subject) as connection:
        citations = rows.citations_of(connection, message_ids)
        traces = rows.traces(connection, message_ids)
        spent = {int(one.key): one for one in usage_rows.spending(connection, By.ANSWER, messages=message_ids)}
    return {id_: Ended(citations=tuple(citations.get(id_, ())), trace=traces.get(id_), spent=spent.get(id_)) for id_ in message_ids}


def trace(deps: Deps, subject: str, message_id: int) -> dict[str, Any] | None:
    """The sources and what retrieval did, as rag.trace.Trace.as_json; None until the search is done."""
    with as_subject(deps.pool, subject) as connection:
        return rows.trace(connection, message_id)


def stop(deps: Deps, subject: str, message_id: int) -> None:
    """Ask for no more of an answer; what was written stays."""
    with as_subject(deps.pool, subject) as connection:
        rows.stop(connection, message_id)
