"""A call that must not keep a person waiting."""

from __future__ import annotations

import threading

import pytest

from rag import deadline
from rag.deadline import within
from rag.errors import TransientProviderError


def test_a_result_in_time_is_the_calls_own():
    assert within(5, "slow", lambda: 42) == 42


def test_an_exception_is_the_calls_own_even_a_time_out():
    with pytest.raises(ZeroDivisionError):
        within(5, "slow", lambda: 1 / 0)

    def timed_out():
        raise TimeoutError("the call's own")

    with pytest.raises(TimeoutError, match="own"):
        within(5, "slow", timed_out)


def test_a_late_call_is_abandoned_and_goes_on_beside():
    gate, ended = threading.Event(), threading.Event()

    def late():
        gate.wait(5)
        ended.set()

    with pytest.raises(TransientProviderError, match="slow took longer"):
        within(0.01, "slow", late)
    gate.set()
    assert ended.wait(5)


def test_abandoned_calls_do_not_pile_up():
    gate, begun = threading.Event(), []

    def late():
        begun.append(1)
        gate.wait(5)

    for _ in range(deadline.MOST + 3):
        with pytest.raises(TransientProviderError, match="slow took longer"):
            within(0.01, "slow", late)
    assert len(begun) == deadline.MOST
    gate.set()
    assert within(5, "slow", lambda: "again") == "again"
