"""The threads that own an answer: one makes it, the other writes it down as it grows.

Neither waits for the other: while a model takes its time the message still shows signs of life, and while the database is away the answer
still grows, and is stored when it is back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from db import DatabaseAway, as_subject
from db import conversations as rows
from db import versions as version_rows
from db.conversations import Message, State
from db.documents import Selection
from rag import answer, instruments
from rag.answer import Progress
from rag.deps import Deps
from rag.errors import ConversationGone, NothingToSearch, SituateError
from rag.logs import about, inherited
from rag.outage import outlast
from rag.providers import Turn

BEAT = 5.0  # seconds, well below db.conversations.SILENCE

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What an answer is made from besides its question."""

    selection: Selection
    history: tuple[Turn, ...]  # what was said before
    notes: tuple[str, ...]


_producing: set[int] = set()  # messages whose answers this process makes just now


def start(deps: Deps, subject: str, message: Message) -> None:
    """Make and store the answer of a stored message, in the background."""
    threading.Thread(target=inherited(_produce), args=(deps, subject, message), name=f"answer-{message.id}", daemon=True).start()


def under_way() -> int:
    """How many answers this process makes just now."""
    return len(_producing)


def _produce(deps: Deps, subject: str, message: Message) -> None:
    ids = {"conversation": message.conversation_id, "message_id": message.id}
    _producing.add(message.id)
    try:
        with about(**ids), instruments.question(**ids) as question:
            try:
                _make(deps, subject, message, question)
            finally:
                log.info("question %s", question.outcome, extra={"seconds": question.seconds})
    finally:
        _producing.discard(message.id)


def _make(deps: Deps, subject: str, message: Message, question: instruments.Question) -> None:
    """Make one answer, until it is finished, failed, stopped or deleted."""
    record = Record(deps, subject, message.id)
    latest = Progress(asked=message.asked, whole=message.whole)
    state, error = State.DONE, ""
    try:
        for latest in _progress(deps, subject, message):
            question.grew(words=bool(latest.parts))
            if not record.put(latest, state=State.ANSWERING):
                question.outcome = "stopped"
                break
        else:
            question.outcome = "abstained" if latest.abstained else "answered"
    except (SituateError, DatabaseAway) as problem:
        log.info("the answer ends with an error: %s", problem)
        state, error = State.FAILED, str(problem)
    except Exception:
        log.exception("answer %s failed", message.id)
        state, error = State.FAILED, BROKEN
        raise
    finally:
        record.put(latest, state=state, error=error)
        record.close()


BROKEN = "Something went wrong inside Situate; its log says what. What was written so far is kept."


def _progress(deps: Deps, subject: str, message: Message) -> Iterator[Progress]:
    """The answer as it grows. An absence of the database before there is any text begins it again."""
    setting = outlast(lambda: _setting(deps, subject, message))
    steps, first = outlast(lambda: _begun(deps, subject, message, setting))
    yield replace(first, notes=(*setting.notes, *first.notes))
    for step in steps:
        yield replace(step, notes=(*setting.notes, *step.notes))


def _begun(deps: Deps, subject: str, message: Message, setting: Setting) -> tuple[Iterator[Progress], Progress]:
    """An answer whose sources are known."""
    steps = answer.answer(
        deps,
        subject,
        message.question,
        selection=setting.selection,
        history=setting.history,
        message_id=message.id,
        asked=message.asked or None,
        whole=message.whole,
    )
    return steps, next(steps)


def _setting(deps: Deps, subject: str, message: Message) -> Setting:
    with as_subject(deps.pool, subject) as connection:
        held = rows.conversation(connection, message.conversation_id)
        if held is None:  # deleted just now
            raise ConversationGone
        selection = held.selection
        earlier = [m for m in rows.messages(connection, message.conversation_id) if m.id < message.id and m.finished]
        ready, expected = version_rows.readiness(connection, selection)
    if () in (selection.collections, selection.documents):
        raise NothingToSearch("The documents that this conversation was about have been deleted. Choose others to ask.")
    return Setting(
        selection=selection,
        history=tuple(Turn(question=m.question, answer="".join(p.text for p in m.parts)) for m in earlier),
        notes=(f"{ready:,} of {expected:,} documents are ready; those were asked.",) if 0 < ready < expected else (),
    )


class Record:
    """What is stored of an answer: always its latest state, by a thread of its own."""

    def __init__(self, deps: Deps, subject: str, message_id: int) -> None:
        self._deps, self._subject, self._message_id = deps, subject, message_id
        self._changed = threading.Condition()
        self._latest: tuple[Progress, State, str] | None = None  # what is still to be written
        self._trace: dict[str, Any] | None = None
        self._wanted = True
        self._closed = False
        self._thread = threading.Thread(target=inherited(self._keep), name=f"record-{message_id}", daemon=True)
        self._thread.start()

    def put(self, progress: Progress, *, state: State, error: str = "") -> bool:
        """Have this written in the place of all before; False when nothing more is wanted."""
        with self._changed:
            self._latest = progress, state, error
            self._trace = progress.trace or self._trace
            self._changed.notify()
            return self._wanted

    def close(self) -> None:
        """Wait until the last of it is written."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while self._wanted and not self._ended():
                outlast(self._write)
        except DatabaseAway:
            log.warning("answer %s could not be stored: the database stayed away", self._message_id)
        except Exception:
            log.exception("answer %s could not be stored", self._message_id)
            with as_subject(self._deps.pool, self._subject) as connection:
                rows.fail(connection, self._message_id, BROKEN)
            raise
        finally:
            self._wanted = False

    def _ended(self) -> bool:
        """Wait for something to write, or for the next beat; True when all is written."""
        with self._changed:
            self._changed.wait_for(lambda: self._latest is not None or self._closed, timeout=BEAT)
            return self._closed and self._latest is None

    def _write(self) -> None:
        """What is the latest now, or a sign of life."""
        with self._changed:
            latest, trace = self._latest, self._trace
        with as_subject(self._deps.pool, self._subject) as connection:
            if latest is None:
                wanted = rows.beat(connection, self._message_id)
            else:
                progress, state, error = latest
                wanted = rows.grow(
                    connection,
                    self._message_id,
                    state=state,
                    parts=progress.parts,
                    citations=progress.citations,
                    abstained=progress.abstained,
                    model=progress.model,
                    is_extract=progress.is_extract,
                    asked=progress.asked,
                    left_out=progress.left_out,
                    whole=progress.whole,
                    dropped=progress.dropped,
                    notes=progress.notes,
                    error=error,
                )
                if wanted and trace is not None:
                    rows.put_trace(connection, self._message_id, trace)
        with self._changed:
            self._wanted = wanted
            if self._latest is latest:
                self._latest = None
            if self._trace is trace:
                self._trace = None
