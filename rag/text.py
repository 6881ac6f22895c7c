"""Tokens for exact full-text search, the same for index and query (pure).

`terms` is the bag that BM25 counts; `words` is the sequence of surface words that decides "quoted phrases".
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import rjieba
import Stemmer

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# a code keeps its inner joints: XYZ-123, 10.5, 2023-06-30, CVE-2024-1234, a_b, S&P, O'Neil
_RUN = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:[-_./:,'’&§][^\W_{HAN}]+)*")
_PART = re.compile(rf"[^\W_{HAN}]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_LATIN = re.compile(r"[a-z\u00c0-\u024f]+")
_WORD = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")
_QUOTED = re.compile(r'"([^"]{1,400})"|“([^“”]{1,400})”|「([^「」]{1,400})」|『([^『』]{1,400})』')
_EXCLUDED = re.compile(rf"(?:^|(?<=\s))-([^\W_{HAN}][^\s\"]*|[{HAN}]+)")
CELL = " | "  # between the cells of a table row
LONGEST_TERM = 120  # characters; longer runs are noise such as base64, and would not fit an index entry

_stemmers = threading.local()


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question taken apart."""

    text: str  # without the search operators, for embedding
    terms: tuple[str, ...]  # unique, in order
    phrases: tuple[tuple[str, ...], ...]  # surface words of each "quoted phrase"
    excluded: tuple[tuple[str, ...], ...]  # surface words of each -word


def normalise(text: str) -> str:
    """NFKC, so that full-width and half-width forms and ligatures meet; soft hyphens and zero-width characters go."""
    return unicodedata.normalize("NFKC", text).translate(_INVISIBLE)


_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])


def terms(text: str) -> list[str]:
    """The bag of terms of a text, with repetitions.

    Words are lower-cased and stemmed (Snowball English for Latin script). A code or identifier counts whole and in parts. A run of Han
    characters gives its dictionary words and, marked with a tilde, its character bigrams: words win on words, bigrams on fragments.
    """
    found: list[str] = []
    for match in _RUN.finditer(normalise(text)):
        run = match.group()
        found.extend(_han_terms(run) if _is_han(run[0]) else _run_terms(run))
    return [term for term in found if len(term) <= LONGEST_TERM]


def words(text: str) -> list[str]:
    """Surface words in order: lower-cased, unstemmed; each Han character is one."""
    return [match.group().casefold()[:LONGEST_TERM] for match in _WORD.finditer(normalise(text))]


def tsvector_literal(sequence: list[str]) -> str:
    """A positional tsvector of surface words. Postgres keeps positions up to 16,383; a chunk has far fewer words."""
    positions: dict[str, list[int]] = {}
    for at, word in enumerate(sequence, start=1):
        positions.setdefault(word, []).append(at)
    return " ".join(f"{_quote(word)}:{','.join(map(str, at))}" for word, at in positions.items())


def tsquery_literal(phrase: tuple[str, ...]) -> str:
    """The query that these words stand next to one another in this order."""
    return " <-> ".join(_quote(word) for word in phrase)


def without_figures(indexed_text: str) -> str:
    """What is embedded: table rows keep their labels and lose the cells that hold only figures.

    Figures drown the labels in a mean of token states; they stay in the text that BM25, quotation and answers use.
    """
    lines = (_labels(line) if CELL in line else line for line in indexed_text.split("\n"))
    return "\n".join(line for line in lines if line.strip())


def _labels(row: str) -> str:
    return CELL.join(cell for cell in row.split(CELL) if sum(map(str.isalpha, cell)) > 1)


def phrase_terms(phrase: tuple[str, ...]) -> list[str]:
    """Terms that every text holding this phrase is sure to have, so that postings can find it.

    Words segmented from Han characters depend on their surroundings and digits on their thousands marks; neither is sure.
    """
    sure = {_stem(word) for word in phrase if not _is_han(word[0]) and not word.isdigit()}
    sure |= {f"~{a}{b}" for a, b in pairwise(phrase) if _is_han(a[0]) and _is_han(b[0])}
    return sorted(sure)


def parse_query(question: str) -> Query:
    """Split a question into plain text, terms, "quoted phrases" and -excluded words."""
    question = normalise(question).replace("\x00", " ")
    phrases = tuple(tuple(words(next(filter(None, m.groups())))) for m in _QUOTED.finditer(question))
    rest = _QUOTED.sub(lambda m: f" {next(filter(None, m.groups()))} ", question)
    # an exclusion inside a quoted phrase is part of the phrase
    outside = _QUOTED.sub(" ", question)
    excluded = tuple(tuple(words(m.group(1))) for m in _EXCLUDED.finditer(outside))
    plain = _EXCLUDED.sub(" ", rest) if excluded else rest
    text = " ".join(plain.split())
    return Query(
        text=text, terms=tuple(dict.fromkeys(terms(text))), phrases=tuple(p for p in phrases if p), excluded=tuple(e for e in excluded if e)
    )


def language(text: str) -> str:
    """'zh' or 'en' by share of script; '' for a text without letters. Enough to pick a prompt's or a label's language."""
    han = sum(1 for c in text if _is_han(c))
    letters = sum(1 for c in text if c.isalpha()) - han
    if not han and not letters:
        return ""
    return "zh" if han * 2 > letters else "en"  # a Chinese word is about two characters, an English one about five


def _is_han(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or "\U00020000" <= character <= "\U0003ffff"


def _run_terms(run: str) -> Iterator[str]:
    if _THOUSANDS.fullmatch(run):  # 1,234.5 and 1234.5 are one number
        yield run.replace(",", "")
        return
    whole = run.casefold()
    parts = _PART.findall(run)
    if len(parts) > 1:
        yield whole
    for part in parts:
        yield _stem(part.casefold())
        pieces = _CAMEL.findall(part)
        if len(pieces) > 1:
            yield from (_stem(piece.casefold()) for piece in pieces)


def _han_terms(run: str) -> Iterator[str]:
    yield from rjieba.cut_for_search(run)
    yield from (f"~{run[i : i + 2]}" for i in range(len(run) - 1))


def _stem(word: str) -> str:
    if not _LATIN.fullmatch(word):
        return word
    stemmer = getattr(_stemmers, "english", None)
    if stemmer is None:  # a Snowball stemmer keeps state: one per thread
        stemmer = _stemmers.english = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))


def _quote(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
