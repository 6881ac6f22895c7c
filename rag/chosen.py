"""The documents that a command of the command line names."""

from __future__ import annotations

from collections.abc import Sequence

from db.documents import Document, Selection
from rag import library
from rag.deps import Deps
from rag.errors import QuestionError


def selection(deps: Deps, collection: str | None, names: Sequence[str] | None = None) -> Selection:
    """For a search. Raises QuestionError naming what does not exist."""
    subject = deps.settings.subject
    collections = None
    if collection is not None:
        collections = tuple(c.id for c in library.collections(deps, subject) if c.name == collection)
        if not collections:
            raise QuestionError(f"There is no collection named {collection}.")
    return Selection(collections=collections, documents=tuple(d.id for d in named(deps, collection, names)) if names else None)


def named(deps: Deps, collection: str | None, names: Sequence[str]) -> list[Document]:
    """The documents of these names. Raises QuestionError naming what does not exist."""
    known = library.documents(deps, deps.settings.subject, collection=collection)
    if missing := sorted(set(names) - {d.filename for d in known}):
        raise QuestionError(f"There is no document named {', '.join(missing)}. `situate list` names them all.")
    return [d for d in known if d.filename in names]
