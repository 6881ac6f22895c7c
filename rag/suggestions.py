"""First questions that the documents themselves suggest: from the headings that stand over something, else from their names.

A question is in its document's language, whatever the reader's: so it is found, and so the document is. Those in the reader's come first.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from db import as_subject
from db import suggestions as rows
from rag import text
from rag.profile import name_words, names_company, sane_title
from rag.titles import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from db.documents import Selection
    from db.suggestions import Section
    from rag.deps import Deps

SUBSTANCE = 500  # bytes of text that a heading must stand over; half of it will do where there are figures
ENOUGH = 3000  # bytes from which more text makes a heading no better
FIGURES = 0.02  # share of digits from which there are figures or a table to ask about
LONGEST_TOPIC = 60  # characters; a Chinese one counts double
LONGEST_TITLE = 60

_NUMBER = re.compile(
    r"^(?:(?:item|note|part|section|chapter|article|appendix|annex|schedule|exhibit|table|figure|step)\s+(?:\d[\w.]*|[IVXLC]+|[A-Z])\b\.?"
    r"|\d+(?:\.\d+)*[.)、．]?(?=\s|[^\W\d])|[A-Z][.)]\s|[ivx]+[.)]\s|§+\s*[\d.]+"
    r"|第[一二三四五六七八九十百零\d]+[编篇章节条款部分]+|[一二三四五六七八九十]+[、.．]|[（(](?:[一二三四五六七八九十]+|\d+|[a-z])[)）])[\s\-–—:：.、]*",
    re.IGNORECASE,
)
# rubrics: they name a part that every document of the kind has, not what stands in it
_RUBRIC = re.compile(
    r"^(?:(?:table of )?contents?|index|references?|bibliography|acknowledge?ments?|appendi(?:x|ces)|annex(?:es)?|notes?|"
    r"footnotes?|foreword|preface|cover(?: page)?|introduction|overview|summary|abstract|general|others?|other information|miscellaneous|background|"
    r"conclusions?|discussion|results?|methods?|remarks?|comments?|details|glossary|abbreviations|disclaimer|copyright|legal notices?|"
    r".*forward[- ]looking .*|about (?:us|this \w+|the authors?)|dated?(?: .*)?|page(?: \d+)?|part|item|section|chapter|business|available information|"
    r"(?:defined|key) terms|definitions|incorporat\w+ by reference|documents incorporated.*|index to .*|report of independent .*|cautionary .*|safe harbor.*|"
    r"目\s*录|附\s*录|附件|落款|参考文献|致\s*谢|前\s*言|引\s*言|序|序言|概\s*述|总\s*则|附\s*则|其他|其它|摘\s*要|结\s*论|结\s*语|说明|备注|备查文件.*|释\s*义|"
    r"重要提示|.*声明|封面|正文|.*(?:书|报告|合同|协议|办法|规定|条例|通知|公告)|[\d〇零一二三四五六七八九十年月日]+)$",
    re.IGNORECASE,
)
# what closes a document, with all that stands below it
_CLOSING = re.compile(
    r"^(?:.*\bcontacts?|contact us|contact information|conference call.*|signatures?|signed(?: by)?|exhibits(?: index)?|exhibit index|"
    r"联系.*|签字.*|签署.*)$",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[?？]$")
_SENTENCE = re.compile(r"[.。;；:：,，|…]$|\S[.。;；]\s+\S")
_SPACED = re.compile(rf"(?<=[{text.HAN}]) (?=[{text.HAN}])")
_LEAD = re.compile(r"^(?:about (?!us\b|this\b|the authors?\b)(?=[^\W_])|for (?:the )?(?-i:(?=[A-Z]\w*[a-z])))", re.IGNORECASE)
_TORN = re.compile(  # a line of a heading whose other lines are elsewhere
    r"^(?:for|of|in|on|at|by|with|from|to|as|and|or|the following)\b|\b(?:for|of|in|on|at|by|with|from|to|and|or|the)$", re.IGNORECASE
)
_FIGURE = re.compile(r"(?<!\w)(?!(?:19|20)\d\d(?!\w))\w*\d\w*")  # a postcode, a date, a row; not a year
_SPELT = re.compile(r"\b\w*[AEIOUY]\w*\b")  # not GSK or JV, which capitals do not shout
_SUBTITLE = re.compile(r"\s*(?:[:：|（(]|\s[-–—]\s|——).*$")

# about a topic, the same with the document's name, about a document
_QUESTIONS = {
    "en": ("What is said about “{topic}”?", "What is said about “{topic}” in “{name}”?", "What is “{name}” about?"),
    "zh": ("文档中关于“{topic}”是怎么说的？", "《{name}》中关于“{topic}”是怎么说的？", "“{name}”主要讲了什么？"),
}


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A first question."""

    shown: str
    document: str  # what it is asked of; "" where that goes without saying
    question: str  # the same with the document in it, so that it is found among the others


def suggestions(deps: Deps, subject: str, selection: Selection, *, most: int = 4, language: str) -> list[Suggestion]:
    """Up to `most` questions that the selected documents answer, those in the reader's language first; the same ones every time."""
    with as_subject(deps.pool, subject) as connection:
        sections = rows.sections(connection, selection, language=language)
    documents = [list(group) for _, group in itertools.groupby(sections, key=lambda section: section.document_id)]
    said = Counter(plain(topic) for document in documents for topic in {_topic(section.innermost) for section in document})
    asked: dict[tuple[bool, bool], list[list[Suggestion]]] = defaultdict(list)
    for document in documents:
        topics = _topics(document, said, most=most)
        foreign = document[0].language != language
        asked[foreign, not topics].append(_of_document(document[0], topics, alone=len(documents) == 1))
    questions = (question for _, of in sorted(asked.items()) for question in _in_turn(of))
    return list({suggestion.question: suggestion for suggestion in questions}.values())[:most]


def _in_turn(questions: Sequence[Iterable[Suggestion]]) -> Iterator[Suggestion]:
    """The first of each document, then the second of each, and so on."""
    for row in itertools.zip_longest(*questions):
        yield from filter(None, row)


def _of_document(document: Section, topics: Sequence[str], *, alone: bool) -> list[Suggestion]:
    """Questions about the topics of a document; about the document itself when it has none, but a name."""
    name = name_words(document.filename)  # by which every passage is found
    about, within, whole = _QUESTIONS["zh" if document.language == "zh" else "en"]
    if not topics:
        title = _title(document)
        question = whole.format(name=title)
        return [Suggestion(shown=question, document="", question=question)] if sane_title(title) else []
    asked = []
    for topic in topics:
        shown = topic if _ASKS.search(topic) else about.format(topic=topic)
        question = shown if alone or shown == topic else within.format(topic=topic, name=name)
        asked.append(Suggestion(shown=shown, document="" if alone else name, question=question))
    return asked


def _topics(sections: Sequence[Section], said: Counter[str], *, most: int) -> list[str]:
    """What a document's headings name that is worth asking about, the best first."""
    found: dict[str, tuple[float, int, str]] = {}
    for section in sections:
        topic, figures = _topic(section.innermost), sum(map(str.isdigit, section.opening)) >= FIGURES * len(section.opening)
        if section.size < (SUBSTANCE / 2 if figures else SUBSTANCE):
            continue
        if _is_telling(topic) and not _closes(section) and not _is_name(topic, section):
            # what every document has a section on tells least of this one
            worth = min(section.size, ENOUGH) / ENOUGH
            worth += 0.5 * (said[plain(topic)] == 1) + 0.2 * (len(section.headings) > 1)
            worth += 0.5 * figures - 0.5 * topic.isalpha() * topic.isascii()  # one English word is seldom telling
            found.setdefault(plain(topic), (worth, section.ord, topic))
    ordered = sorted(found.values(), key=lambda one: one[1])
    # the best of each stretch of the document, so that they are not all of its beginning
    size = max(1, -(-len(ordered) // most))
    stretches = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    best = sorted((max(stretch, key=lambda one: (one[0], -one[1])) for stretch in stretches), key=lambda one: (-one[0], one[1]))
    return [topic for _, _, topic in best]


@lru_cache(maxsize=2048)  # the outer headings of a document come again with each inner one
def _topic(heading: str) -> str:
    """What a heading names, without its number and in quiet letters."""
    topic = _SPACED.sub("", " ".join(text.normalise(heading).split()))
    while (stripped := _NUMBER.sub("", topic, count=1)) != topic:
        topic = stripped
    topic = _LEAD.sub("", topic.strip(' -–—·•:：.。*#“”"'))
    if topic.isupper() and " " in topic:
        topic = _SPELT.sub(lambda word: word[0].lower(), topic)
        topic = topic[:1].upper() + topic[1:]
    return topic


def _is_telling(topic: str) -> bool:
    """Whether a heading names something to ask about: no rubric, no sentence, no address, no row of a table."""
    width = sum(2 if c >= "\u2e80" else 1 for c in topic)
    letters = sum(map(str.isalpha, topic))
    if not 4 <= width <= LONGEST_TOPIC or _RUBRIC.match(topic) or (_SENTENCE.search(topic) and not _ASKS.search(topic)):
        return False
    if letters < 0.7 * len(topic.replace(" ", "")) or topic[0].islower() or topic.count("(") != topic.count(")"):
        return False
    return not _FIGURE.search(topic) and not _TORN.search(topic)


def _closes(section: Section) -> bool:
    return any(_CLOSING.match(_topic(heading)) for heading in section.headings)


def _is_name(topic: str, document: Section) -> bool:
    """Whether a heading is the document's own name, or that of a company."""
    said, names = plain(topic), (plain(document.title), plain(name_words(document.filename)))
    return names_company(topic) or any(name and (said in name or name in said) for name in names)


def _title(document: Section) -> str:
    """A document's title, without a subtitle if it is long, else its file's name."""
    title = " ".join(document.title.split())
    for short in (title, _SUBTITLE.sub("", title)) if sane_title(title) else ():
        if sane_title(short) and len(short) <= LONGEST_TITLE:
            return short
    return name_words(document.filename)
