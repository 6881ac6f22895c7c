"""What whoever keeps an installation can ask of it, and do: steer the queue, count, find what is stuck, free it, read the log."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest

from db import as_subject
from db.documents import Status
from rag import jobs, library, logs, progress, stuck
from rag.deps import Deps
from tests import pdfs
from tests.flows.conftest import SUBJECT, Index, Run, work_off


def uploaded(deps: Deps, *names: str) -> list[int]:
    return [
        library.upload(deps, SUBJECT, filename=name, content=pdfs.lines(f"{name} tells of quartz sensors.")).document_id for name in names
    ]


def statuses(deps: Deps) -> dict[str, Status]:
    return {d.filename: d.status for d in library.documents(deps, SUBJECT)}


def test_documents_are_paused_resumed_cancelled_and_retried_by_name_or_all(situate: Run, deps: Deps) -> None:
    uploaded(deps, "one.pdf", "two.pdf")
    assert situate("pause", "one.pdf")[:2] == (0, {"paused": 1})
    assert statuses(deps) == {"one.pdf": Status.PAUSED, "two.pdf": Status.QUEUED}
    assert situate("resume", "--all")[:2] == (0, {"resumed": 1})
    assert situate("cancel", "--all", "--collection", "Library")[:2] == (0, {"cancelled": 2})
    code, told, remark = situate("pause", "one.pdf")
    assert (code, told) == (0, {"paused": 0})
    assert "does not apply to 1 other document" in remark
    assert situate("retry", "one.pdf")[:2] == (0, {"queued_again": 1})
    assert situate("retry", "--all")[:2] == (0, {"queued_again": 1})
    work_off(deps)
    assert set(statuses(deps).values()) == {Status.READY}


@pytest.mark.parametrize("arguments", [["pause"], ["cancel", "one.pdf", "--all"]])
def test_to_name_nothing_or_both_is_refused(situate: Run, arguments: list[str]) -> None:
    code, told, remark = situate(*arguments)
    assert (code, told) == (1, None)
    assert "or give --all" in remark


def test_many_files_end_with_a_summary_of_what_failed_and_why(situate: Run, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.pdf").write_bytes(pdfs.lines(f"Page {number} tells of quartz."))
        (tmp_path / f"bad-{number}.pdf").write_bytes(b"hello")
    code, _, told = situate("ingest", tmp_path)
    assert code == 1
    assert "6 files: 3 failed, 3 ready" in told or "6 files: 3 ready, 3 failed" in told
    assert "3 x * is not a PDF." in told


def test_ingest_leaves_to_others_what_it_did_not_bring(situate: Run, deps: Deps, tmp_path: Path) -> None:
    """It stops when its own files have ended, and what it has begun of others' is given back."""
    (tmp_path / "own.pdf").write_bytes(pdfs.lines("Quartz."))
    (other,) = uploaded(deps, "other.pdf")
    with as_subject(deps.pool, SUBJECT) as connection:
        connection.execute("update procrastinate_jobs set scheduled_at = now() + interval '1 day'")
    assert situate("ingest", tmp_path)[0] == 0
    assert library.document(deps, SUBJECT, other).status is Status.QUEUED


def test_counters_tell_documents_by_state_stages_and_the_queue(situate: Run, deps: Deps, index: Index) -> None:
    index(deps, pdfs.report())
    uploaded(deps, "waits.pdf")
    _, told, _ = situate("stats")
    assert told["documents"] == {"ready": 1, "queued": 1}
    assert told["pages"] == 3
    assert told["passages"] > 0
    assert {"read", "embed", "publish"} <= set(told["seconds_by_stage"])
    assert (told["queue"]["waiting"], told["queue"]["working"], told["queue"]["workers"]) == (1, 0, 0)
    assert told["queue"]["oldest_seconds"] > 0


def found(deps: Deps) -> list[str]:
    return [finding.told for finding in stuck.findings(deps, SUBJECT)]


def break_it(deps: Deps, *statements: str) -> None:
    with as_subject(deps.pool, SUBJECT) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def healthy(deps: Deps, index: Index) -> Deps:
    index(deps, pdfs.report())
    assert found(deps) == []
    return deps


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("update documents set status = 'working', stage = 'reading'", "without a job that reads it"),
        ("update documents set situating = 'waiting'", "without a job that situates it"),
        (
            """insert into page_drafts (collection_id, document_id, number, draft) select collection_id, id, 1, '' from documents""",
            "that nobody will publish",
        ),
        (
            """insert into procrastinate_jobs (queue_name, task_name, args)
               values ('documents', 'index', '{"subject": "local", "document_id": 4711}')""",
            "whose document is gone",
        ),
        (
            """insert into procrastinate_jobs (queue_name, task_name, args, status)
               select 'documents', 'index', jsonb_build_object('subject', 'local', 'document_id', id), 'doing' from documents""",
            "shows no sign of life",
        ),
    ],
)
def test_what_is_stuck_is_found_told_and_freed(situate: Run, healthy: Deps, harm: str, told: str) -> None:
    break_it(healthy, harm)
    code, checks, _ = situate("doctor")
    assert code == 1
    (fault,) = [check["finding"] for check in checks if check["check"] == "stuck"]
    assert told in fault
    assert "situate doctor --mend" in fault
    _, checks, _ = situate("doctor", "--mend")
    assert [check["passed"] for check in checks if check["check"] == "stuck"] == [True]
    work_off(healthy)
    assert found(healthy) == []
    assert set(statuses(healthy).values()) == {Status.READY}


def test_a_batch_that_does_not_come_back_is_told_and_left_to_a_person(healthy: Deps) -> None:
    break_it(
        healthy,
        """insert into batches (collection_id, document_id, situator, token, requests, ords, noted_at)
           select collection_id, id, 'm', 't', 1, '{0}', now() - interval '30 hours' from documents""",
    )
    (finding,) = stuck.findings(healthy, SUBJECT)
    assert "batch that has not come back in 25 hours" in finding.told
    assert finding.mend is None


def test_what_is_under_way_is_not_called_stuck(deps: Deps) -> None:
    uploaded(deps, "one.pdf", "two.pdf")
    progress.pause(deps, SUBJECT, [1])
    assert found(deps) == []


def test_a_log_that_nobody_reads_at_a_terminal_is_objects_with_document_job_and_task(deps: Deps) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.Objects())
    logger = logging.getLogger("rag")
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        (document_id,) = uploaded(deps, "one.pdf")
        jobs.run_worker(deps, wait=False)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    done = next(record for record in records if record["message"] == "done")
    assert (done["document"], done["task"], done["level"]) == (document_id, "index", "info")
    assert done["job"]
    ready = next(record for record in records if record["message"] == "ready")
    assert (ready["pages"], ready["chunks"]) == (1, 1)
    assert {"read", "cut", "embed", "publish"} <= set(ready["stages"])
    assert done["seconds"] > 0
    assert all({"at", "level", "logger", "message"} <= set(record) for record in records)
