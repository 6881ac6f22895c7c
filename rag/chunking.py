"""A reading -> chunks of whole sentences that fit the embedder together with their heading and context (pure).

`unstructured.chunking.title.chunk_by_title` cuts at section titles and fills the chunks; it is given one element per sentence (or what must
stay together), because it cuts a long element anywhere, and asked for its original elements, from which the sentences come back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from db.chunks import Draft, Sentence
from rag import sentences, structure
from rag.profile import Profile, profile
from rag.titles import outside, plain
from rag.words import is_cjk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rag.layout import Element
    from rag.pdf import Reading
    from rag.words import Span

Box = tuple[int, float, float, float, float]

FULL, MOST = 230, 320  # tokens of text: a chunk this long is full; a sentence that would take it further begins the next one
MOST_OF_TABLE = 340
SMALL = 90  # tokens: sections shorter than this are joined with their neighbours
CRUMB = 45  # tokens: text shorter than this, left over after a table, joins it
LARGE_TABLE = 120  # tokens: a table at least this long is never mixed with other text
MAX_HEADING = 60  # tokens
DEPTH = 4  # parts of a section path, the innermost
WORD_GAP = 3.0  # heights of the line: words further apart are boxed apart
TALL = 3.0  # times: a box so much higher than a word beside it is a vertical line


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One sentence, title or table row, with all that a chunk needs of it."""

    text: str
    kind: str
    boxes: tuple[Box, ...]
    path: tuple[str, ...]  # section titles above it; a title's own path ends with itself
    paragraph: int  # index of its element
    tokens: int


def line_boxes(spans: Iterable[Span]) -> tuple[Box, ...]:
    """The boxes of words, joined to one box per line; lines may run in any direction."""
    found: list[list[float]] = []
    for span in spans:
        if found and found[-1][0] == span.page and _goes_on(found[-1], span):
            page, x0, y0, x1, y1 = found[-1]
            found[-1] = [page, min(x0, span.x0), min(y0, span.y0), max(x1, span.x1), max(y1, span.y1)]
        else:
            found.append([span.page, span.x0, span.y0, span.x1, span.y1])
    return tuple((int(page), round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)) for page, x0, y0, x1, y1 in found)


def _goes_on(box: Sequence[float], span: Span) -> bool:
    """Whether a word stands on the line of which the box holds the words before it."""
    _, x0, y0, x1, y1 = box
    height, higher = sorted((y1 - y0, span.y1 - span.y0))
    gap = WORD_GAP * max(height, 1.0)
    if min(y1, span.y1) - max(y0, span.y0) >= 0.5 * height and higher <= TALL * height:
        return (x0 <= span.x0 and span.x0 - x1 <= gap) or -0.5 * height <= x0 - span.x1 <= gap
    # characters one under the other: all of a width, none wider than high
    em = span.x1 - span.x0
    alike = abs(x0 - span.x0) <= 0.2 * em and abs(x1 - span.x1) <= 0.2 * em and span.y1 - span.y0 >= 0.8 * em
    return alike and abs(y0 - span.y1) <= 0.3 * em


def _row_boxes(spans: Sequence[Span]) -> tuple[Box, ...]:
    """A table row is boxed as a whole, one box per line it runs over."""
    found: list[Box] = []
    for span in spans:
        if found and found[-1][0] == span.page and min(found[-1][4], span.y1) - max(found[-1][2], span.y0) > 0:
            page, x0, y0, x1, y1 = found[-1]
            found[-1] = (page, min(x0, span.x0), min(y0, span.y0), max(x1, span.x1), max(y1, span.y1))
        else:
            found.append((span.page, span.x0, span.y0, span.x1, span.y1))
    return tuple(found)


def _spans_between(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    return [span for span in spans if span.start < end and span.end > start]


def _parts(element: Element, limit: int) -> list[tuple[int, int]]:
    if element.kind == "Title":
        return [(0, len(element.text))]
    return sentences.rows(element.text, limit=limit) if element.kind == "Table" else sentences.split(element.text, limit=limit)


def _pieces(elements: Sequence[Element], count_tokens: Callable[[str], int]) -> list[_Piece]:
    """Every sentence, title and table row in reading order, with its section path."""
    found: list[_Piece] = []
    stack: list[tuple[int, str]] = []
    for index, element in enumerate(elements):
        if element.kind in ("Header", "Footer"):
            continue
        if element.kind == "Title":
            while stack and stack[-1][0] >= element.level:
                stack.pop()
            del stack[outside([title for _, title in stack], element.text) :]
            stack.append((element.level, element.text))
        path = tuple(title for _, title in stack)
        limit = sentences.MAX_CHARACTERS
        tokens = [count_tokens(element.text[start:end]) for start, end in _parts(element, limit)]
        while max(tokens, default=0) > MOST and limit > 50:
            limit //= 2
            tokens = [count_tokens(element.text[start:end]) for start, end in _parts(element, limit)]
        boxed = _row_boxes if element.kind == "Table" else line_boxes
        for (start, end), count in zip(_parts(element, limit), tokens, strict=True):
            boxes = boxed(_spans_between(element.spans, start, end))
            found.append(_Piece(text=element.text[start:end], kind=element.kind, boxes=boxes, path=path, paragraph=index, tokens=count))
    return found


def _segments(pieces: Sequence[_Piece], elements: Sequence[Element]) -> list[list[_Piece]]:
    """Large tables, each with its caption, apart from running text and small tables."""
    sizes: dict[int, int] = {}
    for piece in pieces:
        sizes[piece.paragraph] = sizes.get(piece.paragraph, 0) + piece.tokens
    segments: list[list[_Piece]] = [[]]
    inside: int | None = None  # the large table being collected
    for piece in pieces:
        large = piece.kind == "Table" and sizes[piece.paragraph] >= LARGE_TABLE
        if large and piece.paragraph != inside:
            caption = elements[piece.paragraph].caption
            head: list[_Piece] = []
            while segments[-1] and (segments[-1][-1].kind == "Title" or segments[-1][-1].text in caption):
                head.insert(0, segments[-1].pop())
            segments.append(head)
        elif not large and inside is not None:
            segments.append([])
        inside = piece.paragraph if large else None
        segments[-1].append(piece)
    return [segment for segment in segments if segment]


def _is_large_table(segment: Sequence[_Piece]) -> bool:
    last = segment[-1].paragraph
    return segment[-1].kind == "Table" and sum(piece.tokens for piece in segment if piece.paragraph == last) >= LARGE_TABLE


def _units(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """What stays together: a list item's sentences, and the words that lead to a list with its first item, where they are short."""
    found: list[list[_Piece]] = []
    for piece in pieces:
        if found and piece.kind == "ListItem":
            before = found[-1][-1]
            leads = before.kind != "Title" and before.text.endswith((":", "："))
            if (leads or before.paragraph == piece.paragraph) and _tokens(found[-1]) + piece.tokens <= SMALL:
                found[-1].append(piece)
                continue
        found.append([piece])
    return found


def _chunk_by_title(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Cut one segment with unstructured. Its sizes are characters, so tokens are turned into this segment's characters."""
    from unstructured.chunking.title import chunk_by_title
    from unstructured.documents import elements as unstructured

    characters = sum(len(piece.text) + 2 for piece in pieces)  # with the two that it counts between elements
    tokens = max(_tokens(pieces), 1)
    per_token = characters / tokens
    full, most = FULL, MOST
    if _is_large_table(pieces):  # parts of equal length rather than a short last one
        full = most = math.ceil(1.1 * tokens / math.ceil(tokens / MOST_OF_TABLE))
    units = _units(pieces)
    texts = [" ".join(piece.text for piece in unit) for unit in units]
    classes: dict[str, Any] = {name: getattr(unstructured, name) for name in ("Title", "NarrativeText", "ListItem", "Table")}
    given = []
    for place, (unit, text) in enumerate(zip(units, texts, strict=True)):
        metadata = unstructured.ElementMetadata(page_number=unit[0].boxes[0][0] if unit[0].boxes else None)
        metadata.place = place
        given.append(classes[unit[0].kind](text=text, metadata=metadata))
    chunks = chunk_by_title(
        given,
        max_characters=max(int(most * per_token), *map(len, texts), 1),
        new_after_n_chars=int(full * per_token),
        combine_text_under_n_chars=int(SMALL * per_token),
        include_orig_elements=True,
        isolate_table=False,
        overlap=0,
    )
    given_back = ([vars(element.metadata)["place"] for element in chunk.metadata.orig_elements or ()] for chunk in chunks)
    return [[piece for place in places for piece in units[place]] for places in given_back]


def _tokens(pieces: Sequence[_Piece]) -> int:
    return sum(piece.tokens for piece in pieces)


def _absorbed(groups: Iterable[list[_Piece]]) -> list[list[_Piece]]:
    """Groups without crumbs: a table's last note joins the table, a lone title what follows it."""
    done: list[list[_Piece]] = []
    for group in groups:
        if done:
            before, together = done[-1], _tokens(done[-1]) + _tokens(group)
            note = _tokens(group) < CRUMB and group[0].kind != "Title" and _last_page(before) == _first_page(group)
            lone = all(piece.kind == "Title" for piece in before) and _first_page(group) - _last_page(before) <= 1
            if (note or lone) and together <= MOST_OF_TABLE:
                done[-1] = before + group
                continue
            if lone and all(piece.text in group[0].path for piece in before):
                done.pop()  # its heading says them
        done.append(group)
    return done


def _first_page(pieces: Sequence[_Piece]) -> int:
    return next((piece.boxes[0][0] for piece in pieces if piece.boxes), 0)


def _last_page(pieces: Sequence[_Piece]) -> int:
    return next((piece.boxes[-1][0] for piece in reversed(pieces) if piece.boxes), 0)


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shared: list[str] = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return tuple(shared)


def _heading(path: Sequence[str], document: Profile, count_tokens: Callable[[str], int]) -> str:
    """The innermost parts of a section path that fit, without the document's own title."""
    parts = [part for part in path if plain(part) != plain(document.title)][-DEPTH:]
    while len(parts) > 1 and count_tokens(" > ".join(parts)) > MAX_HEADING:
        parts = parts[1:]
    heading = " > ".join(parts)
    return heading if count_tokens(heading) <= MAX_HEADING else ""


def _text(pieces: Sequence[_Piece]) -> tuple[str, tuple[Sentence, ...]]:
    """The pieces as one text: a new line for each paragraph and table row, no space between Chinese sentences."""
    text, found = "", list[Sentence]()
    for place, piece in enumerate(pieces):
        if place:
            before = pieces[place - 1]
            if before.paragraph != piece.paragraph or piece.kind == "Table":
                text += "\n"
            elif not (is_cjk(text[-1]) or is_cjk(piece.text[0])):
                text += " "
        found.append(Sentence(start=len(text), end=len(text) + len(piece.text), boxes=piece.boxes))
        text += piece.text
    return text, tuple(found)


def _drafts(
    pieces: Sequence[_Piece],
    elements: Sequence[Element],
    document: Profile,
    count_tokens: Callable[[str], int],
    max_tokens: int,
) -> list[Draft]:
    """One chunk of these pieces, or several where they do not fit with heading and context."""
    path = _common([piece.path for piece in pieces if piece.kind != "Title"] or [piece.path for piece in pieces])
    heading = _heading(path, document, count_tokens)
    said = heading.split(" > ")
    body = list(pieces)
    while len(body) > 1 and body[0].kind == "Title" and body[0].text in said:
        body.pop(0)  # the heading says it
    text, found = _text(body)
    tables = [elements[index] for index in dict.fromkeys(piece.paragraph for piece in body if piece.kind == "Table")]
    context = structure.context(document, tables, heading=heading, text=text, count_tokens=count_tokens)
    if len(body) > 1 and count_tokens(f"{context}\n{heading}\n{text}") > max_tokens:
        half = _middle(body)
        return [
            *_drafts(body[:half], elements, document, count_tokens, max_tokens),
            *_drafts(body[half:], elements, document, count_tokens, max_tokens),
        ]
    pages = [box[0] for piece in body for box in piece.boxes] or [elements[body[0].paragraph].page]
    return [Draft(ord=0, heading=heading, text=text, context=context, first_page=min(pages), last_page=max(pages), sentences=found)]


def _middle(pieces: Sequence[_Piece]) -> int:
    """The index that halves the pieces by tokens; at least one on each side."""
    total, done = sum(piece.tokens for piece in pieces), 0
    for index, (piece, _) in enumerate(pairwise(pieces), start=1):
        done += piece.tokens
        if done >= total / 2:
            return index
    return len(pieces) - 1


def chunk(reading: Reading, *, filename: str, count_tokens: Callable[[str], int], max_tokens: int) -> list[Draft]:
    """Cut a document into chunks, in reading order, `ord` from 0.

    A chunk is whole sentences (a table row is one), about 250 tokens of them; context + heading + text never exceed `max_tokens` as counted
    by `count_tokens`, unless a single sentence does. Running headers and footers are left out. A document without text gives no chunks.
    """
    document = profile(reading, filename)
    drafts: list[Draft] = []
    segments = _segments(_pieces(reading.elements, count_tokens), reading.elements)
    for group in _absorbed(group for segment in segments for group in _chunk_by_title(segment)):
        drafts += _drafts(group, reading.elements, document, count_tokens, max_tokens)
    return [replace(draft, ord=place) for place, draft in enumerate(drafts)]
