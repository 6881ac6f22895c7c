"""Pages as read, kept until the document is cut into chunks: whoever goes on with the reading finds them."""

from __future__ import annotations

from collections.abc import Iterable

from db import Connection


def numbers(connection: Connection, document_id: int) -> frozenset[int]:
    """Which pages of a document are kept."""
    rows = connection.execute("select number from page_drafts where document_id = %s", [document_id])
    return frozenset(number for (number,) in rows)


def put(connection: Connection, *, document_id: int, drafts: Iterable[tuple[int, bytes]]) -> None:
    """Keep pages by their numbers, in place of what was kept of them before."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into page_drafts (collection_id, document_id, number, draft)
               select collection_id, id, %s, %b from documents where id = %s
               on conflict (document_id, number) do update set draft = excluded.draft""",
            [(number, draft, document_id) for number, draft in drafts],
        )


def drafts(connection: Connection, document_id: int) -> list[bytes]:
    """A document's pages in their order."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute("select draft from page_drafts where document_id = %s order by number", [document_id])
        return [bytes(draft) for (draft,) in cursor]


def drop(connection: Connection, document_id: int) -> None:
    """Forget what was read of a document."""
    connection.execute("delete from page_drafts where document_id = %s", [document_id])
