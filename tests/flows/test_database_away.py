"""The database goes away in the middle and comes back: a sentence meanwhile, nothing lost, everything works again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from db import DatabaseAway, DatabaseFull, as_subject, embedded, migrate, open_pool
from db.documents import Status
from rag import conversation, jobs, library
from rag.deps import Deps, build
from rag.settings import Settings
from tests import pdfs
from tests.conftest import FAKES
from tests.flows.conftest import ROOT, SUBJECT, until
from tests.folders import open_folder


def postmaster(home: Path) -> int:
    return int((home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])


def eventually(condition: Callable[[], bool], *, seconds: float = 30) -> bool:
    """The pool looks for its server again in growing intervals, and a job that met an absent one is tried again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(DatabaseAway):
            if condition():
                return True
        time.sleep(0.2)
    return False


def worked_off(deps: Deps, document_id: int) -> bool:
    jobs.run_worker(deps, wait=False)
    return library.document(deps, SUBJECT, document_id).status is Status.READY


def test_a_full_disk_is_told_as_what_it_is(deps: Deps) -> None:
    with pytest.raises(DatabaseFull, match="free some space"), as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("do $$ begin raise disk_full; end $$")


def test_after_an_outage_the_library_is_there_and_answers() -> None:
    with open_folder() as folder:
        home = folder / "home"
        server = embedded.start(home, settings={"fsync": "off"})
        try:
            migrate.migrate(server.url)
            with open_pool(server.url, patience=1) as pool:
                deps = build(Settings(home=home, **FAKES), pool=pool, url=server.url)
                taken = library.upload(deps, SUBJECT, filename="report.pdf", content=pdfs.report())
                server.leave()
                with pytest.raises(DatabaseAway, match="Nothing is lost"):
                    library.documents(deps, SUBJECT)
                with pytest.raises(DatabaseAway):
                    conversation.ask(deps, SUBJECT, "Who leads the board?")
                server = embedded.start(home, settings={"fsync": "off"})
                assert eventually(lambda: worked_off(deps, taken.document_id))
                assert conversation.ask(deps, SUBJECT, "Who leads the board?").id
        finally:
            server.leave()


def test_a_worker_lasts_through_the_end_of_its_database_and_goes_on_with_the_document() -> None:
    with open_folder() as folder:
        home = folder / "home"
        server = embedded.start(home)
        log = folder / "log"
        with log.open("w") as stderr, contextlib.ExitStack() as ending:
            ending.callback(server.leave)
            migrate.migrate(server.url)
            worker = subprocess.Popen([sys.executable, "-m", "tests.flows.worker_process", server.url, "--logs"], cwd=ROOT, stderr=stderr)
            ending.callback(worker.wait)
            ending.callback(worker.kill)
            pool = ending.enter_context(open_pool(server.url))
            deps = build(Settings(home=home, **FAKES), pool=pool, url=server.url)
            document_id = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(240)).document_id
            half_way = until(deps, document_id, lambda d: d.stage == "embedding" and d.done > 0)
            os.kill(postmaster(home), signal.SIGKILL)
            assert eventually(lambda: "the worker waits for it" in log.read_text(), seconds=90)
            server.revive()
            document = until(deps, document_id, lambda d: d.status is Status.READY or d.done < half_way.done, seconds=120)
            assert document.status is Status.READY, "no finished work was repeated"
            assert document.attempts == 0
            assert worker.poll() is None
            told = log.read_text()
            assert "Traceback" not in told, told
            assert told.count("does not answer; the worker waits") == told.count("answers again") == 1
            assert len(told.splitlines()) < 30
