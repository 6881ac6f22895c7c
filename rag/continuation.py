"""What a page's or a column's end broke off: paragraphs in mid-sentence, and tables (pure)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from rag.bidi import rightward
from rag.tables import ALIGNED, ranges
from rag.titles import plain
from rag.words import is_cjk, solid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rag.hyphens import Vocabulary
    from rag.layout import Element
    from rag.tables import Row, Table

ENDS = tuple('.!?:;。！？：；”"؟۔؛')
_CONTINUED = re.compile(r"\bcont(?:inued|['’]d|\.)|[（(]续[）)]|续表|続き", re.IGNORECASE)


def headed(above: Table, table: Table) -> tuple[Table, Table]:
    """Two tables, one after the other, with what each tells of the other's headers.

    One without headers takes those of the one above it when its cells stand in the same columns. A first row that both have heads both.
    """
    if table.columns:
        return above, table
    first, again = above.rows[max(above.header - 1, 0)], table.rows[0]
    repeated = len(table.rows) > 1 and len(again.cells) > 1 and plain(first.line.text) == plain(again.line.text)
    if repeated and not above.columns:
        columns = " | ".join(cell.text for cell in again.cells)
        return replace(above, columns=columns, header=1), replace(table, columns=columns, header=1)
    if above.columns and (repeated or _same_columns(above.rows[above.header :], table.rows)):
        return above, replace(table, columns=above.columns, units=table.units or above.units, header=int(repeated))
    return above, table


def _same_columns(above: Sequence[Row], rows: Sequence[Row]) -> bool:
    upper, lower = ranges(above), ranges(rows)
    if upper or lower:
        return len(upper) == len(lower) and all(min(a[1], b[1]) > max(a[0], b[0]) for a, b in zip(upper, lower, strict=True))
    slack = ALIGNED * max(rows[0].line.size, 1.0)
    first, second = ([cell.x0 for cell in max(table, key=lambda row: len(row.cells)).cells] for table in (above, rows))
    return len(first) == len(second) and all(abs((a - first[0]) - (b - second[0])) <= slack for a, b in zip(first, second, strict=True))


def goes_on(first: Element, caption: str, between: Sequence[Element], table: Table, page: int) -> bool:
    """Whether a table on a page is the rest of the one before it: under the same headers, on the next page, nothing but running lines between.

    The caption may be repeated, or the word "continued" stand there.
    """
    if not table.columns or plain(table.columns) != plain(first.columns) or page - first.page != 1:
        return False
    lines = [element for element in between if element.kind not in ("Header", "Footer")]
    said = plain(caption)
    return all(element.page == page and (_CONTINUED.search(element.text) or plain(element.text) in said) for element in lines)


def paragraphs(elements: Sequence[Element], aside: set[int], vocabulary: Vocabulary) -> list[Element]:
    """Join a paragraph that was broken in mid-sentence: it stops without a stop, and what follows goes on with it.

    `aside` are the indexes of elements that stand beside the text: running lines, notes, and words that run up or down the page.
    """
    done: list[Element] = []
    last = -1  # index in `done` of the text's last element
    for index, element in enumerate(elements):
        if index in aside:
            done.append(element)
            continue
        before = done[last] if last >= 0 else None
        if before and _broken(before, element):
            whole = vocabulary.joined(before.text, element.text)
            head = before.text if whole is None else whole
            gap = "" if whole is not None or solid(head[-1], element.text[0]) else " "
            shift = len(head) + len(gap)
            moved = tuple(span._replace(start=span.start + shift, end=span.end + shift) for span in element.spans)
            kept = (*before.spans[:-1], before.spans[-1]._replace(end=len(head)))
            done[last] = replace(before, text=head + gap + element.text, spans=kept + moved)
            continue
        done.append(element)
        last = len(done) - 1
    return done


def _broken(before: Element, element: Element) -> bool:
    if before.kind not in ("NarrativeText", "ListItem") or element.kind != "NarrativeText" or before.text.endswith(ENDS):
        return False
    if element.page - before.spans[-1].page > 1:
        return False
    first, last = element.text[0], before.text[-1]
    unspaced = is_cjk(last) and is_cjk(first)
    leftwards = rightward(element.text.split()[0]) and rightward(before.text.split()[-1])
    return first.islower() or ((unspaced or leftwards) and element.page > before.page) or _runs_over(before, element)


def _runs_over(before: Element, element: Element) -> bool:
    """Whether the last line of a paragraph of several is full, and a line of another page or column follows that is not set in."""
    spans, end, first = before.spans, before.spans[-1], element.spans[0]
    height = end.y1 - end.y0
    lines = max(span.y1 for span in spans if span.page == end.page) - end.y0 > 2.8 * height
    right = max(span.x1 for span in spans if span.page == end.page)
    elsewhere = first.page > end.page or first.y0 > end.y1
    level = first.x0 <= min(span.x0 for span in element.spans if span.page == first.page) + 0.5 * height
    several = element.spans[-1].y1 < first.y0
    return bool(
        lines and elsewhere and level and several and right - end.x1 <= 0.3 * height and first.y1 - first.y0 < 1.2 * height < 2 * height
    )
