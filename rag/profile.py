"""What a document says of itself on its first pages: title, kind, organisation or parties, fiscal year, period or date, version (pure).

A part that is not found is "". Nothing is guessed from the outside world: no list of companies, products or authors.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rag.titles import numbering, plain
from rag.words import is_cjk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rag.layout import Element
    from rag.pdf import Reading

FIRST_PAGES = 3  # where a document says what it is
FIRST_LINES = 60
_OPENING = 400  # characters of a paragraph that are looked at
_SHORT = 120  # characters: a line that states something of the document, rather than tells of it
_SENTENCE = re.compile(r"(?:\S+ ){7,}\S+\.$")
_ENDS = ("。", "；", "，", ";", ",")
_MAX_TITLE = 120  # characters
_UNNUMBERED = 9  # rag.titles.numbering of a title without a number

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
    (re.compile(r"甲\s*方[^。\n]{0,20}[:：]"), "合同"),
    (re.compile(r"用户手册|使用说明书|操作手册|说明书"), "手册"),
    (re.compile(r"\bproxy statement\b", re.IGNORECASE), "proxy statement"),
    (re.compile(r"\bprospectus\b", re.IGNORECASE), "prospectus"),
    (re.compile(r"^.{0,60}\bannual report\b.{0,30}$", re.IGNORECASE | re.MULTILINE), "annual report"),
    (re.compile(r"\b(?:reports?|announces?)\b[^.]{0,80}\b(?:quarter|year|results)\b", re.IGNORECASE), "earnings release"),
    (re.compile(r"\b(?:press|news) release\b", re.IGNORECASE), "press release"),
    (
        re.compile(r"\bthis (?:[\w-]+ ){0,4}(?:agreement|contract|lease|deed)\b[^.]{0,120}\b(?:between|among|by and)\b", re.IGNORECASE),
        "agreement",
    ),
    (re.compile(r"\b(?:user|owner|operator|installation|reference|service)(?:'s|’s|s)? (?:guide|manual)\b", re.IGNORECASE), "manual"),
    (re.compile(r"\b(?:technical|instruction|operating) (?:manual|instructions)\b", re.IGNORECASE), "manual"),
    (re.compile(r"^(?:abstract|摘\s*要)\b", re.IGNORECASE | re.MULTILINE), "paper"),
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DATE = rf"(?:{_MONTH}\s+\d{{1,2}},?\s+\d{{4}}|\d{{1,2}}\s+{_MONTH},?\s+\d{{4}}|(?:19|20)\d\d-\d\d-\d\d)"
_COVERED = (
    re.compile(
        rf"\b(?:(?:fiscal|quarterly|twelve|three|six|nine)[- ])?(?:year|quarter|months?|period)(?:\(s\))?\s+ended:?\s+{_DATE}",
        re.IGNORECASE,
    ),
    re.compile(r"(?:19|20)\d\d\s*年\s*(?:年度|半年度|第[一二三四]季度|度)"),
)
_DATED = (
    re.compile(r"(?:19|20)\d\d\s*年\s*\d{1,2}\s*月(?:\s*\d{1,2}\s*日)?"),
    re.compile(_DATE, re.IGNORECASE),
    re.compile(rf"\b{_MONTH}\s+(?:19|20)\d\d\b"),
)
_DATELINE = re.compile(rf"^[A-Z][A-Za-z. ]{{1,40}}(?:, [A-Z][A-Za-z. ]{{1,20}})?[,(–—-]+ ?{_DATE}\)? ?[(/–—-]", re.MULTILINE)
_AGREED = re.compile(rf"\b(?:dated|as of|effective|made|entered into)(?: on| as of| the)* {_DATE}", re.IGNORECASE)
_VERSION = re.compile(
    r"\b(?:version|revision|release|rev\.|ver\.)(?:\s+|\s*:\s*)(?:\d+(?:\.\d+){0,3}[a-z]?|(?-i:[A-Z]))\b|\bv\d+(?:\.\d+){1,3}\b"
    r"|版本(?:号)?\s*[:：]?\s*v?\d+(?:\.\d+){0,3}",
    re.IGNORECASE,
)
_QUARTER = re.compile(
    r"\b(?:(first|second|third|fourth)[- ]quarter|(Q[1-4]))\s+(?:and\s+(?:full|fiscal)[- ]year\s+)?(?:of\s+)?(?:the\s+)?(?:fiscal\s+)?(?:year\s+)?((?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_ORDINALS = ("first", "second", "third", "fourth")
_FISCAL = re.compile(r"\b(?:fiscal(?:\s+year)?|FY)\s*((?:19|20)\d\d)\b", re.IGNORECASE)
_YEAR_ENDED = re.compile(rf"\byear(?:\(s\))?\s+ended:?\s+{_MONTH}\s+\d{{1,2}},?\s+(\d{{4}})", re.IGNORECASE)
_COMPANY = re.compile(
    r"^[A-Z][\w&'’.,/ -]{1,60}?[, ]+"
    r"(?:Inc|Corp|Corporation|Incorporated|Company|Co|Ltd|Limited|PLC|plc|LLC|L\.P|N\.V|S\.A|AG|SE|Group|Holdings|International)\.?$"
)
_COMPANY_CHINESE = re.compile(r"[一-鿿A-Za-z\d（）()]{2,30}(?:股份有限公司|有限责任公司|有限公司|集团)")
_CHARTER = re.compile(r"exact name of (?:the )?registrant", re.IGNORECASE)
# "between Tromsdal plc ("Supplier") and Holm Ltd ("Customer")"; a party ends where its definition, address or form begins
_PARTY = r"([A-Z][\w&'’.-]*(?:,? [\w&'’.-]+){0,7}?),?\s*(?:\([^)]{1,80}\)|,[^()]{0,160}\([^)]{1,80}\))"
_PARTIES = re.compile(rf"\b(?:between|among)\s*:?\s+{_PARTY},?\s+and\s+{_PARTY}")
_PARTIES_CHINESE = (
    re.compile(r"甲\s*方(?:[（(][^）)]{1,10}[）)])?\s*[:：]\s*([^\s，,；;。]{2,40})"),
    re.compile(r"乙\s*方(?:[（(][^）)]{1,10}[）)])?\s*[:：]\s*([^\s，,；;。]{2,40})"),
)
_WORDS = re.compile(r"\w+")
_LEGAL_FORM = re.compile(r"\b(?:the|inc|corp|corporation|incorporated|company|co|ltd|limited|plc|llc)\b", re.IGNORECASE)
_NO_TITLE = re.compile(
    r"^(?:untitled|microsoft (?:word|powerpoint|excel) - |(?:document|slide) ?\d*$|powerpoint presentation|title$|无标题)"
    r"|^(?:[a-z]:|www\.|about:|[\\/])|://|^\S*[\\/]\S*$"  # addresses and paths
    r"|^(?=\S*[_\d])[!-~]+$|^\W*$",  # names of files; a Chinese title has no spaces either
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|indd|qxd|html?|tex|dvi|ps)$", re.IGNORECASE)
# a form's own words, and those that say a rubric and no name
_RUBRIC = re.compile(
    r"securities and exchange commission|^for the .{0,40}\bended\b|证券交易所|证券监督管理委员会|^form \w+-?\w*$|^(?:table of )?contents$|^目\s*录$|^abstract$|^摘\s*要$"
    r"|^(?:(?:original|research|review) )?(?:article|paper)$|^manual$|^(?:press|news) release$|^preface$|^foreword$|^summary$|^confidential$",
    re.IGNORECASE,
)
_HASH = re.compile(r"(?=.*\d)[0-9a-f]{12,}")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a document says of itself."""

    title: str
    name: str  # the words of its file name
    kind: str
    organisation: str  # whose report it is, or the parties of a contract
    period: str  # as printed: what it covers, or its date
    fiscal: str  # "FY2023" or "Q2 FY2024": what it covers, as people write it
    version: str

    @property
    def lines(self) -> tuple[str, ...]:
        """Its parts, the most telling first, none whose words other parts say already.

        Every chunk repeats them, and what all chunks share tells none from the others: a fiscal year stands for its dates.
        """
        kept: list[str] = []
        for part in (self.name, self.title, self.organisation, self.kind, self.fiscal or self.period, self.version):
            said = _WORDS.findall(" ".join(kept).lower())
            words = _WORDS.findall(_LEGAL_FORM.sub("", part).lower())
            repeated = any(map(is_cjk, part)) and plain(part) in plain(" ".join(kept))
            if not repeated and not all(word in said for word in words):
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


def names_company(line: str) -> bool:
    """Whether a line is the name of a company, by its legal form."""
    return bool(_COMPANY.match(line) or _COMPANY_CHINESE.fullmatch(line))


def _first_title(elements: Sequence[Element]) -> str:
    """The outermost title of the first page with text; no rubric, and no numbered section."""
    titles = [element for element in elements if element.kind == "Title" and element.page == elements[0].page]
    sane = [e for e in titles if sane_title(e.text) and not _RUBRIC.search(e.text.strip()) and numbering(e.text) == _UNNUMBERED]
    return min(sane, key=lambda element: element.level).text if sane else ""


def _organisation(lines: Sequence[str]) -> str:
    for above, line in itertools.pairwise(lines):
        if _CHARTER.search(line) and 2 <= len(above) <= 80:
            return above
    for line in lines:
        if match := _COMPANY.match(line) or _COMPANY_CHINESE.search(line):
            return match[0]
    return ""


def _parties(text: str) -> str:
    """The parties of a contract, joined by " and " or "、"."""
    if match := _PARTIES.search(" ".join(text.split())):
        return f"{match[1]} and {match[2]}"
    return "、".join(match[1] for pattern in _PARTIES_CHINESE if (match := pattern.search(text)))


def _search(patterns: Iterable[re.Pattern[str]], text: str) -> str:
    return next((_compact(match[0]) for pattern in patterns if (match := pattern.search(text))), "")


def _compact(text: str) -> str:
    """Without line breaks; 2022 年 07 月 -> 2022年07月."""
    return re.sub(r"(?<=\d)\s+(?=[年月日])|(?<=[年月日])\s+(?=[\d年度半第])", "", " ".join(text.split()))


def _period(kind: str, short: str, text: str) -> str:
    """What the document covers, or its date. A date inside a paragraph is of what is told there, unless it opens a release or a contract."""
    found = _search(_COVERED, short) or _search(_DATED, short) or _search(_COVERED, text)
    if found:
        return found
    dated = _AGREED.search(text) if kind == "agreement" else _DATELINE.search(text)
    return _search(_DATED, dated[0]) if dated else ""


def _fiscal(kind: str, text: str, elements: Sequence[Element]) -> str:
    """The fiscal year of an annual report, the fiscal quarter of a quarterly one or of a release; "" for other kinds.

    Companies name a year that ends in January now by the one, now by the other calendar year: the name the document uses most counts.
    """
    if "report (Form" not in kind and kind not in ("annual report", "earnings release"):
        return ""
    if match := _YEAR_ENDED.search(text) if kind.startswith("annual report") else None:
        end = int(match[1])
        said = Counter(int(found[1]) for element in elements for found in _FISCAL.finditer(element.text))
        return f"FY{max((end, end - 1), key=lambda year: said[year])}"
    if kind.startswith("annual report"):
        return f"FY{found[1]}" if (found := _FISCAL.search(text)) else ""
    if kind == "earnings release":
        quarters = _QUARTER.findall(text)[:1]
    elif kind.startswith("quarterly"):
        quarters = [found for element in elements for found in _QUARTER.findall(element.text)]
    else:
        quarters = []
    counted = Counter((_ORDINALS.index(word.lower()) + 1 if word else int(short[1]), year) for word, short, year in quarters)
    if not counted:
        return ""
    (quarter, year), _ = counted.most_common(1)[0]
    return f"Q{quarter} FY{year}"


def profile(reading: Reading, filename: str) -> Profile:
    """What the document says of itself, from its metadata, its file name and its first pages."""
    running = ("Header", "Footer")
    first = [element for element in reading.elements if element.page <= FIRST_PAGES and element.kind not in running]
    lines = [element.text[:_OPENING] for element in first][:FIRST_LINES]
    edges = [element.text for element in reading.elements if element.page <= FIRST_PAGES and element.kind in running]
    text = "\n".join(lines)
    short = [line for line in lines if len(line) <= _SHORT and not line.endswith(_ENDS) and not _SENTENCE.search(line)]
    kind = next((name for pattern, name in _KINDS if pattern.search(text)), "")
    parties = _parties(text) if kind in ("agreement", "合同") else ""
    return Profile(
        title=reading.title if sane_title(reading.title) else _first_title(first),
        name=name_words(filename),
        kind=kind,
        organisation=parties or _organisation(short),
        period=_period(kind, "\n".join(short), text),
        fiscal=_fiscal(kind, text, reading.elements),
        version="" if kind == "paper" else _search([_VERSION], "\n".join([*short, *edges])),
    )
