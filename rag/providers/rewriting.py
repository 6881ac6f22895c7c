"""What a model is asked for when a follow-up is to stand alone, and what of its answer is taken (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from rag import prompts
from rag.errors import TransientProviderError
from rag.providers import Prompt, Turn
from rag.windows import beginning

TURNS = 4  # the latest; what a follow-up leans on was said just before
TOLD = 300  # tokens of an earlier answer
MOST = 600  # characters that a rewrite may add: it puts in names and dates, it does not answer
_ROOM = 2_000  # tokens; a question has at most 4,000 characters


def request(question: str, history: Sequence[Turn]) -> Prompt:
    """The latest turns, shortened, and the question: all of it fenced as data."""
    system, template = prompts.parts("rewrite")
    said = "\n\n".join(f"Question: {turn.question}\nAnswer: {beginning(turn.answer, TOLD)}" for turn in history[-TURNS:])
    return Prompt(system=system, suffix=prompts.fill(template, conversation=said, question=question), most_tokens=_ROOM)


def rewritten(said: str, question: str) -> str:
    """The question that a model wrote. Raises TransientProviderError when it wrote something else: nothing, several lines, or an essay."""
    said = said.strip()
    if not said or "\n" in said or len(said) > len(question) + MOST:
        raise TransientProviderError("The model did not write a question.")
    return said
