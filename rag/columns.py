"""Words -> lines in reading order, over one or several columns of text.

Thresholds are in ems (multiples of the type size at hand), never in points of a particular document.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from rag import bidi
from rag.words import AGAINST, BOLD, ITALIC, Word, is_cjk, solid

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PIECE_GAP = 1.0  # em: a wider gap ends a piece of a line (a word space is 0.25 em, at most 0.8 in justified text)
GUTTER = 0.7  # em: the least white space between two columns of text
MIN_LINES = 4  # of text on each side of a gutter
MAX_DEPTH = 6  # columns within columns
PROSE_FILL = 0.6  # of the column's width that a line of running text fills
INDEX = 0.78  # times the type size of a line: at most so large are the signs raised above it, or lowered
_LEADERS = re.compile(r"^[.·…_‥•]{3,}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Words on one baseline, left to right (where the sheet is read from right to left, it is seen in a mirror)."""

    words: tuple[Word, ...]
    x0: float
    y0: float
    x1: float
    y1: float
    size: float  # the most common type size, by characters
    bold: bool  # nine tenths of the characters
    italic: bool
    text: str
    middle: float  # of its height
    mixed: bool  # some words run against their sheet

    @property
    def read(self) -> Sequence[Word]:
        """The words in the order they are read."""
        return bidi.in_order(self.words) if self.mixed else self.words


def spaced_after(before: Word, word: Word) -> bool:
    """Whether a space belongs between two neighbouring words of a line: never between two Chinese characters."""
    return not solid(before.text[-1], word.text[0]) and (word.spaced or word.x0 - before.x1 > 0.25 * word.size)


def apart(before: Word, word: Word) -> bool:
    """The same for words that may run against their sheet, of which the first may stand on either side."""
    return max(word.x0 - before.x1, before.x0 - word.x1) > 0.1 * word.size and not solid(before.text[-1], word.text[0])


def joined(words: Sequence[Word], *, mixed: bool = False) -> str:
    """The text of words that stand side by side; `mixed` when some run against their sheet."""
    words = bidi.in_order(words) if mixed else words
    spaced = apart if mixed else spaced_after
    parts = [words[0].text] if words else []
    for before, word in itertools.pairwise(words):
        parts.append(f" {word.text}" if spaced(before, word) else word.text)
    return "".join(parts)


def line_of(words: Iterable[Word]) -> Line:
    ordered = tuple(sorted(words, key=lambda word: word.x0))
    sizes: Counter[float] = Counter()
    bold = italic = total = styles = 0
    for word in ordered:
        length = len(word.text)
        sizes[word.size] += length
        total += length
        styles |= word.style
        bold += length if word.style & BOLD else 0
        italic += length if word.style & ITALIC else 0
    y0, y1 = min([word.y0 for word in ordered]), max([word.y1 for word in ordered])
    return Line(
        words=ordered,
        x0=ordered[0].x0,
        y0=y0,
        x1=max([word.x1 for word in ordered]),
        y1=y1,
        middle=(y0 + y1) / 2,
        size=sizes.most_common(1)[0][0],
        bold=bold >= 0.9 * total,
        italic=italic >= 0.9 * total,
        text=joined(ordered, mixed=bool(styles & AGAINST)),
        mixed=bool(styles & AGAINST),
    )


def same_baseline(a: Word | Line, b: Word | Line) -> bool:
    """Whether two boxes overlap by half the lower one's height."""
    return min(a.y1, b.y1) - max(a.y0, b.y0) >= 0.5 * min(a.y1 - a.y0, b.y1 - b.y0)


def without_leaders(words: Sequence[Word]) -> list[Word]:
    """Words without the rows of dots that lead from a label to its value."""
    kept: list[Word] = []
    dots: list[Word] = []
    for word in words:
        if _LEADERS.match(word.text):
            continue
        if word.text == ".":
            dots.append(word)
            continue
        if len(dots) < 3:
            kept += dots
        dots = []
        kept.append(word)
    return kept + (dots if len(dots) < 3 else [])


def pieces(words: Sequence[Word]) -> list[Line]:
    """Stretches of words that the page draws one after another on one baseline, without a wide gap."""
    found: list[list[Word]] = []
    for word in without_leaders(words):
        if found:
            before = found[-1][-1]
            gap = word.x0 - before.x1
            em = max(min(word.size, before.size), 1.0)
            if gap < -0.5 * em and (word.style | before.style) & AGAINST:  # drawn in the order they are read
                gap = max(gap, min(drawn.x0 for drawn in found[-1]) - word.x1)
            if same_baseline(before, word) and -0.5 * em <= gap <= PIECE_GAP * em:
                found[-1].append(word)
                continue
        found.append([word])
    return [line_of(piece) for piece in found]


def is_prose(side: Sequence[Line]) -> bool:
    """Whether lines look like a column of running text: enough of them, mostly as wide as the column, and not figures."""
    if len(side) < MIN_LINES:
        return False
    width = max(line.x1 for line in side) - min(line.x0 for line in side)
    if sum(1 for line in side if line.x1 - line.x0 >= PROSE_FILL * width) < 0.5 * len(side):
        return False
    letters = sum(sum(map(str.isalpha, line.text)) for line in side)
    digits = sum(sum(map(str.isdigit, line.text)) for line in side)
    return digits < 0.3 * letters and median(map(_printed_length, side)) >= 20


def _printed_length(line: Line) -> int:
    return len(line.text) if line.text.isascii() else sum(2 if is_cjk(char) else 1 for char in line.text)


def aligned_share(few: Sequence[Line], many: Sequence[Line]) -> float:
    """The share of `few` that stand on a baseline of `many`."""
    bottoms = sorted(line.y0 for line in many)
    hits = sum(1 for line in few if any(abs(line.y0 - bottom) < 0.15 * line.size for bottom in bottoms))
    return hits / len(few)


def independent(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Whether two sides of a gutter are columns to be read one after the other, rather than cells of shared rows."""
    prose = (is_prose(left), is_prose(right))
    if all(prose):
        return True
    if not any(prose):
        return _shifted(left, right)
    few, many = (left, right) if prose[1] else (right, left)
    return len(few) >= MIN_LINES and aligned_share(few, many) < 0.5


def _shifted(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Whether two tables of figures stand side by side whose rows do not meet."""
    labels = _labels(left)
    if len(labels) < MIN_LINES:
        return False
    few, many = sorted((labels, _labels(right)), key=len)
    return len(few) >= max(MIN_LINES, 0.6 * len(many)) and aligned_share(few, many) < 0.5


def _labels(side: Sequence[Line]) -> list[Line]:
    """The labels that begin their row and have figures on their right."""
    figures = [line for line in side if line.text[-1:].isdigit() or line.text[-1:] in "%)—-"]
    words = [line for line in side if any(map(str.isalpha, line.text))]
    headed = [line for line in words if any(line.x1 < figure.x0 and abs(line.y0 - figure.y0) < 0.3 * line.size for figure in figures)]
    return [line for line in headed if not any(other.x1 < line.x0 and same_baseline(other, line) for other in headed)]


def _bands(lines: Sequence[Line], edge: float) -> Iterable[tuple[float, float]]:
    """The stretches (top, bottom) of a region that no line crosses at x = edge."""
    top = max(line.y1 for line in lines) + 1
    for line in sorted((line for line in lines if line.x0 < edge < line.x1), key=lambda line: -line.middle):
        if line.middle < top:
            yield top, line.middle
        top = line.middle
    yield top, min(line.y0 for line in lines) - 1


def _edges(lines: Sequence[Line]) -> list[float]:
    """Where a gutter may end: at, or a little before, the places where many lines begin (marks and quotes hang out to the left)."""
    left_end, right_end = min(line.x0 for line in lines), max(line.x1 for line in lines)
    margin = 0.12 * (right_end - left_end)
    em = median(line.size for line in lines)
    starts: Counter[int] = Counter(round(line.x0 / 3) for line in lines if left_end + margin < line.x0 < right_end - margin)
    common = [start * 3 - 1.5 for start, count in starts.most_common(5) if count >= MIN_LINES - 1]
    return [start - hanging * em for start in common for hanging in (0.1, 0.7, 1.3, 1.9)]


def _best_split(lines: Sequence[Line]) -> tuple[float, float, float] | None:
    """The gutter (x, top, bottom) with independent columns that holds the most lines, the widest among equals."""
    best: tuple[int, float] = (0, 0.0)
    found: tuple[float, float, float] | None = None
    for edge in _edges(lines):
        for top, bottom in _bands(lines, edge):
            inside = [line for line in lines if bottom < line.middle < top]
            left = [line for line in inside if line.x0 < edge]
            right = [line for line in inside if line.x0 >= edge]
            if len(left) < MIN_LINES or len(right) < MIN_LINES or len(inside) < best[0]:
                continue
            gap = min(line.x0 for line in right) - sorted(line.x1 for line in left)[int(0.95 * (len(left) - 1))]
            em = median(line.size for line in inside)
            if gap >= GUTTER * em and (len(inside), gap) > best and independent(left, right):
                best, found = (len(inside), gap), (edge, top, bottom)
    return found


def regions(lines: Sequence[Line], depth: int = 0) -> list[list[Line]]:
    """Split lines into regions in reading order: what stands above a pair of columns, the left one, the right one, what stands below."""
    split = _best_split(lines) if len(lines) >= 2 * MIN_LINES and depth <= MAX_DEPTH else None
    if split is None:
        return [list(lines)]
    edge, top, bottom = split
    parts = (
        [line for line in lines if line.middle >= top],
        [line for line in lines if bottom < line.middle < top and line.x0 < edge],
        [line for line in lines if bottom < line.middle < top and line.x0 >= edge],
        [line for line in lines if line.middle <= bottom],
    )
    return [region for part in parts if part for region in regions(part, depth + 1)]


def rows(region: Sequence[Line]) -> list[Line]:
    """The pieces of a region joined to whole lines, top to bottom."""
    found: list[list[Line]] = []
    for piece in sorted(region, key=lambda line: (-line.middle, line.x0)):
        # Against the tallest piece of the row, not their union, so that slightly shifted lines do not chain together.
        if found and same_baseline(max(found[-1], key=lambda line: line.y1 - line.y0), piece):
            found[-1].append(piece)
        else:
            found.append([piece])
    sizes = [piece.size for piece in region]
    if sizes and min(sizes) <= INDEX * max(sizes):
        found = _with_indices(found)
    return [line_of([word for piece in row for word in piece.words]) for row in found]


def _with_indices(found: Sequence[list[Line]]) -> list[list[Line]]:
    """Rows, each together with the small raised or lowered signs that stand at it and would else be lines of their own."""
    done: list[list[Line]] = []
    raised: list[Line] = []  # waiting for the row below
    for place, row in enumerate(found):
        size = max(piece.size for piece in row)
        below = found[place + 1] if place + 1 < len(found) else None
        if below and _at(row, size, below):
            raised += row
        elif done and not raised and _at(row, size, done[-1]):
            done[-1] += row
        else:
            done.append([*raised, *row])
            raised = []
    return done


def _at(row: Sequence[Line], size: float, other: Sequence[Line]) -> bool:
    """Whether all pieces of a row are small and touch words of another one."""
    large = max(piece.size for piece in other)
    if size > INDEX * large:
        return False
    top, bottom = max(piece.y1 for piece in other), min(piece.y0 for piece in other)
    left, right = min(piece.x0 for piece in other) + 0.5 * large, max(piece.x1 for piece in other) + large
    return all(piece.y0 < top - 0.1 * large and piece.y1 > bottom + 0.1 * large and left <= piece.x0 <= piece.x1 <= right for piece in row)
