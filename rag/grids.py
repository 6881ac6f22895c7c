"""Tables of words: lines whose cells begin at common left edges, such as names and offices, or terms and their meaning.

Tables of figures are found by rag.tables; what they leave is looked through here. A cell broken over several lines is put together again.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from rag.columns import line_of
from rag.tables import Cell, Row, Table, cell_of, row_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.columns import Line

MIN_ROWS = 3  # lines with at least two cells
MIN_ABREAST = 4  # rows that show two tables side by side
SAME_EDGE = 0.6  # em: how far left edges of one column may differ
PITCH = 2.8  # em: lines further apart are not of one table
MAX_MARK = 4  # characters: a first cell this short, and without letters, is a list's mark and makes no column


def _place(cell: Cell, edges: Sequence[float], em: float) -> int | None:
    return next((place for place, edge in enumerate(edges) if abs(cell.x0 - edge) <= SAME_EDGE * em), None)


def _is_listed(row: Row) -> bool:
    """Whether a line is a list item: a mark, a gap, and text."""
    first = row.cells[0].text
    return len(row.cells) == 2 and len(first) <= MAX_MARK and (not any(map(str.isalpha, first)) or first[-1] in ".)）、．")


def _run(rows: Sequence[Row], start: int) -> int:
    """The end (exclusive) of the lines from `start` whose cells all begin at the edges of its first line."""
    em = max(rows[start].line.size, 1.0)
    edges = [cell.x0 for cell in rows[start].cells]
    end = start
    while end < len(rows):
        row = rows[end]
        if _is_listed(row) or any(_place(cell, edges, em) is None for cell in row.cells):
            break
        if end > start and rows[end - 1].line.y1 - row.line.y1 > PITCH * em:
            break
        end += 1
    while end > start and len(rows[end - 1].cells) == 1 and _place(rows[end - 1].cells[0], edges[:1], em) is not None:
        end -= 1  # lines at the first edge alone are the text that follows
    return end


def _gathered(rows: Sequence[Row]) -> list[Row]:
    """The table's rows: a line without a cell at the first edge continues the row above it."""
    em = max(rows[0].line.size, 1.0)
    edges = [cell.x0 for cell in rows[0].cells]
    found: list[tuple[Row, dict[int, list[Cell]]]] = []
    for row in rows:
        placed = {_place(cell, edges, em) or 0: cell for cell in row.cells}
        if not found or 0 in placed:
            found.append((row, {place: [cell] for place, cell in placed.items()}))
        else:
            for place, cell in placed.items():
                found[-1][1].setdefault(place, []).append(cell)
    return [
        Row(line=row.line, cells=tuple(cell_of([word for cell in cells[place] for word in cell.words]) for place in sorted(cells)))
        for row, cells in found
    ]


def _second_label(row: Row) -> float | None:
    """Where a row's second label begins, when at least two figures stand before it and after it."""
    kinds = ["figure" if cell.figure or cell.year else "label" for cell in row.cells]
    for place in range(3, len(kinds) - 2):
        if kinds[place - 2 : place + 3] == ["figure", "figure", "label", "figure", "figure"] and kinds[0] == "label":
            return row.cells[place].x0
    return None


def abreast(lines: Sequence[Line]) -> list[list[Line]]:
    """Split a region's lines where two tables of figures stand side by side: what is above, the left one, the right one, what is below."""
    rows = [row_of(line) for line in lines]
    starts = {index: start for index, row in enumerate(rows) if (start := _second_label(row)) is not None}
    if len(starts) < MIN_ABREAST:
        return [list(lines)]
    em = max(lines[next(iter(starts))].size, 1.0)
    common = median(starts.values())
    agreeing = [index for index, start in starts.items() if abs(start - common) <= 2 * em]
    edge = min(starts[index] for index in agreeing) - 0.3 * em
    first, last = agreeing[0], agreeing[-1]
    while last + 1 < len(rows) and rows[last + 1].figures and not _crosses(rows[last + 1], edge):
        last += 1
    if len(agreeing) < MIN_ABREAST or any(_crosses(row, edge) for row in rows[first : last + 1]):
        return [list(lines)]
    sides: tuple[list[Line], list[Line]] = ([], [])
    for line in lines[first : last + 1]:
        for side, words in zip(sides, ([w for w in line.words if w.x0 < edge], [w for w in line.words if w.x0 >= edge]), strict=True):
            if words:
                side.append(line_of(words))
    return [part for part in (list(lines[:first]), sides[0], *abreast(sides[1]), list(lines[last + 1 :])) if part]


def _crosses(row: Row, edge: float) -> bool:
    return any(cell.x0 < edge < cell.x1 for cell in row.cells)


def find(lines: Sequence[Line]) -> list[tuple[int, int, Table]]:
    """The tables of words among a region's lines, as (first, last exclusive, table), top to bottom.

    The first row heads the columns when it is bold and the others are not.
    """
    rows = [row_of(line) for line in lines]
    found: list[tuple[int, int, Table]] = []
    index = 0
    while index < len(rows):
        end = _run(rows, index) if len(rows[index].cells) > 1 else index
        if sum(1 for row in rows[index:end] if len(row.cells) > 1) < MIN_ROWS:
            index += 1
            continue
        body = _gathered(rows[index:end])
        headed = body[0].line.bold and not any(row.line.bold for row in body[1:])
        columns = " | ".join(cell.text for cell in body[0].cells) if headed else ""
        found.append((index, end, Table(rows=tuple(body), header=int(headed), columns=columns, units="")))
        index = end
    return found
