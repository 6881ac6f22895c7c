"""First questions that the documents themselves suggest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.documents import Selection
    from rag.deps import Deps


def suggestions(deps: Deps, subject: str, selection: Selection, *, most: int = 4, language: str) -> list[str]:
    """Up to `most` questions that the selected documents answer, those in the reader's language first; the same ones every time."""
    del deps, subject, selection, most, language
    return []
