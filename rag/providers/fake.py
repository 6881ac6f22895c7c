"""Fakes that keep the contracts: the whole application runs on them without keys or weights, in tests and demonstrations.

They are deterministic and say what they are: no name of theirs looks like a model's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from rag.errors import ProviderError
from rag.providers import Batches, BlockEnd, Cite, Meter, Passage, Prompt, Text, Turn, Usage, Written, unmetered
from rag.text import terms

Event = Text | Cite | BlockEnd | Usage


@dataclass(frozen=True, kw_only=True)
class FakeEmbedder:
    """Feature hashing: each term adds to one signed dimension, so texts with common terms are near (Weinberger et al., 2009)."""

    dimensions: int = 384
    max_tokens: int = 512
    recipient: str | None = None

    @property
    def name(self) -> str:
        return f"fake-embedder-{self.dimensions}"

    def count_tokens(self, text: str) -> int:
        return len(terms(text))

    def rarity(self, _term: str) -> float:
        """All words are as common."""
        return 0.0

    def embed_documents(self, texts: Sequence[str], _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            for term in terms(text):
                digest = int.from_bytes(blake2b(term.encode(), digest_size=8).digest(), "big")
                vectors[row, (digest >> 1) % self.dimensions] += 1.0 if digest & 1 else -1.0
            if not vectors[row].any():
                vectors[row, 0] = 1.0  # a text without terms still needs a unit vector
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors

    def embed_query(self, text: str, _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.embed_documents([text])[0]
        return vector


@dataclass(frozen=True, kw_only=True)
class FakeReranker:
    """The share of the query's terms that a text holds."""

    depth: int = 30
    joins_fusion: bool = False
    recipient: str | None = None
    name: str = "fake-reranker"

    def rerank(self, query: str, texts: Sequence[str], _meter: Meter = unmetered, /) -> list[float]:
        wanted = set(terms(query))
        return [len(wanted & set(terms(text))) / max(1, len(wanted)) for text in texts]


@dataclass(frozen=True, kw_only=True)
class FakeSituator:
    """Situates each chunk by the first line of what it is shown."""

    recipient: str | None = None
    name: str = "fake-situator"
    model: str = "fake-situator"
    cacheable: int | None = None
    batches: Batches | None = None
    faults: Mapping[str, str] = field(default_factory=dict)  # words of a chunk -> the fault of what is written for it
    failure: ProviderError | None = None  # of every call
    delay: float = 0.0  # seconds a call

    def write(self, prompt: Prompt) -> Written:
        time.sleep(self.delay)
        if self.failure:
            raise self.failure
        shown = (line.strip() for line in f"{prompt.prefix}\n{prompt.suffix}".splitlines())
        first_line = next((line for line in shown if line and not line.startswith("<")), "nothing")
        read = len(terms(prompt.prefix)) + len(terms(prompt.suffix))
        usage = Usage(model=self.model, input_tokens=read, output_tokens=len(terms(first_line)))
        if fault := next((fault for words, fault in self.faults.items() if words in prompt.suffix), ""):
            return Written(text="", usage=usage, fault=fault)
        return Written(text=f"From “{first_line[:200]}”.", usage=usage)


@dataclass(frozen=True, kw_only=True)
class FakeAnswerer:
    """Plays its script; without one, quotes the first sentence of the first passages, each cited."""

    script: tuple[Event, ...] = ()
    failure: ProviderError | None = None  # raised at the end of the script or the quotes, before Usage
    recipient: str | None = None
    name: str = "fake-answerer"
    delay: float = 0.0  # seconds per word
    quotes: int = 3  # passages quoted
    window: int | None = None
    rewrites: Mapping[str, str] = field(default_factory=dict)  # a follow-up -> what it is rewritten to; others stand alone

    @property
    def is_extract(self) -> bool:
        return not self.script

    def check(self) -> None:
        if self.failure:
            raise self.failure

    def stream(self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False) -> Iterator[Event]:
        asked = len(terms(question)) + sum(len(terms(turn.question + turn.answer)) for turn in history)
        read = sum(len(terms(sentence)) for passage in passages for sentence in passage.sentences)
        for event in self.script or self._quoted(passages):
            yield from self._slowly(event)
        if self.failure:
            raise self.failure
        kept = read if keep else 0
        yield Usage(model=self.name, input_tokens=asked + read - kept, cache_write_tokens=kept, output_tokens=1)

    def standalone(self, question: str, history: Sequence[Turn], meter: Meter = unmetered, /) -> str:
        read = len(terms(question)) + sum(len(terms(turn.question + turn.answer)) for turn in history)
        meter(Usage(model=self.name, input_tokens=read, output_tokens=1))
        return self.rewrites.get(question, question)

    def _quoted(self, passages: Sequence[Passage]) -> Iterator[Event]:
        found = [(number, passage.sentences[0]) for number, passage in enumerate(passages) if passage.sentences][: self.quotes]
        if not found:
            yield Text(text="There is no passage to quote.")
            yield BlockEnd()
        for number, sentence in found:
            yield Text(text=f"{sentence} ")
            yield Cite(passage=number, first=0, last=1, quote=sentence)
            yield BlockEnd()

    def _slowly(self, event: Event) -> Iterator[Event]:
        if not isinstance(event, Text):
            yield event
            return
        for word in re.findall(r"\s*\S+\s*", event.text) or [event.text]:
            time.sleep(self.delay)
            yield Text(text=word)
