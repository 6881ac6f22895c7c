"""The structural context of a chunk: what a reader would see around it, drawn from the document itself and not from a model (pure).

Document title and the words of its file name, its kind, organisation and period where the first pages state them; for a piece of a table
its caption, column headers and units. The section path is the chunk's heading and is not repeated: what is indexed is context + heading +
text. (Anthropic, Contextual Retrieval, September 2024, gives the reason; this is its form without a model.)
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rag.titles import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rag.layout import Element
    from rag.pdf import Reading

MAX_TOKENS = 80
FIRST_PAGES = 3  # where a document says what it is
_MAX_TITLE = 120  # characters

# (pattern on the first pages, the kind's name); the first that matches wins
_KINDS = (
    (re.compile(r"\bform\s+10-?k(?:/a)?\b", re.IGNORECASE), "annual report (Form 10-K)"),
    (re.compile(r"\bform\s+10-?q(?:/a)?\b", re.IGNORECASE), "quarterly report (Form 10-Q)"),
    (re.compile(r"\bform\s+8-?k(?:/a)?\b", re.IGNORECASE), "current report (Form 8-K)"),
    (re.compile(r"\bform\s+20-?f\b", re.IGNORECASE), "annual report (Form 20-F)"),
    (re.compile(r"公司点评|行业深度|行业研究|公司研究|证券研究报告|研究报告"), "研究报告"),
    (re.compile(r"半年度报告"), "半年度报告"),
    (re.compile(r"第[一三]季度报告"), "季度报告"),
    (re.compile(r"年度报告"), "年度报告"),
    (re.compile(r"招股说明书"), "招股说明书"),
    (re.compile(r"管理办法"), "管理办法"),
    (re.compile(r"\bproxy statement\b", re.IGNORECASE), "proxy statement"),
    (re.compile(r"\bprospectus\b", re.IGNORECASE), "prospectus"),
    (re.compile(r"\bannual report\b", re.IGNORECASE), "annual report"),
    (re.compile(r"\b(?:reports?|announces?)\b[^.]{0,80}\b(?:quarter|year|results)\b", re.IGNORECASE), "earnings release"),
    (re.compile(r"\b(?:press|news) release\b", re.IGNORECASE), "press release"),
    (re.compile(r"\buser(?:'s)? (?:guide|manual)\b", re.IGNORECASE), "user guide"),
    (re.compile(r"\b(?:technical|reference) manual\b", re.IGNORECASE), "manual"),
    (re.compile(r"\babstract\b", re.IGNORECASE), "paper"),
)
_DATE = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)\s+\d{1,2},?\s+\d{4}"
_PERIODS = (
    re.compile(
        rf"\b(?:(?:fiscal|quarterly|twelve|three|six|nine)[- ])?(?:year|quarter|months?|period)(?:\(s\))?\s+ended:?\s+{_DATE}",
        re.IGNORECASE,
    ),
    re.compile(rf"\bdate of (?:report|earliest event reported)[^:]{{0,50}}:?\s*{_DATE}", re.IGNORECASE),
    re.compile(r"(?:19|20)\d\d\s*年\s*(?:年度|半年度|第[一二三四]季度|度)"),
    re.compile(r"(?:19|20)\d\d\s*年\s*\d{1,2}\s*月(?:\s*\d{1,2}\s*日)?"),
    re.compile(
        r"\b(?:first|second|third|fourth)[- ]quarter\s+(?:and\s+(?:full|fiscal)[- ]year\s+)?(?:of\s+)?(?:fiscal\s+)?(?:19|20)\d\d",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?:version|revision|release)\s+\d+(?:\.\d+){0,3}\b", re.IGNORECASE),
    re.compile(_DATE),
)
_COMPANY = re.compile(
    r"^[A-Z][\w&'’.,/ -]{1,60}?[, ]+"
    r"(?:Inc|Corp|Corporation|Incorporated|Company|Co|Ltd|Limited|PLC|plc|LLC|L\.P|N\.V|S\.A|AG|SE|Group|Holdings|International)\.?$"
)
_COMPANY_CHINESE = re.compile(r"[一-鿿（）()]{2,30}(?:股份有限公司|有限责任公司|有限公司|集团)")
_CHARTER = re.compile(r"exact name of (?:the )?registrant", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"^(?:untitled|microsoft word|microsoft powerpoint|document\d*|slide \d+|powerpoint presentation|title|无标题)|[\\/]|^\W*$",
    re.IGNORECASE,
)
_REGULATOR = re.compile(
    r"securities and exchange commission|证券交易所|证券监督管理委员会|^form \w+-?\w*$", re.IGNORECASE
)  # forms begin so
_HASH = re.compile(r"(?=.*\d)[0-9a-f]{12,}")
_EXTENSION = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|indd|qxd|html?|tex|dvi|ps)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a document says of itself."""

    title: str
    name: str  # the words of its file name
    kind: str
    organisation: str
    period: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Its parts, the most telling first, none that another part says already."""
        kept: list[str] = []
        for part in (self.name, self.title, self.organisation, self.kind, self.period):
            said = plain(" ".join(kept))
            if part and plain(part) not in said:
                kept.append(part)
        return tuple(kept)


def name_words(filename: str) -> str:
    """The words of a file name: AMCOR_2023_10K.pdf -> AMCOR 2023 10K."""
    words = re.sub(r"[_+%\s]+|(?<=\w)-(?=\w)", " ", _EXTENSION.sub("", PurePath(filename).name)).split()
    return " ".join(word for word in words if not _HASH.fullmatch(word))[:_MAX_TITLE]


def sane_title(title: str) -> bool:
    """Whether a title from the metadata names the document, rather than a program, a file or nothing."""
    letters = sum(map(str.isalpha, title))
    return 4 <= len(title) <= _MAX_TITLE and letters >= 0.5 * len(title) and not _NO_TITLE.search(title) and not _EXTENSION.search(title)


def _first_title(elements: Sequence[Element]) -> str:
    """The outermost title of the first page with text."""
    titles = [element for element in elements if element.kind == "Title" and element.page == elements[0].page]
    sane = [element for element in titles if sane_title(element.text) and not _REGULATOR.search(element.text)]
    return min(sane, key=lambda element: element.level).text if sane else ""


def _organisation(lines: Sequence[str]) -> str:
    for above, line in itertools.pairwise(lines):
        if _CHARTER.search(line) and 2 <= len(above) <= 80:
            return above
    for line in lines:
        if match := _COMPANY.match(line) or _COMPANY_CHINESE.search(line):
            return match[0]
    return ""


def _search(patterns: Iterable[re.Pattern[str]], text: str) -> str:
    return next((" ".join(match[0].split()) for pattern in patterns if (match := pattern.search(text))), "")


def profile(reading: Reading, filename: str) -> Profile:
    """What the document says of itself, from its metadata, its file name and its first pages."""
    first = [element for element in reading.elements if element.page <= FIRST_PAGES and element.kind not in ("Header", "Footer")]
    lines = [element.text for element in first if len(element.text) <= 400][:60]
    text = "\n".join(lines)
    title = reading.title if sane_title(reading.title) else _first_title(first)
    kind = next((name for pattern, name in _KINDS if pattern.search(text)), "")
    return Profile(
        title=title,
        name=name_words(filename),
        kind=kind,
        organisation=_organisation(lines),
        period=_search(_PERIODS, text),
    )


def table_lines(table: Element, *, heading: str, text: str) -> tuple[str, ...]:
    """Caption, column headers and units of a table, as far as neither the heading nor the chunk's own text says them."""
    said = plain(heading) + plain(text)
    parts = (*(("", line.rstrip(":： ")) for line in table.caption.split("\n")), ("Columns: ", table.columns), ("", table.units))
    kept = []
    for label, part in parts:
        if part and plain(part) not in said:
            kept.append(f"{label}{part}")
            said += plain(part)
    return tuple(kept)


def context(document: Profile, tables: Sequence[Element], *, heading: str, text: str, count_tokens: Callable[[str], int]) -> str:
    """The structural context of one chunk, at most MAX_TOKENS long. What does not fit is left out whole, from the least telling on."""
    of_tables = [line for table in tables[:2] for line in table_lines(table, heading=heading, text=text)]
    said = plain(heading)
    of_document = [line for line in document.lines if plain(line) not in said or line == document.name]
    kept: list[str] = []
    for line in [*of_document[:1], *of_tables, *of_document[1:]]:
        if count_tokens(". ".join([*kept, line])) <= MAX_TOKENS:
            kept.append(line)
    ordered = [line for line in of_document if line in kept] + [line for line in of_tables if line in kept]
    return ". ".join(ordered)
