"""Whole documents instead of a search: what is small enough may be read from end to end, and is kept by the provider between questions.

Anthropic, Contextual Retrieval (September 2024): below some 200,000 tokens, give the model all of it, with prompt caching. Each section is a
passage, each sentence citable as ever. Nothing is sent but for the question that a person chose this for, seeing what it costs: leave to
read a question's passages is none to read whole documents, and this one is not remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby
from typing import Any

from db import as_subject
from db import documents as document_rows
from db import versions as version_rows
from db import whole as rows
from db.documents import Selection
from rag import consent, prompts
from rag.consent import Purpose
from rag.deps import Deps
from rag.estimates import ANSWER_TOKENS
from rag.providers import Answerer, Usage
from rag.reading import Stretch
from rag.trace import Hit, Trace
from rag.windows import tokens

MOST = 200_000  # tokens
LIFE = 5  # minutes for which the provider keeps what it read; each question begins them anew
PER_SENTENCE = 5  # tokens that a sentence costs as a block of its own
PER_PASSAGE = 60  # tokens of a passage's title, source and note, about
ASKED = 200  # tokens of a question, about
PER_TOKEN = 3.5  # characters, at most: see rag.windows.tokens


@dataclass(frozen=True, kw_only=True)
class Offer:
    """The selected documents read whole: what would be sent, to whom, and at what price in US dollars."""

    documents: int
    tokens: int  # sent, about
    recipient: str | None  # None: the model runs here
    model: str
    first: Decimal  # the first question, which writes the provider's cache
    again: Decimal  # each further one that comes within `minutes` of the last
    minutes: int = LIFE


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Documents as they are read whole."""

    stretches: tuple[Stretch, ...]  # a section each, document by document
    documents: int

    def trace(self, question: str) -> dict[str, Any]:
        """As rag.trace.Trace.as_json: nothing was searched, and the beginning of each document stands for all of it."""
        first = {stretch.hits[0].chunk.document_id: stretch.hits[0] for stretch in reversed(self.stretches)}
        hits = [replace(hit, rank=rank) for rank, hit in enumerate((first[key] for key in sorted(first)), start=1)]
        trace = Trace(
            question=question,
            terms=(),
            phrases=(),
            excluded=(),
            chunks=sum(len(stretch.hits) for stretch in self.stretches),
            stages={},
            seconds={},
            embedder="",
            reranker="",
            documents=self.documents,
        )
        return {**trace.as_json(hits), "passages": [[hit.rank] for hit in hits], "whole": True}


def offer(deps: Deps, subject: str, selection: Selection) -> Offer | None:
    """None where nothing is ready, the model that serves takes no whole documents, they are too large for it, or its price is not known."""
    answerer = consent.serving(deps, subject, Purpose.ANSWER)
    if answerer.window is None:
        return None
    with as_subject(deps.pool, subject, snapshot=True) as connection:
        selection = version_rows.current(connection, selection)
        documents, _ = document_rows.searchable(connection, selection)
        if not documents or rows.characters(connection, selection) / PER_TOKEN > min(MOST, answerer.window):
            return None
        texts = rows.texts(connection, selection)
    size = _size(texts)
    if size > min(MOST, answerer.window):
        return None
    first, again = _price(deps, answerer, size, written=True), _price(deps, answerer, size, written=False)
    if first is None or again is None:
        return None
    name = consent.model_name(answerer)
    return Offer(documents=documents, tokens=size, recipient=answerer.recipient, model=name, first=first, again=again)


def whole_documents(deps: Deps, subject: str, selection: Selection, answerer: Answerer) -> Documents | None:
    """The selected documents, ready to be read whole; None where there is none, or the model cannot take them all."""
    if answerer.window is None:
        return None
    with as_subject(deps.pool, subject, snapshot=True) as connection:
        selection = version_rows.current(connection, selection)
        if rows.characters(connection, selection) / PER_TOKEN > min(MOST, answerer.window):
            return None
        chunks = rows.chunks(connection, selection)
        named = {d.id: d for d in document_rows.documents(connection, ids=sorted({chunk.document_id for chunk in chunks}))}
    texts = [rows.Text(document_id=c.document_id, heading=c.heading, text=c.text, sentences=len(c.sentences)) for c in chunks]
    if not chunks or _size(texts) > min(MOST, answerer.window):
        return None
    hits = (
        # a context tells what stands around a passage; here it is read itself
        Hit(rank=rank, document=named[c.document_id].filename, title=named[c.document_id].title, chunk=replace(c, context=""), stages={})
        for rank, c in enumerate(chunks, start=1)
    )
    sections = groupby(hits, key=lambda hit: (hit.chunk.document_id, hit.chunk.heading))
    return Documents(stretches=tuple(Stretch(hits=tuple(section)) for _, section in sections), documents=len(named))


def _size(texts: Sequence[rows.Text]) -> int:
    """What is sent, in tokens, about."""
    sections = _sections((text.document_id, text.heading) for text in texts)
    return (
        sum(tokens(text.text) + PER_SENTENCE * text.sentences for text in texts)
        + PER_PASSAGE * sections
        + tokens(prompts.parts("answer")[0])
    )


def _sections(keys: Iterable[tuple[int, str]]) -> int:
    return sum(1 for _ in groupby(keys))


def _price(deps: Deps, answerer: Answerer, size: int, *, written: bool) -> Decimal | None:
    """Of one question, its documents written to the provider's cache or read from it; None when it is not known."""
    if answerer.recipient is None:
        return Decimal(0)
    asked = Usage(model=consent.model_name(answerer), input_tokens=ASKED, output_tokens=ANSWER_TOKENS)
    cost = deps.prices.cost(replace(asked, cache_write_tokens=size) if written else replace(asked, cache_read_tokens=size))
    return cost.price if cost else None
