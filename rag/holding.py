"""A document in the hands of a job: taken up, worked on with a pulse between two steps, put down.

Only one job has a document at a time, and each of its transactions makes sure that it still does (db.holding). It gives the document back when
the worker is asked to stop, when a smaller document waits, and when a person pauses or cancels the work; what was stored is kept.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

from procrastinate import JobContext
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason

from db import as_subject
from db import holding as rows
from db import jobs as job_rows
from db.documents import Status
from db.holding import HeldPool, NotHeld
from rag.deps import Deps
from rag.errors import DocumentGone

SLICE = 20.0  # seconds of work on a new document before it gives way to a smaller one
LOOK = 1.0  # seconds between two looks whether something more urgent waits; situating and filling in give way after two

# Documents over which a worker has ended before are worked on one at a time until something more of them is stored: the one that is to blame
# must not take the others' attempts along.
_suspects = threading.Lock()


class GaveWay(Exception):
    """Something else comes first; the rest of the work waits, for so many seconds at least."""

    def __init__(self, why: str, *, wait: int = 0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(kw_only=True, eq=False)
class Hold:
    """A job's document."""

    deps: Deps  # each of its transactions raises NotHeld once the job has its document no more
    subject: str
    document_id: int
    context: JobContext
    patience: float  # seconds of work before it gives way
    status: Status = Status.QUEUED
    _began: float = field(default_factory=time.monotonic)
    _looked: float = 0.0
    _urgent: bool = False  # as the last look found it: one alone may just be on its way to a free worker
    _suspect: bool = False

    def take(self) -> None:
        """Raises NotHeld, GaveWay, DocumentGone, DatabaseAway."""
        with as_subject(self.deps.pool, self.subject) as connection:
            taken = rows.take(connection, self.document_id)
        if taken is None:
            raise DocumentGone("The document was deleted while it waited.")
        self.status = taken.status
        if taken.deaths:
            if not _suspects.acquire(blocking=False):
                raise GaveWay("another document comes first, since workers have ended over both", wait=1)
            self._suspect = True

    def pulse(self) -> None:
        """Between two steps, when what was done is stored. Raises NotHeld, JobAborted, GaveWay to leave the rest to a later job."""
        self._leave()
        if self._suspect:
            with as_subject(self.deps.pool, self.subject) as connection:
                if not rows.deaths(connection, self.document_id):
                    self._clear()
        now = time.monotonic()
        if now - self._began < self.patience or now - self._looked < LOOK:
            return
        before, self._looked = self._urgent, now
        with as_subject(self.deps.pool, self.subject) as connection:
            self._urgent = job_rows.more_urgent(connection, self.context.job.priority)
        if before and self._urgent:
            raise GaveWay("something smaller waits")

    def put_down(self) -> None:
        """Let the document wait for the job that goes on with it. Raises NotHeld, DatabaseAway."""
        with as_subject(self.deps.pool, self.subject) as connection:
            rows.let_wait(connection, self.document_id)
            job_rows.excuse(connection, self.context.job.id or 0)

    def close(self) -> None:
        self._clear()

    def _leave(self) -> None:
        reason = self.context.abort_reason()
        if reason is AbortReason.USER_REQUEST:
            raise NotHeld
        if reason is not None:
            raise JobAborted

    def _clear(self) -> None:
        if self._suspect:
            self._suspect = False
            _suspects.release()


def hold(context: JobContext, subject: str, document_id: int) -> Hold:
    """The document of a job that begins, not taken yet."""
    deps: Deps = context.additional_context["deps"]
    context.additional_context["begun"].add(context.job.id)
    return Hold(
        deps=replace(deps, pool=HeldPool(deps.pool, context.job.id or 0)),
        subject=subject,
        document_id=document_id,
        context=context,
        patience=SLICE if context.job.task_name == "index" else LOOK,
    )
