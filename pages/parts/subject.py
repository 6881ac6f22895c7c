"""Whose documents a page, or a route beside the pages, shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.deps import Deps


def subject_of(deps: Deps) -> str:
    """Who is signed in. With sign-in off (there is none yet) everyone who reaches this address is the one subject."""
    return deps.settings.subject
