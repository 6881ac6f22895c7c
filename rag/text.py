"""Tokens for exact full-text search, the same for index and query (pure).

`terms` is the bag that BM25 counts; `words` is the sequence of surface words that decides "quoted phrases".
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import rjieba
import Stemmer

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
ALNUM = rf"[^\W_{HAN}]"
CELL = " | "  # between the cells of a table row
LONGEST_TERM = 120  # characters; longer runs are noise such as base64, and would not fit an index entry
LONGEST_QUESTION = 10_000  # characters that are searched for
LONGEST_PHRASE = 200  # words; what is quoted at greater length is searched for as plain text
MOST_TERMS = 1000  # of a question
MOST_OPERATORS = 16  # phrases and exclusions of a question

# A code keeps its joints, as in XYZ-123, 10.5, 1,234, 2023-06-30, CVE-2024-1234, a_b, S&P, AB/12-3, a@b.org and 4(a)(2), and what belongs to
# it at its ends, as in § 12.3, .NET, C++ and AA+.
_RUN = re.compile(
    rf"""[{HAN}]+
       | (?: §{{1,2}}\s*(?=\d) | (?<![\w.])\.(?=[A-Za-z]{{2}}) )?
         {ALNUM}+ (?: (?: [-_./:&'@] | (?<=\d),(?=\d{{3}}(?!{ALNUM})) ) {ALNUM}+ | \({ALNUM}{{1,3}}\) )*
         (?: \+\+ | [+\#](?!{ALNUM}) )?
       | (?: \({ALNUM}{{1,3}}\) ){{2,}}""",
    re.VERBOSE,
)
_PART = re.compile(rf"{ALNUM}+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_THOUSANDS = re.compile(rf"(?<!{ALNUM})\d{{1,3}}(?:,\d{{3}})+(?!{ALNUM})")
_SECTION = re.compile(r"§+\s*")
_DECIMAL = re.compile(r"\d+\.\d+")
_VERSION = re.compile(r"v(?=\d+\.\d)")
_ARTICLE = re.compile(r"第([〇零一二两三四五六七八九十百千]{1,9}|\d{1,5})([编篇章节条款项目部号])")
_LATIN = re.compile(r"[a-z\u00c0-\u024f]+")
_WORD = re.compile(rf"[{HAN}]|{ALNUM}+")
_STRETCH = re.compile(rf"[{HAN}]+|{ALNUM}+")
_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
_LOOKALIKES = {**dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2212], "-"), **dict.fromkeys([0x2018, 0x2019, 0x02BC], "'")}
_INSTANT = re.compile(r"(?<=\d\d\d\d-\d\d-\d\d)T(?=\d\d:)")  # between a date and its time
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")  # neither a database nor a model takes these
_OPERATOR = re.compile(
    rf"""(?: (?<!\S)(-) )? (?: (?<!{ALNUM})"([^"]+)" | [“”„]([^“”„]+)[“”] | 「([^「」]+)」 | 『([^『』]+)』 )
       | (?<!\S)(-)([^\W\d_][^\s"]*)""",
    re.VERBOSE,
)
_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}

_stemmers = threading.local()


@dataclass(frozen=True, kw_only=True)
class Query:
    """A question taken apart."""

    text: str  # without the search operators, for embedding
    terms: tuple[str, ...]  # unique, in order
    phrases: tuple[tuple[str, ...], ...]  # surface words of each "quoted phrase"
    sure: tuple[str, ...]  # terms that every text with these phrases has, so that postings can find it
    excluded: tuple[tuple[str, ...], ...]  # surface words of each -word and -"quoted phrase"


def readable(text: str) -> str:
    """Without NUL and halves of surrogate pairs, which come from a command line's stray bytes."""
    return _UNREADABLE.sub(" ", text)


def normalise(text: str) -> str:
    """NFKC, so that full-width and half-width forms and ligatures meet; one hyphen, one apostrophe, nothing invisible."""
    return _INSTANT.sub(" ", unicodedata.normalize("NFKC", text.translate(_INVISIBLE)).translate(_LOOKALIKES))


def terms(text: str) -> list[str]:
    """The bag of terms of a text, with repetitions.

    Words are lower-cased and stemmed (Snowball English for Latin script). A code or identifier counts whole and in parts. A run of Han
    characters gives its dictionary words and, marked with a tilde, its character bigrams: words win on words, bigrams on fragments. The
    number of an article counts as one term however it is written: 第十二条, 第12条.
    """
    text = normalise(text)
    found: list[str] = []
    for match in _RUN.finditer(text):
        run = match.group()
        found.extend(_han_terms(run) if _is_han(run[0]) else _run_terms(run))
    found.extend(f"第{_number(match[1])}{match[2]}" for match in _ARTICLE.finditer(text))
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


def parse_query(question: str) -> Query:
    """Split a question into plain text, terms, "quoted phrases" and what it excludes: -word, -"quoted phrase".

    A hyphen excludes after a space and before a letter or a quotation mark only: year-end is a word, and -5 a number. What goes beyond the
    limits above is not searched for.
    """
    question = unicodedata.normalize("NFKC", readable(question[:LONGEST_QUESTION]))
    phrases: list[tuple[str, ...]] = []
    excluded: list[tuple[str, ...]] = []
    sure: set[str] = set()

    def take(operator: re.Match[str]) -> str:
        excluding, said = bool(operator[1] or operator[6]), next(filter(None, operator.group(2, 3, 4, 5, 7)))
        sequence = tuple(words(said))
        if 0 < len(sequence) <= LONGEST_PHRASE and len(phrases) + len(excluded) < MOST_OPERATORS:
            if excluding:
                excluded.append(sequence)
            else:
                phrases.append(sequence)
                sure.update(_sure_terms(said))
        return " " if excluding else f" {said} "

    text = " ".join(_OPERATOR.sub(take, question).split())
    unique = tuple(dict.fromkeys(terms(text)))[:MOST_TERMS]
    return Query(text=text, terms=unique, phrases=tuple(phrases), sure=tuple(sorted(sure)), excluded=tuple(excluded))


def language(text: str) -> str:
    """'zh' or 'en' by share of script; '' for a text without letters. Enough to pick a prompt's or a label's language."""
    han = sum(1 for c in text if _is_han(c))
    letters = sum(1 for c in text if c.isalpha()) - han
    if not han and not letters:
        return ""
    return "zh" if han * 2 > letters else "en"  # a Chinese word is about two characters, an English one about five


def _is_han(character: str) -> bool:
    return (
        "\u3400" <= character <= "\u9fff"
        or character in "\u3005\u3007"
        or "\uf900" <= character <= "\ufaff"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _run_terms(run: str) -> Iterator[str]:
    run = _THOUSANDS.sub(lambda number: number.group().replace(",", ""), run)  # 1,234.5 and 1234.5 are one number
    if _DECIMAL.fullmatch(run):
        yield run
        return
    run = run.removesuffix("'s").removesuffix("'S")
    parts = _PART.findall(run)
    whole = _SECTION.sub("§", run).casefold()
    if whole != parts[0].casefold():
        yield whole
        yield from _names(whole)
    for part in parts:
        yield _stem(part.casefold())
        pieces = _CAMEL.findall(part)
        if len(pieces) > 1:
            yield from (_stem(piece.casefold()) for piece in pieces)


def _names(whole: str) -> Iterator[str]:
    """What may be asked for by itself in a compound: 12.3 of §12.3, AB-9000 of AB-9000/12, 4(a) of 4(a)(2), 1.2.3 of v1.2.3, hosts."""
    core = whole.lstrip("§")
    names = [core, *re.split("[/:@]", core), *(core[: bracket.start()] for bracket in re.finditer(r"\(", core)), _VERSION.sub("", core)]
    names += [name.removeprefix("www.") for name in names]
    yield from (name for name in dict.fromkeys(names) if name != whole and name[:1] != "(" and not name.isalnum() and name)


def _number(numeral: str) -> int:
    """The value of a numeral: 12, 十二, 一百零五 (105), 二〇 (20)."""
    if numeral.isdecimal():
        return int(numeral)
    if not _POWERS.keys() & set(numeral):
        return int("".join(str(_DIGITS[character]) for character in numeral))
    value = digit = 0
    for character in numeral:
        if character in _POWERS:
            value, digit = value + (digit or 1) * _POWERS[character], 0
        else:
            digit = _DIGITS[character]
    return value + digit


def _sure_terms(phrase: str) -> Iterator[str]:
    """Words segmented from Han characters depend on their surroundings, digits on thousands marks, a final s on its apostrophe: not sure."""
    for match in _STRETCH.finditer(normalise(phrase)):
        run = match.group().casefold()
        if _is_han(run[0]):
            yield from _bigrams(run)
        elif not run.isdigit() and run != "s" and len(run) < LONGEST_TERM:
            yield _stem(run)


def _bigrams(run: str) -> Iterator[str]:
    return (f"~{run[i : i + 2]}" for i in range(len(run) - 1))


def _han_terms(run: str) -> Iterator[str]:
    yield from rjieba.cut_for_search(run)
    yield from _bigrams(run)


def _stem(word: str) -> str:
    if not _LATIN.fullmatch(word):
        return word
    stemmer = getattr(_stemmers, "english", None)
    if stemmer is None:  # a Snowball stemmer keeps state: one per thread
        stemmer = _stemmers.english = Stemmer.Stemmer("english")
    return str(stemmer.stemWord(word))


def _quote(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
