"""What a person thinks of answers, and what becomes of it: a good answer is a question whose passages are known, a bad one a question to find them for."""

from __future__ import annotations

from collections.abc import Sequence

from db import as_subject
from db import conversations as conversation_rows
from db import feedback as rows
from db.feedback import Rated, Rating
from rag import own_questions
from rag.deps import Deps
from rag.errors import ConversationGone, DocumentGone
from rag.text import readable

LONGEST_REASON = 1000  # characters
OFFERED = 50  # rated answers at once

__all__ = ["Rated", "Rating"]


def rate(deps: Deps, subject: str, message_id: int, *, good: bool, reason: str = "") -> None:
    """Keep what a person thinks of an answer, in the place of what they thought before. Raises ConversationError when it is gone."""
    with as_subject(deps.pool, subject) as connection:
        if not rows.rate(connection, message_id, good=good, reason=readable(reason).strip()[:LONGEST_REASON]):
            raise ConversationGone


def unrate(deps: Deps, subject: str, message_id: int) -> None:
    """Take a rating back."""
    with as_subject(deps.pool, subject) as connection:
        rows.unrate(connection, message_id)


def of(deps: Deps, subject: str, message_ids: Sequence[int]) -> dict[int, Rating]:
    """The ratings of these answers, of those that have one."""
    with as_subject(deps.pool, subject) as connection:
        return {rating.message_id: rating for rating in rows.ratings(connection, message_ids)}


def unsettled(deps: Deps, subject: str) -> list[Rated]:
    """Rated answers that may become questions for the evaluation, the latest first."""
    with as_subject(deps.pool, subject) as connection:
        return rows.unsettled(connection, limit=OFFERED)


def take(deps: Deps, subject: str, rated: Rated) -> int:
    """Add a good answer's question, with each passage that it cites; how many those are. Settled, unless it is none.

    Raises QuestionError for a question that cannot be searched for.
    """
    with as_subject(deps.pool, subject) as connection:
        cited = conversation_rows.citations(connection, rated.message_id)
    taken = 0
    for citation in cited:
        if citation.document_id is None:
            continue
        try:
            own_questions.add(
                deps, subject, question=rated.question, document_id=citation.document_id, ord_=citation.ord, quote=citation.quote
            )
        except DocumentGone:  # deleted just now
            continue
        taken += 1
    if taken:
        settle(deps, subject, rated.message_id)
    return taken


def settle(deps: Deps, subject: str, message_id: int) -> None:
    """A rated answer was taken as a question, or put aside; it is offered no more."""
    with as_subject(deps.pool, subject) as connection:
        rows.settle(connection, message_id)
