"""Both flows on real PDFs and a real database; models are fakes, or the official clients against the stand-in server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from db import as_subject
from db.documents import Document
from rag import jobs, library
from rag.cli import execute
from rag.deps import Deps, build
from tests import standin
from tests.conftest import FAKES
from tests.postgres.corpus import add_document
from tests.standin import AnthropicServer, CohereServer

ROOT = Path(__file__).parents[2]
SUBJECT = "local"
Index = Callable[..., Document]


@pytest.fixture
def index() -> Index:
    """Upload a PDF and let a worker empty the queue; the document as it ended."""

    def run(deps: Deps, content: bytes, filename: str = "report.pdf") -> Document:
        taken = library.upload(deps, SUBJECT, filename=filename, content=content)
        work_off(deps)
        return library.document(deps, SUBJECT, taken.document_id)

    return run


Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def situate(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with --json in this process: exit code, the last thing it says on stdout (all of `ingest`, one for each file), stderr."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    for name, value in FAKES.items():
        monkeypatch.setenv(f"SITUATE_{name.upper()}", value)

    def run(*arguments: str | Path) -> tuple[int, Any, str]:
        code = execute([*map(str, arguments), "--json"])
        told = capsys.readouterr()
        lines = [json.loads(line) for line in told.out.splitlines()]
        return code, lines if arguments[0] == "ingest" else (lines[-1] if lines else None), told.err

    return run


Worker = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def worker(deps: Deps) -> Iterator[Worker]:
    """Start workers in processes of their own; the arguments are worker_process.py's."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "tests.flows.worker_process", deps.url, *arguments], cwd=ROOT))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def until(deps: Deps, document_id: int, condition: Callable[[Document], bool], *, seconds: float = 120) -> Document:
    """Look until the document is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        document = library.document(deps, SUBJECT, document_id)
        if condition(document):
            return document
        time.sleep(0.05)
    pytest.fail(f"still {document.status} in {document.stage} at {document.done}/{document.total}")


def ready(deps: Deps, passages: int) -> Document:
    """A published document of so many passages, about 140 tokens each, that waits to be situated: ninety make two windows."""
    texts = [
        " ".join(f"Observation {n}.{at} was made at station {n * 7 + at} in calm weather." for at in range(1, 9)) for n in range(passages)
    ]
    with as_subject(deps.pool, SUBJECT) as connection:
        document_id = add_document(connection, f"{passages}.pdf", texts)
        jobs.defer_situate(connection, subject=SUBJECT, document_id=document_id)
    return library.document(deps, SUBJECT, document_id)


def next_round(deps: Deps) -> None:
    """Let a worker do what waits, as if the time that some of it waits for had passed."""
    with deps.pool.connection() as connection:
        connection.execute("update procrastinate_jobs set scheduled_at = null where status = 'todo'")
    jobs.run_worker(deps, wait=False)


def work_off(deps: Deps, subject: str = SUBJECT) -> None:
    """Let a worker empty the queue."""
    while library.busy(deps, subject):
        jobs.run_worker(deps, wait=False)


@pytest.fixture
def claude() -> Iterator[AnthropicServer]:
    with standin.anthropic() as server:
        yield server


@pytest.fixture
def cohere() -> Iterator[CohereServer]:
    with standin.cohere() as server:
        yield server


@pytest.fixture
def with_claude(deps: Deps, claude: AnthropicServer) -> Deps:
    """Claude configured by its key alone: nobody has agreed to anything yet."""
    settings = deps.settings.model_copy(
        update={
            "situator": "auto",
            "answerer": "auto",
            "anthropic_api_key": SecretStr(claude.key),
            "anthropic_base_url": claude.url,
        }
    )
    return build(settings, pool=deps.pool, url=deps.url)


@pytest.fixture
def agreed(with_claude: Deps) -> Deps:
    """The same after the person agreed."""
    library.allow(with_claude, SUBJECT, "Anthropic")
    return with_claude
