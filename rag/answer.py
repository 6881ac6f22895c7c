"""A question's answer: search, stream, verify. Nothing uncertain leaves here as a citation.

A model only claims what it cites. A claim becomes a citation when its sentences exist in the passage it names and its quote stands in
them verbatim (white space aside); otherwise it is dropped and counted. A passage may be several chunks read as one (rag.reading): a claim
that runs from one into the next becomes a citation of each.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from db import as_subject
from db.conversations import Citation, Part
from db.documents import Selection
from rag import consent, search, usage
from rag.consent import Purpose
from rag.deps import Deps
from rag.errors import ProviderError
from rag.outage import outlast
from rag.providers import Answerer, BlockEnd, Cite, Text, Turn, Usage
from rag.reading import Quote, Stretch, stretches

STEP = 0.15  # seconds between two looks at a growing answer


@dataclass(frozen=True, kw_only=True)
class Progress:
    """An answer as far as it has come. `citations` are numbered in order of appearance; parts refer to them by number."""

    parts: tuple[Part, ...] = ()
    citations: tuple[Citation, ...] = ()
    model: str = ""
    is_extract: bool = False
    abstained: bool = False  # finished, and nothing in it rests on the documents
    dropped: int = 0  # claims that did not stand in the stored text
    notes: tuple[str, ...] = ()
    trace: dict[str, Any] | None = None  # as rag.trace.Trace.as_json, and "passages"; set on the first step only
    finished: bool = False
    usage: Usage | None = None


def answer(
    deps: Deps,
    subject: str,
    question: str,
    *,
    selection: Selection,
    history: Sequence[Turn] = (),
    message_id: int | None = None,
) -> Iterator[Progress]:
    """Yield the answer as it grows: first with the sources and no text, last with `finished`.

    Raises NothingToSearch, ProviderError, db.DatabaseAway; what was yielded before stays true.
    """
    result = search.search(deps, subject, question, selection=selection, top=deps.settings.passages, message_id=message_id)
    answerer = consent.serving(deps, subject, Purpose.ANSWER)
    read = stretches(result.hits)
    trace = {**result.trace.as_json(result.hits), "passages": [[hit.rank for hit in stretch.hits] for stretch in read]}
    progress = Progress(model=answerer.name, is_extract=answerer.is_extract, notes=result.trace.notes, trace=trace)
    yield progress
    progress = replace(progress, trace=None)
    billed: Usage | None = None
    shown = time.monotonic()
    draft = _Draft(read)
    try:
        with closing(_events(answerer, question, read, history)) as events:
            for event in events:
                if isinstance(event, Usage):
                    billed = event
                    continue
                draft.take(event)
                if time.monotonic() - shown >= STEP:
                    yield replace(progress, parts=draft.parts(), citations=tuple(draft.citations), dropped=draft.dropped)
                    shown = time.monotonic()
    except ProviderError:
        yield replace(progress, parts=draft.parts(), citations=tuple(draft.citations), dropped=draft.dropped)  # what was written is kept
        raise
    finally:  # also when a person stops the answer in the middle
        if billed is not None:
            _keep_usage(deps, subject, billed, message_id)
    draft.end_block()
    yield replace(
        progress,
        parts=draft.parts(),
        citations=tuple(draft.citations),
        dropped=draft.dropped,
        abstained=not draft.citations,
        finished=True,
        usage=billed,
    )


def _events(
    answerer: Answerer, question: str, read: Sequence[Stretch], history: Sequence[Turn]
) -> Generator[Text | Cite | BlockEnd | Usage]:
    yield from answerer.stream(question, [stretch.passage for stretch in read], history)


def verify(cite: Cite, read: Sequence[Stretch]) -> list[Quote]:
    """The sentences that a claim rests on, chunk by chunk; none when it does not stand in the stored text."""
    if not 0 <= cite.passage < len(read):
        return []
    quotes = list(read[cite.passage].quotes(cite.first, cite.last))
    claimed = _squash(cite.quote)
    return quotes if claimed and claimed in _squash("".join(quote.text for quote in quotes)) else []


def citation(quote: Quote, *, number: int) -> Citation:
    """Verified sentences as they are stored and shown."""
    chunk = quote.hit.chunk
    boxes = tuple(box for sentence in chunk.sentences[quote.first : quote.last] for box in sentence.boxes)
    return Citation(
        number=number,
        document_id=chunk.document_id,
        filename=quote.hit.document,
        ord=chunk.ord,
        page=boxes[0][0] if boxes else chunk.first_page,
        quote=quote.text,
        boxes=boxes,
    )


def _squash(text: str) -> str:
    """Without white space: line ends and the joints between sentences differ from one rendering to another, the words may not."""
    return "".join(text.split())


def _keep_usage(deps: Deps, subject: str, billed: Usage, message_id: int | None) -> None:
    def keep() -> None:
        with as_subject(deps.pool, subject) as connection:
            usage.keep(deps, connection, billed, purpose="answer", message_id=message_id)

    outlast(keep)


class _Draft:
    """Collects events into parts and verified citations; the same sentences cited twice keep their number."""

    def __init__(self, read: Sequence[Stretch]) -> None:
        self.citations: list[Citation] = []
        self.dropped = 0
        self._read = read
        self._numbers: dict[tuple[int, int, int, int], int] = {}  # by Quote.key
        self._finished: list[Part] = []
        self._text = ""
        self._cited: list[int] = []

    def take(self, event: Text | Cite | BlockEnd) -> None:
        if isinstance(event, Text):
            self._text += event.text.replace("\x00", "")
        elif isinstance(event, Cite):
            self._cite(event)
        else:
            self.end_block()

    def end_block(self) -> None:
        if self._text:
            self._finished.append(Part(text=self._text, citations=tuple(self._cited)))
        self._text, self._cited = "", []

    def parts(self) -> tuple[Part, ...]:
        growing = (Part(text=self._text, citations=tuple(self._cited)),) if self._text else ()
        return (*self._finished, *growing)

    def _cite(self, claim: Cite) -> None:
        quotes = verify(claim, self._read)
        if not quotes:
            self.dropped += 1
        for quote in quotes:
            if quote.key not in self._numbers:
                self._numbers[quote.key] = len(self.citations) + 1
                self.citations.append(citation(quote, number=self._numbers[quote.key]))
            if self._numbers[quote.key] not in self._cited:
                self._cited.append(self._numbers[quote.key])
