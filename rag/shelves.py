"""A person's collections: made, renamed, emptied, deleted; and documents moved between them. The pages call these through `rag.library`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db import Connection, as_subject
from db import collections as collection_rows
from db import versions as version_rows
from db.collections import Collection
from db.versions import BytesTaken, NameTaken
from rag.deps import Deps
from rag.errors import UploadError
from rag.names import check_collection


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What became of documents that were to be moved."""

    moved: int
    refused: tuple[str, ...]  # a sentence for each that stayed


def collections(deps: Deps, subject: str) -> list[Collection]:
    """The subject's collections by name."""
    with as_subject(deps.pool, subject) as connection:
        return collection_rows.collections(connection)


def create_collection(deps: Deps, subject: str, name: str) -> int:
    """A new, empty collection's id. Raises UploadError when there is one of that name."""
    name = check_collection(name)
    with as_subject(deps.pool, subject) as connection:
        if any(c.name == name for c in collection_rows.collections(connection)):
            raise UploadError(f"There is a collection named {name} already. Choose another name.")
        return collection_rows.add_collection(connection, name)


def rename_collection(deps: Deps, subject: str, collection_id: int, name: str) -> str:
    """The new name as it is stored. Raises UploadError when it is taken or will not do, or the collection is gone."""
    name = check_collection(name)
    with as_subject(deps.pool, subject) as connection:
        _held(connection, collection_id)
        if not collection_rows.rename_collection(connection, collection_id, name):
            raise UploadError(f"There is a collection named {name} already. Choose another name.")
    return name


def empty_collection(deps: Deps, subject: str, collection_id: int) -> int:
    """Delete every document in a collection, in one transaction; how many there were. Raises UploadError when the collection is gone."""
    with as_subject(deps.pool, subject) as connection:
        _held(connection, collection_id)
        return version_rows.empty_collection(connection, collection_id)


def delete_collection(deps: Deps, subject: str, collection_id: int, *, with_documents: bool = False) -> None:
    """Remove a collection, and with it what it holds if that is said. Raises UploadError when it holds documents, or is gone."""
    with as_subject(deps.pool, subject) as connection:
        name = _held(connection, collection_id)
        if with_documents:
            version_rows.empty_collection(connection, collection_id)
        elif any(c.id == collection_id and c.documents for c in collection_rows.collections(connection)):
            raise UploadError(f"{name} still holds documents. Move or delete them first, or delete it with all of them.")
        collection_rows.delete_collection(connection, collection_id)


def move(deps: Deps, subject: str, document_ids: Sequence[int], collection: str) -> Moved:
    """Put documents, with all their versions, into a collection of the subject's, made now if there is none of that name.

    Each moves whole, also while it is worked on, and is found in its new place at once. One that has its name or its bytes there already stays.
    """
    collection = check_collection(collection)
    moved, refused = 0, []
    for document_id in document_ids:
        with as_subject(deps.pool, subject) as connection:
            to = collection_rows.add_collection(connection, collection)
            lineage = version_rows.lock(connection, document_id)
            if lineage is None:
                refused.append("A document that was to be moved has been deleted.")
                continue
            name = version_rows.versions(connection, lineage)[0].filename
            try:
                moved += version_rows.move(connection, lineage, to)
            except NameTaken:
                refused.append(f"{name} was not moved: {collection} has another document of this name. Rename one of the two first.")
            except BytesTaken:
                known = version_rows.holder(connection, lineage, to)
                refused.append(f"{name} was not moved: {collection} has the same file already, as {known}.")
    return Moved(moved=moved, refused=tuple(refused))


def _held(connection: Connection, collection_id: int) -> str:
    """The collection's name; nothing is added to it until the end of the transaction."""
    name = collection_rows.lock(connection, collection_id)
    if name is None:
        raise UploadError("This collection is gone, or belongs to someone else.")
    return name
