"""What Situate asks of a model, as Protocols that speak strings and numbers.

One module per provider implements them and translates that vendor's errors into `rag.errors` at the edge. `recipient` names who receives
text ("Anthropic"), or is None for a model that runs here; `rag.consent` asks a person before text first goes to a recipient.
`rag.deps.build` is the only place that chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rag.errors import ProviderError


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one call was billed for, as the provider metered it."""

    model: str
    input_tokens: int = 0  # billed at the plain input price
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0  # of cache_write_tokens, those kept for an hour
    cache_read_tokens: int = 0
    search_units: int = 0  # where a vendor bills by the search (Cohere: one query over up to a hundred passages)
    batch: bool = False  # made in a batch, at the price of one


Meter = Callable[[Usage], None]


def unmetered(usage: Usage) -> None:
    """A `Meter` for whoever keeps no books."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a passage has from one chunk."""

    rank: int  # of the chunk among the hits, from 1
    heading: str
    context: str  # for orientation only: never quoted, never citable
    sentences: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What an answerer reads as one: a chunk, or chunks that follow one another. Each sentence is citable by its index in the passage."""

    title: str  # of the document
    source: str  # file name and pages, for the model's orientation
    pieces: tuple[Piece, ...]  # in reading order

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        return tuple(sentence for piece in self.pieces for sentence in piece.sentences)

    @property
    def about(self) -> list[tuple[str, str]]:
        """What orients a reader but may not be cited: the headings and contexts of its pieces in order, each once, with what they are."""
        labelled = [(label, text) for piece in self.pieces for label, text in (("Section", piece.heading), ("Context", piece.context))]
        return list(dict.fromkeys(pair for pair in labelled if pair[1]))


@dataclass(frozen=True, kw_only=True)
class Text:
    """A further piece of the answer (markdown)."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Cite:
    """The provider's claim that the text it has just written (since the last block ended) rests on sentences [first, last) of a passage."""

    passage: int
    first: int
    last: int  # exclusive
    quote: str  # what the provider says it quotes; verified by rag.answer, never trusted


@dataclass(frozen=True, kw_only=True)
class BlockEnd:
    """The end of a span of text that shares its citations."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One earlier question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One call to a model that situates. Calls with the same `system` and `prefix` share what a provider caches."""

    system: str
    prefix: str = ""  # what the calls of a window have in common
    suffix: str  # what is asked
    cached: bool = False  # whether the prefix is to be written to, or read from, the provider's cache
    most_tokens: int  # room for the text; longer counts as cut off


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a model wrote in answer to a Prompt."""

    text: str
    usage: Usage
    fault: str = ""  # why the text cannot be used (cut off, refused, empty), in a sentence; it is paid for all the same


@runtime_checkable
class Remote(Protocol):
    """A model elsewhere that can be tried without sending anybody's text."""

    @property
    def name(self) -> str: ...

    @property
    def recipient(self) -> str | None: ...

    def check(self) -> None:
        """One small call, free of charge or costing next to nothing. Raises ProviderError: the key, the model or the way there is at fault."""
        ...


class Embedder(Protocol):
    """Maps text to unit vectors; query and document sides may differ. `meter` is told of each call that is billed. All raise ProviderError."""

    @property
    def name(self) -> str:
        """Under which its vectors are stored: the same name, the same space."""
        ...

    @property
    def recipient(self) -> str | None: ...

    def embed_documents(self, texts: Sequence[str], meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dimensions). Text beyond the model's window is split and averaged, never cut."""
        ...

    def embed_query(self, text: str, meter: Meter = unmetered, /) -> NDArray[np.float32]:
        """A unit vector, shape (dimensions,)."""
        ...


class LocalEmbedder(Embedder, Protocol):
    """An embedder that runs here, and so can say how long a text is to it."""

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int:
        """The longest text, in tokens, that one vector is computed from without averaging parts."""
        ...

    def count_tokens(self, text: str) -> int: ...

    def rarity(self, term: str) -> float:
        """How rare a term of rag.text is in writing at large: the negative logarithm of its probability."""
        ...


class Reranker(Protocol):
    """Scores texts against a query; higher is better."""

    @property
    def name(self) -> str: ...

    @property
    def recipient(self) -> str | None: ...

    @property
    def depth(self) -> int:
        """How many fused candidates it is given."""
        ...

    @property
    def joins_fusion(self) -> bool:
        """True when its score is to be added to the fused score (late interaction); False when it replaces it (cross-encoder)."""
        ...

    def rerank(self, query: str, texts: Sequence[str], meter: Meter = unmetered, /) -> list[float]:
        """One score per text, in input order; `meter` is told of each call that is billed. Raises ProviderError."""
        ...


class Situator(Protocol):
    """A model that writes short contexts (Anthropic, Contextual Retrieval, September 2024). An adapter makes one call; rag.situate does the rest."""

    @property
    def name(self) -> str:
        """Model and prompt version, as stored with each context."""
        ...

    @property
    def model(self) -> str:
        """As the provider calls it, and as it is priced."""
        ...

    @property
    def recipient(self) -> str | None: ...

    @property
    def cacheable(self) -> int | None:
        """The shortest prefix, in tokens, that the provider keeps when asked to; None when it cannot be asked to."""
        ...

    @property
    def batches(self) -> Batches | None:
        """Where the provider takes calls by the batch, at a lower price; None when it does not."""
        ...

    def write(self, prompt: Prompt) -> Written:
        """One call, never repeated here: whoever asks knows how many others wait. Raises ProviderError."""
        ...


class Batches(Protocol):
    """Calls that a provider works on by itself, within a day, for half the price."""

    @property
    def most(self) -> int:
        """How many requests one batch takes."""
        ...

    def submit(self, requests: Sequence[tuple[str, Prompt]]) -> str:
        """Hand over (custom_id, prompt) pairs; the provider's id of the batch. After a TransientProviderError it may have been taken or not."""
        ...

    def find(self, token: str, *, requests: int, since: datetime) -> str | None:
        """The batch of so many requests whose custom_ids begin with `token`, submitted no earlier than `since`; None when none was taken.

        Raises TransientProviderError while that cannot be told.
        """
        ...

    def has_ended(self, batch: str) -> bool:
        """Whether its results are there. Raises RejectedRequest when the provider knows no such batch."""
        ...

    def results(self, batch: str) -> Iterator[tuple[str, Written | ProviderError]]:
        """Each request's custom_id and what became of it, in any order."""
        ...


class Answerer(Protocol):
    """Answers a question from passages."""

    @property
    def name(self) -> str: ...

    @property
    def recipient(self) -> str | None: ...

    @property
    def is_extract(self) -> bool:
        """True when the answer is quoted sentences rather than written prose; the page says so."""
        ...

    @property
    def window(self) -> int | None:
        """Tokens of documents that it takes whole and keeps from question to question; None when it cannot be given whole documents."""
        ...

    def stream(
        self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False
    ) -> Iterator[Text | Cite | BlockEnd | Usage]:
        """Yield the answer as it is made. Text in which nothing is cited is legal and will be marked as uncited.

        A Cite applies to all Text since the last BlockEnd, whichever comes first within the block. `keep`: the same passages will be read
        again for the next question, so the provider is asked to keep them.
        """
        ...

    def standalone(self, question: str, history: Sequence[Turn], meter: Meter = unmetered, /) -> str:
        """A follow-up as a question that stands alone, in its own language; the same question when it does already. Raises ProviderError."""
        ...
