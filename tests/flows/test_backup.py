"""A library saved in one file and restored elsewhere is the same library: its rows, its guards, its answers, its files, its work under way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from db import as_subject, dumps, embedded, open_pool
from db.documents import Selection, Status
from rag import conversation, feedback, library, originals, page_images
from rag.cli import execute
from rag.deps import Deps, build
from rag.search import search
from tests import pdfs
from tests.flows.asking import asked
from tests.flows.conftest import SUBJECT, Index, Worker, until, work_off
from tests.folders import open_folder
from tests.servers import TcpServer, as_superuser, empty_database, tcp_server

QUESTION = "Who leads the board of Meridian Instruments?"
OTHER = "somebody-else"
QUICK = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture(scope="module", params=["16", "18"])
def own(request: pytest.FixtureRequest) -> Iterator[TcpServer]:
    """An operator's server."""
    with tcp_server(request.param) as running:
        yield running


@pytest.fixture
def home() -> Iterator[Path]:
    """An embedded home, where the system user can reach it."""
    with open_folder() as folder:
        yield folder / "home"


@pytest.fixture
def superuser_url(server: embedded.Server, database_url: str) -> str:
    return as_superuser(server, database_url)


@contextmanager
def settings(**values: str | None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in values.items():
            if value is None:
                patched.delenv(name, raising=False)
            else:
                patched.setenv(name, value)
        yield


def save(file: Path, url: str, as_url: str) -> None:
    with settings(DATABASE_URL=url, SITUATE_BACKUP_URL=as_url):
        assert execute(["backup", str(file), "--overwrite"]) == 0


def restore(file: Path, url: str, *options: str) -> int:
    with settings(DATABASE_URL=url, SITUATE_BACKUP_URL=None):
        return execute(["restore", str(file), *options])


@contextmanager
def opened(deps: Deps, url: str) -> Iterator[Deps]:
    """The same application on another database."""
    with open_pool(url) as pool:
        yield build(deps.settings, pool=pool, url=url)


def fill(deps: Deps, index: Index) -> None:
    """Two people's documents, and a conversation with a rated answer."""
    index(deps, pdfs.report(), "report.pdf")
    index(deps, pdfs.chinese(), "南岭.pdf")
    locked = index(deps, pdfs.with_password(), "locked.pdf")
    library.unlock(deps, SUBJECT, locked.id, "secret")
    work_off(deps)
    message = asked(deps, QUESTION)
    assert conversation.follow(deps, SUBJECT, message.id)[1]
    feedback.rate(deps, SUBJECT, message.id, good=True, reason="right")
    library.upload(deps, OTHER, filename="secret.pdf", content=pdfs.cash_flow())
    work_off(deps, OTHER)


def shape(url: str) -> list[tuple[str, ...]]:
    """Tables with their guards, indexes, constraints, functions and policies, as Postgres tells them."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """select 'table', relname, relrowsecurity::text, relforcerowsecurity::text from pg_class
                where relnamespace = 'public'::regnamespace and relkind = 'r'
               union all select 'index', indexname, indexdef, '' from pg_indexes where schemaname = 'public'
               union all select 'constraint', conname, pg_get_constraintdef(oid), convalidated::text from pg_constraint
                where connamespace = 'public'::regnamespace and contype <> 'n'
               union all select 'policy', tablename || ' ' || policyname, cmd, coalesce(qual, '') || coalesce(with_check, '')
                from pg_policies where schemaname = 'public' and policyname <> 'situate_backup'
               union all select 'function', p.oid::regprocedure::text, prosecdef::text, coalesce(proconfig::text, '') from pg_proc p
                where pronamespace = 'public'::regnamespace
                  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
               order by 1, 2"""
        ).fetchall()


def told(deps: Deps) -> list[object]:
    """What people see: documents, a search, the conversation with its citations, files and pages."""
    seen: list[object] = []
    for subject in (SUBJECT, OTHER):
        for document in library.documents(deps, subject):
            content = originals.original(deps, subject, document.id)
            seen += [
                replace(document, stage_seconds=0),
                hashlib.sha256(content).hexdigest(),
                page_images.page_image(deps, subject, document.id, 1),
            ]
            seen += library.chunks(deps, subject, document.id)
        for question in (QUESTION, "公司成立于哪一年", "net income"):
            found = search(deps, subject, question, selection=Selection())
            seen += [(hit.document, hit.chunk, hit.rank) for hit in found.hits]
    for held in conversation.conversations(deps, SUBJECT):
        for message in conversation.messages(deps, SUBJECT, held.id):
            _, citations = conversation.follow(deps, SUBJECT, message.id)
            assert citations
            assert all(citation.boxes for citation in citations)
            rating = feedback.of(deps, SUBJECT, [message.id])[message.id]
            seen += [message, citations, rating, conversation.trace(deps, SUBJECT, message.id)]
    return seen


def test_a_library_moves_from_here_to_a_server_and_on_to_an_embedded_one(
    deps: Deps, index: Index, own: TcpServer, home: Path, superuser_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(deps, index)
    before, form = told(deps), shape(deps.url)
    save(tmp_path / "one", deps.url, superuser_url)

    url = own.make_database(f"moved_{tmp_path.name}")
    assert restore(tmp_path / "one", url) == 0
    assert "but 1 file, as after a password" in capsys.readouterr().out
    with opened(deps, url) as there:
        assert told(there) == before
        assert shape(url) == form
        assert not any(document.filename == "secret.pdf" for document in library.documents(there, SUBJECT))
        with there.pool.connection() as connection:  # for no subject there is no row
            assert connection.execute("select from documents").fetchone() is None
        library.upload(there, SUBJECT, filename="new.pdf", content=pdfs.cash_flow())  # the counters go on
        work_off(there)
        after = told(there)
    assert len(after) > len(before)

    save(tmp_path / "two", url, own.url("postgres", urlsplit(url).path[1:]))
    with settings(DATABASE_URL=None, SITUATE_HOME=str(home)):
        assert execute(["restore", str(tmp_path / "two")]) == 0
        assert execute(["backup", str(tmp_path / "three")]) == 0
    server = embedded.start(home, settings=QUICK)
    with opened(deps, server.url) as there:
        assert told(there) == after
        assert shape(server.url) == form
    server.leave()
    # and what the embedded one saves goes back to the server
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dumps, "LARGEST_CHECKED", 1)
        capsys.readouterr()
        assert restore(tmp_path / "three", url, "--replace") == 0
        assert re.search(r"was uploaded, though \d+ files of more than 0 MB could not be compared;", capsys.readouterr().out)
    with opened(deps, url) as there:
        assert told(there) == after


def test_work_under_way_goes_on_elsewhere_and_nothing_is_there_twice(
    deps: Deps, worker: Worker, server: embedded.Server, superuser_url: str, tmp_path: Path
) -> None:
    long = library.upload(deps, SUBJECT, filename="long.pdf", content=pdfs.long_report(240)).document_id
    worker("--lanes", "1")
    until(deps, long, lambda d: d.stage == "embedding" and d.done > 0)
    waiting = library.upload(deps, SUBJECT, filename="waiting.pdf", content=pdfs.long_report(260)).document_id
    save(tmp_path / "busy", deps.url, superuser_url)
    with empty_database(server) as url:
        assert restore(tmp_path / "busy", url) == 0
        with opened(deps, url) as there:
            _goes_on(there, long, waiting)


def _goes_on(there: Deps, long: int, waiting: int) -> None:
    assert library.document(there, SUBJECT, long).status is not Status.READY
    with as_subject(there.pool, SUBJECT) as connection:
        drafted = connection.execute("select count(*) from vector_drafts where document_id = %s", [long]).fetchone()
        assert drafted is not None
        assert drafted[0] > 0, "what was done is kept"
        assert connection.execute("select from procrastinate_jobs where status <> 'todo'").fetchone() is None
        assert connection.execute("select from procrastinate_workers").fetchone() is None
    work_off(there)
    for document_id in (long, waiting):
        document = library.document(there, SUBJECT, document_id)
        assert document.status is Status.READY
        with as_subject(there.pool, SUBJECT) as connection:
            row = connection.execute(
                """select (select count(*) from chunks where document_id = %(id)s), (select count(*) from vectors where document_id = %(id)s),
                          (select count(distinct x >> 40) from postings, unnest(ps) x where document_id = %(id)s),
                          (select count(*) from vector_drafts), (select attempts from documents where id = %(id)s)""",
                {"id": document_id},
            ).fetchone()
        assert row == (document.n_chunks, document.n_chunks, document.n_chunks, 0, 0)
