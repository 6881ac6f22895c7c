"""What is left of an answer when something happens in the middle: a reload, a second tab, another process, a kill, an overload."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from db import as_subject
from db import conversations as rows
from db.conversations import Message, State
from db.documents import Selection
from rag import answer, conversation, producer
from rag.deps import Deps
from rag.producer import BROKEN
from tests import pdfs
from tests.flows.asking import Gated, asked, eventually, finished, gated, produced
from tests.flows.conftest import ROOT, SUBJECT, Index
from tests.standin import AnthropicServer

QUESTION = "Who leads the board of Meridian Instruments?"
Asking = Callable[[float], tuple[subprocess.Popen[str], int]]


@pytest.fixture
def web_process(deps: Deps) -> Iterator[Asking]:
    """Ask in a process of its own, whose model takes so many seconds a word; the process, and the message."""
    started: list[subprocess.Popen[str]] = []

    def ask(delay: float) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-m", "tests.flows.answering_process", deps.url, QUESTION, str(delay)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        stdout = started[-1].stdout
        assert stdout is not None
        return started[-1], int(stdout.readline())

    yield ask
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def silence(deps: Deps, message_id: int) -> None:
    """As if the last sign of life were long ago."""
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update messages set beat_at = now() - interval '1 minute' where id = %s", [message_id])


def text(message: Message) -> str:
    return "".join(part.text for part in message.parts)


def test_any_process_follows_an_answer_that_another_writes(deps: Deps, index: Index, web_process: Asking) -> None:
    index(deps, pdfs.report())
    _, message_id = web_process(0.05)
    growing = eventually(deps, message_id, lambda m: len(text(m)) > 0)
    grown = eventually(deps, message_id, lambda m: len(text(m)) > len(text(growing)))
    assert text(grown).startswith(text(growing)[:20])
    assert conversation.trace(deps, SUBJECT, message_id) is not None
    assert eventually(deps, message_id, lambda m: m.finished).state is State.DONE


def test_a_killed_process_leaves_what_it_wrote_and_the_question_can_be_asked_again(deps: Deps, index: Index, web_process: Asking) -> None:
    index(deps, pdfs.report())
    process, message_id = web_process(0.2)
    eventually(deps, message_id, lambda m: "and so on" in text(m))
    process.kill()
    process.wait()
    silence(deps, message_id)
    message, citations = conversation.follow(deps, SUBJECT, message_id)
    assert message is not None
    assert message.state is State.INTERRUPTED
    assert "and so on" in text(message)
    assert [c.number for c in citations] == [1]
    assert conversation.trace(deps, SUBJECT, message_id) is not None
    again = finished(deps, conversation.regenerate(deps, SUBJECT, message_id))
    assert again.state is State.DONE
    assert again.replaces
    conversation.bring_back(deps, SUBJECT, again.id)
    (back,) = conversation.messages(deps, SUBJECT, message.conversation_id)
    assert replace(back, replaces=False) == message


def test_a_follow_up_goes_on_from_an_interrupted_answer(deps: Deps, index: Index, web_process: Asking) -> None:
    index(deps, pdfs.report())
    process, message_id = web_process(0.2)
    written = eventually(deps, message_id, lambda m: "and so on" in text(m))
    process.kill()
    process.wait()
    silence(deps, message_id)
    slow, model = gated(deps)
    model.gate.set()
    asked(slow, "And the laboratory?", written.conversation_id)
    ((_, (turn,)),) = model.heard
    assert turn.question == QUESTION
    assert "and so on" in turn.answer


def test_two_tabs_that_ask_at_once_each_get_their_answer(deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    held = asked(deps, QUESTION).conversation_id
    questions = [QUESTION + "?" * n for n in range(6)]
    with ThreadPoolExecutor(6) as tabs:
        messages = list(tabs.map(lambda q: conversation.ask(deps, SUBJECT, q, conversation_id=held), questions))
    ended = [finished(deps, message) for message in messages]
    assert {m.state for m in ended} == {State.DONE}
    assert all(m.parts for m in ended)
    shown = conversation.messages(deps, SUBJECT, held)
    assert sorted(m.question for m in shown) == sorted([QUESTION, *questions])
    assert [m.id for m in shown] == sorted(m.id for m in shown)


def test_a_second_tab_asks_while_the_first_answer_grows(deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    index(deps, pdfs.report())
    slow, model = gated(deps)
    first = conversation.ask(slow, SUBJECT, QUESTION)
    eventually(slow, first.id, lambda m: bool(m.parts))
    second = asked(deps, "Where is the foundry?", first.conversation_id)
    growing, _ = conversation.follow(deps, SUBJECT, first.id)
    assert growing is not None
    assert (second.state, growing.state) == (State.DONE, State.ANSWERING)
    model.gate.set()
    assert text(finished(slow, first)) == "The first. The last."


def test_only_what_runs_on_this_machine_waits_for_its_turn(deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search and an extract keep theirs until they are done; a model elsewhere writes as many answers at once as are asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Quoting(Gated):
        is_extract = True

    monkeypatch.setattr(answer, "STEP", 0.0)
    turn = threading.BoundedSemaphore(1)
    monkeypatch.setattr(answer, "_turns", turn)
    index(deps, pdfs.report())
    for model, free in ((Gated(), True), (Quoting(), False)):
        slow = replace(deps, answerers=(model,))
        messages = [conversation.ask(slow, SUBJECT, QUESTION) for _ in range(2)]
        for message in messages if free else messages[:0]:
            eventually(slow, message.id, lambda m: bool(m.parts))
        while not model.heard:
            time.sleep(0.01)
        assert turn.acquire(blocking=False) is free
        assert producer.under_way() == 2
        if free:
            turn.release()
        model.gate.set()
        assert {finished(slow, message).state for message in messages} == {State.DONE}
        for message in messages:
            produced(message)
        assert producer.under_way() == 0
    assert turn.acquire(blocking=False)


def test_an_answer_that_is_stopped_is_written_no_further(deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    index(deps, pdfs.report())
    slow, model = gated(deps)
    message = conversation.ask(slow, SUBJECT, QUESTION)
    eventually(slow, message.id, lambda m: bool(m.parts))
    conversation.stop(slow, SUBJECT, message.id)
    model.gate.set()
    produced(message)
    stopped, citations = conversation.follow(slow, SUBJECT, message.id)
    assert stopped is not None
    assert (stopped.state, text(stopped), len(citations)) == (State.STOPPED, "The first. ", 1)


def test_an_answer_that_was_cut_off_stays_interrupted_whatever_is_done_to_it(deps: Deps) -> None:
    """Nobody stopped it; who finds it later is to know that it was not wanted shorter."""
    with as_subject(deps.pool, SUBJECT) as connection:
        held = rows.start_conversation(connection, title="Foundry", selection=Selection())
        cut_off, growing = (rows.add_message(connection, conversation_id=held, question=QUESTION) for _ in range(2))
    silence(deps, cut_off)
    conversation.stop(deps, SUBJECT, cut_off)
    conversation.delete(deps, SUBJECT, held)
    conversation.undelete(deps, SUBJECT, held)
    found = {m.id: m.state for m in conversation.messages(deps, SUBJECT, held)}
    assert found == {cut_off: State.INTERRUPTED, growing: State.STOPPED}


def test_an_overload_in_mid_stream_keeps_what_was_written_and_asking_again_ends_it(
    agreed: Deps, index: Index, claude: AnthropicServer
) -> None:
    index(agreed, pdfs.report())
    claude.break_stream_after(8)
    message = finished(agreed, conversation.ask(agreed, SUBJECT, QUESTION))
    assert message.state is State.FAILED
    assert text(message)
    assert "overloaded" in message.error
    again = finished(agreed, conversation.regenerate(agreed, SUBJECT, message.id))
    assert again.state is State.DONE
    kept, _ = conversation.follow(agreed, SUBJECT, message.id)
    assert kept is not None
    assert (kept.parts, kept.error) == (message.parts, message.error)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_cannot_be_stored_is_told_as_failed(deps: Deps, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STEP", 0.0)
    index(deps, pdfs.report())
    slow, model = gated(deps)
    message = conversation.ask(slow, SUBJECT, QUESTION)
    eventually(slow, message.id, lambda m: bool(m.parts))

    def refused(*_arguments: object, **_options: object) -> bool:
        raise ValueError

    monkeypatch.setattr(rows, "grow", refused)
    model.gate.set()
    failed = finished(slow, message)
    assert (failed.state, failed.error, text(failed)) == (State.FAILED, BROKEN, "The first. ")
