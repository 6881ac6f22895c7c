"""Reading an answer as far as it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.conversations import Message, State
from pages.parts.state import Answer, Scanned, Search, page_state
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
    search = _search(deps, subject, message)
    read = Answer(
        message=message, citations=tuple(citations), search=search, spent=spent, scanned=_scanned(deps, subject, message_id, search)
    )
    if message.finished and message.state is not State.INTERRUPTED:
        held[message_id] = read
    return read


def _search(deps: Deps, subject: str, message: Message) -> Search:
    """Read once: it does not change any more once it is done."""
    known = page_state().searches
    if message.id not in known and message.state is not State.SEARCHING:
        trace = conversation.trace(deps, subject, message.id)
        if trace is None:
            return Search()
        known[message.id] = Search.from_trace(trace)
    return known.get(message.id, Search())


def _scanned(deps: Deps, subject: str, message_id: int, search: Search) -> Scanned:
    """Which pages of the sources were read from their pictures; read once, with the sources."""
    known = page_state().scanned
    if search.sources and message_id not in known:
        known[message_id] = library.recognised(deps, subject, [found.document_id for source in search.sources for found in source.found])
    return known.get(message_id, {})
