"""Answers as Markdown that can be kept and passed on, with numbered references.

Document and model text is data: what would be a link, an image or HTML stands there as the characters it is made of (rag.markdown).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from db import as_subject
from db import conversations as rows
from db.conversations import Citation, Message, State
from rag.answer_tree import answer_tree
from rag.deps import Deps
from rag.errors import ConversationGone
from rag.markdown import literal, written


def as_it_is(sentence: str) -> str:
    """For whoever reads English."""
    return sentence


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
    told: Callable[[str], str] = as_it_is  # a sentence of the back end, such as an error
    zone: tzinfo = UTC


ENGLISH = Words()


class References:
    """Citations numbered in the order they are met; the same sentence keeps its number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._cited: list[Citation] = []

    def number(self, citation: Citation) -> int:
        key = (citation.document_id, citation.filename, citation.ord, citation.page, citation.quote, citation.boxes)
        if key not in self._numbers:
            self._cited.append(citation)
            self._numbers[key] = len(self._cited)
        return self._numbers[key]

    def written(self, words: Words) -> Iterator[str]:
        for number, citation in enumerate(self._cited, start=1):
            place = words.place.format(file=citation.filename, page=citation.page)
            yield f"[{number}] {literal(f'{place}: “{citation.quote}”')}"


def markdown(deps: Deps, subject: str, conversation_id: int, *, message_id: int | None = None, words: Words = ENGLISH) -> str:
    """A whole conversation, or one answer of it, with its references at the end. Raises ConversationError."""
    with as_subject(deps.pool, subject, snapshot=True) as connection:
        held = rows.conversation(connection, conversation_id)
        messages = rows.messages(connection, conversation_id)
        if message_id is not None:
            messages = [message for message in messages if message.id == message_id]
        answers = [(message, rows.citations(connection, message.id)) for message in messages]
    if held is None or not answers:
        raise ConversationGone
    references = References()
    blocks = [f"# {literal(held.title)}"] if message_id is None else []
    for message, citations in answers:
        blocks += [f"## {literal(message.question)}", *_answer(message, citations, references, words), f"*{_by(message, words)}*"]
    if listed := list(references.written(words)):
        blocks += [f"## {literal(words.references)}", *listed]
    return "\n\n".join(blocks) + "\n"


def footnotes(message: Message, citations: Sequence[Citation], *, words: Words = ENGLISH) -> str:
    """One answer for the clipboard: its text with [1], and below it what that refers to."""
    references = References()
    return "\n\n".join([*_answer(message, citations, references, words), *references.written(words)])


def _answer(message: Message, citations: Sequence[Citation], references: References, words: Words) -> Iterator[str]:
    """What is said of an answer, and its text."""
    if message.asked and message.asked != message.question:
        yield f"*{literal(words.searched.format(asked=message.asked))}*"
    for note in message.notes:
        yield f"*{literal(words.told(note))}*"
    if message.abstained:
        yield f"*{literal(words.abstained)}*"
    numbers = {citation.number: references.number(citation) for citation in citations}
    if message.is_extract:
        for part in message.parts:
            if text := literal(part.text if part.citations else words.told(part.text)):
                yield text + "".join(f"[{numbers[n]}]" for n in part.citations if n in numbers)
    elif message.parts:
        tree = answer_tree(message.parts, lambda n: ["button", {}, str(numbers.get(n, "?"))], uncited_title="", finished=message.finished)
        yield written(tree, uncited="" if message.abstained else words.uncited)
    if state := _state(message, words):
        yield f"*{literal(state)}*"


def _state(message: Message, words: Words) -> str:
    """Why an answer is not whole; "" when it is."""
    match message.state:
        case State.DONE:
            return ""
        case State.FAILED:
            return words.told(message.error)
        case State.STOPPED:
            return words.stopped
        case State.INTERRUPTED:
            return words.interrupted
        case _:
            return words.unfinished


def _by(message: Message, words: Words) -> str:
    """Who wrote an answer, and when it was asked for."""
    when = f"{message.created_at.astimezone(words.zone):%Y-%m-%d %H:%M %Z}"
    if not message.model or not message.parts:
        return literal(when)
    return literal(f"{words.extract if message.is_extract else words.written.format(model=message.model)} · {when}")
