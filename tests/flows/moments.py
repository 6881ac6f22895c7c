"""Something else happening at a moment of a piece of work: at its n-th statement, in the middle of whatever transaction that belongs to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import pytest

PATIENCE = 30.0  # seconds; what takes longer is stuck


class Moment:
    """Counts the statements of the thread that made it, and acts at one of them.

    The work goes on once what was begun has ended, or waits for a lock that the work holds.
    """

    def __init__(self, url: str, at: int, act: Callable[[], object]) -> None:
        self._url, self._left, self._act = url, at, act
        self._thread = threading.get_ident()
        self._helper = ThreadPoolExecutor(max_workers=1)
        self._begun: Future[object] | None = None

    def pass_by(self) -> None:
        if threading.get_ident() != self._thread:
            return
        self._left -= 1
        if not self._left:
            self._begun = self._helper.submit(self._act)
            self._until_it_waits(self._begun)

    def _until_it_waits(self, begun: Future[object]) -> None:
        execute = _execute  # not counted
        with psycopg.connect(self._url, autocommit=True) as connection:
            deadline = time.monotonic() + PATIENCE
            while not begun.done() and time.monotonic() < deadline:
                waiting = execute(
                    connection, "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
                ).fetchone()
                if waiting and waiting[0]:
                    return
                time.sleep(0.002)  # Postgres tells nobody that somebody waits
        assert begun.done(), "it neither ends nor waits"

    def end(self) -> bool:
        """Whether the work came to that moment at all. Raises what the act raised."""
        self._helper.shutdown()
        if self._begun is not None:
            self._begun.result(timeout=PATIENCE)
        return self._begun is not None


_execute = psycopg.Connection.execute


def meanwhile(
    url: str, work: Callable[[], object], at: int, act: Callable[[], object], *, suffering: type[Exception] | None = None
) -> bool:
    """Do the work, and at its n-th statement the act. False when the work has fewer. It may end by `suffering` from the act."""
    moment = Moment(url, at, act)

    def execute(connection: psycopg.Connection[Any], *arguments: Any, **options: Any) -> Any:
        moment.pass_by()
        return _execute(connection, *arguments, **options)

    with pytest.MonkeyPatch.context() as patched, suppress(*([suffering] if suffering else [])):
        patched.setattr(psycopg.Connection, "execute", execute)
        work()
    return moment.end()
