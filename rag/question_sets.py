"""A set to measure retrieval on: questions, each with the passages that answer it, and the documents they are asked of.

It comes from a folder (rag.question_files), or is what a person has collected about documents of their own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from db.chunks import Chunk, Draft
from rag import text
from rag.errors import QuestionSetError

SEED = 0  # of the sample: the same questions every time
HELD = 0.7  # share of a quote's terms that a chunk must have to hold the quote


class Kind(StrEnum):
    PDFS = "pdfs"  # read and cut as an upload would be
    TEXTS = "texts"  # cut as an upload would be
    CHUNKS = "chunks"  # cut already
    OWN = "own"  # a person's own documents, as they are indexed


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
    """A document of the set: a file, a text, chunks, or a document of one's own."""

    name: str
    title: str = ""
    path: Path | None = None
    text: str = ""
    chunks: tuple[GivenChunk, ...] = ()
    document_id: int | None = None  # of a document of one's own


@dataclass(frozen=True, kw_only=True)
class QuestionSet:
    name: str
    kind: Kind
    sources: tuple[Source, ...]
    questions: tuple[Question, ...]  # with gold
    without_gold: int = 0  # questions that nothing in the set answers: they say nothing about retrieval
    indexed_with: Context | None = None  # the contexts that documents of one's own have already

    @property
    def contexts(self) -> tuple[Context, ...]:
        """Those that need no model."""
        if self.kind is not Kind.CHUNKS:
            return Context.NONE, Context.STRUCTURAL, *((Context.MODEL,) if self.indexed_with is Context.MODEL else ())
        given = any(chunk.context for source in self.sources for chunk in source.chunks)
        titled = any(source.title for source in self.sources)
        return (Context.NONE, *((Context.GIVEN,) if given else ()), *((Context.STRUCTURAL,) if titled else ()))

    @property
    def has_pages(self) -> bool:
        """Whether gold is told by page, so that pages are what is hit."""
        return all(gold.page is not None for question in self.questions for gold in question.gold)


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


def finds(gold: Gold, chunk: Draft | Chunk) -> bool:
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
