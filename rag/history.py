"""What a model is told of a long conversation: the latest questions and answers that fit a budget, each at a bearable length (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from rag.providers import Turn
from rag.windows import beginning, tokens

BUDGET = 8_000  # tokens: about as many as the passages of a question
LONGEST = 2_000  # tokens of one turn; a longer one is shortened, so that it never hides the others


def kept(turns: Sequence[Turn], budget: int = BUDGET) -> tuple[list[Turn], int]:
    """The latest turns that fit, in order, and how many earlier ones are left out."""
    found: list[Turn] = []
    for turn in reversed(turns):
        short = _shortened(turn)
        budget -= _size(short)
        if budget < 0:
            break
        found.append(short)
    return found[::-1], len(turns) - len(found)


def _size(turn: Turn) -> int:
    return tokens(turn.question) + tokens(turn.answer)


def _shortened(turn: Turn) -> Turn:
    """The turn with as much of its answer, and of a very long question, as may be told."""
    if _size(turn) <= LONGEST:
        return turn
    question = beginning(turn.question, LONGEST // 2)
    return Turn(question=question, answer=beginning(turn.answer, LONGEST - tokens(question)))
