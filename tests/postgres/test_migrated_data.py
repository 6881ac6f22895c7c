"""What an earlier Situate stored is there after the upgrade, for the one it belongs to, and can be used as if it had been stored today."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from db import Pool, as_subject, embedded, migrate, open_pool, search
from db import collections as collection_rows
from db import documents as document_rows
from db import versions as version_rows
from db.documents import Selection, Status

# as release 0006 wrote it: (name, bytes, text) of published documents; two of one name, which were documents of their own then
STORED = [
    ("ledger.pdf", b"1", "the first ledger"),
    ("ledger.pdf", b"2", "the second ledger"),
    ("ledger", b"3", "no type"),
    ("ledger", b"4", "none"),
]


@pytest.fixture
def before(server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of 0006 with alice's documents; its address."""
    name = "test_of_0006"
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(embedded.ROLE)))
    url, superuser = (urlunsplit(urlsplit(address)._replace(path=f"/{name}")) for address in (server.url, server.superuser_url))
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("create extension if not exists vector")
    with monkeypatch.context() as earlier:
        known = [(file, statements) for file, statements in migrate._files() if file < "0007"]
        earlier.setattr(migrate, "_files", lambda: known)
        migrate.migrate(url)
    with psycopg.connect(url) as connection:
        connection.execute("select set_config('situate.subject', 'alice', true)")
        connection.execute("insert into collections (name) values ('Library')")
        connection.execute("insert into memberships (collection_id, subject, role) values (1, 'alice', 'owner')")
        connection.execute("insert into embedding_models (name, dimensions) values ('model', 3)")
        for number, (filename, content, text) in enumerate(STORED, start=1):
            row = {"id": number, "filename": filename, "content": content, "text": text, "term": text.split()[-1]}
            for statement in (
                """insert into documents (collection_id, sha256, filename, size, status, n_chunks, total_len, embedded)
                   values (1, %(content)s, %(filename)s, 1, 'ready', 1, 2, '{1}')""",
                "insert into files (collection_id, document_id, part, content) values (1, %(id)s, 0, %(content)s)",
                "insert into pages (collection_id, document_id, number, width, height, source) values (1, %(id)s, 1, 612, 792, 'text')",
                """insert into chunks (collection_id, document_id, ord, heading, text, context, context_by, structural, first_page, last_page,
                                       sentences, words)
                   values (1, %(id)s, 0, '', %(text)s, '', 'structural', '', 1, 1, '[]', to_tsvector('simple', %(text)s))""",
                "insert into contexts (collection_id, document_id, ord, situator, text) values (1, %(id)s, 0, 'm', 'about')",
                "insert into vectors (model_id, collection_id, document_id, ord, vec) values (1, 1, %(id)s, 0, '[1,0,0]')",
                "insert into postings (term, collection_id, document_id, n, ps) values (%(term)s, 1, %(id)s, 1, array[(1::int8 << 20) | 2])",
            ):
                connection.execute(statement, row)
        connection.execute(
            "insert into documents (collection_id, sha256, filename, size, status) values (1, 'x', 'broken.pdf', 1, 'failed')"
        )
    yield url
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def upgraded(before: str) -> Iterator[Pool]:
    migrate.migrate(before)
    with open_pool(before) as pool:
        yield pool


def test_documents_become_first_versions_with_names_of_their_own(upgraded: Pool) -> None:
    with as_subject(upgraded, "alice") as connection:
        documents = sorted(document_rows.documents(connection), key=lambda d: d.id)
    assert [d.filename for d in documents] == ["ledger.pdf", "ledger [2].pdf", "ledger", "ledger [4]", "broken.pdf"]
    assert [(d.lineage, d.version) for d in documents] == [(d.id, 1) for d in documents]
    assert [d.status for d in documents] == [Status.READY] * 4 + [Status.FAILED]


def test_what_came_from_them_is_there_and_found(upgraded: Pool) -> None:
    with as_subject(upgraded, "alice", snapshot=True) as connection:
        assert {c.document_id for c in search.bm25(connection, terms=["ledger"], selection=Selection(), limit=9)} == {1, 2}
        assert b"".join(document_rows.file_parts(connection, 2)) == b"2"
        (page,) = document_rows.pages(connection, 2)
        assert (page.turned, page.confidence, page.marks) == (0, None, ())


def test_row_level_security_is_forced_again(upgraded: Pool) -> None:
    with as_subject(upgraded, "bob") as connection:
        assert document_rows.documents(connection) == []


def test_they_get_new_versions_and_are_moved_and_deleted_like_any(upgraded: Pool) -> None:
    with as_subject(upgraded, "alice") as connection:
        stored = {"collection_id": 1, "filename": "ledger.pdf", "sha256": b"new", "content": b"new"}
        added = document_rows.add_document(connection, **stored)
        assert [d.version for d in version_rows.versions(connection, added or 0)] == [2, 1]
        elsewhere = collection_rows.add_collection(connection, "Elsewhere")
        assert version_rows.move(connection, 1, elsewhere)
        assert search.bm25(connection, terms=["ledger"], selection=Selection(collections=(elsewhere,)), limit=9)[0].document_id == 1
        assert version_rows.delete_document(connection, 2)
        assert not document_rows.pages(connection, 2)
