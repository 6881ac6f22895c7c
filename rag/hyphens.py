"""Words broken at a line's end: whether the hyphen was put there by the break, or belongs to the word (pure).

The document itself tells: it has the whole word elsewhere ("barometer"), or with its hyphen ("long-term"), or both halves as words of their
own ("high", "dimensional"). Without such evidence a document that never breaks words keeps its hyphens, and any other loses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rag.words import Sheet, Word

HYPHENS = "-‐"
_MARKS = "\"'“”‘’«»()[]{}.,;:!?*"
_SUSPENDED = frozenset({"and", "or", "to", "und", "oder", "bis", "et", "ou", "y", "o", "e"})  # "short- and long-term"
ENOUGH = 3  # hyphens at line ends that show a document's habit


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The words of a document, as far as they are letters, in small ones."""

    whole: frozenset[str]  # "barometer"
    hyphenated: frozenset[str]  # "long-term"
    breaks: bool  # words are broken at line ends

    def joined(self, text: str, following: str) -> str | None:
        """The text without, or with, the hyphen it ends in, ready for the rest of the word; None when it does not end in a broken word."""
        if not (len(text) > 1 and text[-1] in HYPHENS and text[-2].isalnum() and following[:1].isalnum()):
            return None
        first, second = _half(text.rsplit(maxsplit=1)[-1]), _half(following.split(maxsplit=1)[0])
        if second in _SUSPENDED:
            return None
        return text if self._keeps(first, second, name=following[0].isupper() and not text[-2].isupper()) else text[:-1]

    def _keeps(self, first: str, second: str, *, name: bool) -> bool:
        before = first.rpartition("-")[2]  # "of-the-" + "art"
        if not (before.isalpha() and second.replace("-", "").isalpha()) or f"{first}-{second}" in self.hyphenated:
            return True  # "XYZ-123", "2019-2020"
        if "-" in first or "-" in second or name or len(before) == 1:
            return True
        if first + second in self.whole:
            return False
        return (first in self.whole and second in self.whole) or not self.breaks


def _half(text: str) -> str:
    return text.strip(_MARKS).rstrip(HYPHENS).replace("‐", "-").lower()


def vocabulary(sheets: Iterable[Sheet]) -> Vocabulary:
    """What the document's words say about its hyphens."""
    whole: set[str] = set()
    hyphenated: set[str] = set()
    ends: list[tuple[str, str]] = []
    for sheet in sheets:
        rest = False
        for word in sheet.words:
            text = word.text
            if text[-1] in HYPHENS and len(text) > 1:
                rest = True
                continue
            if not rest:
                plain = text.strip(_MARKS).lower()
                if plain.isalpha():
                    whole.add(plain)
                elif "-" in plain:
                    hyphenated.add(plain)
            rest = False
        ends += _ends(sheet.words)
    undone = sum(first + second in whole for first, second in ends)
    kept = sum(f"{first}-{second}" in hyphenated for first, second in ends)
    return Vocabulary(whole=frozenset(whole), hyphenated=frozenset(hyphenated), breaks=undone >= kept or kept < ENOUGH)


def _ends(words: Sequence[Word]) -> Iterable[tuple[str, str]]:
    """The halves of words that a line's end parts."""
    for before, word in pairwise(words):
        if before.text[-1] in HYPHENS and word.y1 <= before.y1 - 0.5 * word.size and word.text[0].islower():
            yield _half(before.text), _half(word.text)
