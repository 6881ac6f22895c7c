"""Tables with drawn borders: what stands between the lines is a cell, however many lines of text it has (pure).

Where lines enclose what is no table (a frame, a chart, a form), the words are left to the rules for text. Fields in which several
rows stand without a line between them are cut into those.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from rag import columns, lattice, tables
from rag.columns import Line
from rag.margins import ZONE
from rag.tables import Cell, Row, Table
from rag.words import is_cjk, solid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.lattice import Lattice
    from rag.words import Sheet, Word

FILLED = 0.5  # of the cells, and of the rows two cells, hold words
WHOLE = 0.4  # of the fields are cells: a form's lines enclose few cells in many rows and columns
ACROSS = 0.2  # em by which a word reaches over a line on both sides to stand across it
MOST_ACROSS = 0.02  # of the words
MIN_STEPS = 3  # lines at which two cells go in step; two, where all cells of a row below the first do
LONG = 8  # lines: a cell this long, with more than half of the words, is framed text
MAX_HEADER = 6  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One cell of a lattice with the lines of text in it."""

    column: int  # its first
    columns: int  # over which it stands
    right: float  # where it ends
    lines: tuple[Line, ...]

    @property
    def parts(self) -> tuple[Cell, ...]:
        """The cell; of a single line, the cells that stand in it without a line between them."""
        if len(self.lines) > 1:
            return (_cell(self.lines),)
        cut = tables.cells_of(self.lines[0])
        wide = all(len(cell.text) == 1 and is_cjk(cell.text) for cell in cut)  # the characters of one word, set apart
        return cut if not wide and (self.columns > 1 or all(cell.figure for cell in cut[1:])) else (_cell(self.lines),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A table with its place on the sheet."""

    table: Table
    place: Line  # what stands for it among the lines of the sheet


def find(sheet: Sheet) -> tuple[list[Ruled], list[Word]]:
    """The ruled tables of a sheet, top to bottom, and the words that are not in them."""
    found: list[Ruled] = []
    left = list(sheet.words)
    for grid in lattice.find(sheet.strokes) if sheet.strokes else ():
        if grid.ys[0] > (1 - ZONE) * sheet.height or grid.ys[-1] < ZONE * sheet.height:
            continue  # a letterhead, or the box below a drawing
        inside: dict[tuple[int, int], list[Word]] = defaultdict(list)
        rest: list[Word] = []
        for word in left:
            field = grid.field((word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2)
            (inside[field] if field else rest).append(word)
        if (rows := _rows(grid, inside)) and (table := _table(rows)):
            found.append(Ruled(table=table, place=_place(grid, rows)))
            left = rest
    return found, left


def _rows(grid: Lattice, inside: dict[tuple[int, int], list[Word]]) -> list[list[_Field]]:
    """The cells that hold words, by row; nothing if the lattice is no table's."""
    words: dict[tuple[int, int], list[Word]] = defaultdict(list)
    across = total = 0
    for (row, column), found in inside.items():
        words[grid.cells[row, column]] += found
        total += len(found)
        for word in found:
            reach = ACROSS * word.size
            across += any(
                word.x0 < grid.xs[at] - reach and word.x1 > grid.xs[at] + reach and grid.parted(row, at)
                for at in (column, column + 1)
                if 0 < at < grid.columns
            )
    cells = set(grid.cells.values())
    if across > MOST_ACROSS * total or len(words) < FILLED * len(cells) or len(cells) < WHOLE * len(grid.cells):
        return []
    ends: dict[tuple[int, int], int] = defaultdict(int)
    for (_, column), cell in grid.cells.items():
        ends[cell] = max(ends[cell], column + 1)
    rows: list[list[_Field]] = [[] for _ in range(grid.rows)]
    for cell, found in sorted(words.items()):
        lines = columns.rows(columns.pieces(found))
        if len(lines) > LONG and len(found) > total / 2:
            return []
        if lines:
            row, column = cell
            field = _Field(column=column, columns=ends[cell] - column, right=grid.xs[ends[cell]], lines=tuple(lines))
            rows[row].append(field)
    rows = [row for row in rows if row]
    full = sum(len(row) > 1 for row in rows)
    used = {field.column for row in rows for field in row}
    return rows if full >= max(2, FILLED * len(rows)) and len(used) > 1 else []


def _cell(lines: Sequence[Line]) -> Cell:
    """A cell of lines one below the other, its words in the order of the text."""
    text = lines[0].text
    for line in lines[1:]:
        text += line.text if solid(text[-1], line.text[0]) else f" {line.text}"
    words = tuple(word for line in lines for word in line.words)
    return Cell(words=words, x0=min(line.x0 for line in lines), x1=max(line.x1 for line in lines), text=text)


def _row(cells: Sequence[Cell]) -> Row:
    line = columns.line_of([word for cell in cells for word in cell.words])
    return Row(line=replace(line, text=" ".join(cell.text for cell in cells)), cells=tuple(cells))


def _is_figure(line: Line) -> bool:
    return tables.cell_of(line.words).figure


def _ended(field: _Field) -> bool:
    """Whether each line ends although the next one's first word would have fitted, and so may be the cell of a row of its own."""
    return all(line.x1 + (below.words[0].x1 - below.words[0].x0) + line.size < field.right for line, below in pairwise(field.lines))


def _in_step(one: _Field, other: _Field) -> bool:
    return len(one.lines) == len(other.lines) and all(columns.same_baseline(a, b) for a, b in zip(one.lines, other.lines, strict=True))


def _unruled(row: Sequence[_Field], *, first: bool) -> bool:
    """Whether several rows stand between two level lines: figures below each other, lines of several cells, or cells that go in step."""
    tall = [field for field in row if len(field.lines) > 1]
    if any(field.column and all(map(_is_figure, field.lines)) for field in tall):
        return True
    if any(sum(len(tables.cells_of(line)) > 1 for line in field.lines) >= len(field.lines) / 2 for field in tall):
        return True
    ended = list(filter(_ended, tall))
    if not first and len(row) >= MIN_STEPS and len(ended) == len(row) and all(_in_step(ended[0], field) for field in ended):
        return True
    long = [field for field in ended if len(field.lines) >= MIN_STEPS]
    return any(_in_step(one, other) for place, one in enumerate(long) for other in long[:place])


def _cut(row: Sequence[_Field]) -> list[Row]:
    """The rows of a stretch without level lines: what stands on one baseline."""
    done: list[list[Line]] = []
    for line in sorted((line for field in row for line in field.lines), key=lambda line: -line.middle):
        if done and columns.same_baseline(done[-1][0], line):
            done[-1].append(line)
        else:
            done.append([line])
    return [_row([cell for line in sorted(lines, key=lambda line: line.x0) for cell in tables.cells_of(line)]) for lines in done]


def _table(fields: Sequence[Sequence[_Field]]) -> Table | None:
    rows: list[Row] = []
    spanned: list[bool] = []  # whether a cell of the row stands over several columns
    for row in fields:
        found = _cut(row) if _unruled(row, first=not rows) else [_row([cell for field in row for cell in field.parts])]
        rows += found
        spanned += [any(field.columns > 1 for field in row)] * len(found)
    if len(rows) < 2:
        return None
    header = _header(rows, spanned)
    figures = any(row.figures for row in rows[header:])
    said = [cell.text for cell in rows[0].cells] if header else []
    names = tables.column_names(rows[:header], rows[header:]) if figures else " | ".join(said)
    return Table(rows=tuple(rows), header=header, columns=names, units=tables.units_of([row.line.text for row in rows[: header + 1]]))


def _header(rows: Sequence[Row], spanned: Sequence[bool]) -> int:
    """How many first rows head the columns: those that name columns of figures, or a bold one above others that are not.

    A second one is looked for where the first has a cell over several columns.
    """
    figures = [cell.x0 for row in rows for cell in row.figures if not cell.year]
    bold = rows[0].line.bold and not all(row.line.bold for row in rows[1:])
    header = 0
    while figures and header < min(len(rows) - 1, MAX_HEADER) and tables.is_header(rows[header], min(figures)):
        header += 1
        if not spanned[header - 1]:
            break
    return header or int(bold)


def _place(grid: Lattice, rows: Sequence[Sequence[_Field]]) -> Line:
    """A line without words as large as the table, in the type size of its text."""
    size = median(line.size for row in rows for field in row for line in field.lines)
    x0, x1, y0, y1 = grid.xs[0], grid.xs[-1], grid.ys[0], grid.ys[-1]
    return Line(words=(), x0=x0, y0=y0, x1=x1, y1=y1, middle=(y0 + y1) / 2, size=size, bold=False, italic=False, text="", mixed=False)
