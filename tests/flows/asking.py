"""Asking, and waiting for what becomes of it; a model that goes on when it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from db.conversations import Message
from db.documents import Selection
from rag import conversation
from rag.deps import Deps
from rag.providers import BlockEnd, Cite, Passage, Text, Turn, Usage
from rag.providers.fake import FakeAnswerer
from tests.flows.conftest import SUBJECT

PATIENCE = 30.0  # seconds; what takes longer is stuck


def eventually(deps: Deps, message_id: int, condition: Callable[[Message], bool]) -> Message:
    """The message once it is so."""
    until = time.monotonic() + PATIENCE
    latest = None
    while time.monotonic() < until:
        latest, _ = conversation.follow(deps, SUBJECT, message_id)
        if latest and condition(latest):
            return latest
        time.sleep(0.02)
    pytest.fail(f"it stayed {latest}")


def finished(deps: Deps, message: Message) -> Message:
    """The message once its answer has ended."""
    return eventually(deps, message.id, lambda m: m.finished)


def produced(message: Message) -> None:
    """Wait until nothing of this process works on the answer any more."""
    for thread in threading.enumerate():
        if thread.name == f"answer-{message.id}":
            thread.join(PATIENCE)
            assert not thread.is_alive()


def asked(deps: Deps, question: str, conversation_id: int | None = None, *, selection: Selection | None = None) -> Message:
    """A question with its answer."""
    return finished(deps, conversation.ask(deps, SUBJECT, question, conversation_id=conversation_id, selection=selection))


@dataclass(frozen=True, kw_only=True)
class Gated(FakeAnswerer):
    """Cites the first passage, and ends its answer once the gate is open."""

    gate: threading.Event = field(default_factory=threading.Event)
    heard: list[tuple[str, tuple[Turn, ...]]] = field(default_factory=list)  # questions with their history

    @property
    def is_extract(self) -> bool:
        return False

    def stream(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False
    ) -> Iterator[Text | Cite | BlockEnd | Usage]:
        self.heard.append((question, tuple(history)))
        sentence = passages[0].sentences[0]
        yield Text(text="The first. ")
        yield Cite(passage=0, first=0, last=1, quote=sentence)
        yield BlockEnd()
        assert self.gate.wait(PATIENCE)
        yield Text(text="The last.")
        yield BlockEnd()
        yield Usage(model=self.name, output_tokens=4)


def gated(deps: Deps) -> tuple[Deps, Gated]:
    """Each event of an answer is stored before the gate is waited for, where `answer.STEP` is 0."""
    answerer = Gated()
    return replace(deps, answerers=(answerer,)), answerer
