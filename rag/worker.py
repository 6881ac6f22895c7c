"""A worker: a process that works on several documents at once, and lasts through whatever becomes of the database."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress

from procrastinate import App, PsycopgConnector, signals
from procrastinate.exceptions import ConnectorException
from procrastinate.worker import Worker

from db import AWAY, DatabaseAway, as_subject, session
from db import jobs as job_rows
from rag import reclaiming
from rag.deps import Deps

log = logging.getLogger(__name__)

LANES = min(max(2, os.cpu_count() or 1), 4)  # documents at a time: while one is embedded, others are read and written
STALLED = 30.0  # seconds without a heartbeat after which a worker counts as dead
RECLAIM = 5.0  # seconds between two looks for the work of dead workers
POLL = 0.5  # seconds between two looks for jobs that nothing announces: those whose document has just become free
LOOK = 0.1  # seconds between two looks whether a worker may stop
GRACE = 0.5  # seconds a stopping worker waits before it asks its jobs to give the work back
PATIENCE = 10.0  # seconds between two attempts to reach the database, at most

Done = Callable[[int], bool]  # whether the worker of that id may stop


def run(app: App, deps: Deps, *, wait: bool, until: Callable[[], bool] | None) -> None:
    """Work off the app's queue until stopped by SIGINT or SIGTERM; what was begun is given back then.

    With wait=False until nothing is left that could begin now, with `until` until that says so. Only then does a database that goes away
    raise DatabaseAway or ConnectorException; a worker that lasts waits for it.
    """
    done: Done | None = None
    if until is not None:
        done = lambda _: until()  # noqa: E731 - one of two
    elif not wait:
        done = lambda worker_id: _is_idle(deps, worker_id)  # noqa: E731
    begun: set[int] = set()  # jobs of this process, some of which could not be ended
    away, pause = False, 0.0
    while True:
        try:
            _tidy(deps, begun, again=away)
            away, pause = False, 0.0
            asyncio.run(_work(app, deps, done=done, begun=begun))
        except (ConnectorException, DatabaseAway):
            if done is not None:
                raise
        else:
            return
        if not away:
            log.warning("The database does not answer; the worker waits for it.")
        time.sleep(pause)  # at first not at all: what was begun is taken back before another worker holds a death against it
        away, pause = True, min(2 * pause or 0.5, PATIENCE)


def _tidy(deps: Deps, begun: set[int], *, again: bool) -> None:
    """Free what this process, or dead ones, left under way. Raises DatabaseAway."""
    reclaiming.release(deps, begun)
    begun.clear()
    reclaiming.reclaim(deps, STALLED)
    if again:
        log.info("The database answers again.")


async def _work(app: App, deps: Deps, *, done: Done | None, begun: set[int]) -> None:
    """One run of the queue's own worker, until it is asked to stop. Raises ConnectorException, DatabaseAway."""
    connector = PsycopgConnector(conninfo=deps.url, timeout=5, kwargs={"options": session(deps.url), "connect_timeout": 5})
    with app.replace_connector(connector) as working:
        async with working.open_async():
            worker = Worker(
                app=working,
                queues=["documents"],
                concurrency=LANES,
                fetch_job_polling_interval=POLL,
                shutdown_graceful_timeout=GRACE,
                update_heartbeat_interval=STALLED / 3,
                stalled_worker_timeout=STALLED,
                delete_jobs="always",
                install_signal_handlers=False,
                additional_context={"deps": deps, "begun": begun},
            )
            asked = asyncio.Event()

            def stop() -> None:
                asked.set()
                worker.stop()  # type: ignore[no-untyped-call]

            with nullcontext() if done else signals.on_stop(stop):
                running = asyncio.create_task(worker.run())  # type: ignore[no-untyped-call]
                try:
                    await _watch(deps, worker, running, done=done, stop=stop, begun=begun)
                except BaseException:
                    stop()
                    with suppress(ConnectorException):
                        await running
                    raise
    if not asked.is_set():  # one of its connections was cut, and it ended by itself
        raise DatabaseAway(AWAY)


async def _watch(
    deps: Deps, worker: Worker, running: asyncio.Task[None], *, done: Done | None, stop: Callable[[], None], begun: set[int]
) -> None:
    """Until the worker has ended: stop it when it may stop, and let it have the work of dead ones. Raises ConnectorException, DatabaseAway."""
    reclaimed = time.monotonic()
    while not running.done():
        await asyncio.wait({running}, timeout=LOOK)
        if done is not None and worker.worker_id is not None and await asyncio.to_thread(done, worker.worker_id):
            stop()
        if time.monotonic() - reclaimed > RECLAIM:
            reclaimed = time.monotonic()
            with suppress(DatabaseAway):  # the worker itself finds out
                await asyncio.to_thread(reclaiming.reclaim, deps, STALLED, mine=frozenset(begun))
    await running


def _is_idle(deps: Deps, worker_id: int) -> bool:
    with as_subject(deps.pool, deps.settings.subject) as connection:
        return job_rows.is_idle(connection, worker_id)
