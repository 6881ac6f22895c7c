"""Drawn lines -> lattices: rows and columns of fields, of which those without a line between them are one (pure)."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rag.words import Stroke

NEAR = 3.0  # points: lines so near each other are one, and touch; a double line is one, too
MOST = 1_000  # lines of a page, once those in a row are joined; more are a drawing
MOST_FIELDS = 10_000  # of one lattice; more are squared paper
DRAWN = 0.6  # of a field's side: less of a line does not part it from its neighbour
OPEN = 8.0  # points by which lines reach beyond the last one across them, where a table's side is not drawn

_Interval = tuple[float, float]
_Line = tuple[float, float, float]  # where it stands, where it begins, where it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Fields between upright lines at `xs`, left to right, and level ones at `ys`, bottom to top; rows are counted from the top."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: dict[tuple[int, int], tuple[int, int]]  # each field (row, column) -> the first field of the cell that it is part of

    @property
    def rows(self) -> int:
        return len(self.ys) - 1

    @property
    def columns(self) -> int:
        return len(self.xs) - 1

    def field(self, x: float, y: float) -> tuple[int, int] | None:
        """The row and column in which a point lies."""
        if not (self.xs[0] <= x <= self.xs[-1] and self.ys[0] <= y <= self.ys[-1]):
            return None
        column = min(max(bisect_left(self.xs, x) - 1, 0), self.columns - 1)
        return self.rows - 1 - min(max(bisect_left(self.ys, y) - 1, 0), self.rows - 1), column

    def parted(self, row: int, column: int) -> bool:
        """Whether a line parts a field from the one on its left."""
        return self.cells[row, column] != self.cells[row, column - 1]


def _lines(found: Iterable[_Line]) -> list[_Line]:
    """Lines (place, start, end), those at one place joined where they overlap or almost touch."""
    places: list[tuple[float, list[_Interval]]] = []
    for place, start, end in sorted(found):
        if not places or place - places[-1][0] > NEAR:
            places.append((place, []))
        places[-1][1].append((start, end))
    return [(place, start, end) for place, intervals in places for start, end in _united(intervals)]


def _united(intervals: Iterable[_Interval]) -> list[_Interval]:
    done: list[_Interval] = []
    for start, end in sorted(intervals):
        if done and start <= done[-1][1] + NEAR:
            done[-1] = (done[-1][0], max(done[-1][1], end))
        else:
            done.append((start, end))
    return done


def _connected(level: Sequence[_Line], upright: Sequence[_Line]) -> Iterator[tuple[list[_Line], list[_Line]]]:
    """The level and upright lines that touch one another, by groups."""
    touching: dict[int, list[int]] = defaultdict(list)  # upright ones are counted on from the level ones
    for place, (y, left, right) in enumerate(level):
        for other, (x, bottom, top) in enumerate(upright, len(level)):
            if left - NEAR <= x <= right + NEAR and bottom - NEAR <= y <= top + NEAR:
                touching[place].append(other)
                touching[other].append(place)
    seen: set[int] = set()
    for first in list(touching):
        if first in seen:
            continue
        seen.add(first)
        group, waiting = [first], [first]
        while waiting:
            for other in touching[waiting.pop()]:
                if other not in seen:
                    seen.add(other)
                    group.append(other)
                    waiting.append(other)
        yield (
            [level[place] for place in group if place < len(level)],
            [upright[place - len(level)] for place in group if place >= len(level)],
        )


def _places(lines: Sequence[_Line], across: Sequence[_Line]) -> tuple[float, ...]:
    """Where a group's lines of one direction stand, with a side that is not drawn but at which several lines across them end."""
    places = sorted({place for place, _, _ in lines})
    first, last = min(start for _, start, _ in across), max(end for _, _, end in across)
    if places[0] - first > OPEN and sum(start - first <= NEAR for _, start, _ in across) > 1:
        places.insert(0, first)
    if last - places[-1] > OPEN and sum(last - end <= NEAR for _, _, end in across) > 1:
        places.append(last)
    return tuple(places)


def _by_place(lines: Sequence[_Line]) -> dict[float, list[_Interval]]:
    found: dict[float, list[_Interval]] = defaultdict(list)
    for place, start, end in lines:
        found[place].append((start, end))
    return found


def _is_drawn(lines: Sequence[_Interval], start: float, end: float) -> bool:
    return sum(max(min(end, stop) - max(start, begin), 0.0) for begin, stop in lines) >= DRAWN * (end - start)


def _lattice(level: Sequence[_Line], upright: Sequence[_Line]) -> Lattice | None:
    xs, ys = _places(upright, level), _places(level, upright)
    rows, columns = len(ys) - 1, len(xs) - 1
    if rows < 2 or columns < 2 or rows * columns > MOST_FIELDS:
        return None
    down, across = _by_place(upright), _by_place(level)
    cells = {(row, column): (row, column) for row in range(rows) for column in range(columns)}

    def first(field: tuple[int, int]) -> tuple[int, int]:
        while cells[field] != field:
            field = cells[field]
        return field

    def unite(one: tuple[int, int], other: tuple[int, int]) -> None:
        lesser, greater = sorted((first(one), first(other)))
        cells[greater] = lesser

    for row, column in list(cells):
        bottom, top = ys[rows - 1 - row], ys[rows - row]
        if column and not _is_drawn(down[xs[column]], bottom, top):
            unite((row, column), (row, column - 1))
        if row and not _is_drawn(across[top], xs[column], xs[column + 1]):
            unite((row, column), (row - 1, column))
    return Lattice(xs=xs, ys=ys, cells={field: first(field) for field in cells})


def find(strokes: Sequence[Stroke]) -> list[Lattice]:
    """The lattices of at least two rows and two columns that a sheet's lines make, top to bottom."""
    level = _lines((y0, x0, x1) for x0, y0, x1, y1 in strokes if y0 == y1)
    upright = _lines((x0, y0, y1) for x0, y0, x1, y1 in strokes if x0 == x1 and y0 != y1)
    if len(level) + len(upright) > MOST:
        return []
    found = [_lattice(*group) for group in _connected(level, upright)]
    return sorted((lattice for lattice in found if lattice), key=lambda lattice: (-lattice.ys[-1], lattice.xs[0]))
