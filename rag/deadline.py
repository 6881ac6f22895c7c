"""A call that must not keep a person waiting: run beside the caller, and abandoned when its time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

MOST = 8  # calls under way at once, abandoned ones included: their own time-outs end them

_slots = threading.BoundedSemaphore(MOST)


class DeadlinePassed(Exception):
    """The call has no result within its time, or none was started because too many are unanswered."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """The call's result, or its exception. Raises DeadlinePassed; the call then goes on in its thread, and its result is dropped."""
    ends = time.monotonic() + seconds
    if not _slots.acquire(timeout=seconds):
        raise DeadlinePassed
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            result.set_exception(error)
        finally:
            _slots.release()

    # a daemon: a call that nobody waits for does not hold up the end of the process
    threading.Thread(target=run, name="deadline", daemon=True).start()
    try:
        return result.result(timeout=max(0.0, ends - time.monotonic()))
    except TimeoutError as error:
        if result.done():  # the call's own
            raise
        raise DeadlinePassed from error
