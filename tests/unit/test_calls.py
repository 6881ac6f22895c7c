"""Many calls: caches warmed before they are read, no more in flight than the provider bears, everybody waits when it asks for it."""

from __future__ import annotations

import itertools
import random
import threading
import time
from dataclasses import dataclass, field

import pytest

from rag import calls
from rag.calls import Answer, Call, Pace, Round
from rag.errors import PermanentProviderError, ProviderError, RejectedRequest, TransientProviderError
from rag.providers import Prompt, Usage, Written


def windows(*sizes: int, cached: bool = True) -> list[list[Call]]:
    made, ord_ = [], 0
    for number, size in enumerate(sizes):
        prompts = [Prompt(system="", prefix=f"window {number}", suffix=str(ord_ + at), cached=cached, most_tokens=9) for at in range(size)]
        made.append([Call(ord=ord_ + at, prompt=prompt) for at, prompt in enumerate(prompts)])
        ord_ += size
    return made


@dataclass
class Model:
    """Writes after a moment, and fails where told; keeps what happened when."""

    moment: float = 0.002
    fails: list[ProviderError | None] = field(default_factory=list)  # of the next calls
    never: dict[str, ProviderError] = field(default_factory=dict)  # suffix -> its error, each time
    log: list[tuple[str, str, str]] = field(default_factory=list)  # (began or ended, prefix, suffix)
    most: int = 0  # in flight at once
    _flying: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, prompt: Prompt) -> Written:
        with self._lock:
            self._flying += 1
            self.most = max(self.most, self._flying)
            self.log.append(("began", prompt.prefix, prompt.suffix))
            error = self.fails.pop(0) if self.fails else self.never.get(prompt.suffix)
        time.sleep(self.moment)
        with self._lock:
            self._flying -= 1
            self.log.append(("ended", prompt.prefix, prompt.suffix))
        if error:
            raise error
        return Written(text=prompt.suffix, usage=Usage(model="m"))

    def round(self, made: list[list[Call]], pulse=lambda: None) -> Round:
        return Round(self.write, made, pulse=pulse)


def texts(answers: list[Answer]) -> list[int]:
    return sorted(answer.call.ord for answer in answers if isinstance(answer.result, Written))


def gathered(run: Round) -> tuple[list[Answer], Exception | None]:
    """The answers of a round, and what it ended with."""
    answers = []
    try:
        for answer in run:
            answers.append(answer)  # noqa: PERF402 - what came before an error counts
    except (ProviderError, Stop) as error:
        return answers, error
    return answers, None


class Stop(Exception):
    pass


def overloaded(retry_after: float | None = 0.001) -> TransientProviderError:
    return TransientProviderError("overloaded", retry_after=retry_after)


def test_every_call_is_answered_once() -> None:
    model = Model()
    assert texts(list(model.round(windows(5, 1, 30)))) == list(range(36))
    assert sum(event == "began" for event, _, _ in model.log) == 36


def test_the_first_call_of_a_window_ends_before_its_others_begin() -> None:
    model = Model(moment=0.01)
    list(model.round(windows(6, 6, 6)))
    for number in range(3):
        events = [event for event, prefix, _ in model.log if prefix == f"window {number}"]
        assert events[:2] == ["began", "ended"]
        assert events[2:5] == ["began"] * 3, "the others fan out"


def test_plain_windows_need_no_first_call() -> None:
    model = Model(moment=0.02)
    list(model.round(windows(6, cached=False)))
    assert [event for event, _, _ in model.log[: calls.FIRST]] == ["began"] * calls.FIRST


def test_a_window_is_finished_before_one_far_behind_it_begins() -> None:
    model = Model()
    list(model.round(windows(8, 8, 8, 8)))
    began = [prefix for event, prefix, _ in model.log if event == "began"]
    assert began.index("window 2") > max(at for at, prefix in enumerate(began) if prefix == "window 0")
    assert began.index("window 3") > max(at for at, prefix in enumerate(began) if prefix == "window 1")


def test_a_failed_first_call_is_repeated_before_the_others_begin() -> None:
    model = Model(moment=0.01, fails=[overloaded()])
    assert texts(list(model.round(windows(5)))) == list(range(5))
    assert [(event, suffix) for event, _, suffix in model.log[:4]] == [("began", "0"), ("ended", "0")] * 2


@pytest.mark.parametrize("share", [0.2, 0.4])
def test_a_storm_ends_with_every_chunk_answered_or_left_for_the_next_round(share: float) -> None:
    chance = random.Random(1)
    model = Model(fails=[overloaded() if chance.random() < share else None for _ in range(400)])
    answers = list(model.round(windows(40, 40, 40)))
    assert sorted(answer.call.ord for answer in answers) == list(range(120))
    assert len(texts(answers)) >= 117
    assert all(str(answer.result) == "overloaded" for answer in answers if not isinstance(answer.result, Written))


def test_what_is_in_flight_grows_with_success_and_is_bounded() -> None:
    model = Model(moment=0.005)
    list(model.round(windows(300)))
    assert calls.FIRST < model.most <= calls.MOST


def test_a_volley_of_refusals_halves_the_limit_once() -> None:
    pace = Pace(limit=8.0)
    sent = time.monotonic()
    for _ in range(5):
        pace.failed(sent, overloaded(0.0))
    assert pace.limit == 4.0
    pace.failed(time.monotonic(), overloaded(0.0))
    assert pace.limit == 2.0
    for _ in range(9):
        pace.failed(time.monotonic(), overloaded(0.0))
    assert pace.limit == 1.0
    for _ in range(6):
        pace.succeeded()
    assert 3.0 < pace.limit < 4.0


def test_a_wait_that_is_asked_for_holds_for_every_call() -> None:
    pace = Pace()
    pace.failed(time.monotonic(), overloaded(5.0))
    assert not pace.admits(0)
    assert pace.resume >= time.monotonic() + 4.5
    pace.failed(time.monotonic(), overloaded(1.0))
    assert pace.resume >= time.monotonic() + 4.5, "a shorter one does not cut it short"


def test_without_a_wait_asked_for_waits_grow() -> None:
    pace, waits = Pace(), []
    for _ in range(5):
        pace.resume = 0.0
        pace.failed(time.monotonic(), overloaded(None))
        waits.append(pace.resume - time.monotonic())
    assert all(after > 1.5 * before for before, after in itertools.pairwise(waits))


def test_a_long_wait_is_for_the_queue_and_what_was_answered_is_kept() -> None:
    model = Model(fails=[None, None, overloaded(3_600.0)])
    answers, error = gathered(model.round(windows(40)))
    assert isinstance(error, TransientProviderError)
    assert error.retry_after == 3_600
    assert len(texts(answers)) >= 2


def test_a_provider_that_stays_away_is_given_up() -> None:
    model = Model(fails=[overloaded()] * 1_000)
    with pytest.raises(TransientProviderError, match="overloaded"):
        list(model.round(windows(40)))
    assert len(model.log) / 2 <= calls.GIVE_UP + calls.FIRST


def test_one_chunk_that_always_fails_does_not_hold_up_the_others() -> None:
    model = Model(never={"7": overloaded()})
    answers = list(model.round(windows(20)))
    assert texts(answers) == [ord_ for ord_ in range(20) if ord_ != 7]
    assert [answer.call.ord for answer in answers if not isinstance(answer.result, Written)] == [7]


def test_a_rejected_chunk_is_not_repeated_and_the_others_go_on() -> None:
    model = Model(never={"3": RejectedRequest("too long")})
    answers = list(model.round(windows(20)))
    assert texts(answers) == [ord_ for ord_ in range(20) if ord_ != 3]
    assert sum((event, suffix) == ("began", "3") for event, _, suffix in model.log) == 1


def test_when_every_chunk_is_rejected_it_is_not_the_chunks() -> None:
    model = Model(fails=[RejectedRequest("malformed")] * 1_000)
    with pytest.raises(RejectedRequest):
        list(model.round(windows(40)))
    assert len(model.log) / 2 <= calls.REJECTED + calls.FIRST


def test_a_permanent_error_ends_the_round_and_what_is_in_flight_is_kept() -> None:
    model = Model(moment=0.01, fails=[None, PermanentProviderError("no such key")])
    answers, error = gathered(model.round(windows(40)))
    assert str(error) == "no such key"
    assert len(answers) == len(model.log) / 2 - 1


def test_work_that_is_given_back_keeps_the_answers_in_flight() -> None:
    def pulse() -> None:
        if len(model.log) > 10:
            raise Stop

    model = Model(moment=0.01)
    answers, error = gathered(model.round(windows(40), pulse))
    assert isinstance(error, Stop)
    assert len(answers) == sum(event == "began" for event, _, _ in model.log) < 40
