"""Passages as answerers read them."""

from __future__ import annotations

from rag.providers import Passage, Piece


def passage(
    *sentences: str, title: str = "Annual report", source: str = "report.pdf, p. 3", heading: str = "", context: str = "", rank: int = 1
) -> Passage:
    """A passage of one chunk."""
    return Passage(title=title, source=source, pieces=(Piece(rank=rank, heading=heading, context=context, sentences=sentences),))


def merged(*passages: Passage) -> Passage:
    """Passages of one document that follow one another, as one."""
    first = passages[0]
    return Passage(title=first.title, source=first.source, pieces=tuple(piece for read in passages for piece in read.pieces))
