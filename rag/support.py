"""Whether what was found holds an answer, told without a model (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.trace import Result


@dataclass(frozen=True, kw_only=True)
class Support:
    """How likely it is that the passages found hold an answer, and whether that is likely enough to quote them."""

    score: float  # 0 to 1
    holds: bool


def supported(question: str, result: Result) -> Support:
    """Whether the hits of a search hold an answer to its question."""
    del question
    return Support(score=float(bool(result.hits)), holds=bool(result.hits))
