"""A document cut into windows of about 8,000 tokens, so that what each call caches never grows with the document (pure).

A document that fits is its own window. A longer one is cut where its outermost sections change, else between two chunks; a summary of
the whole then stands in for what a window leaves out, made from the document's outline: its opening, its section titles and how each part
begins, in one call of at most about OUTLINE tokens whatever the length. Summaries of every window first, then one of those, would read
the whole document once more at the plain price, a fifth on top, to tell what the opening and the titles mostly tell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

WINDOW = 8_000  # tokens
OUTLINE = 8_000  # tokens: what a summary is made from, at most
_OPENING, _TITLES = 3_000, 2_500  # tokens of it; the rest tells how each part begins
_PARTS = 100  # told of, at most; more are thinned out evenly
_SAME = 99  # the depth of a boundary inside a section

_IDEOGRAPHS = re.compile("[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")  # with their marks
_DIGITS = re.compile(r"[0-9]")
_OTHERS = re.compile("[\u0370-\u10ff\u1200-\u1fff\ua000-\uabff]")  # Greek, Cyrillic, Arabic, Indic...


class Part(Protocol):
    """What a window needs of a chunk."""

    @property
    def ord(self) -> int: ...

    @property
    def heading(self) -> str: ...  # section path, outermost first, joined by " > "

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Window:
    """Neighbouring chunks that are read together."""

    ords: tuple[int, ...]
    text: str  # of its chunks, each new section path on a line of its own
    tokens: int  # of the text


def tokens(text: str) -> int:
    """About how many tokens a language model counts, without asking one.

    Characters to a token: 3.5 of Latin script with its spaces and marks (Anthropic's own rule of thumb), 2 digits, 2 of other alphabets,
    1 Chinese, Japanese or Korean. Newer tokenizers count up to a third more of the same text.
    """
    ideographs, digits, others = (len(pattern.findall(text)) for pattern in (_IDEOGRAPHS, _DIGITS, _OTHERS))
    return math.ceil(ideographs + (digits + others) / 2 + (len(text) - ideographs - digits - others) / 3.5)


def windows(chunks: Sequence[Part], *, cacheable: int | None) -> list[Window]:
    """Every chunk in exactly one window, in order. A window is at most WINDOW tokens, or one chunk that is longer.

    ``cacheable`` is the shortest prefix that the provider caches. A window below it stands only where no neighbour has room for it.
    """
    sizes = [tokens(chunk.text) + (tokens(chunk.heading) if new else 0) for chunk, new in zip(chunks, _new_sections(chunks), strict=True)]
    ranges = _merged(_ranges(sizes, _depths(chunks), least=cacheable or 0), sizes, least=cacheable or 0)
    return [_window(chunks[start:end]) for start, end in ranges]


def outline(chunks: Sequence[Part], cut: Sequence[Window]) -> str:
    """What a document's summary is made from, about OUTLINE tokens at most: its opening, its titles, and how its windows begin."""
    titles = dict.fromkeys(" > ".join(chunk.heading.split(" > ")[:2]) for chunk in chunks if chunk.heading)
    step = math.ceil(len(cut) / _PARTS) if cut else 1
    begins = [window.text for window in cut[1::step]]
    share = (OUTLINE - _OPENING - _TITLES) // max(1, len(begins))
    parts = [
        beginning(cut[0].text if cut else "", _OPENING),
        _thinned(list(titles), _TITLES),
        *(beginning(text, share) for text in begins),
    ]
    return "\n\n".join(part for part in parts if part)


def _new_sections(chunks: Sequence[Part]) -> list[bool]:
    """Whether each chunk's section differs from that of the one before."""
    return [bool(chunk.heading) and (at == 0 or chunk.heading != chunks[at - 1].heading) for at, chunk in enumerate(chunks)]


def _depths(chunks: Sequence[Part]) -> list[int]:
    """For each chunk how many outer sections it shares with the one before: 0 where the outermost changes."""
    depths = [0]
    for before, chunk in pairwise(chunks):
        if before.heading == chunk.heading:
            depths.append(_SAME)
            continue
        pairs = list(zip(before.heading.split(" > "), chunk.heading.split(" > "), strict=False))
        depths.append(next((at for at, (one, other) in enumerate(pairs) if one != other), len(pairs)))
    return depths


def _ranges(sizes: Sequence[int], depths: Sequence[int], *, least: int) -> list[tuple[int, int]]:
    """Cut after at least half a window, at the outermost boundary there is, the latest of several; the last window keeps a quarter."""
    ranges: list[tuple[int, int]] = []
    start, left = 0, sum(sizes)
    while left > WINDOW:
        size, best, fitting = 0, None, start + 1  # fitting: where the longest window that fits would end
        for end in range(start + 1, len(sizes)):
            size += sizes[end - 1]
            if size > WINDOW:
                break
            fitting = end
            enough = size >= max(WINDOW // 2, least) and left - size >= max(WINDOW // 4, least)
            if enough and (best is None or depths[end] <= depths[best]):
                best = end
        end = best or fitting
        ranges.append((start, end))
        left -= sum(sizes[start:end])
        start = end
    return [*ranges, (start, len(sizes))] if start < len(sizes) else ranges


def _merged(ranges: list[tuple[int, int]], sizes: Sequence[int], *, least: int) -> list[tuple[int, int]]:
    """Windows too short to be cached join a neighbour that has room."""
    done: list[tuple[int, int]] = []
    for start, end in ranges:
        if done:
            before, size = sum(sizes[slice(*done[-1])]), sum(sizes[start:end])
            if min(before, size) < least and before + size <= WINDOW:
                done[-1] = (done[-1][0], end)
                continue
        done.append((start, end))
    return done


def _window(chunks: Sequence[Part]) -> Window:
    lines = (f"{chunk.heading}\n{chunk.text}" if new else chunk.text for chunk, new in zip(chunks, _new_sections(chunks), strict=True))
    text = "\n\n".join(lines)
    return Window(ords=tuple(chunk.ord for chunk in chunks), text=text, tokens=tokens(text))


def beginning(text: str, limit: int) -> str:
    """At most about `limit` tokens of a text, to the end of a word."""
    size = tokens(text)
    if size <= limit:
        return text
    cut = text[: len(text) * limit // size]
    while tokens(cut) > limit:
        cut = cut[: len(cut) * 9 // 10]
    return (cut.rsplit(maxsplit=1)[0] if " " in cut else cut) + " …"


def _thinned(lines: list[str], limit: int) -> str:
    """The lines, evenly fewer until they fit."""
    size = sum(map(tokens, lines))
    step = math.ceil(size / limit) if size else 1
    return beginning("\n".join(lines[::step]), limit)
