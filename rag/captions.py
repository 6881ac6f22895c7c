"""Which lines name a table: those right above it, the sentence that leads to it, or the numbered title below it (pure)."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rag.layout import Element

MAX_SENTENCE = 180  # characters
MAX_LINE = 120  # characters
MAX_LINES = 3
NUMBERED = re.compile(r"^(?:table|tab\.|exhibit|表)\s*(?:\d|[A-Z]\b|[IVX]+\b)", re.IGNORECASE)
_OF_A_FIGURE = re.compile(r"^(?:figure|fig\.|chart|图)\s*\d", re.IGNORECASE)


def _last_sentence(text: str) -> str:
    """The last sentence, from a word's start where it is very long."""
    last = re.split(r"(?<=[.!?])\s+(?=[A-Z])|(?<=[。！？])", text)[-1]
    return last if len(last) <= MAX_SENTENCE else last[-MAX_SENTENCE:].partition(" ")[2] or last[-MAX_SENTENCE:]


def above(elements: Sequence[Element], page: int) -> str:
    """The caption that the elements before a table give it: a numbered one, short lines, or the introducing sentence that ends in a colon."""
    lines: list[str] = []
    for before in reversed(elements[-MAX_LINES:]):
        if before.page != page or before.kind in ("Table", "Header", "Footer") or _OF_A_FIGURE.match(before.text):
            break
        if NUMBERED.match(before.text):
            lines.append(before.text if len(before.text) <= 2 * MAX_SENTENCE else before.text[:MAX_SENTENCE])
            break
        if not lines and before.kind in ("NarrativeText", "ListItem") and before.text.endswith((":", "：")):
            lines.append(_last_sentence(before.text))
            break
        if len(before.text) > MAX_LINE or before.text.endswith((".", "。")):
            break
        lines.append(before.text)
    return "\n".join(reversed(lines))


def captioned(elements: Sequence[Element], follows: Mapping[int, int]) -> list[Element]:
    """The elements, each table with its caption; one that goes on with another (`follows`, by index) has that one's, and its units."""
    done: list[Element] = []
    below = _numbered_below(elements)
    for index, element in enumerate(elements):
        if element.kind != "Table":
            done.append(element)
        elif index in follows:
            first = done[follows[index]]
            done.append(replace(element, caption=first.caption, units=element.units or first.units))
        else:
            after = elements[index + 1] if index + 1 < len(elements) else None
            named_below = below and after is not None and after.page == element.page and NUMBERED.match(after.text)
            lines = above(done, element.page)
            caption = after.text[: 2 * MAX_SENTENCE] if named_below and after and not _is_numbered(lines) else lines
            done.append(replace(element, caption=caption))
    return done


def _is_numbered(caption: str) -> bool:
    return any(NUMBERED.match(line) for line in caption.split("\n"))


def _numbered_below(elements: Sequence[Element]) -> bool:
    """Whether the document sets the numbered titles of its tables below them."""
    above = below = 0
    for before, element in pairwise(elements):
        above += element.kind == "Table" and bool(NUMBERED.match(before.text))
        below += before.kind == "Table" and element.kind != "Table" and bool(NUMBERED.match(element.text))
    return below > above
