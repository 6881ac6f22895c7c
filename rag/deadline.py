"""A call that must not keep a person waiting: run beside the caller, and abandoned when its time is up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from rag.errors import TransientProviderError
from rag.logs import inherited

T = TypeVar("T")

MOST = 8  # calls under way at once, abandoned ones included: their own time-outs end them
CALLS = threading.BoundedSemaphore(MOST)


def within(seconds: float, name: str, call: Callable[[], T], *, slots: threading.BoundedSemaphore = CALLS) -> T:
    """The call's result, or its exception. Raises TransientProviderError when there is none in time, or none could be started in time.

    The call then goes on in its thread, and its result is dropped. `name` is whose call it is. What must
    not wait for providers has slots of its own.
    """
    ends = time.monotonic() + seconds
    if not slots.acquire(timeout=seconds):
        raise _late(name, seconds)
    result: Future[T] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            result.set_exception(error)
        finally:
            slots.release()

    # a daemon: a call that nobody waits for does not hold up the end of the process
    threading.Thread(target=inherited(run), name="deadline", daemon=True).start()
    try:
        return result.result(timeout=max(0.0, ends - time.monotonic()))
    except TimeoutError as error:
        if result.done():  # the call's own
            raise
        raise _late(name, seconds) from error


def _late(name: str, seconds: float) -> TransientProviderError:
    return TransientProviderError(f"{name} took longer than its limit of {seconds:g} s.")
