"""Answers as Markdown that can be kept and passed on, with numbered references.

Document and model text is data: what would be a link, an image or HTML stands there as the characters it is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from rag.conversation import Citation, Message
from rag.deps import Deps


@dataclass(frozen=True, kw_only=True)
class Words:
    """What an export says of its own, in the reader's language; {} as in str.format."""

    place: str = "{file}, page {page}"
    references: str = "References"
    uncited: str = "not from your documents"
    abstained: str = "Your documents do not seem to hold the answer."
    extract: str = "Extract: the best matching sentences, quoted. No model wrote this."
    written: str = "Written by {model}"
    searched: str = "Searched for: {asked}"
    stopped: str = "Stopped. What was written so far is kept."
    interrupted: str = "Interrupted: the program that wrote this answer ended. What was written is kept."
    unfinished: str = "This answer was still being written."
    zone: tzinfo = UTC


ENGLISH = Words()


def markdown(deps: Deps, subject: str, conversation_id: int, *, message_id: int | None = None, words: Words = ENGLISH) -> str:
    """A whole conversation, or one answer of it, with its references at the end. Raises ConversationError."""
    raise NotImplementedError


def footnotes(message: Message, citations: Sequence[Citation], *, words: Words = ENGLISH) -> str:
    """One answer for the clipboard: its text with [1], and below it what that refers to."""
    raise NotImplementedError
