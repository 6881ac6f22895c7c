"""A document's file as it was uploaded, or without its password once that was given."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from db import as_subject
from db import documents as document_rows
from rag.deps import Deps
from rag.errors import DocumentGone


def original(deps: Deps, subject: str, document_id: int) -> bytes:
    """The whole of it. Raises DocumentGone."""
    return b"".join(original_parts(deps, subject, document_id))


def original_size(deps: Deps, subject: str, document_id: int) -> int:
    """How many bytes that is. Raises DocumentGone."""
    with as_subject(deps.pool, subject) as connection:
        size = document_rows.file_size(connection, document_id)
    if not size:
        raise DocumentGone
    return size


def original_parts(deps: Deps, subject: str, document_id: int) -> Iterator[bytes]:
    """It part by part, about 1 MB each, as they are asked for: no connection is held while a slow reader takes one. Raises DocumentGone."""
    for part in count():
        with as_subject(deps.pool, subject) as connection:
            content = document_rows.file_part(connection, document_id, part)
        if content is None and part == 0:
            raise DocumentGone
        if content is None:
            return
        yield content
