"""Running headers, footers and page numbers: lines near a page's edge that come back on other pages."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.columns import Line

ZONE = 0.12  # of the page's height, at the top and at the bottom
DEPTH = 3  # lines counted from the edge
DRIFT = 0.012  # of the page's height: how far a running line may wander
_NUMBER = re.compile(
    r"^\W*(?:page|p\.|seite|第)?\s*(?:[ivxlc]{1,7}|[A-Z]{1,2}-?\d{1,4}|\d{1,4})\s*(?:页|頁)?\s*(?:(?:of|/|\||共)\s*\d{1,4}\s*(?:页|頁)?)?\W*$",
    re.IGNORECASE,
)
_PAGE_OF = re.compile(
    r"^(?:page )?#(?: ?(?:/|of) ?#)?[ |·–-]+(?=\D*$)|(?<=\D)[ |·–-]+(?:page )?#(?: ?(?:/|of) ?#)?$"
)  # at either end of a running line


def _key(line: Line, larger: float) -> str:
    """The wording, without its figures unless it is set as large as a title: "Chapter 1" and "Chapter 2" do not repeat each other."""
    if line.size >= larger:
        return " ".join(line.text.lower().split())
    return _PAGE_OF.sub("", re.sub(r"\d+", "#", " ".join(line.text.lower().split())))


def _edges(lines: Sequence[Line], height: float) -> list[tuple[Line, bool, int]]:
    """The outermost lines within the zones as (line, at the top, place from the edge)."""
    ordered = sorted(lines, key=lambda line: -line.middle)
    top = [(line, True, place) for place, line in enumerate(ordered[:DEPTH]) if line.y0 > (1 - ZONE) * height]
    bottom = [(line, False, place) for place, line in enumerate(reversed(ordered[-DEPTH:])) if line.y1 < ZONE * height]
    return top + bottom


def running(pages: Sequence[tuple[int, float, Sequence[Line]]], larger: float) -> list[tuple[set[int], set[int]]]:
    """For each page (number, height, lines): the ids of its header lines and of its footer lines.

    A line is running when its wording, figures apart, stands at the same height of at least three pages (two in a document of up to four).
    In type from size `larger` on the figures count. A bare page number at the very edge needs no repetition. Nothing below the first line
    that does not repeat is a header (so the years above a statement, which do repeat, are none), and likewise for footers.
    """
    places: Counter[tuple[str, bool, int]] = Counter()
    offsets = _page_number_offsets(pages)
    for _, height, lines in pages:
        seen = set()
        for line, top, _ in _edges(lines, height):
            level = round(line.middle / (DRIFT * height))
            seen |= {(_key(line, larger), top, level + drift) for drift in (-1, 0, 1)}
        places.update(seen)
    needed = 2 if len(pages) <= 4 else 3
    found: list[tuple[set[int], set[int]]] = []
    for number, height, lines in pages:
        headers: set[int] = set()
        footers: set[int] = set()
        broken = {True: False, False: False}  # a line that belongs to the text ends the margin
        for line, top, place in _edges(lines, height):
            key = _key(line, larger)
            repeated = places[key, top, round(line.middle / (DRIFT * height))] >= needed and re.search(r"[^\W\d#]", key)
            if not broken[top] and (repeated or (place <= 1 and _NUMBER.match(line.text))):
                (headers if top else footers).add(id(line))
            else:
                broken[top] = True
        for line, top in _ends(lines):
            if line.text.isdecimal() and offsets[top, int(line.text) - number] >= needed:
                (headers if top else footers).add(id(line))
        found.append((headers, footers))
    return found


def _ends(lines: Sequence[Line]) -> list[tuple[Line, bool]]:
    """The highest and the lowest line, with whether it is the highest."""
    if not lines:
        return []
    return [(max(lines, key=lambda line: line.middle), True), (min(lines, key=lambda line: line.middle), False)]


def _page_number_offsets(pages: Sequence[tuple[int, float, Sequence[Line]]]) -> Counter[tuple[bool, int]]:
    """How often the highest or lowest line is a number that runs along with the pages, by its distance from the page's place.

    This finds page numbers wherever the text ends, as on the over-long pages that browsers print.
    """
    return Counter(
        (top, int(line.text) - number)
        for number, _, lines in pages
        for line, top in _ends(lines)
        if line.text.isdecimal() and len(line.text) <= 4
    )
