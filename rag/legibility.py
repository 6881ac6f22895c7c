"""Whether the text that a page carries is what the page shows, or has to be read from its picture (pure).

Fonts that do not tell what their glyphs mean give text that looks like text to a program. What gives it away: code points without a
meaning, letters with the wrong frequencies, Han characters that nobody uses, a byte encoding taken for another. The signs are those of
running text, so listings, tables of figures and part numbers are let pass, and so is every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

from rag.words import Sheet, Word

BLANK = 0.0002  # share of a page that is ink: less is dust, or nothing
FEW = 150  # characters: fewer may be the stamp or the running title of a scan
UNTOLD = 0.02  # share of a page that is ink beyond what its words explain
BLACKNESS = 0.4  # at most, of a word's box
WORTH = 0.3  # confidence of recognised text that is better than none; scripts that the models do not know leave scraps below it
TRUSTED = 0.8  # confidence of recognised text that may take the place of the page's own
_LOST = 0.25  # share of characters without a meaning beyond which a page's fonts are held to be undecodable
_LETTERS = re.compile(r"[a-z]{4,}")  # runs; codes and formulas have shorter ones
_FREQUENT = (frozenset("aeinorst"), frozenset("adeinrwy"))  # one of them makes 50 to 70 % of the letters of any language, Welsh too
_FREQUENT_LEAST = 0.42  # letters at random: 31 %
_ENOUGH_LETTERS = 100
_ENOUGH_HAN = 20
_COMMON_HAN_LEAST = 0.7  # 97 % in Chinese and Japanese text, 35 % at random
_ACCENTED_MOST = 0.4  # of the letters; Vietnamese has the most, a quarter
_SYMBOLS_MOST = 0.6  # of the characters, each run of one counted once
_ENOUGH_SYMBOLS = 12  # different ones
_PLAIN_RUN = re.compile(r"[!-~]{4,}")
_ENOUGH_RUNS = 12
_CIPHERED_MOST = 0.2  # of those runs; 0.4 where a font's letters came out as figures and signs, at most 0.04 on 1,800 pages that read well
_SIGN = r"[<>=:;@?!\"#$&*+/]"
_SIGN_INSIDE = re.compile(rf"(?<=[0-9A-Za-z]){_SIGN}(?=[0-9A-Za-z])|(?<={_SIGN})[0-9](?={_SIGN})")
_MOJIBAKE = re.compile(
    "[\u00c2\u00c3][\u00a1-\u00bf]|\u00e2\u20ac[\u2122\u0153\u201c\u201d\u00a2\u00a6]|\u00ef\u00bf\u00bd|\u00e4\u00b8[\u00a1-\u00bf]"
)
_MOJIBAKE_LEAST = 3

Need = Literal["", "no text", "garbled", "sparse"]


def needs_recognition(words: Sequence[Word], width: float, height: float, ink: Callable[[], float]) -> Need:
    """Why a page of that size has to be read from its picture; "" when its own words will do, or when it shows nothing.

    `ink` tells the share of the page that is not paper; it is asked only when the answer depends on it.
    """
    if not words:
        return "no text" if ink() >= BLANK else ""
    if garbled([word.text for word in words]):
        return "garbled"
    if sum(len(word.text) for word in words) >= FEW:
        return ""
    covered = sum((word.x1 - word.x0) * (word.y1 - word.y0) for word in words) / max(width * height, 1.0)
    return "sparse" if ink() - BLACKNESS * covered >= UNTOLD else ""


def better(need: Need, words: Sequence[Word], sheets: Sequence[Sheet], confidence: float) -> bool:
    """Whether what recognition read (its sheets and confidence) serves better than the page's own words, which needed it for that reason."""
    read = [word.text for sheet in sheets for word in sheet.words]
    if not any(map(str.isalnum, "".join(read))):  # a drawing's corners may look like marks
        return False
    if not words:
        return confidence >= WORTH
    more = need == "garbled" or sum(map(len, read)) > 2 * sum(len(word.text) for word in words)
    return more and confidence >= TRUSTED and not garbled(read)


def garbled(words: Sequence[str]) -> bool:
    """Whether a page's words make no sense as text in any language."""
    text = "".join(words)
    signs = (_meaningless, _mistaken_bytes, _symbols)
    return any(sign(text) for sign in signs) or _rare_han(text) or _ciphered(words) or _shuffled(" ".join(words))


def _meaningless(text: str) -> bool:
    """Private-use, replacement, unassigned and control characters."""
    lost = sum(1 for char in text if char == "\ufffd" or unicodedata.category(char) in {"Co", "Cn", "Cs", "Cc"})
    return lost > _LOST * len(text)


def _mistaken_bytes(text: str) -> bool:
    """UTF-8 or a national encoding taken for Latin-1."""
    letters = sum(1 for char in text if char.isalpha() or "\u00a1" <= char <= "\u00bf")
    upper_half = sum(1 for char in text if "\u00a1" <= char <= "\u00ff")
    return upper_half > max(_ACCENTED_MOST * letters, 8) or len(_MOJIBAKE.findall(text)) >= max(_MOJIBAKE_LEAST, len(text) / 500)


def _symbols(text: str) -> bool:
    """Punctuation and symbols where letters should stand: glyph numbers taken for characters."""
    alone = [char for before, char in zip(" " + text, text, strict=False) if char != before]
    symbols = [char for char in alone if unicodedata.category(char)[0] in "PS"]
    return len(set(symbols)) >= _ENOUGH_SYMBOLS and len(symbols) > _SYMBOLS_MOST * len(alone)


def _ciphered(words: Sequence[str]) -> bool:
    """Letters of one font that came out as figures and signs, between words of another that reads well."""
    runs = [run for word in words for run in _PLAIN_RUN.findall(word)]
    return len(runs) >= _ENOUGH_RUNS and sum(map(_is_cipher, runs)) > _CIPHERED_MOST * len(runs)


def _is_cipher(run: str) -> bool:
    """Figures and at least two kinds of signs within one word, as in `>84/01.5233852`; addresses have them too."""
    if "://" in run or "www." in run or "." in run.partition("@")[2]:
        return False
    core = run.strip("()[]{}.,;:!?\"'*#")
    return any(map(str.isdigit, core)) and len(set(re.findall(_SIGN, core))) >= 2 and bool(_SIGN_INSIDE.search(core))


def _rare_han(text: str) -> bool:
    han = [char for char in text if "\u3400" <= char <= "\u9fff"]
    return len(han) >= _ENOUGH_HAN and sum(map(_common_han, han)) < _COMMON_HAN_LEAST * len(han)


def _common_han(char: str) -> bool:
    """Whether a character is among the usual ones of mainland China (3,755), of Taiwan (5,401) or of Japan (2,965)."""
    for encoding, last in (("gb2312", 0xD7), ("big5", 0xC6), ("euc_jp", 0xCF)):
        first = 0xA4 if encoding == "big5" else 0xB0
        if first <= char.encode(encoding, "replace")[0] <= last:
            return True
    return False


def _shuffled(text: str) -> bool:
    """Latin letters that stand for others: their frequencies are those of no language."""
    plain = "".join(char for char in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(char))
    letters = "".join(_LETTERS.findall(plain))
    most = max(sum(char in frequent for char in letters) for frequent in _FREQUENT)
    return len(letters) >= _ENOUGH_LETTERS and most < _FREQUENT_LEAST * len(letters)
