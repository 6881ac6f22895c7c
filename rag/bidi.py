"""Text that runs from right to left, and what runs the other way inside it, in the order it is read (pure).

PDFium gives the letters of a word in reading order; what it gets wrong, `mended` puts right. Where most letters of a sheet run from right
to left, `facing` looks at it in a mirror: what is read first then stands left, and columns, paragraphs and tables are found as ever. Words
that run against their sheet keep their places on the line; `in_order` tells how a line is read.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from rag.words import AGAINST, Sheet, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RTL = "\u0590-\u05ff\u0600-\u0605\u0608\u060b\u061b-\u064a\u066d-\u06ef\u06fa-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_LETTER = re.compile(f"[{_RTL}]")
_OTHER = re.compile(rf"[^\W\d_{_RTL}]")
_BRACKETS = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_ALEFS, _LAM = frozenset("\u0622\u0623\u0625\u0627"), "\u0644"
_NUMBERING = re.compile(r"^([-–])(\d+)(?:\1(\d+))?$")
_PERCENT = re.compile(r"^(\(?)([%٪])([\d.,٫٬]+)(?=\W*$)")
_PAIRED, _TURNED = re.compile(r"\([^()\n]+\)"), re.compile(r"\)[^()\n]+\(")
GAP = 1.0  # em: words further apart are not of one phrase


def rightward(text: str) -> bool:
    """Whether a text holds a letter that is written from right to left."""
    return bool(_LETTER.search(text))


def mended(text: str, box: Callable[[int], tuple[float, ...]]) -> str:
    """A page's characters, of which some run from right to left, put right; `box` tells where the character at an index stands.

    Some fonts draw several letters as one sign and name them in the order of the page, not of the language: then "la", which has a sign of
    its own in every Arabic font, comes as "al". And brackets may be named as drawn or as read: a pair opens before it closes.
    """
    swapped = [i for i in range(len(text) - 1) if text[i] in _ALEFS and text[i + 1] == _LAM and box(i) == box(i + 1)]
    if swapped:
        text = "".join(
            "".join(text[i] for i in (reversed(signs) if all(rightward(text[i]) for i in signs) else signs))
            for signs in (list(group) for _, group in groupby(range(len(text)), key=lambda i: box(i) if rightward(text[i]) else i))
        )
    lines = text.split("\n")
    leftwards = "\n".join(filter(_runs_left, lines))
    if len(_TURNED.findall(leftwards)) > len(_PAIRED.findall(leftwards)):
        text = "\n".join(line.translate(_BRACKETS) if _runs_left(line) else line for line in lines)
    return text


def _number(text: str, *, begins: bool) -> str:
    """A number as it is read between letters that run from right to left: what stands left of it comes last.

    That is a percent sign, and, where the word begins a line, the dashes of a section's numbering.
    """
    if begins and (match := _NUMBERING.match(text)):
        return "".join(f"{part}{match[1]}" for part in (match[3], match[2]) if part)
    return _PERCENT.sub(r"\1\3\2", text)


def _runs_left(text: str) -> bool:
    return len(_LETTER.findall(text)) > len(_OTHER.findall(text))


def facing(sheet: Sheet) -> Sheet:
    """The sheet, in a mirror if it is read from right to left; words that run the other way are marked."""
    text = " ".join(word.text for word in sheet.words)
    if not rightward(text):
        return sheet
    mirrored = _runs_left(text)
    against = _OTHER if mirrored else _LETTER
    words: list[Word] = []
    for word in sheet.words:
        seen = word._replace(style=word.style | (AGAINST if against.search(word.text) else 0))
        if mirrored:
            begins = not words or abs(words[-1].y0 - word.y0) > 0.5 * word.size
            x0, x1 = round(sheet.width - word.x1, 2), round(sheet.width - word.x0, 2)
            seen = seen._replace(x0=x0, x1=x1, text=_number(word.text, begins=begins))
        words.append(seen)
    strokes = tuple((round(sheet.width - x1, 1), y0, round(sheet.width - x0, 1), y1) for x0, y0, x1, y1 in sheet.strokes)
    return replace(sheet, words=tuple(words), mirrored=mirrored, strokes=strokes if mirrored else sheet.strokes)


def in_order(words: Sequence[Word]) -> list[Word]:
    """Words that stand side by side on a line, as they are read: those that run against the sheet are turned round, phrase by phrase.

    Signs and numbers between two such words are of their phrase; so is a number after one in Latin letters ("ISO 9001").
    """
    found: list[Word] = []
    phrase: list[Word] = []  # whose last word runs against the sheet
    waiting: list[Word] = []  # signs and numbers after it, which may belong to it
    for word in words:
        last = (waiting or phrase or [word])[-1]
        if phrase and (word.x0 - last.x1 > GAP * max(word.size, 1.0) or not (word.style & AGAINST or _neutral(word))):
            found += [*reversed(phrase), *waiting]
            phrase, waiting = [], []
        if word.style & AGAINST:
            if not phrase and not rightward(word.text):
                while (
                    found and found[-1].text[-1:].isdigit() and _neutral(found[-1]) and word.x0 - found[-1].x1 <= GAP * max(word.size, 1.0)
                ):
                    phrase.insert(0, found.pop())
            phrase += [*waiting, word]
            waiting = []
        elif phrase:
            waiting.append(word)
        else:
            found.append(word)
    return [*found, *reversed(phrase), *waiting]


def _neutral(word: Word) -> bool:
    return not any(map(str.isalpha, word.text))
