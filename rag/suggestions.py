"""First questions that the documents themselves suggest: from the headings that stand over something, else from the titles.

A question is in its document's language, whatever the reader's: so it is found, and so the document is. Those in the reader's come first.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING

from db import as_subject
from db import suggestions as rows
from rag import text
from rag.profile import name_words, sane_title
from rag.titles import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from db.documents import Selection
    from db.suggestions import Section
    from rag.deps import Deps

SUBSTANCE = 500  # bytes of text that a heading must stand over
ENOUGH = 3000  # bytes from which more text makes a heading no better
LONGEST_TOPIC = 60  # characters; a Chinese one counts double
LONGEST_TITLE = 70

_NUMBER = re.compile(
    r"^(?:(?:item|note|part|section|chapter|article|appendix|annex|schedule|exhibit|table|figure|step)\s+(?:\d[\w.]*|[IVXLC]+|[A-Z])\b\.?"
    r"|\d+(?:\.\d+)*[.)、．]?(?=\s|[^\W\d])|[A-Z][.)]\s|[ivx]+[.)]\s|§+\s*[\d.]+"
    r"|第[一二三四五六七八九十百零\d]+[编篇章节条款部分]+|[一二三四五六七八九十]+[、.．]|[（(](?:[一二三四五六七八九十]+|\d+|[a-z])[)）])[\s\-–—:：.、]*",
    re.IGNORECASE,
)
# rubrics that say nothing of what stands under them, and parts of a document that nobody asks about
_RUBRIC = re.compile(
    r"^(?:(?:table of )?contents?|index|signatures?|exhibits?(?: index)?|references?|bibliography|acknowledge?ments?|appendi(?:x|ces)|annex(?:es)?|notes?|"
    r"footnotes?|foreword|preface|cover(?: page)?|introduction|overview|summary|abstract|general|other|others|miscellaneous|background|conclusions?|"
    r"discussion|results?|methods?|remarks?|comments?|details|glossary|abbreviations|disclaimer|copyright|legal notices?|.*forward[- ]looking statements?.*|"
    r"about (?:us|this \w+|the authors?)|contact(?: us)?|signed(?: by)?|dated?(?: .*)?|page(?: \d+)?|part|item|section|chapter|business|available information|"
    r"incorporat\w+ by reference|documents incorporated.*|index to .*|report of independent .*|cautionary .*|safe harbor.*|"
    r"目\s*录|附\s*录|附件|签字.*|签署.*|落款|参考文献|致\s*谢|前\s*言|引\s*言|序|序言|概\s*述|总\s*则|附\s*则|其他|其它|摘\s*要|结\s*论|结\s*语|说明|备注|备查文件.*|释\s*义|"
    r"重要提示|免责声明.*|法律声明|联系.*|封面|正文|.*(?:书|报告|合同|协议|办法|规定|条例|通知|公告)|[\d〇零一二三四五六七八九十年月日]+)$",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[?？]$")
_SENTENCE = re.compile(r"[.。;；:：,，|…]$|\S[.。;；]\s+\S")
_SPACED = re.compile(rf"(?<=[{text.HAN}]) (?=[{text.HAN}])")
_ABOUT = re.compile(r"^about (?!us\b|this\b|the authors?\b)(?=[^\W_])", re.IGNORECASE)
_TORN = re.compile(r"^(?:for|of|in|on|at|by|with|from|to|as|and|or|the following)\b", re.IGNORECASE)  # the rest of a line above
_FIGURE = re.compile(r"(?<!\w)(?!(?:19|20)\d\d(?!\w))\w*\d\w*")  # a postcode, a date, a row; not a year
_LISTED = re.compile(r"(?<![sui])s$")  # Risks, but not Business, Status, Analysis

_QUESTIONS = {
    "en": {
        "listed": "What are the {topic}?",
        "listed, of": "What are the {topic} of {title}?",
        "about": "What is said about {topic}?",
        "about, of": "What does {title} say about {topic}?",
        "title": "What is {title} about?",
    },
    "zh": {
        "listed": "文档中关于“{topic}”是怎么说的？",
        "listed, of": "《{title}》中关于“{topic}”是怎么说的？",
        "about": "文档中关于“{topic}”是怎么说的？",
        "about, of": "《{title}》中关于“{topic}”是怎么说的？",
        "title": "《{title}》主要讲了什么？",
    },
}


def suggestions(deps: Deps, subject: str, selection: Selection, *, most: int = 4, language: str) -> list[str]:
    """Up to `most` questions that the selected documents answer, those in the reader's language first; the same ones every time."""
    with as_subject(deps.pool, subject) as connection:
        sections = rows.sections(connection, selection, language=language)
    documents = [list(group) for _, group in itertools.groupby(sections, key=lambda section: section.document_id)]
    alone = len(documents) == 1
    said = Counter(plain(topic) for document in documents for topic in {_topic(section.heading) for section in document})
    asked = [_of_document(document, said, most=most, alone=alone) for document in documents]
    own = [questions for document, questions in zip(documents, asked, strict=True) if document[0].language == language]
    others = [questions for document, questions in zip(documents, asked, strict=True) if document[0].language != language]
    return list(dict.fromkeys((*_in_turn(own), *_in_turn(others))))[:most]


def _in_turn(questions: Sequence[Iterable[str]]) -> Iterator[str]:
    """The first of each document, then the second of each, and so on."""
    for row in itertools.zip_longest(*questions):
        yield from filter(None, row)


def _of_document(sections: Sequence[Section], said: Counter[str], *, most: int, alone: bool) -> list[str]:
    """Questions about one document, the best first; one about its title when it has no heading to ask about."""
    first = sections[0]
    spoken = _QUESTIONS["zh" if first.language == "zh" else "en"]
    title = _title(first)
    found: dict[str, tuple[float, int, str]] = {}
    for section in sections:
        topic = _topic(section.heading)
        if section.size >= SUBSTANCE and _is_telling(topic) and plain(title) not in plain(topic) and plain(topic) not in plain(title):
            # what every document has a section on tells least of this one
            worth = (
                min(section.size, ENOUGH) / ENOUGH + (0.5 if said[plain(topic)] == 1 else 0.0) + (0.2 if " > " in section.heading else 0.0)
            )
            found.setdefault(plain(topic), (worth, section.ord, topic))
    if not found:
        return [spoken["title"].format(title=title)]
    ordered = sorted(found.values(), key=lambda one: one[1])
    # the best of each stretch of the document, so that they are not all of its beginning
    size = -(-len(ordered) // most)
    stretches = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    best = sorted((max(stretch, key=lambda one: (one[0], -one[1])) for stretch in stretches), key=lambda one: (-one[0], one[1]))
    return [_question(topic, "" if alone else title, spoken) for _, _, topic in best]


def _question(topic: str, title: str, spoken: dict[str, str]) -> str:
    if _ASKS.search(topic):
        return topic
    kind = "listed" if _LISTED.search(topic) and len(topic.split()) <= 4 else "about"
    return spoken[f"{kind}, of" if title else kind].format(topic=topic, title=title)


def _topic(heading: str) -> str:
    """What the innermost heading names, without its number and in quiet letters."""
    topic = _SPACED.sub("", " ".join(text.normalise(heading.rpartition(" > ")[2]).split()))
    while (stripped := _NUMBER.sub("", topic, count=1)) != topic:
        topic = stripped
    topic = _ABOUT.sub("", topic.strip(' -–—·•:：.。*#“”"'))
    if topic.isupper() and " " in topic:
        topic = topic.capitalize()
    return topic


def _is_telling(topic: str) -> bool:
    """Whether a heading names something to ask about: no rubric, no sentence, no address, no row of a table."""
    width = sum(2 if c >= "\u2e80" else 1 for c in topic)
    letters = sum(map(str.isalpha, topic))
    if not 4 <= width <= LONGEST_TOPIC or _RUBRIC.match(topic) or (_SENTENCE.search(topic) and not _ASKS.search(topic)):
        return False
    if letters < 0.7 * len(topic.replace(" ", "")) or topic[0].islower() or topic.count("(") != topic.count(")"):
        return False
    return not _FIGURE.search(topic) and not _TORN.match(topic)


def _title(section: Section) -> str:
    """What a document is called: its title, else its file's name."""
    title = " ".join(section.title.split())
    return title if sane_title(title) and len(title) <= LONGEST_TITLE else name_words(section.filename)
