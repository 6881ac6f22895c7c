"""Reading an answer as far as it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from db.conversations import Message, State
from pages.parts.state import Answer, Scanned, Search, page_state
from rag import conversation, library, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.deps import Deps


def read_ahead(deps: Deps, subject: str, messages: Sequence[Message]) -> None:
    """Read together, for `read_answer`, those answers that cannot change any more. Raises db.DatabaseAway."""
    state = page_state()
    wanted = [m for m in messages if m.finished and m.state is not State.INTERRUPTED and m.id not in state.settled]
    if not wanted:
        return
    ended = conversation.ended(deps, subject, [message.id for message in wanted])
    searches = {id_: Search() if one.trace is None else Search.from_trace(one.trace) for id_, one in ended.items()}
    documents = {id_: _documents(search) for id_, search in searches.items()}
    named = sorted(set().union(*documents.values()))
    scanned = library.recognised(deps, subject, named) if named else {}
    for message in wanted:
        one = ended[message.id]
        state.settled[message.id] = Answer(
            message=message,
            citations=one.citations,
            search=searches[message.id],
            spent=one.spent,
            scanned={page: sure for page, sure in scanned.items() if page[0] in documents[message.id]},
        )


def _documents(search: Search) -> set[int]:
    return {found.document_id for source in search.sources for found in source.found}


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
        known[message_id] = library.recognised(deps, subject, sorted(_documents(search)))
    return known.get(message_id, {})
