"""Text that a page holds but does not show: drawn in invisible ink, or in white on white.

It is found by looking: a word that may be unseen is kept if the page's picture has ink in its place. So the text layer of a recognised scan
stays, and white letters on a dark ground; marks for machines, and words meant to be read by a model but not by a person, do not. Words in
invisible ink over what other text shows are such marks too: a scan's layer is most of its page's text.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rag.words import Word

CONTRAST = 24  # of 255: fainter differences are paper
MAX_PIXELS = 2_000_000
MARKS = "[Table_"  # begins the place names that templates of Chinese brokers leave under their pictures, in black
Box = tuple[float, float, float, float]


class Ink(IntEnum):
    """How a text object is drawn."""

    DARK = 0  # to be seen
    PALE = 1  # in white, or almost, or transparent
    NONE = 2  # not at all


def shown(page: Any, boxes: Sequence[Box]) -> list[bool]:
    """Whether the picture of a PDFium page has ink in each of these boxes, which are as displayed."""
    width, height = page.get_size()
    scale = min(1.0, (MAX_PIXELS / max(width * height, 1.0)) ** 0.5)
    bitmap = page.render(scale=scale, grayscale=True)
    picture, stride = bytes(bitmap.buffer), bitmap.stride
    columns, rows = bitmap.width, bitmap.height
    bitmap.close()
    found = []
    for x0, y0, x1, y1 in boxes:
        left, right = max(int(x0 * scale), 0), min(int(x1 * scale) + 1, columns)
        top, bottom = max(int((height - y1) * scale), 0), min(int((height - y0) * scale) + 1, rows)
        lines = [picture[row * stride + left : row * stride + right] for row in range(top, bottom)] if right > left else []
        found.append(bool(lines) and max(map(max, lines)) - min(map(min, lines)) >= CONTRAST)
    return found


def hidden(page: Any, words: Sequence[Word], doubtful: Mapping[int, Ink]) -> set[int]:
    """The indexes of the words of a PDFium page that it does not show, among those whose ink is in doubt."""
    inked = shown(page, [words[index][1:5] for index in doubtful])
    inkless = sum(len(words[index].text) for index, ink in doubtful.items() if ink is Ink.NONE)
    layer = inkless >= sum(len(word.text) for word in words) / 2
    return {index for (index, ink), seen in zip(doubtful.items(), inked, strict=True) if not seen or (ink is Ink.NONE and not layer)}
