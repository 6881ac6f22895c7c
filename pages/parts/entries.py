"""What the library lists: each document once, under its newest version, and which of them a reader wants to see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from db.documents import Document, Status
from pages.parts.standing import Standing, standing

GROUPS: dict[str, frozenset[Standing]] = {  # as the filter offers them
    "work": frozenset({Standing.WAITING, Standing.WORKING, Standing.PAUSED}),
    "ready": frozenset({Standing.READY}),
    "noted": frozenset({Standing.NOTED}),
    "failed": frozenset({Standing.FAILED, Standing.LOCKED}),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A document in its newest version, and the older one that answers until that is ready."""

    latest: Document
    answering: Document | None = None

    @property
    def standing(self) -> Standing:
        return standing(self.latest)


def entries(documents: Iterable[Document]) -> list[Entry]:
    """One for each lineage, where its first version in the list stands."""
    versions: dict[int, list[Document]] = {}
    for document in documents:
        versions.setdefault(document.lineage, []).append(document)
    return [_entry(held) for held in versions.values()]


def _entry(versions: Sequence[Document]) -> Entry:
    latest = max(versions, key=lambda document: document.version)
    older = [document for document in versions if document.status is Status.READY and document is not latest]
    return Entry(latest=latest, answering=older[0] if older else None)


def matching(listed: Sequence[Entry], *, name: str, group: str, collection: str | None) -> list[Entry]:
    """Those whose name holds every word of `name`, in this group ("": any) and collection (None: any)."""
    words = name.casefold().split()
    return [
        entry
        for entry in listed
        if all(word in f"{entry.latest.filename} {entry.latest.title}".casefold() for word in words)
        and (not group or entry.standing in GROUPS[group])
        and collection in (None, entry.latest.collection)
    ]


def group_sizes(listed: Iterable[Entry]) -> dict[str, int]:
    """How many entries each group has; none is left out."""
    found = Counter(entry.standing for entry in listed)
    return {group: sum(found[one] for one in standings) for group, standings in GROUPS.items()}
