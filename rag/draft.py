"""An answer as it is drafted: text and claims in, parts and verified citations out.

A model only claims what it cites. A claim becomes a citation when its sentences exist in the passage it names and its quote stands in
them verbatim (white space aside); otherwise it is dropped and counted. A passage may be several chunks read as one (rag.reading): a claim
that runs from one into the next becomes a citation of each.
"""

from __future__ import annotations

from collections.abc import Sequence

from db.conversations import Citation, Part
from rag.attribution import attributed
from rag.providers import BlockEnd, Cite, Text
from rag.reading import Quote, Stretch


class Draft:
    """Collects events into parts and verified citations; the same sentences cited twice keep their number."""

    def __init__(self, read: Sequence[Stretch], *, is_extract: bool) -> None:
        self.citations: list[Citation] = []
        self.dropped = 0
        self._read = read
        self._is_extract = is_extract  # its blocks are quotes: nothing in them is the model's own
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
        if self._text and self._is_extract:
            self._finished.append(Part(text=self._text, citations=tuple(self._cited)))
        elif self._text:
            quotes = {number: self.citations[number - 1].quote for number in self._cited}
            self._finished += [Part(text=piece, citations=numbers) for piece, numbers in attributed(self._text, quotes)]
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
