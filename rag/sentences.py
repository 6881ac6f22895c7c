"""Text -> sentences, Chinese and English, as character spans (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Words whose full stop seldom ends a sentence; compared in lower case, without the stop.
_ABBREVIATIONS = frozenset(
    [
        *(["mr", "mrs", "ms", "dr", "prof", "rev", "gen", "hon", "sen", "rep", "gov", "st", "jr", "sr", "messrs", "mt", "ft"]),
        *(["inc", "corp", "co", "ltd", "llc", "plc", "bros", "vs", "al", "etc", "cf", "ca", "approx", "est", "dept", "univ", "assn"]),
        *(
            [
                "no",
                "nos",
                "vol",
                "vols",
                "fig",
                "figs",
                "eq",
                "eqs",
                "ref",
                "refs",
                "sec",
                "secs",
                "ch",
                "chs",
                "pp",
                "p",
                "para",
                "art",
                "ed",
                "eds",
                "par",
                "app",
            ]
        ),
        *(["e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "u.n", "e.u", "d.c", "ph.d", "n.v", "s.a", "b.v", "a.g", "d/b/a"]),
        *(
            [
                "jan",
                "feb",
                "mar",
                "apr",
                "jun",
                "jul",
                "aug",
                "sep",
                "sept",
                "oct",
                "nov",
                "dec",
                "mon",
                "tue",
                "wed",
                "thu",
                "fri",
                "sat",
                "sun",
            ]
        ),
    ]
)
# These also end sentences; then what follows decides: a capital letter after "Inc." is a new sentence only with a common sentence opening.
_MAY_END = frozenset(["inc", "corp", "co", "ltd", "llc", "plc", "etc", "jr", "sr", "u.s", "u.k", "e.u", "u.n", "d.c", "p.m", "a.m"])
_OPENING = re.compile(
    r"(?:The|This|These|Those|We|Our|It|Its|In|On|As|At|For|If|However|There|They|Their|He|She|But|And|When|While|Although|Such|Each|All|No|Any|"
    r"During|After|Before|Under|To|By|From|With|See|Item|Net|Total)\b"
)
_CHINESE_END = re.compile(r"[。！？；!?;…]+[”’」』）)\]\"']*")
_LATIN_END = re.compile(r"([.!?؟۔]+)([\"'”’)\]]*)(\s+|$)")
_CLOSERS = "”’」』）)]\"'"
MAX_CHARACTERS = 1200  # beyond this a "sentence" is a list or a table in disguise and is cut at weaker marks
_WEAK = (re.compile(r"[;；:：]\s*"), re.compile(r"[,，、]\s*"), re.compile(r"\s+"))


def _is_cjk(char: str) -> bool:
    return "\u2e80" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff" or "\uff00" <= char <= "\uffef"


def _abbreviated(text: str, stop: int, following: str) -> bool:
    """Whether the full stop at `stop` belongs to an abbreviation, an initial or a numbering rather than ending a sentence."""
    match = re.search(r"[^\s(\[\"“‘']*$", text[:stop])
    word = match[0] if match else ""
    lower = word.lower()
    if lower in _MAY_END:
        return not _OPENING.match(following)
    if lower in _ABBREVIATIONS:
        return True
    if re.fullmatch(r"[A-Z](?:\.[A-Z])*", word):  # initials: "J. Smith", "U.S.A."
        return True
    return bool(re.fullmatch(r"(?:\d{1,2}|[ivx]{1,4})(?:\.\d{1,2})*", word)) and stop - len(word) in (0, _line_start(text, stop))


def _line_start(text: str, position: int) -> int:
    return text.rfind("\n", 0, position) + 1


def _ends(text: str) -> list[int]:
    """Where sentences end: exclusive offsets, ascending, white space after the end not counted."""
    found: set[int] = set()
    for match in _CHINESE_END.finditer(text):
        mark = match[0][0]
        before = text[match.start() - 1] if match.start() else ""
        if mark in "。！？；" or (mark in "!?;…" and before and _is_cjk(before)):
            found.add(match.end())
    for match in _LATIN_END.finditer(text):
        following = text[match.end() :]
        first = following[:1]
        if not first:
            continue
        if match[1] == "." and (first.islower() or first in ",;:" or _abbreviated(text, match.start(), following)):
            continue
        if first.islower():
            continue
        found.add(match.end() - len(match[3]))
    found.update(match.start() for match in re.finditer(r"\s*\n", text))
    return sorted(found)


def _shortened(text: str, start: int, end: int, limit: int) -> list[tuple[int, int]]:
    """Cut a span at its semicolons, else commas, else spaces, so that no part is longer than `limit`; a run without any is cut as it is."""
    if end - start <= limit:
        return [(start, end)]
    for weak in _WEAK:
        cuts = [match.end() for match in weak.finditer(text, start, end) if start + limit // 4 <= match.end() <= start + limit]
        if cuts:
            break
    else:
        cuts = [start + limit]
    return [(start, cuts[-1]), *_shortened(text, cuts[-1], end, limit)]


def split(text: str, *, limit: int = MAX_CHARACTERS) -> list[tuple[int, int]]:
    """Spans [start, end) of the sentences, in order, without the white space around them; none is longer than `limit` characters.

    Chinese sentences end at 。！？； (and closing quotes after them); English ones at . ! ? before white space and something other than a
    small letter, abbreviations, initials, decimals and numberings excepted. A line break always ends one: rows of tables are sentences.
    """
    return _spans(text, [*_ends(text), len(text)], limit)


def rows(text: str, *, limit: int = MAX_CHARACTERS) -> list[tuple[int, int]]:
    """The same for a table, of which a row is one sentence whatever stops and question marks stand in its cells."""
    return _spans(text, [*(match.start() for match in re.finditer(r"\n", text)), len(text)], limit)


def _spans(text: str, ends: Iterable[int], limit: int) -> list[tuple[int, int]]:
    """The pieces of a text up to each of the ends, those beyond the limit cut, without the white space around them."""
    spans: list[tuple[int, int]] = []
    start = 0
    for end in ends:
        for first, last in _shortened(text, start, end, limit):
            piece = text[first:last]
            left = first + len(piece) - len(piece.lstrip())
            right = first + len(piece.rstrip())
            if right > left:
                spans.append((left, right))
        start = max(start, end)
    return spans
