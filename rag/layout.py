"""Words with sizes and boxes -> elements in reading order: titles, paragraphs, list items, tables, running headers and footers (pure).

sheets -> ruled tables -> columns.pieces -> columns.regions -> columns.rows -> margins (set aside) -> tables -> paragraphs -> titles -> elements
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

from rag import bidi, captions, columns, continuation, grids, hyphens, margins, ruled, tables, titles
from rag.words import Bookmark, Sheet, Span, Word, shown, solid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rag.columns import Line
    from rag.hyphens import Vocabulary

Kind = Literal["Title", "NarrativeText", "ListItem", "Table", "Header", "Footer"]

PITCH = 1.3  # times the usual distance between lines: a wider one begins a paragraph
BETWEEN = 5  # elements, running lines among them, that may part a table from its continuation
INDENT = 0.9  # em
UNITS_ABOVE = 3  # lines above a ruled table that may tell its units
_BULLET = re.compile(r"^(?:[•●○◦▪■□◆◇►▶➢➤✓✔·*\-–—]|[(（]?(?:\d{1,2}|[a-z]|[ivx]{1,4})[)）]|\d{1,2}[.、．](?!\d)|[①-⑳])$")
_SYMBOL = re.compile(r"^[•●○◦▪■□◆◇►▶➢➤✓✔·*–—-]\s")
_BULLET_START = re.compile(r"^[•●○◦▪■◆◇►▶➢➤✓✔①-⑳]|^[(（](?:\d{1,2}|[a-z]|[ivx]{1,4}|[一二三四五六七八九十]+)[)）]", re.IGNORECASE)
_ARTICLE = re.compile(r"^第[一二三四五六七八九十百零\d]+条")
_NOTE = re.compile(r"^(?:[*∗†‡§¶①-⑳]|[(\[]?\d{1,2}[)\]]?)\s?[^\W\d]|^注\s*\d*\s*[:：]")
SMALLER = 0.93  # times the body's type size, at most, are notes at the foot of a column


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """A piece of the document with one role. A Table's text is one line per row; `header` of them head its columns."""

    kind: Kind
    text: str
    page: int  # from 1, where it begins
    spans: tuple[Span, ...]  # per word, in the order of the text
    level: int = 0  # of a Title, from 1 (outermost)
    caption: str = ""  # of a Table: the lines that name it, outermost first, one a line
    columns: str = ""  # of a Table: its column headers, left to right
    units: str = ""  # of a Table: "$ in millions"
    header: int = 0  # of a Table: how many first rows head the columns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """An element in the making, its lines still at hand."""

    lines: tuple[Line, ...]
    role: str  # text, table, note, header, footer
    table: tables.Table | None = None


def _new_paragraph(block: Sequence[Line], line: Line, pitch: float, right: float) -> bool:
    """Whether a line begins a paragraph of its own after the lines of `block`."""
    above = block[-1]
    em = max(line.size, 1.0)
    if above.bold != line.bold or abs(above.size - line.size) > 0.08 * em:
        return True
    distance = above.y1 - line.y1
    if distance > PITCH * pitch or distance < 0:
        return True
    article = _ARTICLE.match(line.text) and above.text.endswith(continuation.ENDS)
    if article or _BULLET.match(line.words[0].text) or _BULLET_START.match(line.text):
        return True
    centred = abs((above.x0 + above.x1) - (line.x0 + line.x1)) < em and abs(above.x0 - line.x0) > 0.5 * em
    if centred:
        return False
    # The line above was ended on purpose when this line's first word would still have fitted on it.
    first_word = line.words[0].x1 - line.words[0].x0
    ended = above.x1 + first_word + 1.5 * em < right
    if ended and (above.text.endswith(continuation.ENDS) or not line.text[:1].islower()):
        return True
    hanging = len(block) == 1 and bool(_BULLET.match(block[0].words[0].text) or _BULLET_START.match(block[0].text))
    return line.x0 > above.x0 + INDENT * em and not hanging


def _paragraphs(lines: Sequence[Line], right: float) -> Iterator[tuple[Line, ...]]:
    """Lines by paragraph; `right` is where full lines end."""
    if not lines:
        return
    distances: dict[float, list[float]] = {}
    for above, line in itertools.pairwise(lines):
        distance, em = above.y1 - line.y1, max(line.size, 1.0)
        if 0 < distance <= 2.2 * em:
            distances.setdefault(round(em), []).append(distance)
    block: list[Line] = [lines[0]]
    for line in lines[1:]:
        em = max(line.size, 1.0)
        usual = distances.get(round(em))
        pitch = min(median(usual), 1.9 * em) if usual else 1.3 * em
        if _new_paragraph(block, line, pitch, right):
            yield tuple(block)
            block = []
        block.append(line)
    yield tuple(block)


def _tables(region: Sequence[Line]) -> list[tuple[int, int, tables.Table]]:
    """Tables of figures, and tables of words in what those leave, top to bottom."""
    found: list[tuple[int, int, tables.Table]] = []
    done = 0
    for first, last, table in [*tables.find(region), (len(region), len(region), None)]:
        found += [(done + start, done + end, grid) for start, end, grid in grids.find(region[done:first])]
        if table:
            found.append((first, last, table))
        done = last
    return found


def _right(lines: Sequence[Line]) -> float:
    """Where full lines end."""
    return sorted(line.x1 for line in lines)[int(0.9 * (len(lines) - 1))] if lines else 0.0


def _blocks(region: Sequence[Line], right: float | None) -> Iterator[_Block]:
    """A region's tables, and its paragraphs between them."""
    done = 0
    right = _right(region) if right is None else right
    for first, last, table in _tables(region):
        for lines in _paragraphs(region[done:first], right):
            yield _Block(lines=lines, role="text")
        yield _Block(lines=tuple(region[first:last]), role="table", table=table)
        done = last
    for lines in _paragraphs(region[done:], right):
        yield _Block(lines=lines, role="text")


def _span(word: Word, start: int, end: int, sheet: Sheet) -> Span:
    box = (word.x0, word.y0, word.x1, word.y1)
    if sheet.turn or sheet.skew or sheet.mirrored:
        x0, y0, x1, y1 = shown(box, sheet)
        box = (round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2))
    return Span(start, end, sheet.page, *box)


def _prose(lines: Sequence[Line], sheet: Sheet, vocabulary: Vocabulary) -> tuple[str, tuple[Span, ...]]:
    """The lines as one text; a word broken at a line's end is made whole."""
    text, spans = "", list[Span]()
    before: Word | None = None
    for line in lines:
        spaced = columns.apart if line.mixed else columns.spaced_after
        for place, word in enumerate(line.read):
            if before is not None:
                whole = vocabulary.joined(text, word.text) if place == 0 else None
                if whole is not None:
                    text = whole
                    spans[-1] = spans[-1]._replace(end=len(text))
                elif spaced(before, word) if place else not solid(text[-1], word.text[0]):
                    text += " "
            spans.append(_span(word, len(text), len(text) + len(word.text), sheet))
            text += word.text
            before = word
    return text, tuple(spans)


def _tabular(table: tables.Table, sheet: Sheet, vocabulary: Vocabulary) -> tuple[str, tuple[Span, ...]]:
    """One line of text per row, cells divided by " | "."""
    text, spans = "", list[Span]()
    for row in table.rows:
        spaced = columns.apart if row.line.mixed else columns.spaced_after
        text += "\n" if text else ""
        for number, cell in enumerate(row.cells):
            text += " | " if number else ""
            words = [word for line in tables.lines_of(cell) for word in bidi.in_order(line)] if row.line.mixed else cell.words
            for before, word in zip([None, *words], words, strict=False):
                if before is not None:
                    beneath = tables.beneath(before, word)
                    whole = vocabulary.joined(text, word.text) if beneath else None
                    if whole is not None:
                        text = whole
                        spans[-1] = spans[-1]._replace(end=len(text))
                    elif not solid(text[-1], word.text[0]) if beneath else spaced(before, word) and not _one_amount(text, word):
                        text += " "
                spans.append(_span(word, len(text), len(text) + len(word.text), sheet))
                text += word.text
    return text, tuple(spans)


def _one_amount(text: str, word: Word) -> bool:
    return text[-1] in "$€£¥(" and word.text[0].isdigit()


def _element(block: _Block, sheet: Sheet, vocabulary: Vocabulary) -> Element:
    if block.table:
        text, spans = _tabular(block.table, sheet, vocabulary)
        table = block.table
        return Element(kind="Table", text=text, page=sheet.page, spans=spans, columns=table.columns, units=table.units, header=table.header)
    text, spans = _prose(block.lines, sheet, vocabulary)
    kind: Kind = "NarrativeText"
    if block.role in ("header", "footer"):
        kind = "Header" if block.role == "header" else "Footer"
    elif _BULLET.match(block.lines[0].words[0].text) or _BULLET_START.match(text):
        kind = "ListItem"
    return Element(kind=kind, text=text, page=sheet.page, spans=spans)


def _regions(sheet: Sheet) -> list[tuple[list[Line] | tables.Table, float | None]]:
    """The lines of each column of text, and of each of two tables side by side, in reading order, with the ruled tables in their places.

    With each comes where its full lines end, if its own lines are too few to tell.
    """
    found, words = ruled.find(sheet)
    pieces = [*columns.pieces(words), *(table.place for table in found)]
    return [part for region in columns.regions(pieces) for part in _stretches(region, {id(table.place): table.table for table in found})]


def _stretches(region: Sequence[Line], places: Mapping[int, tables.Table]) -> Iterator[tuple[list[Line] | tables.Table, float | None]]:
    """A column's lines, cut at the ruled tables that stand in it, and where they end; what stands left of a table is read before it."""
    rest = [line for line in region if id(line) not in places]
    right = _right(columns.rows(rest)) if len(rest) < len(region) else None
    for place in sorted((line for line in region if id(line) in places), key=lambda line: (-line.y1, line.x0)):
        above: list[Line] = []
        below: list[Line] = []
        for line in rest:
            before = line.middle >= place.y1 or (line.middle > place.y0 and line.x1 <= place.x0)
            (above if before else below).append(line)
        rest, lines = below, columns.rows(above)
        yield from ((part, right) for part in grids.abreast(lines))
        table = places[id(place)]
        yield replace(table, units=table.units or tables.units_of([line.text for line in lines[-UNITS_ABOVE:]])), None
    yield from ((part, right) for part in grids.abreast(columns.rows(rest)))


def _notes(blocks: Sequence[_Block], body: float) -> int:
    """How many blocks at the foot of a column are notes: in small type, the first with a mark, below text and not below a table."""
    first = len(blocks)
    for place in range(len(blocks) - 1, 0, -1):
        block = blocks[place]
        if block.table or max(line.size for line in block.lines) > SMALLER * body:
            break
        if _NOTE.match(block.lines[0].text) and not blocks[place - 1].table:
            first = place
    below = first < len(blocks) and max(line.size for line in blocks[first - 1].lines) > SMALLER * body
    return len(blocks) - first if below else 0


def _page_blocks(sheets: Sequence[Sheet], body: float) -> list[tuple[Sheet, list[_Block]]]:
    """Each sheet's blocks in reading order: header, text, the notes at the feet of its columns, footer."""
    regions = [_regions(sheet) for sheet in sheets]
    lines = [[line for region, _ in page if isinstance(region, list) for line in region] for page in regions]
    pages = [(sheet.page, sheet.height, page) for sheet, page in zip(sheets, lines, strict=True)]
    running = margins.running(pages, titles.LARGER * body)
    found = []
    for sheet, page, text, (headers, footers) in zip(sheets, regions, lines, running, strict=True):
        blocks = [_Block(lines=(line,), role="header") for line in text if id(line) in headers]
        notes: list[_Block] = []
        for region, right in page:
            if isinstance(region, tables.Table):
                blocks.append(_Block(lines=tuple(row.line for row in region.rows), role="table", table=region))
                continue
            column = list(_blocks([line for line in region if id(line) not in headers and id(line) not in footers], right))
            end = len(column) - _notes(column, body)
            blocks += column[:end]
            notes += [replace(note, role="note") for note in column[end:]]
        blocks += notes
        blocks += [_Block(lines=(line,), role="footer") for line in text if id(line) in footers]
        found.append((sheet, blocks))
    return found


def elements(sheets: Sequence[Sheet], bookmarks: Sequence[Bookmark] = ()) -> list[Element]:
    """The document's elements in reading order. A page's turned words follow its upright ones."""
    sheets = [bidi.facing(sheet) for sheet in sheets]
    body = titles.body_style(sheets)
    vocabulary = hyphens.vocabulary(sheets)
    marks: dict[int, set[str]] = {}
    for mark in bookmarks:
        marks.setdefault(mark.page, set()).add(titles.plain(mark.title))
    upright = {sheet.page: sheet.turn for sheet in sorted(sheets, key=lambda sheet: len(sheet.words))}  # how most of a page's words stand
    found: list[Element] = []
    aside: set[int] = set()
    keys: dict[int, titles.Key] = {}
    above: tuple[int, tables.Table] | None = None  # the last table and its element's index
    follows: dict[int, int] = {}  # the indexes of tables that go on with another one, and of that
    for sheet, blocks in _page_blocks(sheets, body[0]):
        for block in blocks:
            if table := block.table:
                if above and len(found) - above[0] <= BETWEEN and sheet.page - found[above[0]].page <= 1:
                    first, table = continuation.headed(above[1], table)
                    found[above[0]] = replace(found[above[0]], columns=first.columns, header=first.header)
                    caption = captions.above(found[: above[0]], found[above[0]].page)
                    if continuation.goes_on(found[above[0]], caption, found[above[0] + 1 :], table, sheet.page):
                        follows[len(found)] = above[0]
                above = (len(found), table)
                block = replace(block, table=table)  # noqa: PLW2901
            element = _element(block, sheet, vocabulary)
            may_head = block.role == "text" and (
                element.kind == "NarrativeText" or (element.kind == "ListItem" and not _SYMBOL.match(element.text))
            )
            if may_head and titles.is_title(block.lines, element.text, body, marks.get(sheet.page, ()), first_page=sheet.page == 1):
                keys[len(found)] = titles.rank(block.lines, element.text, sheet.page, body, bookmarks)
                element = replace(element, kind="Title")
            if block.role in ("header", "footer", "note") or sheet.turn != upright[sheet.page]:
                aside.add(len(found))
            found.append(element)
    keys = dict(zip(keys, titles.demoted([(found[index].text, key) for index, key in keys.items()]), strict=True))
    levels = titles.levels(list(keys.values()))
    leveled = [replace(element, level=levels[keys[index]]) if index in keys else element for index, element in enumerate(found)]
    return continuation.paragraphs(captions.captioned(leveled, follows), aside, vocabulary)
