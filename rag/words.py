"""Words with their boxes and type styles: what layout works on, and what stands between it and the PDF library.

All coordinates are PDF points on the page as displayed: rotation applied, crop box origin subtracted, origin at the bottom left.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple

BOLD = 1
ITALIC = 2
AGAINST = 4  # runs against its sheet: from left to right on one that is read from right to left, or the other way round


class Word(NamedTuple):
    """A run of letters without white space, or a single Chinese or Japanese character.

    (A tuple rather than a dataclass: a report of 300 pages has 200,000 of them.)
    """

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float  # effective type size in points
    style: int  # BOLD | ITALIC | AGAINST
    spaced: bool  # white space stands before it in the page's own text


Stroke = tuple[float, float, float, float]  # a drawn line that is level (y0 == y1) or upright (x0 == x1), from its lesser end


class Span(NamedTuple):
    """Where the characters [start, end) of an element's text stand."""

    start: int
    end: int
    page: int  # from 1
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, kw_only=True)
class Bookmark:
    """One entry of the document's outline."""

    title: str
    level: int  # from 0
    page: int  # from 1


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The words of one page that stand the same way up.

    A page has one sheet for its upright words and one for each other quarter turn in which it holds words; those are analysed as if the
    page were turned to read them, and a scan that lies crooked as if it were straightened; `shown` brings their boxes back.
    """

    page: int  # from 1
    width: float  # as read, that is after the turn
    height: float
    turn: int  # quarter turns clockwise that bring the words upright
    words: tuple[Word, ...]
    skew: float = 0.0  # degrees clockwise about the sheet's middle that then bring its lines level
    mirrored: bool = False  # x runs from the right edge: so stand the words of a sheet that is read from right to left
    strokes: tuple[Stroke, ...] = ()  # drawn lines, which may be the borders of tables


def turned(box: tuple[float, float, float, float], turn: int, width: float, height: float) -> tuple[float, float, float, float]:
    """Turn a box clockwise by quarter turns together with its page, whose width and height are those before the turn."""
    x0, y0, x1, y1 = box
    for _ in range(turn % 4):
        x0, y0, x1, y1 = y0, width - x1, y1, width - x0
        width, height = height, width
    return x0, y0, x1, y1


def shown(box: tuple[float, float, float, float], sheet: Sheet) -> tuple[float, float, float, float]:
    """Where a box of the sheet stands on the page as displayed; of a straightened one, the upright box around it."""
    if sheet.mirrored:
        box = (sheet.width - box[2], box[1], sheet.width - box[0], box[3])
    if sheet.skew:
        sine, cosine = math.sin(math.radians(sheet.skew)), math.cos(math.radians(sheet.skew))
        middle_x, middle_y = sheet.width / 2, sheet.height / 2
        corners = [(x - middle_x, y - middle_y) for x in box[::2] for y in box[1::2]]
        across = [middle_x + x * cosine - y * sine for x, y in corners]
        up = [middle_y + x * sine + y * cosine for x, y in corners]
        box = (min(across), min(up), max(across), max(up))
    if sheet.turn:
        box = turned(box, -sheet.turn % 4, sheet.width, sheet.height)
    return box


def is_cjk(char: str) -> bool:
    """Whether a character is written without spaces: Han, kana, bopomofo, full-width forms and CJK punctuation."""
    if char < "\u2e80":
        return False
    code = ord(char)
    return code <= 0x31FF or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFFEF or code >= 0x20000


_QUOTES = frozenset("“”‘’…—·")  # used by Chinese and by Western text


def solid(before: str, after: str) -> bool:
    """Whether two characters are written without a space between them: both Chinese, or one and a quotation mark or dash."""
    if before < "\u2e80" and after < "\u2e80":
        return False
    return (is_cjk(before) or before in _QUOTES) and (is_cjk(after) or after in _QUOTES)


# Control characters, soft hyphens, invisible marks of direction, joining, variation and tags, noncharacters, halves of surrogate pairs.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff0-\ufffc\ufffe\uffff"
    r"\ud800-\udfff\U000e0000-\U000e0fff]"
)
# Other shapes of ordinary letters: ligatures, radicals that stand for the character, Arabic and Hebrew letters by their place in the word,
# punctuation of vertical text, letters of formulas.
_SHAPES = re.compile(
    r"[\u2e9f\u2ef3\u2f00-\u2fd5\uf900-\ufaff\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufb28\ufb2a-\ufdcf\ufdf0-\ufdfb\ufe10-\ufe19\ufe30-\ufe44\ufe70-\ufefc"
    r"\U0001d400-\U0001d7ff\U0002f800-\U0002fa1d]+"
)
_BULLETS = str.maketrans(  # of the Symbol and Wingdings fonts, which have no Unicode of their own
    {
        "\uf0b7": "•",
        "\uf06c": "●",
        "\uf06e": "■",
        "\uf0a7": "▪",
        "\uf0a8": "▪",
        "\uf0d8": "➢",
        "\uf0fc": "✓",
        "\uf06f": "□",
        "\uf0a3": "□",
        "\uf0fe": "☒",
        "\uf078": "☒",
        "\uf052": "☑",
        "\uf076": "◆",
        "\uf075": "◆",
    }
)


def clean(text: str) -> str:
    """Text without NUL, control and invisible characters (white space becomes a space), and with ligatures and the like spelt out."""
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROL.sub(lambda match: " " if match[0].isspace() else "", text)
    return _SHAPES.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text).translate(_BULLETS)
