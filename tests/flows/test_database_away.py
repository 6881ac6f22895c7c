"""The database goes away in the middle and comes back: a sentence meanwhile, nothing lost, everything works again."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from db import DatabaseAway, embedded, migrate, open_pool
from db.documents import Status
from rag import conversation, jobs, library
from rag.deps import Deps, build
from rag.settings import Settings
from tests import pdfs
from tests.conftest import FAKES
from tests.flows.conftest import SUBJECT


def eventually(condition: Callable[[], bool], *, seconds: float = 30) -> bool:
    """The pool looks for its server again in growing intervals, and a job that met an absent one is tried again."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(DatabaseAway):
            if condition():
                return True
        time.sleep(0.2)
    return False


def worked_off(deps: Deps, document_id: int) -> bool:
    jobs.run_worker(deps, wait=False)
    return library.document(deps, SUBJECT, document_id).status is Status.READY


def test_after_an_outage_the_library_is_there_and_answers() -> None:
    with tempfile.TemporaryDirectory(prefix="situate-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
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
