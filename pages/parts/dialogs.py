"""The dialog that is open, if any. The page draws it with each run, so that a list that is redrawn meanwhile does not close it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pages.parts.collection_list import collection_list
from pages.parts.deletion import deletion
from pages.parts.moving import moving
from pages.parts.renaming import renaming
from pages.parts.state import page_state
from pages.parts.unlocking import unlocking

if TYPE_CHECKING:
    from rag.deps import Deps


def dialogs(deps: Deps, subject: str) -> None:
    asking = page_state().asking
    if asking is None:
        return
    match asking.what:
        case "delete":
            deletion(deps, subject, asking.documents)
        case "rename":
            renaming(deps, subject, asking.documents[0])
        case "move":
            moving(deps, subject, asking.documents)
        case "unlock":
            unlocking(deps, subject, asking.documents[0])
        case "collections":
            collection_list(deps, subject)
