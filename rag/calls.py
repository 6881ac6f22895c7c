"""Many calls to one provider: each window's cache is warmed by one call, then its chunks fan out, as many at once as the provider bears.

The number in flight grows by one for each round of answers and is halved when the provider is overloaded (additive increase,
multiplicative decrease: Chiu and Jain, 1989). A wait that the provider asks for holds for every call. Nothing here knows the database.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from rag.errors import ProviderError, RejectedRequest, TransientProviderError
from rag.logs import inherited
from rag.providers import Prompt, Written

FIRST, MOST = 4, 16  # calls in flight: at the beginning, and at the most
PATIENCE = 20.0  # seconds; a longer wait that the provider asks for ends the round, and the worker is free for other work
GIVE_UP = 10  # failures in a row that end the round
REJECTED = 5  # rejections in a row that end it: it is not the passages that will not do
TRIES = 5  # failures of one chunk in a round, after which the others go on without it
WARM = 270.0  # seconds after its last use in which a prefix counts as cached; the cache keeps it for 300
AHEAD = 2  # windows begun at once: the next one warms while the chunks of one fan out
LOOK = 0.5  # seconds between two looks at whether to stop
DRAIN = 10.0  # seconds in which calls in flight, which are paid, may still end when the work is given back


@dataclass(frozen=True, kw_only=True)
class Call:
    ord: int  # of the chunk; SUMMARY for the document's summary
    prompt: Prompt


SUMMARY = -1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a call: a text, or an error that stands for this round (transient) or for good (rejected)."""

    call: Call
    result: Written | ProviderError


@dataclass(kw_only=True)
class Pace:
    """How many calls may be in flight, and from when on."""

    limit: float = FIRST
    resume: float = 0.0  # time.monotonic() before which nothing is sent
    failures: int = 0  # in a row
    _halved: float = field(default=0.0, repr=False)  # when; calls sent before it do not halve again

    def admits(self, in_flight: int) -> bool:
        return in_flight < int(self.limit) and time.monotonic() >= self.resume

    def succeeded(self) -> None:
        self.failures = 0
        self.limit = min(MOST, self.limit + 1 / self.limit)

    def failed(self, sent: float, error: TransientProviderError) -> None:
        """One volley of refusals halves the limit once. Without a wait that was asked for, waits grow with the failures in a row."""
        now = time.monotonic()
        self.failures += 1
        if sent >= self._halved:
            self.limit, self._halved = max(1.0, self.limit / 2), now
        pause = error.retry_after if error.retry_after is not None else min(2.0 ** (self.failures - 1) / 4, PATIENCE)
        self.resume = max(self.resume, now + pause * random.uniform(1.0, 1.1))  # noqa: S311 - spreads calls, guards nothing

    def exhausted(self, error: TransientProviderError) -> bool:
        """Whether waiting on is for the queue."""
        return self.failures >= GIVE_UP or (error.retry_after or 0.0) > PATIENCE


@dataclass(kw_only=True, eq=False)
class _Window:
    """Calls that share a prefix."""

    waiting: deque[Call]
    cached: bool
    warmed: float = float("-inf")  # when its prefix was last written or read
    flying: int = 0  # calls in flight

    def ready(self, now: float) -> bool:
        """Whether another call may be sent: a cached prefix is usable only once the first response has begun."""
        return bool(self.waiting) and (not self.cached or now - self.warmed < WARM or not self.flying)


class Round:
    """One round over the calls that are missing. Iterate for their answers, as each arrives.

    Raises, after the answers of what was in flight: TransientProviderError when it gives up for now, PermanentProviderError when no
    further call can succeed, and whatever `pulse` raises.
    """

    def __init__(self, write: Callable[[Prompt], Written], windows: Sequence[Sequence[Call]], *, pulse: Callable[[], None]) -> None:
        self._write = write
        self._windows = [_Window(waiting=deque(calls), cached=calls[0].prompt.cached) for calls in windows if calls]
        self._pulse = pulse
        self._pace = Pace()
        self._flying: dict[Future[Written], tuple[_Window, Call, float]] = {}
        self._tries: dict[int, int] = {}
        self._rejected = 0  # since the last answer
        self._ended: BaseException | None = None  # why nothing more is sent
        self._deadline = float("inf")

    def __iter__(self) -> Iterator[Answer]:
        pool = ThreadPoolExecutor(max_workers=MOST, thread_name_prefix="situate")
        try:
            while self._flying or (self._ended is None and any(window.waiting for window in self._windows)):
                self._look()
                self._send(pool)
                yield from self._answers()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if self._ended is not None:
            raise self._ended

    def _look(self) -> None:
        if self._ended is None:
            try:
                self._pulse()
            except Exception as error:  # noqa: BLE001 - raised again once what is in flight has been kept
                self._ended, self._deadline = error, time.monotonic() + DRAIN
        elif time.monotonic() > self._deadline:
            self._flying.clear()

    def _send(self, pool: ThreadPoolExecutor) -> None:
        while self._ended is None and self._pace.admits(len(self._flying)):
            now = time.monotonic()
            begun = [window for window in self._windows if window.waiting or window.flying][:AHEAD]
            window = next((window for window in begun if window.ready(now)), None)
            if window is None:
                return
            call = window.waiting.popleft()
            window.flying += 1
            self._flying[pool.submit(inherited(self._write), call.prompt)] = (window, call, now)

    def _answers(self) -> Iterator[Answer]:
        pause = self._pace.resume - time.monotonic()
        until = min(LOOK, pause) if pause > 0 else LOOK
        if not self._flying:
            if self._ended is None and pause > 0:
                time.sleep(until)
            return
        done, _ = wait(self._flying, timeout=until, return_when=FIRST_COMPLETED)
        for future in done:
            window, call, sent = self._flying.pop(future)
            window.flying -= 1
            try:
                written = future.result()
            except ProviderError as error:
                yield from self._failed(window, call, sent, error)
            else:
                self._pace.succeeded()
                self._rejected = 0
                window.warmed = time.monotonic()
                yield Answer(call=call, result=written)

    def _failed(self, window: _Window, call: Call, sent: float, error: ProviderError) -> Iterator[Answer]:
        if isinstance(error, TransientProviderError):
            self._pace.failed(sent, error)
            self._tries[call.ord] = self._tries.get(call.ord, 0) + 1
            if self._pace.exhausted(error):
                self._end(error)
            if self._ended is None and self._tries[call.ord] < TRIES:
                window.waiting.appendleft(call)
                return
        elif isinstance(error, RejectedRequest):
            self._rejected += 1
            if self._rejected >= REJECTED:
                self._end(error)
        else:
            self._end(error)
            return
        yield Answer(call=call, result=error)

    def _end(self, error: ProviderError) -> None:
        self._ended = self._ended or error
