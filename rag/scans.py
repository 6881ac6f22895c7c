"""Lines recognised in a picture -> words with boxes in PDF points, as layout wants them (pure).

A line is a quadrilateral in the picture, its text, and where along it each character stands. Its words are cut at white space, between
Chinese characters, and where the ink leaves a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.words import Sheet, Word, clean, is_cjk

Quad: TypeAlias = NDArray[np.float64]  # the four corners in pixels, from the upper left one clockwise

TALL = 1.5  # height by width of a line that does not run across
LONG = 5.0  # length by height of a line whose slope can be trusted
LEVEL = 0.2  # degrees of skew that do no harm
ALIKE = 0.15  # two lines whose heights differ by less are of one type size
TYPE_SIZE = 0.85  # of the height of a detected line
MARGIN = 0.08  # of that height, above and below the letters
REACH, REACH_CHINESE = 0.35, 0.55  # of the type size, from a character's middle to where its ink ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One recognised line."""

    quad: Quad  # from the upper left corner of its first letter clockwise, as it is read
    turn: int  # quarter turns clockwise that bring it upright
    text: str
    score: float  # certainty of its characters by the share of its ink that they account for; from 0 to 1
    places: tuple[float, ...]  # of the middle of each character but white space, as a share of the line's length
    blanks: tuple[tuple[float, float], ...]  # stretches without ink, likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """A word of a line: its text, from where to where it stands along it, and whether white space precedes."""

    text: str
    start: float
    end: float
    spaced: bool


def is_tall(quad: Quad) -> bool:
    """Whether a detected quadrilateral is higher than wide, by much."""
    return height_of(quad) >= TALL * length_of(quad)


def length_of(quad: Quad) -> float:
    return max(math.dist(quad[0], quad[1]), math.dist(quad[3], quad[2]))


def height_of(quad: Quad) -> float:
    return max(math.dist(quad[0], quad[3]), math.dist(quad[1], quad[2]))


def letters(quad: Quad) -> float:
    """About how many letters a detected line may hold, whichever way it runs."""
    length, height = length_of(quad), height_of(quad)
    return max(length, height) / max(min(length, height), 1.0)


def facing(quad: Quad, turn: int) -> Quad:
    """A quadrilateral's corners in the order in which its line is read, if that many quarter turns clockwise bring the line upright."""
    return np.roll(quad, turn, axis=0)


def read_share(text: str, places: Sequence[float], blanks: Sequence[tuple[float, float]], height: float) -> float:
    """The share of a line's ink that has become characters; `height` is the line's height as a share of its length.

    The models pass over letters that they do not know, and are certain of the rest.
    """
    steps = np.arange(0, 1, 0.05 * height)
    ink, near = np.ones(len(steps), bool), np.zeros(len(steps), bool)
    for start, end in blanks:
        ink[(start <= steps) & (steps < end)] = False
    for char, place in zip("".join(text.split()), places, strict=True):
        near |= abs(steps - place) <= (REACH_CHINESE if is_cjk(char) else REACH) * TYPE_SIZE * height
    return float((ink & near).sum()) / max(int(ink.sum()), 1)


def _pieces(line: Line, height: float) -> list[_Piece]:
    """The words of a line; `height` is its height as a share of its length."""
    found: list[tuple[str, float, float, bool]] = []  # text, middle of the first and of the last character, spaced
    places = iter(line.places)
    spaced, alone = True, True
    for char in line.text:
        if char.isspace():
            spaced = True
            continue
        place = next(places)
        chinese = is_cjk(char)
        if not (spaced or alone or chinese):
            text, first, _, before = found[-1]
            found[-1] = (text + char, first, place, before)
        else:
            found.append((char, place, place, spaced))
        spaced, alone = False, chinese
    if not found:
        return []
    edges = [_ink_from(line)]
    for (_, _, last, _), (_, first, _, _) in pairwise(found):
        edges += _between(line, last, first, height)
    edges.append(_ink_to(line))
    pieces = []
    for index, (text, _, _, spaced) in enumerate(found):
        start, end = edges[2 * index], edges[2 * index + 1]
        pieces.append(_Piece(text=text, start=start, end=max(end, start), spaced=spaced))
    return pieces


def _ink_from(line: Line) -> float:
    return line.blanks[0][1] if line.blanks and line.blanks[0][0] <= 0 and line.blanks[0][1] < line.places[0] else 0.0


def _ink_to(line: Line) -> float:
    return line.blanks[-1][0] if line.blanks and line.blanks[-1][1] >= 1 and line.blanks[-1][0] > line.places[-1] else 1.0


def _between(line: Line, last: float, first: float, height: float) -> tuple[float, float]:
    """Where one word ends and the next begins, from the middles of the characters on each side."""
    inside = [(start, end) for start, end in line.blanks if last < (start + end) / 2 < first]
    start, end = max(inside, key=lambda blank: blank[1] - blank[0], default=(0.0, 0.0))
    if end - start > 0.08 * height:
        return start, end
    return (last + first) / 2, (last + first) / 2


def part(quad: Quad, start: float, end: float) -> Quad:
    """The part of a quadrilateral between two shares of its length."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    return np.array([quad[0] + start * top, quad[0] + end * top, quad[3] + end * bottom, quad[3] + start * bottom])


def _without_margin(quad: Quad) -> Quad:
    """A detected quadrilateral reaches beyond its letters; one from ascent to descent."""
    left, right = MARGIN * (quad[3] - quad[0]), MARGIN * (quad[2] - quad[1])
    return np.array([quad[0] + left, quad[1] + right, quad[2] - right, quad[3] - left])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """From pixels to the points of a sheet: turned upright, then straightened."""

    pixels: tuple[int, int]  # width and height of the picture
    page: tuple[float, float]  # width and height of the page as displayed
    turn: int
    skew: float = 0.0

    @property
    def size(self) -> tuple[float, float]:
        width, height = self.page
        return (height, width) if self.turn % 2 else (width, height)

    def points(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        width, height = self.page
        x, y = corners[:, 0] * width / self.pixels[0], height - corners[:, 1] * height / self.pixels[1]
        for _ in range(self.turn):
            x, y = y, width - x
            width, height = height, width
        sine, cosine = math.sin(math.radians(self.skew)), math.cos(math.radians(self.skew))
        x, y = x - width / 2, y - height / 2
        return np.column_stack([width / 2 + x * cosine + y * sine, height / 2 - x * sine + y * cosine])

    def box(self, corners: NDArray[np.float64]) -> tuple[float, float, float, float]:
        points = self.points(corners)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return round(float(x0), 2), round(float(y0), 2), round(float(x1), 2), round(float(y1), 2)


def _skew(lines: Sequence[Line], frame: _Frame) -> float:
    """Degrees clockwise that bring the lines level: the median of the long ones, by their length."""
    slopes = []
    for line in lines:
        if length_of(line.quad) >= LONG * height_of(line.quad):
            points = frame.points(line.quad)
            along = points[1] - points[0] + points[2] - points[3]
            slopes.append((math.degrees(math.atan2(along[1], along[0])), length_of(line.quad)))
    half, passed = sum(length for _, length in slopes) / 2, 0.0
    for slope, length in sorted(slopes):
        passed += length
        if passed >= half:
            return round(slope, 2) if abs(slope) >= LEVEL else 0.0
    return 0.0


def type_sizes(heights: Sequence[float], weights: Sequence[float]) -> list[float]:
    """A type size for each line's height: heights that differ by little are one size, that of the most text."""
    sizes = [0.0] * len(heights)
    left = set(range(len(heights)))
    while left:
        support = {index: sum(weights[other] for other in left if _alike(heights[index], heights[other])) for index in left}
        best = max(left, key=lambda index: (support[index], -index))
        members = sorted((other for other in left if _alike(heights[best], heights[other])), key=lambda index: heights[index])
        size = round(TYPE_SIZE * heights[members[len(members) // 2]], 1)
        for member in members:
            sizes[member] = size
        left -= set(members)
    return sizes


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= ALIKE * max(one, other)


def _in_rows(boxes: Sequence[tuple[float, float, float, float]]) -> list[int]:
    """The order in which a page draws its lines: from the top, and from the left among those on one baseline."""
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=lambda index: -(boxes[index][1] + boxes[index][3])):
        middle = (boxes[index][1] + boxes[index][3]) / 2
        if rows and middle > boxes[rows[-1][0]][1] + 0.25 * (boxes[rows[-1][0]][3] - boxes[rows[-1][0]][1]):
            rows[-1].append(index)
        else:
            rows.append([index])
    return [index for row in rows for index in sorted(row, key=lambda index: boxes[index][0])]


def sheets_of(lines: Sequence[Line], *, page: int, pixels: tuple[int, int], size: tuple[float, float], turned: int) -> tuple[Sheet, ...]:
    """The words of a picture (of `pixels`, already turned by `turned` quarters to stand upright) of a page of `size` points once turned."""
    sheets = []
    for turn in range(4):
        chosen = [line for line in lines if line.turn == turn and line.places]
        if not chosen:
            continue
        frame = _Frame(pixels=pixels, page=size, turn=turn)
        frame = _Frame(pixels=pixels, page=size, turn=turn, skew=_skew(chosen, frame))
        boxes = [frame.box(line.quad) for line in chosen]
        per_pixel = math.sqrt(size[0] * size[1] / (pixels[0] * pixels[1]))
        heights = [height_of(line.quad) * per_pixel for line in chosen]
        sizes = type_sizes(heights, [len(line.text) for line in chosen])
        words = [
            Word(text, *frame.box(part(_without_margin(line.quad), piece.start, piece.end)), sizes[index], 0, piece.spaced)
            for index in _in_rows(boxes)
            for line in [chosen[index]]
            for piece in _pieces(line, height_of(line.quad) / max(length_of(line.quad), 1.0))
            if (text := clean(piece.text).strip())
        ]
        width, height = frame.size
        sheets.append(Sheet(page=page, width=width, height=height, turn=(turn + turned) % 4, words=tuple(words), skew=frame.skew))
    return tuple(sheets)
