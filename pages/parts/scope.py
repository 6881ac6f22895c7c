"""Which documents a conversation is about, in a reader's words, and how many of them can be asked now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from db.documents import Selection, Status
from pages.parts.escape import shortened
from pages.parts.i18n import _, plural

if TYPE_CHECKING:
    from pages.parts.entries import Entry
    from rag.library import Collection

NAME = 40  # characters


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A selection as it stands in the library now."""

    label: str
    ready: tuple[int, ...]  # documents that are asked
    waiting: int  # documents that will be, once they are read
    failed: int  # documents that were named and cannot be asked

    @property
    def told(self) -> str:
        """A sentence where not all that was chosen can be asked; "" otherwise."""
        every = len(self.ready) + self.waiting + self.failed
        if not every:
            return _("The documents of this conversation have been deleted.")
        if len(self.ready) == every:
            return ""
        if self.ready:
            return _("{ready} of {every} documents ready, asking those.").format(ready=len(self.ready), every=every)
        if self.waiting:
            return _("None of these documents is ready yet.")
        return _("None of these documents can be asked.")


def is_everything(selection: Selection) -> bool:
    return selection == Selection()


def chosen(selection: Selection, listed: Sequence[Entry]) -> list[Entry]:
    """The documents that a selection holds."""
    return [
        entry
        for entry in listed
        if (selection.collections is None or entry.latest.collection_id in selection.collections)
        and (selection.documents is None or not {entry.latest.id, asked_as(entry)}.isdisjoint(selection.documents))
    ]


def asked_as(entry: Entry) -> int:
    """The version that answers, or will."""
    return entry.answering.id if entry.answering else entry.latest.id


def is_ready(entry: Entry) -> bool:
    return entry.answering is not None or entry.latest.status is Status.READY


def scope_of(selection: Selection, listed: Sequence[Entry], collections: Sequence[Collection]) -> Scope:
    """A failed document counts only where it was named: of a whole library it is no news."""
    held = chosen(selection, listed)
    ready = tuple(sorted(asked_as(entry) for entry in held if is_ready(entry)))
    failed = [entry for entry in held if not is_ready(entry) and entry.latest.status is Status.FAILED]
    return Scope(
        label=_label(selection, held, collections),
        ready=ready,
        waiting=len(held) - len(ready) - len(failed),
        failed=len(failed) if selection.documents is not None else 0,
    )


def _label(selection: Selection, held: Sequence[Entry], collections: Sequence[Collection]) -> str:
    if is_everything(selection):
        return _("All documents")
    if selection.documents is None:
        names = [collection.name for collection in collections if collection.id in (selection.collections or ())]
        if len(names) == 1:
            return shortened(names[0], NAME)
        return plural("{n} collection", "{n} collections", len(names))
    if len(held) == 1:
        return shortened(held[0].latest.filename, NAME)
    return plural("{n} document", "{n} documents", len(held))
