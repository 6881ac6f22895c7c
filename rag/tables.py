"""Tables without ruled borders, found by rows whose figures stand in common columns.

A financial statement is a label on the left and figures set flush right in columns, under a row of years. A table becomes rows of text
"label | figure | figure"; its column headers and units are kept beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from rag.captions import NUMBERED
from rag.columns import PIECE_GAP, Line, joined
from rag.words import AGAINST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.words import Word

FIGURE_GAP = 0.45  # em: figures nearer than a piece's gap still are two cells, but not two halves of one
MAX_BRIDGE = 6  # lines of label only (sub-headings, wrapped labels) between two rows of figures
ROW_PITCH = 3.2  # em: rows further apart than this, from top to top, belong to different tables unless their figures share columns
HEADER_DRIFT = 2.0  # em: how far beside its figures a column's header may stand
MAX_HEADER = 6  # lines above the first row of figures
LARGER = 1.12  # times: a line in larger type than the figures is a title
ALIGNED = 0.8  # em: how far right edges of figures in one column may differ (a closing bracket hangs out)

_CURRENCY = re.compile(r"^(?:[A-Z]{0,3}[$€£¥￥]|US\$|RMB|HK\$)$")
_FIGURE = re.compile(
    r"^[$€£¥￥(\[<>~≈+\-–—−]*\s*[$€£¥￥]?\s*\(?\d(?:[\d,.\s/:]*\d)?\.?\)?\s*(?:%|％|x|×|bps?|pts?|[*†‡])*[)\]]*(?:\([a-z\d]\))*$",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"^(?:[$€£¥￥]?\s*\(?[-–—−―‐]+\)?\s*%?|n/?[am]|nm|\*+|nil|none|不适用|无|/)$", re.IGNORECASE)
_YEAR = re.compile(r"^(?:(?:FY|Q[1-4])?\s*'?(?:19|20)\d\d\s*[AEF]?|\d\d/\d\d|(?:19|20)\d\d\s*年(?:度|末)?)(?:\([a-z\d]\))?$", re.IGNORECASE)
_TAIL = re.compile(r"^[)%％*†‡\]]+$|^\([a-z\d]\)$")
_OPENING = {"(", "$(", "€(", "£(", "¥("}
_UNITS = re.compile(
    r"\(?[^()\n|]{0,40}\b(?:in|of)\s+(?:[\w.$€£]+\s+)?(?:thousands|millions|billions)\b[^()\n|]{0,60}\)?|\((?:thousands|millions|billions)[^()\n|]{0,60}\)|(?:单位|货币单位|金额单位)\s*[:：]\s*[^\s|，,]{1,12}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    words: tuple[Word, ...]
    x0: float
    x1: float
    text: str

    @property
    def figure(self) -> bool:
        return bool(_FIGURE.match(self.text) or _NOTHING.match(self.text))

    @property
    def year(self) -> bool:
        return bool(_YEAR.match(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of cells, with its line."""

    line: Line
    cells: tuple[Cell, ...]

    @property
    def figures(self) -> tuple[Cell, ...]:
        """Cells with a figure, not counting a number that begins the row."""
        found = tuple(cell for cell in self.cells[1:] if cell.figure)
        return (self.cells[0], *found) if found and self.cells[0].figure and len(found) == len(self.cells) - 1 else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows first to last of a region, of which the first `header` head the columns."""

    rows: tuple[Row, ...]
    header: int
    columns: str  # the column headers, left to right, each read downwards: "2023 | 2022"
    units: str


def cell_of(words: Sequence[Word]) -> Cell:
    mixed = any(word.style & AGAINST for word in words)
    return Cell(words=tuple(words), x0=words[0].x0, x1=max(word.x1 for word in words), text=joined(words, mixed=mixed))


def beneath(before: Word, word: Word) -> bool:
    """Whether a word begins another line of its cell."""
    return word.y1 <= before.y1 - 0.5 * word.size


def lines_of(cell: Cell) -> list[list[Word]]:
    found: list[list[Word]] = []
    for word in cell.words:
        if found and not beneath(found[-1][-1], word):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def _numeric(text: str) -> bool:
    return bool(_FIGURE.match(text) or _CURRENCY.match(text) or _NOTHING.match(text))


def _divided(before: Word, word: Word) -> bool:
    """Whether two words at a modest distance are two cells: both are figures."""
    return bool(_numeric(before.text) or _TAIL.match(before.text)) and bool(_numeric(word.text) or _TAIL.match(word.text))


def _joins(cell: Sequence[Word], word: Word, gap: float) -> bool:
    """Whether a word belongs to a cell in spite of its distance: a figure after its currency sign or bracket, a percent sign after a figure."""
    if _numeric(word.text) and (_CURRENCY.match(cell[-1].text) or cell[-1].text in _OPENING):
        return True
    return bool(_TAIL.match(word.text)) and gap <= 1.5 * word.size and _numeric(cell[-1].text)


def cells_of(line: Line) -> tuple[Cell, ...]:
    """Cut a line into cells at wide gaps, and between neighbouring figures at narrower ones; a currency sign joins its figure."""
    found: list[list[Word]] = []
    for word in line.words:
        if found:
            before = found[-1][-1]
            gap, em = word.x0 - before.x1, max(word.size, 1.0)
            if gap <= FIGURE_GAP * em or (gap <= PIECE_GAP * em and not _divided(before, word)) or _joins(found[-1], word, gap):
                found[-1].append(word)
                continue
        found.append([word])
    return tuple(cell_of(cell) for cell in found)


def row_of(line: Line) -> Row:
    return Row(line=line, cells=cells_of(line))


def _share_columns(rows: Sequence[Row]) -> bool:
    """Whether figures of two rows stand one below the other: they overlap, or end at the same place."""
    seen: list[Cell] = []
    for row in rows:
        slack = ALIGNED * max(row.line.size, 1.0)
        for cell in row.figures:
            if any(abs(cell.x1 - other.x1) <= slack or min(cell.x1, other.x1) > max(cell.x0, other.x0) for other in seen):
                return True
        seen += row.figures
    return False


def _bridges(row: Row, figures_from: float, size: float) -> bool:
    """Whether a line without figures may stand inside a table: short of the figures' columns, or made of several cells; no larger type."""
    if row.line.size > LARGER * size:
        return False
    return len(row.cells) > 1 or row.line.x1 < figures_from + 2 * size


def _only_years(row: Row) -> bool:
    return bool(row.figures) and all(cell.year for cell in row.figures)


def _run(rows: Sequence[Row], start: int) -> int:
    """The end (exclusive) of the stretch of table rows that begins with figures at `start`."""
    end, size = start + 1, rows[start].line.size
    figures_from = min(cell.x0 for cell in rows[start].figures)
    index = start + 1
    while index < len(rows) and index - end <= MAX_BRIDGE:
        row, above = rows[index], rows[index - 1]
        far = above.line.y1 - row.line.y1 > ROW_PITCH * max(size, 1.0)
        if _only_years(row) and not _only_years(rows[end - 1]):
            break  # the years above another table
        if row.figures and (not far or _share_columns([*rows[max(start, end - 3) : end], row])):
            figures_from = min(figures_from, *(cell.x0 for cell in row.figures))
            size = max(size, row.line.size)  # headers are often set smaller than the figures
            end = index + 1
        elif far or not _bridges(row, figures_from, size):
            break
        index += 1
    return end


def is_header(row: Row, figures_from: float) -> bool:
    """Whether a row above the figures names columns: years, dates or words that stand over the figures, and no amounts."""
    amounts = [cell for cell in row.figures if not cell.year]
    over = [cell for cell in row.cells if cell.x1 > figures_from and (cell.x0 > figures_from - 6 * row.line.size or cell.figure)]
    return not amounts and bool(over) and all(len(cell.text) <= 60 for cell in row.cells)


def _heads_alone(row: Row) -> bool:
    return len(row.cells) == 1 and bool(_UNITS.fullmatch(row.line.text.strip()))


def _header_start(rows: Sequence[Row], start: int, figures_from: float) -> int:
    """The first line, at or above `start`, that heads the columns. Labels may stand between it and the first figures."""
    first, labels = start, 0
    for index in range(start - 1, max(start - MAX_HEADER, 0) - 1, -1):
        row, below = rows[index], rows[index + 1]
        if NUMBERED.match(row.line.text):
            break
        if row.line.y1 - below.line.y1 > ROW_PITCH * max(below.line.size, 1.0) or row.line.size > LARGER * below.line.size:
            break
        one = len(row.cells) == 1
        if _heads_alone(row) or is_header(row, figures_from):
            if one and row.line.x1 - row.line.x0 > 0.97 * _width(rows):
                break  # running text
            first, labels = index, 0
            if _heads_alone(row):
                break  # the units stand above the columns, and only titles above them
        elif one and first == start and labels < 2 and row.line.x1 < figures_from and len(row.line.text) <= 60:
            labels += 1
        else:
            break
    return first


def units_of(lines: Sequence[str]) -> str:
    """What the lines above a table's figures, and its headers, say of their units: "$ in millions"."""
    units = _UNITS.search("\n".join(lines))
    return units[0].strip("() ") if units else ""


def _width(rows: Sequence[Row]) -> float:
    return max(row.line.x1 for row in rows) - min(row.line.x0 for row in rows)


def ranges(body: Sequence[Row]) -> list[tuple[float, float]]:
    """The columns of figures as (left, right): those of the fullest row, widened by the figures of other rows that overlap just one."""
    found = [(cell.x0, cell.x1) for cell in max(body, key=lambda row: len(row.figures)).figures]
    for row in body:
        for cell in row.figures:
            over = [place for place, (left, right) in enumerate(found) if min(cell.x1, right) > max(cell.x0, left)]
            if len(over) == 1:
                left, right = found[over[0]]
                found[over[0]] = (min(left, cell.x0), max(right, cell.x1))
    return found


def column_names(header: Sequence[Row], body: Sequence[Row]) -> str:
    """Header cells read downwards per column of figures, left to right; a cell over several columns counts for each.

    Where columns of words stand right of figures, the last line of the header says all of them.
    """
    full = max(body, key=lambda row: len(row.cells))
    worded = header and not any(map(str.isdigit, header[-1].line.text))
    if worded and len(header[-1].cells) == len(full.cells) > 2 and not full.cells[-1].figure and full.figures:
        return " | ".join(cell.text for cell in header[-1].cells)
    places = ranges(body)
    names: list[list[Cell]] = [[] for _ in places]
    for row in header:
        for cell in () if _heads_alone(row) else row.cells:
            over = [name for name, (left, right) in zip(names, places, strict=True) if min(cell.x1, right) > max(cell.x0, left)]
            if not over:  # set beside its figures: the nearest column, if near
                distance, place = min((max(left - cell.x1, cell.x0 - right), place) for place, (left, right) in enumerate(places))
                over = [names[place]] if distance <= HEADER_DRIFT * row.line.size else []
            for name in over:
                name.append(cell)
    return " | ".join(_without_repeats([name for name in names if name]))


def _without_repeats(names: Sequence[Sequence[Cell]]) -> list[str]:
    """Column names, each without the header cells that it shares with the one before: "Years ended June 30, 2023", "2022"."""
    short: list[str] = []
    for before, name in zip([(), *names], names, strict=False):
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] is pair[1], zip(before, name, strict=False)))
        if rest := " ".join(cell.text for cell in name[shared:]):
            short.append(rest)
    return short


def _wraps(above: Row, row: Row) -> bool:
    """Whether a row's label goes on with that of the row right above it."""
    return above.line.y1 - row.line.y1 <= 1.8 * max(row.line.size, 1.0) and row.cells[0].text[:1].islower() and not row.cells[0].figure


def _continues(above: Row, row: Row) -> bool:
    """Whether the line above is the beginning of this row's label."""
    return _wraps(above, row) and len(above.cells) == 1 and not above.figures and not above.line.text.endswith((":", "."))


def _merge_wrapped(rows: Sequence[Row]) -> list[Row]:
    """Join a label that was broken over two lines to its figures: the lower line begins with a small letter."""
    merged: list[Row] = []
    for row in rows:
        if merged:
            above = merged[-1]
            if _continues(above, row):
                label = cell_of([*above.cells[0].words, *row.cells[0].words])
                merged[-1] = Row(line=_stacked(above.line, row.line), cells=(label, *row.cells[1:]))
                continue
            if _wraps(above, row) and above.figures and len(row.cells) == 1 and not above.cells[0].figure:
                label = cell_of([*above.cells[0].words, *row.cells[0].words])
                merged[-1] = Row(line=_stacked(above.line, row.line), cells=(label, *above.cells[1:]))
                continue
        merged.append(row)
    return merged


def _stacked(upper: Line, lower: Line) -> Line:
    return replace(
        upper, words=(*upper.words, *lower.words), x0=min(upper.x0, lower.x0), x1=max(upper.x1, lower.x1), y0=min(upper.y0, lower.y0)
    )


def find(lines: Sequence[Line]) -> list[tuple[int, int, Table]]:
    """The tables of a region's lines, as (first, last exclusive, table), top to bottom."""
    rows = [row_of(line) for line in lines]
    found: list[tuple[int, int, Table]] = []
    index, free = 0, 0
    while index < len(rows):
        table_end = 0
        if rows[index].figures:
            table_end = _run(rows, index)
            body = rows[index:table_end]
            if sum(1 for row in body if row.figures) < 2 or not _share_columns(body):
                table_end = 0
        if not table_end:
            index += 1
            continue
        figures_from = min(cell.x0 for row in rows[index:table_end] for cell in row.figures)
        first = max(_header_start(rows, index, figures_from), free)
        if first == index and index > free and _continues(rows[index - 1], rows[index]):
            first = index - 1
        top = first
        while top < min(table_end - 1, first + MAX_HEADER) and (
            is_header(rows[top], figures_from) or (top < index and _heads_alone(rows[top]))
        ):
            top += 1
        header, body = rows[first:top], rows[top:table_end]
        if any(row.figures for row in body):
            units = units_of([row.line.text for row in rows[max(first - 3, free) : top + 1]])
            merged = [*header, *_merge_wrapped(body)]
            table = Table(rows=tuple(merged), header=len(header), columns=column_names(header, body), units=units)
            found.append((first, table_end, table))
            free = table_end
        index = table_end
    return found
