"""The keyless answer: the sentences that answer best, quoted word for word, each with its citation.

A sentence is scored by three things: the embedder's similarity between the question and the sentence with its document's title in front
(a sentence says "the company", a question names it); the question's terms that the sentence or the headings above it hold, a term that
few sentences hold counting for more; and the rank of its chunk. The weights are round numbers between which the result hardly moves.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag import differing, excerpt, followup, text
from rag.providers import BlockEnd, Cite, Text, unmetered
from rag.text import CELL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rag.providers import Embedder, Meter, Passage, Turn

QUOTED = 4  # sentences at most
COMPARED = 40  # sentences embedded per question: about 0.2 s on two cores
OVERLAP = 0.25  # weight of the terms' share, 0 to 1, beside a cosine
RANK = 0.03  # weight of the logarithm of the passage's rank
NEAR = 0.1  # how far below the best a sentence may score and still be quoted
COMMON = 0.2  # a lesser share of the question's terms
UNRELATED = 0.78  # and a lesser similarity (of multilingual-e5): the sentence has nothing to do with the question
SAME = 0.8  # share of the shorter sentence's terms that makes two sentences one

FRAGMENT = 4  # words; less is a heading, a page number or a torn-off end
SHORT = 8  # words; less is compared together with the sentence before
TITLE = 100  # characters of the title that are compared
_WORD = re.compile(rf"[{text.HAN}]{{1,2}}|[^\W_{text.HAN}]+")
_LABELLED = re.compile(r"\w\W{0,3}[:：]\W{0,3}\w")
_ENDING = re.compile(r"[.!?。！？；;…:：]['\"”’」』)\]）】]*\s*$")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A sentence of a passage, with what is known of it."""

    passage: int
    sentence: int  # of the passage
    rank: int  # of the chunk it stands in, from 1
    heading: str  # of that chunk
    text: str
    terms: frozenset[str]
    above: frozenset[str]  # terms of its document's title and its chunk's context and heading


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A sentence that may be quoted."""

    line: Line
    compared: str  # what the embedder sees of it
    overlap: float  # share of the question's terms that it or its headings hold, by rarity


class Extract:
    """An `Answerer` that writes nothing of its own."""

    name = "extract"
    recipient: str | None = None
    is_extract = True
    window: int | None = None

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def stream(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False
    ) -> Iterator[Text | Cite | BlockEnd]:
        """Up to four sentences, each verbatim in a block of its own; none when no sentence has to do with the question.

        The best sentence comes first, followed by those of the same document, then the next document's. Rows of one table are one block,
        a line each, under the row that heads them where that is at hand. Where two documents say the same with different figures, these
        two are all that is quoted, behind a notice. Errors are the embedder's.
        """
        del history, keep  # the question stands alone, and nothing is sent
        chosen, differ = self._choose(question, passages)
        if differ:
            yield Text(text=differing.NOTICE)
            yield BlockEnd()
        for number, (passage, places) in enumerate(_blocks(_grouped(chosen, passages), passages), start=int(differ)):
            quoted = [passages[passage].sentences[place] for place in places]
            yield Text(text="\n".join(quoted) if not number else "\n\n" + "\n".join(quoted))
            for place, quote in zip(places, quoted, strict=True):
                yield Cite(passage=passage, first=place, last=place + 1, quote=quote)
            yield BlockEnd()

    def standalone(self, question: str, history: Sequence[Turn], _meter: Meter = unmetered, /) -> str:
        return followup.standalone(question, history)

    def _choose(self, question: str, passages: Sequence[Passage]) -> tuple[list[Line], bool]:
        """The sentences to quote, best first, and whether they are two that differ."""
        query = text.parse_query(question)
        promising = sorted(_candidates(frozenset(query.terms), passages), key=_promise, reverse=True)[:COMPARED]
        if not promising:
            return [], False
        asked = self._embedder.embed_query(query.text or question)
        similarities = self._embedder.embed_documents([candidate.compared for candidate in promising]) @ asked
        scored = [
            (float(similarity) + OVERLAP * candidate.overlap - RANK * math.log(candidate.line.rank), candidate)
            for candidate, similarity in zip(promising, similarities, strict=True)
            if candidate.overlap >= COMMON or similarity >= UNRELATED
        ]
        scored.sort(key=lambda pair: -pair[0])
        named = _named(query.terms, passages)
        if len(named) < 2:
            pair = _differing(question, scored, passages)
            return pair or _best(scored, most=QUOTED), bool(pair)
        # a comparison is answered from each of the documents that it names
        chosen: list[Line] = []
        for title in named[:QUOTED]:
            of_title = [(score, candidate) for score, candidate in scored if passages[candidate.line.passage].title == title]
            chosen += _best(of_title, most=max(QUOTED // len(named), 1))
        return chosen, False


def _differing(question: str, scored: Sequence[tuple[float, Candidate]], passages: Sequence[Passage]) -> list[Line]:
    """The best sentence and one nearly as good that says the same with other figures; nothing when there is none."""
    near = [candidate.line for score, candidate in scored if score >= scored[0][0] - NEAR]
    for other in near[1:]:
        if differing.differ(question, _statement(near[0], passages), _statement(other, passages)):
            return [near[0], other]
    return []


def _statement(line: Line, passages: Sequence[Passage]) -> differing.Statement:
    passage = passages[line.passage]
    above = "\n".join((passage.title, passage.source, *(said for _, said in passage.about)))
    return differing.Statement(document=passage.source.rpartition(", ")[0], text=line.text, above=above)


def _best(scored: Sequence[tuple[float, Candidate]], *, most: int) -> list[Line]:
    """The best of what was scored, best first, each thing said once, and nothing that is much worse than the first."""
    chosen: list[Line] = []
    for score, candidate in scored:
        if len(chosen) == most or score < scored[0][0] - NEAR:
            break
        if not any(_same(candidate.line, other) for other in chosen):
            chosen.append(candidate.line)
    return chosen


def _named(asked: Sequence[str], passages: Sequence[Passage]) -> list[str]:
    """The titles that the question says, in the order of the passages. A title whose words another one has too is not told apart by them."""
    said = frozenset(asked)
    titles = {title: frozenset(text.terms(title)) for title in dict.fromkeys(passage.title for passage in passages)}
    shared = Counter(term for terms in titles.values() for term in terms)
    told = {title: [term for term in terms if shared[term] == 1] for title, terms in titles.items()}
    return [title for title, own in told.items() if own and sum(term in said for term in own) >= SAME * len(own)]


def _candidates(asked: frozenset[str], passages: Sequence[Passage]) -> list[Candidate]:
    """Every sentence worth quoting. Rarity is counted among the sentences of these passages."""
    lines = [line for number, passage in enumerate(passages) for line in _lines(number, passage)]
    held = Counter(term for line in lines for term in (line.terms | line.above) & asked)
    rarity = {term: math.log((len(lines) + 1) / (held[term] + 0.5)) for term in asked}
    whole = sum(rarity.values()) or 1.0
    return [
        Candidate(
            line=line,
            compared=_compared(line, passages[line.passage]),
            overlap=sum(rarity[term] for term in (line.terms | line.above) & asked) / whole,
        )
        for line in lines
        if _is_quotable(line.text) and (CELL not in line.text or line.terms & asked)
    ]


def _lines(number: int, passage: Passage) -> Iterator[Line]:
    at = itertools.count()
    for piece in passage.pieces:
        above = frozenset(text.terms(f"{passage.title}\n{piece.context}\n{piece.heading}"))
        for sentence in piece.sentences:
            yield Line(
                passage=number,
                sentence=next(at),
                rank=piece.rank,
                heading=piece.heading,
                text=sentence,
                terms=frozenset(text.terms(sentence)),
                above=above,
            )


def _promise(candidate: Candidate) -> float:
    """What decides, before anything is embedded, which sentences are."""
    return candidate.overlap - 0.1 * math.log(candidate.line.rank)


def _is_quotable(sentence: str) -> bool:
    """False for headings and fragments; true for a table's row and for a label with its value ("Chief judge: Q. Martin")."""
    if CELL in sentence or _LABELLED.search(sentence):
        return True
    words = len(_WORD.findall(sentence))
    if _ENDING.search(sentence):
        return words >= FRAGMENT
    # an English list item often ends without a mark; a Chinese sentence without one was torn from a table or a heading
    return words >= (2 * SHORT if text.language(sentence) == "zh" else SHORT)


def _compared(line: Line, passage: Passage) -> str:
    """A sentence as the embedder sees it: after its document's title, and what it leans on when it says little by itself."""
    before = ""
    if CELL in line.text:
        before = line.heading
    elif line.sentence and len(_WORD.findall(line.text)) < SHORT and not _LABELLED.search(line.text):
        before = passage.sentences[line.sentence - 1]
    title = passage.title[:TITLE].strip()
    return " ".join(filter(None, (f"{title}:" if title else "", before, line.text)))


def _same(one: Line, other: Line) -> bool:
    shorter = min(len(one.terms), len(other.terms))
    return len(one.terms & other.terms) >= SAME * shorter


def _blocks(chosen: Sequence[Line], passages: Sequence[Passage]) -> list[tuple[int, list[int]]]:
    """Passage and sentences of each block: a sentence, or the chosen rows of one table with their header in front, in the table's order."""
    blocks: dict[tuple[int, int], list[int]] = {}
    for line in chosen:
        head = excerpt.header(passages[line.passage].sentences, line.sentence) if CELL in line.text else None
        if head is None:
            blocks.setdefault((line.passage, line.sentence), [line.sentence])
        else:
            rows = blocks.setdefault((line.passage, head), [head])
            rows += [line.sentence] if line.sentence not in rows else []
    return [(passage, [rows[0], *sorted(rows[1:])]) for (passage, _), rows in blocks.items()]


def _grouped(chosen: Sequence[Line], passages: Sequence[Passage]) -> list[Line]:
    """Sentences of one document together, documents by their best sentence."""
    documents: dict[str, list[Line]] = {}
    for line in chosen:
        documents.setdefault(passages[line.passage].title, []).append(line)
    return [line for group in documents.values() for line in group]
