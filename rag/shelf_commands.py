"""The commands that put documents in order: their versions and names, the collections they are in, the password of a protected one."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence

from db.documents import Document
from rag import chosen, library
from rag.deps import Deps, opened
from rag.errors import QuestionError
from rag.output import count, dump, note, say
from rag.settings import Settings


def versions(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        document = _one(deps, arguments.name, arguments.collection)
        found = library.versions(deps, settings.subject, document.id)
    if arguments.json:
        dump(
            [
                {"version": d.version, "status": d.status.value, "uploaded": d.created_at.isoformat(), "error": d.error or None}
                for d in found
            ]
        )
    else:
        for d in found:
            say(f"{d.version:3}  {d.created_at:%Y-%m-%d %H:%M}  {d.status.value:10} {d.error}".rstrip())
    return 0


def rename(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        document = _one(deps, arguments.name, arguments.collection)
        named = library.rename(deps, settings.subject, document.id, arguments.new)
    return _told(arguments, {"document": named}, f"{document.filename} is named {named} now.")


def move(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        wanted = _named(deps, arguments.names, arguments.collection)
        moved = library.move(deps, settings.subject, [d.id for d in wanted], arguments.to)
    for sentence in moved.refused:
        note(sentence)
    _told(arguments, {"moved": moved.moved, "refused": list(moved.refused)}, f"Moved {count(moved.moved, 'document')} to {arguments.to}.")
    return 1 if moved.refused else 0


def unlock(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        document = _one(deps, arguments.name, arguments.collection)
        # never an argument: other people on the machine can see those
        asked = f"Password of {document.filename}: "
        password = getpass.getpass(asked) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        library.unlock(deps, settings.subject, document.id, password)
    return _told(arguments, {"unlocked": document.filename}, f"{document.filename} is unlocked, and queued to be read.")


def collections(settings: Settings, arguments: argparse.Namespace) -> int:
    with opened(settings) as deps:
        if arguments.create:
            library.create_collection(deps, settings.subject, arguments.create)
        if arguments.rename:
            library.rename_collection(deps, settings.subject, _collection(deps, arguments.rename[0]), arguments.rename[1])
        if arguments.empty:
            library.empty_collection(deps, settings.subject, _collection(deps, arguments.empty))
        if arguments.delete:
            whole = arguments.with_documents
            library.delete_collection(deps, settings.subject, _collection(deps, arguments.delete), with_documents=whole)
        found = library.collections(deps, settings.subject)
    if arguments.json:
        dump([{"collection": c.name, "documents": c.documents} for c in found])
    else:
        for c in found:
            say(f"{c.name}: {count(c.documents, 'document')}")
    return 0


COMMANDS: dict[str, Callable[[Settings, argparse.Namespace], int]] = {
    "versions": versions,
    "rename": rename,
    "move": move,
    "unlock": unlock,
    "collections": collections,
}


def _told(arguments: argparse.Namespace, values: dict[str, object], sentence: str) -> int:
    if arguments.json:
        dump(values)
    else:
        say(sentence)
    return 0


def _named(deps: Deps, names: Sequence[str], collection: str | None) -> list[Document]:
    """The documents of these names, each in its newest version. Raises QuestionError naming those that do not exist."""
    newest = {d.lineage: d for d in sorted(chosen.named(deps, collection, names), key=lambda d: d.version)}
    return list(newest.values())


def _one(deps: Deps, name: str, collection: str | None) -> Document:
    found = _named(deps, [name], collection)
    if len(found) > 1:
        raise QuestionError(f"{name} is in {', '.join(sorted(d.collection for d in found))}. Say which is meant with --collection.")
    return found[0]


def _collection(deps: Deps, name: str) -> int:
    for c in library.collections(deps, deps.settings.subject):
        if c.name == name:
            return c.id
    raise QuestionError(f"There is no collection named {name}.")
