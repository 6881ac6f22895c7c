"""Which paragraphs are titles, and how deep: by type size and weight against the body's, by numbering, and by the document's bookmarks."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from rag.words import BOLD, ITALIC, Bookmark, is_cjk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rag.columns import Line
    from rag.words import Sheet

LARGER = 1.12  # times the body's type size
MAX_WORDS = 25
MAX_CJK = 45  # characters
REPEATED = 3  # times a title's wording comes back
SAME_SIZE = 1.04  # times: nearer sizes are the same

# Numbering that states a depth of its own, from the outermost; among titles in one type size it decides.
_NUMBERED = (
    (re.compile(r"^(?:part\s+(?:[ivx]+|\d+)\b|第[一二三四五六七八九十百\d]+(?:部分|编|篇))", re.IGNORECASE), 0),
    (re.compile(r"^(?:item\s+\d+[a-z]?\b|chapter\s+\w+|第[一二三四五六七八九十百\d]+章|appendix\s+\w+|annex\s+\w+)", re.IGNORECASE), 1),
    (re.compile(r"^(?:第[一二三四五六七八九十百\d]+节|note\s+\d+\b)", re.IGNORECASE), 2),
    (re.compile(r"^(?:[一二三四五六七八九十]+[、.．])"), 3),
    (re.compile(r"^(?:[（(][一二三四五六七八九十]+[)）])"), 4),
    (re.compile(r"^\d{1,2}\.\d{1,2}\.\d{1,2}\.\d{1,2}"), 8),
    (re.compile(r"^\d{1,2}\.\d{1,2}\.\d{1,2}"), 7),
    (re.compile(r"^\d{1,2}\.\d{1,2}"), 6),
    (re.compile(r"^\d{1,2}(?:[.、．]|\s+[A-Z一-鿿])"), 5),
)
_UNNUMBERED = 9
_ENDS_SENTENCE = re.compile(r"[.,;，。；、](?:[\"'”’)]*)$")
_COMPANY_END = re.compile(r"\b(?:inc|co|corp|ltd|l\.p|n\.v|s\.a|p\.l\.c)\.$", re.IGNORECASE)
# The parts of a set of accounts, none of which belongs to another however it is set.
_ACCOUNTS = re.compile(
    r"^(?:(?:the|condensed|consolidated|combined|interim|unaudited)\s+)*(?:balance sheets?|statements? of|income statements?|notes to (?:the\s+)?)"
    r"|^(?:合并|母公司|公司)*(?:资产负债表|利润表|现金流量表|所有者权益变动表|财务报表附注)",
    re.IGNORECASE,
)
_AUDIT = re.compile(r"^(?:attestation )?reports? of (?:the )?independent|^independent auditor|^审计报告", re.IGNORECASE)
_NOTE = re.compile(r"^note\s+\d", re.IGNORECASE)
_MARKED = re.compile(r"\w\s*[∗*†‡§¶]")  # authors, with the marks of their institutes
_NAMES = re.compile(r"^[A-Z][\w.’'-]*(?: [A-Z][\w.’'-]*){1,3}$")
_FIRST_NUMBER = re.compile(r"^(?:(?:part|item|chapter|note)\s+)?[\divxIVX]+[A-Za-z]?\.$", re.IGNORECASE)


def body_style(sheets: Iterable[Sheet]) -> tuple[float, int]:
    """The type size (to half a point) and style of most characters of the document."""
    sizes: Counter[tuple[float, int]] = Counter()
    for sheet in sheets:
        for word in sheet.words:
            sizes[round(word.size * 2) / 2, word.style & (BOLD | ITALIC)] += len(word.text)
    return sizes.most_common(1)[0][0] if sizes else (10.0, 0)


def plain(text: str) -> str:
    """Letters and digits only, lower case: for comparing a title with a bookmark."""
    return "".join(char for char in text.lower() if char.isalnum())


def outside(path: Sequence[str], text: str) -> int:
    """How many of the titles above it, from the outermost, a title stands below.

    A statement is no part of the auditor's report before it, nor that report of a note to the statements.
    """
    if _AUDIT.search(text):
        ends = (place for place, title in enumerate(path) if _NOTE.search(title) or _ACCOUNTS.search(title) or _AUDIT.search(title))
    elif _ACCOUNTS.search(text):
        ends = (place for place, title in enumerate(path) if _AUDIT.search(title))
    else:
        return len(path)
    return next(ends, len(path))


def names_people(text: str) -> bool:
    """Whether a line is that of a paper's authors: three names or more, or marks of institutes behind them."""
    names = [_MARKED.sub(lambda match: match[0][0], name).strip() for name in re.split(r",|\band\b|&", text)]
    named = [name for name in names if _NAMES.match(name)]
    return len(named) >= 3 and len(named) >= 0.7 * len([name for name in names if name])


def numbering(text: str) -> int:
    return next((depth for pattern, depth in _NUMBERED if pattern.match(text)), _UNNUMBERED)


def is_title(lines: Sequence[Line], text: str, body: tuple[float, int], bookmarks: Iterable[str], *, first_page: bool = False) -> bool:
    """Whether a paragraph of one to three lines heads what follows."""
    letters = sum(map(str.isalpha, text))
    cjk = 0 if text.isascii() else sum(map(is_cjk, text))
    if letters < 2 or len(lines) > 3 or cjk > MAX_CJK or len(text.split()) > MAX_WORDS or letters < 0.5 * len(text.replace(" ", "")):
        return False
    if any(plain(text) == mark for mark in bookmarks):
        return True
    remark = (text[0] in "(（" and text[-1] in ")）") or (first_page and names_people(text))  # such as the units of a table; authors
    if remark or (_ENDS_SENTENCE.search(text) and not _FIRST_NUMBER.match(text) and not _COMPANY_END.search(text)):
        return False
    size, style = body
    here = min(line.size for line in lines)
    if here >= LARGER * size:
        return True
    if here < 0.9 * size:
        return False
    bold = all(line.bold for line in lines) and not style & BOLD
    italic = all(line.italic for line in lines) and not style & ITALIC and len(lines) == 1 and text[:1].isupper()
    capitals = len(lines) == 1 and text.isupper() and letters >= 4 and not cjk
    chinese_number = cjk > 0 and len(lines) == 1 and numbering(text) < 5 and not text.endswith(("：", ":"))
    return bold or italic or capitals or chinese_number


Key = tuple[float, ...]


def rank(lines: Sequence[Line], text: str, page: int, body: tuple[float, int], bookmarks: Sequence[Bookmark]) -> Key:
    """A sort key: the smaller, the further out the title stands. Bookmarks state their level; then size, numbering, weight."""
    mark = next((mark for mark in bookmarks if mark.page == page and plain(mark.title) == plain(text)), None)
    if mark:
        return (0.0, float(mark.level))
    size = max(line.size for line in lines)
    bold = all(line.bold for line in lines)
    italic = all(line.italic for line in lines)
    return (1.0, -max(size, body[0]), float(numbering(text)), float(not bold), float(not text.isupper()), float(italic))


def demoted(ranked: Sequence[tuple[str, Key]]) -> list[Key]:
    """The keys of titles (text, key), where a wording that comes back puts its title below others set alike.

    "Revenues" under each of three segments belongs to the segment named before it, though both are printed in the same bold.
    """
    times = Counter(plain(text) for text, _ in ranked)
    return [(*key, float(times[plain(text)] >= REPEATED and numbering(text) == _UNNUMBERED)) if key[0] else key for text, key in ranked]


def levels(keys: Sequence[Key]) -> dict[Key, int]:
    """Levels from 1 for the keys of a document's titles. Sizes that differ by rounding only count as one."""
    sizes = sorted({-key[1] for key in keys if key[0]}, reverse=True)
    step: dict[float, float] = {}
    for above, size in zip([None, *sizes], sizes, strict=False):
        step[size] = step[above] if above is not None and above <= SAME_SIZE * size else float(len(step))
    exact = {key: (key[0], step[-key[1]], *key[2:]) if key[0] else key for key in keys}
    places = {key: place for place, key in enumerate(sorted(set(exact.values())), start=1)}
    return {key: places[exact[key]] for key in keys}
