"""Two subjects share one database: neither sees a row of the other's through any function, and no subject sees nothing."""

from __future__ import annotations

import psycopg
import pytest

from db import Pool, as_subject, page_drafts, search
from db import batches as batch_rows
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import contexts as context_rows
from db import conversations as conversation_rows
from db import documents as document_rows
from db import estimates as estimate_rows
from db import usage as usage_rows
from db import vectors as vector_rows
from db import versions as version_rows
from db.contexts import Context, Summary
from db.conversations import Citation, Part, State
from db.documents import Page, Selection
from tests.postgres.corpus import EMBEDDER, add_document

TABLES = [
    "collections",
    "memberships",
    "documents",
    "files",
    "pages",
    "chunks",
    "contexts",
    "summaries",
    "batches",
    "vector_drafts",
    "vectors",
    "postings",
    "conversations",
    "messages",
    "citations",
    "traces",
    "feedback",
    "usage",
    "consents",
    "estimates",
    "embedding_errors",
    "page_drafts",
    "preferences",
]


@pytest.fixture
def alice(pool: Pool) -> dict[str, int]:
    """Alice's row in every table."""
    with as_subject(pool, "alice") as connection:
        document_id = add_document(connection, "secret.pdf", ["the secret ingredient", "is patience"])
        draft_id = add_document(connection, "draft.pdf", ["unpublished"], publish=False)
        document_rows.put_pages(
            connection,
            document_id=document_id,
            pages=[Page(number=1, label="i", width=612, height=792, source="text", note="")],
        )
        model = vector_rows.model_id(connection, EMBEDDER.name, EMBEDDER.dimensions)
        vector_rows.put_drafts(
            connection,
            document_id=draft_id,
            model=model,
            rows=[(0, b"key", EMBEDDER.embed_query("unpublished"))],
        )
        page_drafts.put(connection, document_id=draft_id, drafts=[(1, b"unpublished")])
        place = {"document_id": document_id, "situator": "m"}
        context_rows.put_context(connection, context=Context(ord=0, text="about"), **place)
        context_rows.put_summary(connection, summary=Summary(text="a recipe"), **place)
        batch_rows.add_batch(connection, token="t", ords=[0, 1], **place)
        conversation_id = conversation_rows.start_conversation(connection, title="what?", selection=Selection())
        message_id = conversation_rows.add_message(connection, conversation_id=conversation_id, question="what?")
        citation = Citation(
            number=1, document_id=document_id, filename="secret.pdf", ord=0, page=1, quote="the secret", boxes=((1, 0.0, 0.0, 1.0, 1.0),)
        )
        conversation_rows.grow(
            connection, message_id, state=State.DONE, parts=[Part(text="patience", citations=(1,))], citations=[citation]
        )
        conversation_rows.put_trace(connection, message_id, {"question": "what?"})
        connection.execute("insert into feedback (message_id, good) values (%s, true)", [message_id])
        vector_rows.note_error(connection, "voyage-4", "Voyage rejected the request: the secret")
        estimate_rows.put_estimate(
            connection,
            document_id=document_id,
            situator="m",
            calls=1,
            input_tokens=1,
            output_tokens=1,
            cache_write_tokens=1,
            cache_read_tokens=1,
        )
        usage_rows.grant(connection, recipient="Anthropic", model="m", purpose="answer")
        usage_rows.add_usage(connection, purpose="answer", model="m", input_tokens=1)
        connection.execute('insert into preferences (chosen) values (\'{"language": "zh"}\')')
        (collection,) = collection_rows.collections(connection)
    return {"document": document_id, "collection": collection.id, "conversation": conversation_id, "message": message_id, "model": model}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.usefixtures("alice")
def test_every_table_hides_alices_rows_from_bob_and_from_nobody(pool: Pool, table: str) -> None:
    count = psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(table))
    seen = {}
    for subject in ("alice", "bob", ""):
        with as_subject(pool, subject) as connection:
            row = connection.execute(count).fetchone()
            seen[subject] = row[0] if row else None
    with pool.connection() as connection:
        row = connection.execute(count).fetchone()
        seen[None] = row[0] if row else None
    assert seen["alice"] > 0
    assert (seen["bob"], seen[""], seen[None]) == (0, 0, 0)


def test_no_function_gives_bob_what_is_alices(pool: Pool, alice: dict[str, int]) -> None:
    everything = Selection()
    with as_subject(pool, "bob") as connection:
        assert collection_rows.collections(connection) == []
        assert document_rows.documents(connection) == []
        assert document_rows.documents(connection, ids=[alice["document"]]) == []
        assert document_rows.pages(connection, alice["document"]) == []
        assert page_drafts.numbers(connection, alice["document"]) == frozenset()
        assert version_rows.versions(connection, alice["document"]) == []
        assert version_rows.current(connection, Selection(documents=(alice["document"],))) == Selection(documents=())
        assert list(document_rows.file_parts(connection, alice["document"])) == []
        assert document_rows.searchable(connection, everything) == (0, 0)
        assert chunk_rows.chunks(connection, alice["document"]) == []
        assert chunk_rows.fetch(connection, [(alice["document"], 0)]) == {}
        assert context_rows.contexts(connection, document_id=alice["document"], situator="m") == {}
        assert context_rows.summary(connection, document_id=alice["document"], situator="m") == Summary()
        assert batch_rows.batches(connection, document_id=alice["document"], situator="m") == []
        assert search.bm25(connection, terms=["secret"], selection=everything, limit=9) == []
        assert search.with_phrases(connection, terms=["secret"], phrases=["'secret'"], selection=everything) == []
        assert search.holding(connection, keys=[(alice["document"], 0)], queries=["'secret'"]) == set()
        vector = EMBEDDER.embed_query("secret")
        for exact in (True, False):
            assert search.dense(connection, model=alice["model"], vector=vector, selection=everything, limit=9, exact=exact) == []
        assert conversation_rows.conversations(connection) == []
        assert conversation_rows.messages(connection, alice["conversation"]) == []
        assert conversation_rows.message(connection, alice["message"]) is None
        assert conversation_rows.citations(connection, alice["message"]) == []
        assert conversation_rows.trace(connection, alice["message"]) is None
        assert estimate_rows.estimates(connection, "m") == []
        assert estimate_rows.unestimated(connection, "other") == []
        assert usage_rows.consents(connection) == []
        for by in usage_rows.By:
            assert usage_rows.spending(connection, by) == []


def test_bob_can_change_nothing_of_alices(pool: Pool, alice: dict[str, int]) -> None:
    with as_subject(pool, "bob") as connection:
        own = collection_rows.add_collection(connection, "Bob's")
    with as_subject(pool, "bob") as connection:
        assert not version_rows.delete_document(connection, alice["document"])
        assert not version_rows.discard(connection, alice["document"])
        assert version_rows.lock(connection, alice["document"]) is None
        assert not version_rows.hold(connection, alice["document"])
        version_rows.rename_document(connection, alice["document"], "mine.pdf")
        assert not version_rows.move(connection, alice["document"], own)
        assert not document_rows.unprotect(connection, alice["document"], b"%PDF-1.7 mine")
        assert not document_rows.describe(connection, alice["document"], title="mine", language="en", page_count=1, note="")
        assert batch_rows.add_batch(connection, document_id=alice["document"], situator="m", token="u", ords=[0]) is None
        page_drafts.put(connection, document_id=alice["document"], drafts=[(2, b"mine")])
        assert collection_rows.lock(connection, alice["collection"]) is None
        collection_rows.rename_collection(connection, alice["collection"], "mine")
        assert version_rows.empty_collection(connection, alice["collection"]) == 0
        collection_rows.delete_collection(connection, alice["collection"])
        assert not document_rows.enter_stage(connection, alice["document"], "reading", 1)
        assert not document_rows.requeue(connection, alice["document"])
        assert not conversation_rows.stop(connection, alice["message"])
    with as_subject(pool, "alice") as connection:
        assert [(d.filename, d.collection) for d in document_rows.documents(connection)] == [
            ("draft.pdf", "Library"),
            ("secret.pdf", "Library"),
        ]
        assert page_drafts.numbers(connection, alice["document"]) == frozenset()


def test_bob_cannot_bring_a_document_of_his_into_alices_collection(pool: Pool, alice: dict[str, int]) -> None:
    with as_subject(pool, "bob") as connection:
        document_id = add_document(connection, "gift.pdf", ["beware"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_subject(pool, "bob") as connection:
        version_rows.move(connection, document_id, alice["collection"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_subject(pool, "bob") as connection:
        document_rows.add_document(connection, collection_id=alice["collection"], filename="gift.pdf", sha256=b"gift", content=b"%PDF")


def test_bob_learns_nothing_of_alices_names_and_files_by_trying_them(pool: Pool, alice: dict[str, int]) -> None:
    assert alice
    with as_subject(pool, "bob") as connection:
        collection_id = collection_rows.add_collection(connection, "Library")
        assert collection_id != alice["collection"]
        document_id = add_document(connection, "draft.pdf", ["the same name, and the same bytes"])
        version_rows.rename_document(connection, document_id, "secret.pdf")


def test_bob_cannot_make_himself_a_member_of_alices_collection(pool: Pool, alice: dict[str, int]) -> None:
    with as_subject(pool, "alice") as connection:
        (collection,) = collection_rows.collections(connection)
    assert alice
    for owner in ("bob", "alice"):
        with (
            pytest.raises((psycopg.errors.ForeignKeyViolation, psycopg.errors.InsufficientPrivilege)),
            as_subject(pool, "bob") as connection,
        ):
            connection.execute(
                "insert into memberships (collection_id, owner, subject, role) values (%s, %s, 'bob', 'editor')", [collection.id, owner]
            )


def test_a_reader_of_a_shared_collection_reads_and_does_not_write(pool: Pool, alice: dict[str, int]) -> None:
    with as_subject(pool, "alice") as connection:
        (collection,) = collection_rows.collections(connection)
        connection.execute("insert into memberships (collection_id, subject, role) values (%s, 'bob', 'reader')", [collection.id])
    with as_subject(pool, "bob") as connection:
        assert search.bm25(connection, terms=["secret"], selection=Selection(), limit=9)
        assert not version_rows.delete_document(connection, alice["document"])
        assert version_rows.lock(connection, alice["document"]) is None
        assert collection_rows.lock(connection, collection.id) is None
        assert version_rows.empty_collection(connection, collection.id) == 0


def test_the_subject_of_one_transaction_is_forgotten_in_the_next(pool: Pool, alice: dict[str, int]) -> None:
    assert alice
    with as_subject(pool, "alice"):
        pass
    with pool.connection() as connection:
        assert document_rows.documents(connection) == []


def test_every_table_with_peoples_data_forces_row_level_security(pool: Pool) -> None:
    with pool.connection() as connection:
        unforced = {
            name
            for (name,) in connection.execute(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and not relforcerowsecurity"
            )
        }
    queue = {name for name in unforced if name.startswith("procrastinate_")}
    assert unforced - queue == {"migrations", "embedding_models"}
