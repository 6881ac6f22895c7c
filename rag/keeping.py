"""Who keeps the embedded Postgres: every process that lasts, and whichever of them notices first (decision 37)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from db import DatabaseRefused, embedded
from rag.settings import Settings, forget_libpq

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds between two looks whether the embedded server lives


@contextmanager
def database(settings: Settings, *, lasting: bool) -> Iterator[str]:
    """The address of the database. The embedded one is started, or attached to, and has this process among its users while the block runs.

    A process that lasts also starts it again when it dies; another finds out by itself that it is away, and ends. Somebody else keeps the
    database that DATABASE_URL names. Raises DatabaseRefused.
    """
    forget_libpq(embedded=not settings.database_url)
    if settings.database_url:
        yield settings.database_url
        return
    server = embedded.start(settings.home)
    try:
        if lasting:
            with _kept(server):
                yield server.url
        else:
            yield server.url
    finally:
        server.leave()


@contextmanager
def _kept(server: embedded.Server) -> Iterator[None]:
    stopping = threading.Event()
    keeper = threading.Thread(target=_keep, args=(server, stopping), name="database-keeper")
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        keeper.join()


def _keep(server: embedded.Server, stopping: threading.Event) -> None:
    """Several processes may do this at once: the server's own lock lets one of them start it, and the others find it running."""
    told = ""
    while not stopping.wait(LOOK):
        try:
            if server.revive():
                log.warning("The embedded Postgres had ended and was started again.")
            told = ""
        except (DatabaseRefused, OSError) as error:
            if str(error) != told:  # a full disk may last
                log.warning("The embedded Postgres has ended, and starting it again failed: %s", error)
            told = str(error)
