"""The level and upright lines that a page draws, from PDFium's path objects: what the borders of tables are made of.

A rule may be a line, a side of a box, or a box filled so thinly that it looks like a line; and it may stand in a form within the page.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from pypdfium2 import raw

from rag.words import Stroke, turned

MOST_OBJECTS = 20_000  # looked at on one page; one that draws more is a map or a diagram
MOST_POINTS = 40_000
MOST_STROKES = 4_000
_LARGEST = 2_000  # points of one path; more are a curve
_DEEPEST = 15  # forms within forms
_THIN = 3.5  # points: a wider line or box is an area
_STRAIGHT = 0.6  # points that the ends of a rule may differ in height
_SHORT = 2.0  # points: what is shorter is a dot
_PALE = 225  # of 255: what is lighter is a sliver of a shaded row
_TICK_BOX = 16.0  # points: the sides of the largest square to be ticked

Matrix = tuple[float, float, float, float, float, float]
Point = tuple[float, float]


class _TooMany(Exception):
    """A page draws more than a table would."""


def _matrix(drawn: Any, outer: Matrix) -> Matrix:
    """An object's matrix, and then the one of the form around it."""
    own = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(drawn, own):
        return outer
    a, b, c, d, e, f = outer
    return (
        own.a * a + own.b * c,
        own.a * b + own.b * d,
        own.c * a + own.d * c,
        own.c * b + own.d * d,
        own.e * a + own.f * c + e,
        own.e * b + own.f * d + f,
    )


class _Page:
    """A page's path objects, with a count of what was looked at."""

    def __init__(self) -> None:
        self.objects = self.points = 0

    def paths(self, holder: Any, count: Any, get: Any, outer: Matrix, depth: int = 0) -> Iterator[tuple[Any, Matrix]]:
        for index in range(count(holder)):
            drawn = get(holder, index)
            kind = raw.FPDFPageObj_GetType(drawn)
            if kind == raw.FPDF_PAGEOBJ_PATH:
                self.objects += 1
                if self.objects > MOST_OBJECTS:
                    raise _TooMany
                yield drawn, outer
            elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
                inner = _matrix(drawn, outer)
                yield from self.paths(drawn, raw.FPDFFormObj_CountObjects, raw.FPDFFormObj_GetObject, inner, depth + 1)

    def outlines(self, path: Any, matrix: Matrix) -> Iterator[list[Point]]:
        """The path's straight stretches as points on the page."""
        count = raw.FPDFPath_CountSegments(path)
        if not 2 <= count <= _LARGEST:
            return
        self.points += count
        if self.points > MOST_POINTS:
            raise _TooMany
        a, b, c, d, e, f = matrix
        x, y = ctypes.c_float(), ctypes.c_float()
        points: list[Point] = []
        start: Point = (0.0, 0.0)
        for index in range(count):
            segment = raw.FPDFPath_GetPathSegment(path, index)
            raw.FPDFPathSegment_GetPoint(segment, x, y)
            point = (x.value * a + y.value * c + e, x.value * b + y.value * d + f)
            kind = raw.FPDFPathSegment_GetType(segment)
            if kind != raw.FPDF_SEGMENT_LINETO:  # a new beginning, or a curve
                if len(points) > 1:
                    yield points
                points = []
            if kind == raw.FPDF_SEGMENT_MOVETO:
                start = point
            points.append(point)
            if raw.FPDFPathSegment_GetClose(segment) and point != start:
                points.append(start)
        if len(points) > 1:
            yield points


def _sides(points: list[Point]) -> Iterator[Stroke]:
    """The level and upright ones among the lines from point to point."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(y1 - y0) <= _STRAIGHT and abs(x1 - x0) >= _SHORT:
            yield min(x0, x1), (y0 + y1) / 2, max(x0, x1), (y0 + y1) / 2
        elif abs(x1 - x0) <= _STRAIGHT and abs(y1 - y0) >= _SHORT:
            yield (x0 + x1) / 2, min(y0, y1), (x0 + x1) / 2, max(y0, y1)


def _is_tick_box(points: list[Point]) -> bool:
    width, height = _extent(points)
    return points[0] == points[-1] and max(width, height) <= _TICK_BOX and min(width, height) >= 0.8 * max(width, height)


def _extent(points: list[Point]) -> tuple[float, float]:
    return max(x for x, _ in points) - min(x for x, _ in points), max(y for _, y in points) - min(y for _, y in points)


def _rule(points: list[Point]) -> Iterator[Stroke]:
    """The middle of a filled box, if it is thin and long."""
    width, height = _extent(points)
    x, y = min(x for x, _ in points), min(y for _, y in points)
    if height <= _THIN and width >= max(_SHORT, 2 * height):
        yield x, y + height / 2, x + width, y + height / 2
    elif width <= _THIN and height >= max(_SHORT, 2 * width):
        yield x + width / 2, y, x + width / 2, y + height


def _is_pale(path: Any) -> bool:
    """Whether a filled box is white or almost."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    raw.FPDFPageObj_GetFillColor(path, red, green, blue, alpha)
    return 0.3 * red.value + 0.59 * green.value + 0.11 * blue.value > _PALE


def _drawn(path: Any, outer: Matrix, seen: _Page) -> Iterator[Stroke]:
    fill, stroked, width = ctypes.c_int(), ctypes.c_int(), ctypes.c_float()
    raw.FPDFPath_GetDrawMode(path, fill, stroked)
    if not stroked.value and (not fill.value or _is_pale(path)):
        return
    matrix = _matrix(path, outer)
    thick = raw.FPDFPageObj_GetStrokeWidth(path, width) and width.value * abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]) ** 0.5 > _THIN
    if stroked.value and thick:
        return
    for points in seen.outlines(path, matrix):
        if not stroked.value:
            yield from _rule(points)
        elif not _is_tick_box(points):
            yield from _sides(points)


def strokes_of(page: Any) -> tuple[Stroke, ...]:
    """The page's rules as displayed; none where they cannot enclose two rows of two cells, or are too many to be a table's."""
    left, bottom, right, top = page.get_bbox()
    rotation, sides = page.get_rotation() // 90, (right - left, top - bottom)
    width, height = page.get_size()
    found: dict[Stroke, None] = {}
    seen = _Page()
    try:
        for path, outer in seen.paths(page.raw, raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject, (1, 0, 0, 1, 0, 0)):
            for x0, y0, x1, y1 in _drawn(path, outer, seen):
                box = turned((x0 - left, y0 - bottom, x1 - left, y1 - bottom), rotation, *sides)
                if box[0] <= width and box[2] >= 0 and box[1] <= height and box[3] >= 0:
                    found[round(box[0], 1), round(box[1], 1), round(box[2], 1), round(box[3], 1)] = None
            if len(found) > MOST_STROKES:
                return ()
    except _TooMany:
        return ()
    upright = sum(x0 == x1 for x0, _, x1, _ in found)
    return tuple(found) if upright and len(found) - upright > 1 else ()
