"""A real Postgres for every test that asks: one embedded server a session, one database a test, cloned from a migrated template."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from db import Pool, embedded, migrate, open_pool
from rag import ingest, library, process
from rag.deps import Deps, build
from rag.settings import Settings
from tests import injections
from tests.folders import open_folder

FAKES = {"embedder": "fake:embedder", "reranker": "none", "situator": "none", "answerer": "fake:answerer"}
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _no_network(socket_enabled: None) -> Iterator[None]:
    """Only this machine can be reached."""
    import pytest_socket

    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    yield
    pytest_socket._remove_restrictions()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own keys and settings reach no test."""
    for name in (
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "COHERE_API_KEY",
        "CO_API_KEY",
        "CO_API_URL",
        "VOYAGE_API_KEY",
        "DATABASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SITUATE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session", autouse=True)
def _signals_reach_children() -> None:
    """A job in the background, or one under nohup, ignores signals, and every process that a test starts would inherit that."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.Server]:
    """One server for all tests."""
    with open_folder() as folder:
        running = embedded.start(folder / "home", settings={"fsync": "off", "max_connections": "200"})
        yield running
        running.leave()


@pytest.fixture(scope="session")
def template(server: embedded.Server) -> str:
    """The name of a migrated database that tests are cloned from."""
    _create(server, "template_situate", template="template0")
    with psycopg.connect(_renamed(server.superuser_url, "template_situate"), autocommit=True) as connection:
        connection.execute("create extension vector")
    migrate.migrate(_renamed(server.url, "template_situate"))
    return "template_situate"


@pytest.fixture
def database_url(server: embedded.Server, template: str) -> Iterator[str]:
    """A migrated database of the test's own, as the application's role."""
    with _database(server, template) as url:
        yield url


@pytest.fixture(scope="session")
def injected(server: embedded.Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deps]:
    """Deps on a library that holds the whole injection set, indexed: one for all tests, which leave the documents as they are."""
    settings = Settings(home=tmp_path_factory.mktemp("injected"), **FAKES | {"answerer": "extract"})
    with _database(server, template) as url, open_pool(url) as opened:
        built = build(settings, pool=opened, url=url)

        def index(attack: injections.Attack) -> None:
            taken = library.upload(built, settings.subject, filename=attack.filename, content=attack.content)
            ingest.index(built, settings.subject, taken.document_id)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(index, injections.attacks()))
        yield built


@contextmanager
def _database(server: embedded.Server, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    _create(server, name, template=template)
    yield _renamed(server.url, name)
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with open_pool(database_url) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, **FAKES)


@pytest.fixture
def deps(pool: Pool, database_url: str, settings: Settings) -> Iterator[Deps]:
    """Deps on the test's database, with fakes for models; the pages see the same ones."""
    built = build(settings, pool=pool, url=database_url)
    process.provide(built)
    yield built
    process.provide(None)


def _create(server: embedded.Server, name: str, *, template: str) -> None:
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {} owner {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier(embedded.ROLE)
            )
        )


def _renamed(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
