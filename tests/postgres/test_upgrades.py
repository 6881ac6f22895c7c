"""What each earlier state of Situate stored is whole and in use after the upgrade, and the database is as one made today."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from procrastinate.schema import SchemaManager
from psycopg import sql

from db import DatabaseRefused, as_subject, embedded, migrate, open_pool
from db.documents import Selection, Status
from db.embedded_files import packaged_programs
from rag import conversation, embedding, jobs, library, originals, page_images, search
from rag.deps import Deps, build
from rag.settings import Settings
from rag.trace import Stage
from tests.postgres.schema import catalog
from tests.releases.__main__ import QUESTIONS

if TYPE_CHECKING:
    from rag.providers import LocalEmbedder

DUMPS = sorted(Path(__file__).parents[1].joinpath("releases").glob("*.sql.gz"))
DOCUMENTS = {"lighthouse.pdf": 2, "水文站.pdf": 1, "harbour.pdf": 1}  # of `local`; the last was waiting for a worker


@dataclass(frozen=True, kw_only=True)
class Upgraded:
    deps: Deps
    applied: list[str]
    catalog: set[str]  # as the migrations left it


@contextmanager
def database(server: embedded.Server, name: str) -> Iterator[str]:
    """An empty database with pgvector; its address for the application's role."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(embedded.ROLE)))
    url, superuser = (urlunsplit(urlsplit(address)._replace(path=f"/{name}")) for address in (server.url, server.superuser_url))
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("create extension vector")
    yield url
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def restore(url: str, dump: Path) -> None:
    command = [
        packaged_programs() / "psql",
        "--quiet",
        "--no-psqlrc",
        "--single-transaction",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
    ]
    subprocess.run([*command, url], input=gzip.decompress(dump.read_bytes()), check=True)


@pytest.fixture(scope="module")
def fresh(server: embedded.Server) -> Iterator[str]:
    """A database that this Situate made."""
    with database(server, "test_fresh") as url:
        migrate.migrate(url)
        yield url


@pytest.fixture(scope="module")
def e5() -> LocalEmbedder:
    from rag.providers.e5 import E5

    return E5()


@pytest.fixture(scope="module", params=DUMPS, ids=[dump.name[:4] for dump in DUMPS])
def upgraded(
    request: pytest.FixtureRequest, server: embedded.Server, e5: LocalEmbedder, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgraded]:
    """A release's database, migrated, and then worked on by the worker of this Situate until it has nothing left to do."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), reranker="none", situator="fake:situator", answerer="extract")
    with database(server, "test_release") as url:
        restore(url, request.param)
        applied = migrate.migrate(url)
        left = catalog(url)
        with open_pool(url) as pool:
            deps = replace(build(settings, pool=pool, url=url), embedder=e5)
            jobs.defer_everyones_fills(deps)
            while library.busy(deps, "local"):
                jobs.run_worker(deps, wait=False)
            yield Upgraded(deps=deps, applied=applied, catalog=left)


def test_the_database_is_as_one_made_today(upgraded: Upgraded, fresh: str) -> None:
    assert upgraded.catalog ^ catalog(fresh) == set()
    with psycopg.connect(fresh) as new, upgraded.deps.pool.connection() as old:
        names = "select name from migrations order by name"
        assert old.execute(names).fetchall() == new.execute(names).fetchall()


def test_a_second_upgrade_applies_nothing(upgraded: Upgraded) -> None:
    assert migrate.migrate(upgraded.deps.url) == []


def test_every_document_is_ready_and_whole_also_one_that_waited_for_a_worker(upgraded: Upgraded) -> None:
    found = {d.filename: d for d in library.documents(upgraded.deps, "local")}
    assert {name: (d.status, d.page_count, d.version) for name, d in found.items()} == {
        name: (Status.READY, pages, 1) for name, pages in DOCUMENTS.items()
    }
    for document in found.values():
        chunks = library.chunks(upgraded.deps, "local", document.id)
        assert len(chunks) == document.n_chunks == document.situated > 0
        assert all(chunk.sentences and chunk.context for chunk in chunks)
        assert [page.number for page in library.pages(upgraded.deps, "local", document.id)] == [*range(1, document.page_count + 1)]


def test_what_was_uploaded_comes_back_byte_by_byte(upgraded: Upgraded) -> None:
    with as_subject(upgraded.deps.pool, "local") as connection:
        digests = connection.execute("select id, sha256 from documents").fetchall()
    assert len(digests) == len(DOCUMENTS)
    for document_id, digest in digests:
        assert hashlib.sha256(originals.original(upgraded.deps, "local", document_id)).digest() == digest


@pytest.mark.parametrize("stage", [Stage.DENSE, Stage.BM25, Stage.FUSED])
@pytest.mark.parametrize(
    ("question", "filename"), [*zip(QUESTIONS, DOCUMENTS, strict=False), ("Does the harbour freeze over?", "harbour.pdf")]
)
def test_a_question_finds_its_document_by_vectors_and_by_words(upgraded: Upgraded, question: str, filename: str, stage: Stage) -> None:
    assert embedding.switch(upgraded.deps, "local") is None  # the embedder of today has vectors for all
    found = search.search(upgraded.deps, "local", question, selection=Selection(), stage=stage)
    assert found.hits[0].document == filename
    assert stage in found.hits[0].stages


def test_old_conversations_are_read_and_their_citations_open(upgraded: Upgraded) -> None:
    (kept,) = conversation.conversations(upgraded.deps, "local")
    assert [c.id for c in conversation.conversations(upgraded.deps, "local", search="lighthouse")] == [kept.id]
    messages = conversation.messages(upgraded.deps, "local", kept.id)
    assert [m.question for m in messages] == [*QUESTIONS]
    for message in messages:
        _, citations = conversation.follow(upgraded.deps, "local", message.id)
        assert message.state is conversation.State.DONE
        assert {n for part in message.parts for n in part.citations} == {c.number for c in citations} != set()
        assert conversation.trace(upgraded.deps, "local", message.id)
        for citation in citations:
            assert citation.document_id is not None
            assert citation.quote in next(
                c.text for c in library.chunks(upgraded.deps, "local", citation.document_id) if c.ord == citation.ord
            )
            assert citation.boxes
            assert page_images.page_image(upgraded.deps, "local", citation.document_id, citation.page).startswith(b"\x89PNG")


def test_what_belongs_to_one_person_stays_theirs(upgraded: Upgraded) -> None:
    assert [d.filename for d in library.documents(upgraded.deps, "visitor")] == ["ledger.pdf"]
    assert conversation.conversations(upgraded.deps, "visitor") == []
    with upgraded.deps.pool.connection() as connection:
        assert connection.execute("select from documents").fetchall() == []


def test_what_was_spent_is_still_known(upgraded: Upgraded) -> None:
    with as_subject(upgraded.deps.pool, "local") as connection:
        rows = connection.execute("select purpose, count(*) from usage where model like 'fake%%' group by 1").fetchall()
    assert dict(rows).items() >= {"situate": 3, "answer": 2}.items()


# --- the first four states had 0003 as it was before it was changed ----------------------------------------------------------


def test_a_price_that_was_agreed_to_before_0003_was_changed_stays_agreed(server: embedded.Server) -> None:
    with database(server, "test_agreed") as url:
        restore(url, DUMPS[1])
        with psycopg.connect(url) as connection:
            connection.execute("select set_config('situate.subject', 'local', true)")
            connection.execute(
                """insert into estimates (collection_id, document_id, situator, calls, input_tokens, output_tokens, cache_write_tokens,
                                          cache_read_tokens, agreed_at)
                   select collection_id, id, 'm', 1, 1, 1, 0, 0, case filename when 'harbour.pdf' then null else now() end from documents"""
            )
        migrate.migrate(url)
        with psycopg.connect(url) as connection:
            connection.execute("select set_config('situate.subject', 'local', true)")
            agreed = connection.execute(
                "select filename, agreed, cleared_at is not null from estimates e join documents d on d.id = e.document_id order by 1"
            ).fetchall()
    assert agreed == [("harbour.pdf", False, False), ("lighthouse.pdf", True, True), ("水文站.pdf", True, True)]


# --- what may come between --------------------------------------------------------------------------------------------------


def test_a_connection_that_is_cut_in_the_middle_leaves_the_former_state(server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with database(server, "test_cut") as url:
        restore(url, DUMPS[0])
        before = catalog(url)
        whole = migrate._files()
        cut = ("9999_cut.sql", "select pg_terminate_backend(pg_backend_pid())")
        with monkeypatch.context() as broken:
            broken.setattr(migrate, "_files", lambda: [*whole, cut])
            with pytest.raises(DatabaseRefused, match=r"stopped in the middle.*Nothing was changed; try again"):
                migrate.migrate(url)
        assert catalog(url) == before
        assert migrate.migrate(url)[-1] == whole[-1][0]


def test_a_former_version_that_is_connected_and_idle_does_not_hold_the_upgrade_up(server: embedded.Server) -> None:
    with database(server, "test_idle") as url:
        restore(url, DUMPS[-2])
        with open_pool(url) as pool:
            with as_subject(pool, "local") as connection:
                connection.execute("select * from messages").fetchall()
            assert migrate.migrate(url)
            with as_subject(pool, "local") as connection:  # what it knew of the tables before is no obstacle to it after
                assert len(connection.execute("select id, question from messages").fetchall()) == len(QUESTIONS)


def test_a_former_version_that_will_not_let_go_of_a_table_is_named_and_nothing_is_changed(
    server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "LOCK_PATIENCE", 1)
    with database(server, "test_busy") as url:
        restore(url, DUMPS[-2])
        before = catalog(url)
        with psycopg.connect(url) as busy:
            busy.execute("lock table messages in access share mode")
            with pytest.raises(DatabaseRefused, match="Stop the web processes and workers of the former version"):
                migrate.migrate(url)
        assert catalog(url) == before
        assert migrate.migrate(url)


def test_one_that_ends_its_work_meanwhile_is_waited_for(server: embedded.Server) -> None:
    with database(server, "test_waiting") as url:
        restore(url, DUMPS[-2])
        applied: list[list[str]] = []
        upgrade = threading.Thread(target=lambda: applied.append(migrate.migrate(url)))
        with psycopg.connect(url) as busy, psycopg.connect(url, autocommit=True) as watching:
            busy.execute("lock table messages in access share mode")
            upgrade.start()
            while not watching.execute("select from pg_locks where not granted and relation = 'messages'::regclass").fetchall():
                assert upgrade.is_alive()
        upgrade.join()
        assert applied[0]


# --- the queue's own migrations ---------------------------------------------------------------------------------------------


def test_a_newer_queue_brings_its_migrations_to_old_and_new_databases_alike(
    server: embedded.Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    more = "alter table procrastinate_jobs add column more int;"
    schema = SchemaManager.get_schema()
    for file in Path(SchemaManager.get_migrations_path()).glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "03.99.00_01_pre_more.sql").write_text(more)
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(tmp_path)))
    monkeypatch.setattr(SchemaManager, "get_schema", staticmethod(lambda: schema + more))
    with database(server, "test_queue_old") as old, database(server, "test_queue_new") as new:
        restore(old, DUMPS[-1])
        assert "0000_procrastinate/03.99.00_01_pre_more.sql" in migrate.migrate(old)
        migrate.migrate(new)
        assert catalog(old) ^ catalog(new) == set()
        assert migrate.migrate(old) == migrate.migrate(new) == []
