"""The work of workers that ended without a word: it waits for a living one again, until a document has ended so many that it is to blame."""

from __future__ import annotations

import logging

from db import Connection, as_subject
from db import documents as document_rows
from db import holding as rows
from db import jobs as job_rows
from db import vectors as vector_rows
from db.holding import Stalled
from rag import embedding, logs
from rag.deps import Deps

log = logging.getLogger(__name__)

DEATHS = 3  # of workers over a document of which nothing was stored meanwhile


def reclaim(deps: Deps, seconds: float, *, mine: frozenset[int] = frozenset()) -> int:
    """Let the jobs of workers without a heartbeat for so long wait again, but `mine`; how many. Raises DatabaseAway."""
    with as_subject(deps.pool, deps.settings.subject) as connection:
        job_rows.sweep(connection)
        found = rows.stalled(connection, seconds, mine=sorted(mine))
    return sum(_reclaim(deps, job) for job in found)


def release(deps: Deps, job_ids: set[int]) -> None:
    """The same at once for jobs of this process that the database was away from; no document is to blame for that. Raises DatabaseAway."""
    with as_subject(deps.pool, deps.settings.subject) as connection:
        found = rows.abandoned(connection, sorted(job_ids))
    for job in found:
        with as_subject(deps.pool, job.subject) as connection:
            if rows.put_back(connection, job.id):
                rows.let_wait(connection, job.document_id)


def _reclaim(deps: Deps, job: Stalled) -> bool:
    with logs.about(document=job.document_id, task=job.task, job=job.id), as_subject(deps.pool, job.subject) as connection:
        if not rows.put_back(connection, job.id):
            return False
        deaths = rows.count_death(connection, job.document_id)
        if deaths < DEATHS:
            log.warning("taken from a worker that shows no sign of life")
            return True
        log.error("given up: it has ended %d workers", deaths)
        rows.withdraw(connection, [job.document_id], tasks=[job.task])
        _give_up(deps, connection, job)
    return True


def _give_up(deps: Deps, connection: Connection, job: Stalled) -> None:
    if job.task == "index":
        told = "Reading it ended the worker three times. Save the PDF anew, or split it, and upload that; or retry."
        document_rows.note_failure(connection, job.document_id, told)
    elif job.task == "situate":
        document_rows.end_situating(
            connection, job.document_id, "Situating it ended the worker three times. Situate it again, or report it."
        )
    else:
        told = "Filling a document in ended the worker three times. Restart the worker to try again, or report it."
        vector_rows.note_error(connection, embedding.wanted(deps, job.subject).name, told)
