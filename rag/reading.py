"""Hits as they are read: neighbours in a document become one passage, and each of its sentences still knows its own chunk.

Retrieval cuts a document into chunks; a reader, person or model, is better served by continuous text. A citation is never of the passage:
it is of the chunk that holds the sentence, with that chunk's boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.providers import Passage, Piece
from rag.trace import Hit

MOST = 5  # chunks read as one: about 1,500 tokens, two pages


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Sentences [first, last) of one hit's chunk."""

    hit: Hit
    first: int
    last: int

    @property
    def key(self) -> tuple[int, int, int, int]:
        return *self.hit.key, self.first, self.last

    @property
    def text(self) -> str:
        """As it is stored."""
        return self.hit.chunk.quote(self.first, self.last)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Hits whose chunks follow one another in a document."""

    hits: tuple[Hit, ...]  # in reading order, never empty

    @property
    def passage(self) -> Passage:
        """What an answerer reads."""
        first, last = self.hits[0].chunk, self.hits[-1].chunk
        document = self.hits[0].document
        pages = f"p. {first.first_page}" if first.first_page == last.last_page else f"pp. {first.first_page}-{last.last_page}"
        return Passage(
            title=self.hits[0].title or document,
            source=f"{document}, {pages}",
            pieces=tuple(
                Piece(
                    rank=hit.rank,
                    heading=hit.chunk.heading,
                    context=hit.chunk.context,
                    sentences=tuple(hit.chunk.quote(i, i + 1) for i in range(len(hit.chunk.sentences))),
                )
                for hit in self.hits
            ),
        )

    def quotes(self, first: int, last: int) -> Iterator[Quote]:
        """Sentences [first, last) of the passage, chunk by chunk; nothing when the passage has no such sentences."""
        starts = [0]
        for hit in self.hits:
            starts.append(starts[-1] + len(hit.chunk.sentences))
        if not 0 <= first < last <= starts[-1]:
            return
        for hit, start, end in zip(self.hits, starts, starts[1:], strict=False):  # the last start is where the passage ends
            low, high = max(first, start), min(last, end)
            if low < high:
                yield Quote(hit=hit, first=low - start, last=high - start)


def stretches(hits: Sequence[Hit]) -> list[Stretch]:
    """Hits, best first, put together with their neighbours; each stretch has the place of its best hit.

    Hits join in order of rank, so that what a long run of neighbours is cut into begins around its best.
    """
    found: list[list[Hit]] = []
    for hit in hits:
        grown, place = [hit], len(found)
        for near in [run for run in found if _touch(run, hit)]:
            if len(grown) + len(near) <= MOST:
                place = min(place, found.index(near))
                found.remove(near)
                grown += near
        found.insert(place, sorted(grown, key=lambda h: h.chunk.ord))
    return [Stretch(hits=tuple(run)) for run in found]


def _touch(run: Sequence[Hit], hit: Hit) -> bool:
    """Whether the hit stands right before or right after the run."""
    return run[0].key[0] == hit.key[0] and hit.chunk.ord in (run[0].chunk.ord - 1, run[-1].chunk.ord + 1)
