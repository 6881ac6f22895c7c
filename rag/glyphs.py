"""A page's words, from PDFium's characters: their text, boxes, type size and style, by the way they stand on the page."""

from __future__ import annotations

import ctypes
import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pypdfium2 import raw

from rag import bidi, unseen
from rag.strokes import strokes_of
from rag.unseen import Ink
from rag.words import BOLD, ITALIC, Sheet, Word, clean, is_cjk, turned

if TYPE_CHECKING:
    from collections.abc import Container

    from rag.confined import Limits

_LINE_HYPHENS = {0x2, 0xAD, 0xFFFE}  # PDFium's marks for a hyphen at a line's end
_SPACES = {0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF} | set(range(0x2000, 0x200C))
_FORCE_BOLD, _ITALIC_FLAG = 1 << 18, 1 << 6  # font descriptor flags (PDF 32000-1, table 123)
_STROKED = 2  # text render mode "fill, then stroke": bold made up from a plain font
_NO_INK = {3, 7}  # text render modes: invisible, or for clipping only
_FAINT = 10  # of 255
_ANY_SIZE = 10.0
_LAYER = "OC\0".encode("utf-16-le")  # marks what stands on a layer
_BOLD_NAMES = ("bold", "black", "heavy", "demi", "-bd", "-medi", "simhei", "heiti")
_ITALIC_NAMES = ("italic", "oblique", "-it")
_NOTED = re.compile(r"(?<=[^\W\d_]{3})[.,;:)”’\"]{0,2}(\d{1,2})(?!\w)")
_CLOSING = set(",.;:)”’")
_SMALL = 0.8  # times the type size of the text
MIN_VERTICAL = 4  # characters below another
_ASCENT, _DESCENT = 0.8, 0.2  # of the type size; for turned words, whose fonts PDFium does not measure across the line


def font_style(font: Any) -> int:
    size = raw.FPDFFont_GetBaseFontName(font, None, 0)
    buffer = ctypes.create_string_buffer(max(size, 1))
    raw.FPDFFont_GetBaseFontName(font, buffer, size)
    name = buffer.value.decode("utf-8", "replace").lower()
    flags = max(raw.FPDFFont_GetFlags(font), 0)
    bold = any(mark in name for mark in _BOLD_NAMES) or flags & _FORCE_BOLD
    italic = any(mark in name for mark in _ITALIC_NAMES) or flags & _ITALIC_FLAG
    return (BOLD if bold else 0) | (ITALIC if italic else 0)


class Styles:
    """What is common to the characters of a page's text objects, asked of PDFium once per object and once per font."""

    def __init__(self) -> None:
        self.drawn: list[tuple[Any, Ink]] = []  # the text objects, with their ink
        self._objects: dict[int, tuple[float, int, Ink]] = {}
        self._fonts: dict[int, int] = {}
        self._lent: dict[tuple[int, int], bool] = {}

    def of(self, text: Any, index: int) -> tuple[float, int, Ink]:
        """Type size in points as displayed, style and ink of the character's text object."""
        text_object = raw.FPDFText_GetTextObject(text, index)
        address = ctypes.cast(text_object, ctypes.c_void_p).value or 0
        known = self._objects.get(address)
        if known is None or not address:
            font: Any = raw.FPDFTextObj_GetFont(text_object) if address else ctypes.c_void_p()
            font_address = ctypes.cast(font, ctypes.c_void_p).value or 0
            if font_address and font_address not in self._fonts:
                self._fonts[font_address] = font_style(font)
            mode = raw.FPDFTextObj_GetTextRenderMode(text_object) if address else 0
            style = self._fonts.get(font_address, 0) | (BOLD if mode == _STROKED else 0)
            pale = address and (is_pale(text_object) or is_layered(text_object))
            ink = Ink.NONE if mode in _NO_INK else Ink.PALE if pale else Ink.DARK
            known = (type_size(text, index), style, ink)
            self._objects[address] = known
            if address:
                self.drawn.append((text_object, ink))
        return known

    def is_lent(self, text: Any, index: int) -> bool:
        """Whether the file leaves the character's font to the reader's machine, and this machine has no such letter to draw."""
        font: Any = raw.FPDFTextObj_GetFont(raw.FPDFText_GetTextObject(text, index))
        letter = ctypes.cast(font, ctypes.c_void_p).value or 0, raw.FPDFText_GetUnicode(text, index)
        if letter not in self._lent:
            self._lent[letter] = bool(
                letter[0] and raw.FPDFFont_GetIsEmbedded(font) == 0 and not raw.FPDFFont_GetGlyphPath(font, letter[1], _ANY_SIZE)
            )
        return self._lent[letter]


def is_pale(text_object: Any) -> bool:
    """Whether an object is filled with white, almost white or nothing."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    filled = raw.FPDFPageObj_GetFillColor(text_object, red, green, blue, alpha)
    return bool(filled) and (alpha.value < _FAINT or min(red.value, green.value, blue.value) > 255 - _FAINT)


def is_layered(text_object: Any) -> bool:
    """Whether an object stands on a layer, which may be switched off."""
    size, name = ctypes.c_ulong(), (ctypes.c_ushort * 8)()
    for at in range(raw.FPDFPageObj_CountMarks(text_object)):
        mark = raw.FPDFPageObj_GetMark(text_object, at)
        if raw.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), size) and bytes(name)[: size.value] == _LAYER:
            return True
    return False


def type_size(text: Any, index: int) -> float:
    matrix = raw.FS_MATRIX()
    size = float(raw.FPDFText_GetFontSize(text, index))
    if raw.FPDFText_GetMatrix(text, index, matrix):
        size *= math.hypot(matrix.c, matrix.d)
    return round(size, 2)


def runs(codes: list[int], breaks: Container[int] = ()) -> list[tuple[int, int, bool]]:
    """Cut a page's characters into words [first, last) and whether white space precedes; a Chinese character is a word of its own.

    At one of the `breaks` a word ends although no white space follows.
    """
    found: list[tuple[int, int, bool]] = []
    start, spaced = -1, True
    for index, code in enumerate(codes):
        space = (code <= 0x20 and code not in _LINE_HYPHENS) or code in _SPACES
        alone = not space and code >= 0x2E80 and is_cjk(chr(code))
        broken = index in breaks
        if start >= 0 and (space or alone or broken):
            found.append((start, index, spaced))
            start, spaced = -1, broken
        if space:
            spaced = True
        elif alone:
            found.append((index, index + 1, spaced))
            spaced = False
        else:
            start = index if start < 0 else start
            if code in _LINE_HYPHENS:  # the rest of the word stands on the next line
                found.append((start, index + 1, spaced))
                start, spaced = -1, False
    if start >= 0:
        found.append((start, len(codes), spaced))
    return found


def note_marks(text: Any, characters: str, styles: Styles) -> set[int]:
    """Where the small figures of footnotes begin that stand right after a word: "practice2" is no word."""
    return {
        match.start(1)
        for match in _NOTED.finditer(characters)
        if styles.of(text, match.start(1))[0] < _SMALL * styles.of(text, match.start(1) - 1)[0]
    }


def decoded(codes: list[int]) -> str:
    """The characters of a word, with PDFium's line-end hyphen as a plain one and pairs of surrogates joined."""
    if codes[-1] in _LINE_HYPHENS:
        codes = [*codes[:-1], 0x2D]
    text = "".join(map(chr, codes))
    if text.isascii():
        return clean(text)
    return clean(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")).strip()


def loose_box(text: Any, index: int, rect: Any) -> tuple[float, float, float, float]:
    raw.FPDFText_GetLooseCharBox(text, index, rect)
    return rect.left, rect.bottom, rect.right, rect.top


def upright_box(text: Any, first: int, last: int, rect: Any) -> tuple[float, float, float, float]:
    """The box of an upright word, its height the type size (ascent to descent)."""
    raw.FPDFText_GetLooseCharBox(text, first, rect)
    x0, y0, x1, y1 = rect.left, rect.bottom, rect.right, rect.top
    if last - first > 1:
        raw.FPDFText_GetLooseCharBox(text, last - 1, rect)
        return min(x0, rect.left), min(y0, rect.bottom), max(x1, rect.right), max(y1, rect.top)
    return x0, y0, x1, y1


def turned_box(text: Any, first: int, last: int, quarter: int, size: float) -> tuple[float, float, float, float]:
    """The box of a word that runs up, down or upside down: its ink along the line, its type size across it."""
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    boxes = []
    for index in range(first, last):
        raw.FPDFText_GetCharBox(text, index, left, right, bottom, top)
        boxes.append((left.value, bottom.value, right.value, top.value))
    x0, y0 = min(box[0] for box in boxes), min(box[1] for box in boxes)
    x1, y1 = max(box[2] for box in boxes), max(box[3] for box in boxes)
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text, first, x, y)
    up, down = _ASCENT * size, _DESCENT * size
    if quarter == 1:
        return x.value - up, y0, x.value + down, y1
    if quarter == 3:
        return x.value - down, y0, x.value + up, y1
    return x0, y.value - up, x1, y.value + down


def sheets_of(page: Any, number: int, styles: Styles, limits: Limits) -> list[Sheet]:
    """The page's words by the quarter turn that brings them upright, upright as displayed first.

    Words without a readable character, outside the displayed page, or that it does not show, are left out. Raises pictures.TooLarge.
    """
    width, height = page.get_size()
    rotation = page.get_rotation() // 90
    left, bottom, right, top = page.get_bbox()
    unrotated = (right - left, top - bottom)
    textpage = page.get_textpage()
    text, rect = textpage.raw, raw.FS_RECTF()
    codes = [raw.FPDFText_GetUnicode(text, index) for index in range(textpage.count_chars())]
    if bidi.rightward(characters := "".join(map(chr, codes))):
        codes = [ord(char) for char in bidi.mended(characters, lambda index: loose_box(text, index, rect))]
    found: list[tuple[int, Word]] = []  # with their turn; boxes as displayed
    inks: list[Ink] = []
    skipped = False
    marks = note_marks(text, characters, styles)
    after_mark = False
    for first, last, white in runs(codes, marks):
        content = decoded(codes[first:last])
        spaced = white and not (after_mark and content[:1] in _CLOSING)  # PDFium begins a line there
        after_mark = first in marks
        angle = raw.FPDFText_GetCharAngle(text, first)  # radians clockwise, before the page's rotation; negative when unknown
        quarter = -round(math.degrees(max(angle, 0.0)) / 90) % 4
        size, style, ink = styles.of(text, first)
        if quarter:
            x0, y0, x1, y1 = turned_box(text, first, last, quarter, size)
        else:
            x0, y0, x1, y1 = upright_box(text, first, last, rect)
        x0, y0, x1, y1 = turned((x0 - left, y0 - bottom, x1 - left, y1 - bottom), rotation, *unrotated)
        inside = 0 <= (x0 + x1) / 2 <= width and 0 <= (y0 + y1) / 2 <= height
        if not content or not inside or (content[-1] == "]" and content.startswith(unseen.MARKS)):
            skipped = True
            continue
        inks.append(Ink.LENT if ink is Ink.DARK and not content.isascii() and styles.is_lent(text, first) else ink)
        x0, y0 = round(max(x0, 0.0), 2), round(max(y0, 0.0), 2)
        x1, y1 = round(min(x1, width), 2), round(min(y1, height), 2)
        found.append(((quarter - rotation) % 4, Word(content, x0, y0, x1, y1, size, style, spaced or skipped)))
        skipped = False
    textpage.close()
    if found:
        hidden = unseen.hidden(page, [word for _, word in found], inks, styles.drawn, limits)
        found = [placed for index, placed in enumerate(found) if index not in hidden]
    words: tuple[list[Word], ...] = ([], [], [], [])
    downwards = vertical([word for turn, word in found if not turn]) if max(codes, default=0) >= 0x2E80 else set()
    for turn, word in found:
        turns = 3 if id(word) in downwards else turn
        words[turns].append(in_turn(word, turns, width, height) if turns else word)
    drawn = strokes_of(page) if found else ()
    return [
        Sheet(
            page=number,
            width=height if turn % 2 else width,
            height=width if turn % 2 else height,
            turn=turn,
            words=tuple(words[turn]),
            strokes=tuple(turned(stroke, turn, width, height) for stroke in drawn) if turn else drawn,
        )
        for turn in range(4)
        if words[turn]
    ]


def in_turn(word: Word, turn: int, width: float, height: float) -> Word:
    """The word on its page, whose sides as displayed are given, turned clockwise by quarter turns."""
    x0, y0, x1, y1 = turned((word.x0, word.y0, word.x1, word.y1), turn, width, height)
    return word._replace(x0=round(x0, 2), y0=round(y0, 2), x1=round(x1, 2), y1=round(y1, 2))


def vertical(words: list[Word]) -> set[int]:
    """The ids of the words that stand in vertical lines: Chinese or Japanese characters one under the other, and what stands among them.

    A sheet turned back by a quarter shows such lines as level ones, the first, which is the rightmost, on top.
    """
    down: list[tuple[Word, Word]] = []
    across = 0
    for before, word in pairwise(words):
        gap, em = before.y0 - word.y1, max(word.size, 1.0)
        beneath = abs(before.x0 + before.x1 - word.x0 - word.x1) <= 0.6 * em and -0.5 * em <= gap <= 1.2 * em
        if beneath and (is_cjk(before.text[0]) or is_cjk(word.text[0])):
            down.append((before, word))
        elif is_cjk(before.text[0]) and is_cjk(word.text[0]) and word.x0 > before.x0:
            across += 1
    return {id(word) for pair in down for word in pair} if len(down) >= MIN_VERTICAL and len(down) > across else set()
