"""Chunks: what is embedded, indexed, retrieved and cited."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A citable span of a chunk's text, and where it stands on its pages."""

    start: int  # characters into Chunk.text
    end: int  # exclusive
    boxes: tuple[tuple[int, float, float, float, float], ...]  # (page from 1, x0, y0, x1, y1): PDF points from the page's bottom left


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A chunk as cut from a document and not stored yet."""

    ord: int
    heading: str  # section path, outermost first, joined by " > "
    text: str
    context: str  # structural context, or a model's once it wrote one
    first_page: int
    last_page: int
    sentences: tuple[Sentence, ...]
