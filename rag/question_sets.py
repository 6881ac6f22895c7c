"""A set to measure retrieval on: questions, each with the passages that answer it, and the documents they are asked of.

A folder holds questions.jsonl and one of documents/ (PDFs), documents.jsonl ({document, title, text}) or chunks.jsonl ({document, ord,
text, context}; documents.jsonl beside it may tell titles). A question: {id, question, type?, language?, gold: [{document, ord?, page?,
quote?}]}. Other keys are left alone.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from db.chunks import Draft
from rag import text
from rag.errors import QuestionSetError

SEED = 0  # of the sample: the same questions every time
HELD = 0.7  # share of a quote's terms that a chunk must have to hold the quote


class Kind(StrEnum):
    PDFS = "pdfs"  # read and cut as an upload would be
    TEXTS = "texts"  # cut as an upload would be
    CHUNKS = "chunks"  # cut already


class Context(StrEnum):
    """What stands in front of a chunk when it is indexed; in the order of the ladder."""

    NONE = "none"  # the chunk's own text, nothing else
    GIVEN = "given"  # the set's own contexts
    STRUCTURAL = "structural"  # title, section path, caption: what every document has without a model
    MODEL = "model"  # written by the situator


@dataclass(frozen=True, kw_only=True)
class Gold:
    """A passage that answers a question; what is not told is None or empty."""

    document: str
    ord: int | None = None
    page: int | None = None  # from 1
    quote: str = ""


@dataclass(frozen=True, kw_only=True)
class Question:
    id: str
    question: str
    gold: tuple[Gold, ...]
    type: str = ""
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class GivenChunk:
    ord: int
    text: str
    context: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """A document of the set: a file, a text, or chunks."""

    name: str
    title: str = ""
    path: Path | None = None
    text: str = ""
    chunks: tuple[GivenChunk, ...] = ()


@dataclass(frozen=True, kw_only=True)
class QuestionSet:
    name: str
    kind: Kind
    sources: tuple[Source, ...]
    questions: tuple[Question, ...]  # with gold
    without_gold: int = 0  # questions that nothing in the set answers: they say nothing about retrieval

    @property
    def contexts(self) -> tuple[Context, ...]:
        """Those that need no model."""
        if self.kind is not Kind.CHUNKS:
            return Context.NONE, Context.STRUCTURAL
        given = any(chunk.context for source in self.sources for chunk in source.chunks)
        titled = any(source.title for source in self.sources)
        return (Context.NONE, *((Context.GIVEN,) if given else ()), *((Context.STRUCTURAL,) if titled else ()))

    @property
    def has_pages(self) -> bool:
        """Whether gold is told by page, so that pages are what is hit."""
        return all(gold.page is not None for question in self.questions for gold in question.gold)


def load(folder: Path) -> QuestionSet:
    """Read a set. Raises QuestionSetError naming the file and the line that is wrong."""
    if not (folder / "questions.jsonl").is_file():
        raise QuestionSetError(f"{folder} holds no questions.jsonl. README.md describes the folder of a question set.")
    kind, sources = _sources(folder)
    names = {stem(source.name) for source in sources}
    questions = read_questions(folder / "questions.jsonl")
    for question in questions:
        for gold in question.gold:
            if stem(gold.document) not in names:
                raise QuestionSetError(
                    f"Question {question.id} of {folder / 'questions.jsonl'} is answered by {gold.document}, which is not in the set."
                )
    answered = tuple(question for question in questions if question.gold)
    if not answered:
        raise QuestionSetError(
            f"No question in {folder / 'questions.jsonl'} names the passage that answers it, so nothing can be measured."
        )
    return QuestionSet(
        name=folder.resolve().name, kind=kind, sources=sources, questions=answered, without_gold=len(questions) - len(answered)
    )


def chosen(found: QuestionSet, *, language: str | None = None, limit: int | None = None, sample: int | None = None) -> QuestionSet:
    """The set with some of its questions: of one language, a stratified sample, the first so many. Raises QuestionSetError."""
    questions = [question for question in found.questions if language is None or question.language == language]
    if not questions:
        known = ", ".join(sorted({question.language or "none" for question in found.questions}))
        raise QuestionSetError(f"No question of {found.name} is in the language {language}; its questions are in: {known}.")
    if sample is not None:
        questions = stratified(questions, sample)
    return replace(found, questions=tuple(questions[:limit]))


def stratified(questions: Sequence[Question], size: int) -> list[Question]:
    """`size` questions in their order, each type and language in its share (largest remainders), the same ones every time."""
    strata: dict[tuple[str, str], list[int]] = {}
    for place, question in enumerate(questions):
        strata.setdefault((question.type, question.language), []).append(place)
    size = min(size, len(questions))
    shares = {key: size * len(places) / len(questions) for key, places in strata.items()}
    counts = {key: math.floor(share) for key, share in shares.items()}
    by_remainder = sorted(strata, key=lambda key: (counts[key] - shares[key], key))
    for key in by_remainder[: size - sum(counts.values())]:
        counts[key] += 1
    dice = random.Random(SEED)  # noqa: S311 - a sample that is the same every time, not a secret
    taken = [place for key, places in strata.items() for place in dice.sample(places, counts[key])]
    return [questions[place] for place in sorted(taken)]


def stem(name: str) -> str:
    """A document's name without the ending of a PDF: sets name documents either way."""
    return name[:-4] if name.lower().endswith(".pdf") else name


def finds(gold: Gold, chunk: Draft) -> bool:
    """Whether a chunk of the gold item's document holds it: its ordinal, its page; without either, most of its quote."""
    if gold.ord is not None or gold.page is not None:
        return gold.ord in (None, chunk.ord) and (gold.page is None or chunk.first_page <= gold.page <= chunk.last_page)
    return not gold.quote or holds(chunk.text, gold.quote)


def holds(chunk_text: str, quote: str) -> bool:
    """Whether at least HELD of the quote's distinct terms (rag.text: words, and bigrams of Chinese) stand in the chunk."""
    wanted = _terms(quote)
    return bool(wanted) and len(wanted & _terms(chunk_text)) >= HELD * len(wanted)


@lru_cache(maxsize=1 << 14)  # a chunk is looked at for every question about its document
def _terms(said: str) -> frozenset[str]:
    return frozenset(text.terms(said))


def read_questions(path: Path) -> list[Question]:
    """The questions of a questions.jsonl. Raises QuestionSetError naming the line."""
    found: list[Question] = []
    seen: set[str] = set()
    for line, record in _records(path):
        gold = record.get("gold", [])
        if not isinstance(gold, list) or not all(isinstance(item, dict) for item in gold):
            raise _wrong(path, line, '"gold" is a list of {document, ord?, page?, quote?}')
        question = Question(
            id=str(record.get("id", line)),
            question=_string(record, "question", path, line),
            type=str(record.get("type") or ""),
            language=str(record.get("language") or ""),
            gold=tuple(
                Gold(
                    document=_string(item, "document", path, line),
                    ord=_integer(item, "ord", path, line, least=0),
                    page=_integer(item, "page", path, line, least=1),
                    quote=str(item.get("quote") or ""),
                )
                for item in gold
            ),
        )
        if question.id in seen:
            raise _wrong(path, line, f"the id {question.id} stands in an earlier line too")
        seen.add(question.id)
        found.append(question)
    return found


def _sources(folder: Path) -> tuple[Kind, tuple[Source, ...]]:
    told = _texts(folder / "documents.jsonl") if (folder / "documents.jsonl").is_file() else ()
    if (folder / "chunks.jsonl").is_file():
        return Kind.CHUNKS, _chunks(folder / "chunks.jsonl", {source.name: source for source in told})
    if told:
        return Kind.TEXTS, told
    paths = sorted(p for p in (folder / "documents").glob("*") if p.suffix.lower() == ".pdf" and p.is_file())
    if not paths:
        raise QuestionSetError(f"{folder} holds neither documents/ with PDFs, nor documents.jsonl, nor chunks.jsonl.")
    return Kind.PDFS, tuple(Source(name=path.name, path=path) for path in paths)


def _texts(path: Path) -> tuple[Source, ...]:
    found: dict[str, Source] = {}
    for line, record in _records(path):
        name = _string(record, "document", path, line)
        if name in found:
            raise _wrong(path, line, f"the document {name} stands in an earlier line too")
        found[name] = Source(name=name, title=str(record.get("title") or ""), text=_string(record, "text", path, line))
    return tuple(found.values())


def _chunks(path: Path, told: dict[str, Source]) -> tuple[Source, ...]:
    found: dict[str, dict[int, GivenChunk]] = {}
    for line, record in _records(path):
        name, ord_ = _string(record, "document", path, line), _integer(record, "ord", path, line, least=0)
        if ord_ is None:
            raise _wrong(path, line, '"ord" is missing')
        if ord_ in found.setdefault(name, {}):
            raise _wrong(path, line, f"chunk {ord_} of {name} stands in an earlier line too")
        found[name][ord_] = GivenChunk(ord=ord_, text=_string(record, "text", path, line), context=str(record.get("context") or ""))
    return tuple(
        replace(told.get(name, Source(name=name)), chunks=tuple(chunk for _, chunk in sorted(chunks.items())))
        for name, chunks in found.items()
    )


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers from 1, and objects."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # a text may hold other line ends than JSON's
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise QuestionSetError(f"{path} cannot be read: {reason}.") from error
    for line, content in enumerate(lines, start=1):
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except ValueError as error:
            raise _wrong(path, line, "it is no JSON") from error
        if not isinstance(record, dict):
            raise _wrong(path, line, "it is no JSON object")
        yield line, record


def _string(record: dict[str, Any], key: str, path: Path, line: int) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(path, line, f'"{key}" is missing or no text')
    return value.replace("\x00", " ")


def _integer(record: dict[str, Any], key: str, path: Path, line: int, *, least: int) -> int | None:
    value = record.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 1 << 24:  # an ordinal fits a posting
        raise _wrong(path, line, f'"{key}" is no number from {least} up')
    return value


def _wrong(path: Path, line: int, what: str) -> QuestionSetError:
    return QuestionSetError(f"Line {line} of {path} is wrong: {what}.")
