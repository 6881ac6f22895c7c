"""The database goes away in the middle of an answer and comes back: what was written meanwhile is stored."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from db import DatabaseAway, DatabaseLeft, as_subject, embedded, migrate, open_pool
from db.conversations import State
from rag import answer, conversation, jobs, library, outage, usage
from rag.deps import Deps, build
from rag.outage import outlast
from rag.providers import Meter, unmetered
from rag.providers.fake import FakeEmbedder
from rag.settings import Settings
from tests import pdfs
from tests.conftest import FAKES
from tests.flows.asking import PATIENCE, eventually, finished, gated, produced
from tests.flows.conftest import SUBJECT
from tests.folders import open_folder

QUESTION = "Who leads the board of Meridian Instruments?"


@dataclass(frozen=True, kw_only=True)
class House:
    """A library on a server of its own."""

    deps: Deps
    server: embedded.Server
    home: Path

    def kill(self) -> None:
        pid = int((self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGKILL)
        assert _true(lambda: not self._answers())

    def revive(self) -> None:
        assert _true(self.server.revive)
        assert _true(self._answers)  # the pool has noticed

    def _answers(self) -> bool:
        try:
            library.documents(self.deps, SUBJECT)
        except DatabaseAway:
            return False
        return True


def _true(condition: Callable[[], bool]) -> bool:
    waited = threading.Event()
    return any(condition() or waited.wait(0.1) for _ in range(int(PATIENCE * 10)))


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with open_folder() as folder:
        home = folder / "home"
        server = embedded.start(home, settings={"fsync": "off"})
        try:
            migrate.migrate(server.url)
            with open_pool(server.url, patience=1) as pool:
                deps = build(Settings(home=home, **FAKES), pool=pool, url=server.url)
                library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report())
                jobs.run_worker(deps, wait=False)
                yield House(deps=deps, server=server, home=home)
        finally:
            server.leave()


@dataclass(frozen=True, kw_only=True)
class GatedEmbedder(FakeEmbedder):
    """Embeds a question once the gate is open, and says when it is there."""

    reached: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)

    def embed_query(self, text: str, meter: Meter = unmetered, /) -> NDArray[np.float32]:
        self.reached.set()
        assert self.gate.wait(PATIENCE)
        return super().embed_query(text, meter)


def test_what_is_written_during_an_outage_is_stored_after_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    deps, model = gated(house.deps)
    message = conversation.ask(deps, SUBJECT, QUESTION)
    eventually(deps, message.id, lambda m: bool(m.parts))
    house.kill()
    model.gate.set()  # the model ends its answer, and its bill is due
    house.revive()
    produced(message)
    done = finished(deps, message)
    assert (done.state, [part.text for part in done.parts], done.error) == (State.DONE, ["The first. ", "The last."], "")
    assert len(conversation.follow(deps, SUBJECT, message.id)[1]) == 1
    assert conversation.trace(deps, SUBJECT, message.id) is not None
    assert usage.of_answer(deps, SUBJECT, message.id) is not None


def test_an_outage_before_the_search_delays_the_answer(house: House) -> None:
    embedder = GatedEmbedder()
    deps = replace(house.deps, embedder=embedder)
    message = conversation.ask(deps, SUBJECT, QUESTION)
    assert embedder.reached.wait(PATIENCE)
    house.kill()
    embedder.gate.set()
    house.revive()
    done = finished(deps, message)
    assert done.state is State.DONE
    assert done.parts


def test_an_outage_that_lasts_leaves_what_was_stored_as_interrupted(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    monkeypatch.setattr(outage, "LONGEST", 0.0)
    deps, model = gated(house.deps)
    message = conversation.ask(deps, SUBJECT, QUESTION)
    eventually(deps, message.id, lambda m: bool(m.parts))
    house.kill()
    model.gate.set()
    produced(message)
    house.revive()
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update messages set beat_at = now() - interval '1 minute' where id = %s", [message.id])
    interrupted, _ = conversation.follow(deps, SUBJECT, message.id)
    assert interrupted is not None
    assert (interrupted.state, [part.text for part in interrupted.parts]) == (State.INTERRUPTED, ["The first. "])
    assert finished(house.deps, conversation.regenerate(house.deps, SUBJECT, message.id)).state is State.DONE


def test_only_the_databases_absence_is_outlasted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outage, "PAUSE", 0.0)
    errors: list[Exception] = [DatabaseAway(), DatabaseAway()]

    def attempt() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert outlast(attempt) == "done"
    for error in (DatabaseLeft(), ValueError()):
        errors.append(error)
        with pytest.raises(type(error)):
            outlast(attempt)
