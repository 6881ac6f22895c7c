"""Reading an answer as far as it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.conversations import Message, State
from pages.parts.state import Answer, Scanned, Source, page_state
from rag import conversation, library, usage

if TYPE_CHECKING:
    from rag.deps import Deps


def read_answer(deps: Deps, subject: str, message_id: int) -> Answer | None:
    """The answer of a message; kept by the session once it cannot change. None when its conversation is gone. Raises db.DatabaseAway."""
    held = page_state().settled
    if message_id in held:
        return held[message_id]
    message, citations = conversation.follow(deps, subject, message_id)
    if message is None:
        return None
    spent = usage.of_answer(deps, subject, message_id) if message.finished else None
    sources = _sources(deps, subject, message)
    read = Answer(
        message=message, citations=tuple(citations), sources=sources, spent=spent, scanned=_scanned(deps, subject, message_id, sources)
    )
    if message.finished and message.state is not State.INTERRUPTED:
        held[message_id] = read
    return read


def _sources(deps: Deps, subject: str, message: Message) -> tuple[Source, ...]:
    """Read once: sources do not change after the search that found them."""
    known = page_state().sources
    if message.id not in known and message.state is not State.SEARCHING:
        trace = conversation.trace(deps, subject, message.id)
        if trace is None:
            return ()
        known[message.id] = Source.all_of(trace)
    return known.get(message.id, ())


def _scanned(deps: Deps, subject: str, message_id: int, sources: tuple[Source, ...]) -> Scanned:
    """Which pages of the sources were read from their pictures; read once, with the sources."""
    known = page_state().scanned
    if sources and message_id not in known:
        known[message_id] = library.recognised(deps, subject, [found.document_id for source in sources for found in source.found])
    return known.get(message_id, {})
